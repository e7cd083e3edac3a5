"""What every model is made of: the frozen base, the scalar types of the wire, the markers.

A field of a model is the single truth about that field: its JSON name (alias), its protobuf
number (`Proto`), how patches and server-side apply merge it (`MergeKey`, `PatchStrategy`,
`ListType`, `MapType`), and its description for `kubectl explain`. `facts(model)` reads it once
into plain values; decoding, protobuf, OpenAPI, strategic merge and apply use those.

Models describe and read objects; what is stored is always the JSON dict. Neighbours:
`apimachinery.decode`, `apimachinery.protobuf`, `apimachinery.openapi`, `apimachinery.patch`.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, Strict
from pydantic.fields import FieldInfo

T = TypeVar("T")

FACTS_CACHE = 2048
"""Bound of the cache of facts: more than three times the number of models."""


class Model(BaseModel):
    """Base of all messages: frozen, strict, built when first validated."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        defer_build=True,
        protected_namespaces=(),
        serialize_by_alias=True,
    )

    embedded: ClassVar[Mapping[type["Model"], int]] = {}
    """Base models whose fields JSON shows as this message's own, while protobuf nests them in a
    message under this field number."""


class Scalar(enum.Enum):
    """The types of the wire that are no messages, where JSON and protobuf differ or not."""

    STRING = "string"
    BOOL = "bool"
    INT32 = "int32"
    INT64 = "int64"
    DOUBLE = "double"
    BYTES = "bytes"
    """JSON: base64."""
    QUANTITY = "quantity"
    """JSON: a string (numbers are taken); protobuf: a message with one string."""
    TIME = "time"
    """JSON: RFC 3339 with seconds; protobuf: seconds and nanos."""
    MICRO_TIME = "microtime"
    """JSON: RFC 3339 with six digits; protobuf: seconds and nanos."""
    DURATION = "duration"
    """JSON: "1m30s"; protobuf: nanoseconds."""
    INT_OR_STRING = "intorstring"
    RAW = "raw"
    """Any object; protobuf: its JSON bytes in a message."""
    JSON = "json"
    """Any JSON value; protobuf: its bytes in a message."""
    STRINGS = "strings"
    """A list of strings that is a message of its own in protobuf."""


@dataclass(frozen=True, slots=True)
class Proto:
    """The protobuf field number."""

    number: int


@dataclass(frozen=True, slots=True)
class MergeKey:
    """Strategic merge patches match the list's items by this field."""

    key: str


@dataclass(frozen=True, slots=True)
class PatchStrategy:
    """How a strategic merge patch treats the field: "merge", "replace", "retainKeys"."""

    strategies: tuple[str, ...]

    def __init__(self, *strategies: str) -> None:
        object.__setattr__(self, "strategies", strategies)


@dataclass(frozen=True, slots=True)
class ListType:
    """How server-side apply treats a list: "map" with keys, "set" or "atomic"."""

    kind: str
    keys: tuple[str, ...]

    def __init__(self, kind: str, *keys: str) -> None:
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "keys", keys)


@dataclass(frozen=True, slots=True)
class MapType:
    """How server-side apply treats a map or message: "granular" unless said "atomic"."""

    kind: str


class Presence(enum.Enum):
    """Whether a writer must give the field."""

    REQUIRED = "required"


REQUIRED = Presence.REQUIRED

Int32 = Annotated[int, Scalar.INT32]
Int64 = Annotated[int, Scalar.INT64]
Double = Annotated[float, Scalar.DOUBLE]
Bytes = Annotated[str, Scalar.BYTES]
Quantity = Annotated[str, Scalar.QUANTITY]
Time = Annotated[str, Scalar.TIME]
MicroTime = Annotated[str, Scalar.MICRO_TIME]
Duration = Annotated[str, Scalar.DURATION]
IntOrString = Annotated[int | str, Scalar.INT_OR_STRING]
RawExtension = Annotated[Any, Scalar.RAW]
Json = Annotated[Any, Scalar.JSON]

Items = Annotated[tuple[T, ...], Strict(strict=False)]
"""A JSON list, read as a tuple: a frozen model with a list in it would still be mutable."""

Strings = Annotated[tuple[str, ...], Strict(strict=False), Scalar.STRINGS]


class TypedModel(Model):
    """A message that names its own kind in JSON."""

    api_version: str = Field(
        "", alias="apiVersion", description='Group and version of the kind, such as "apps/v1".'
    )
    kind: str = Field("", description='The kind of this object, such as "Pod".')


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """One field, read from its annotation."""

    name: str
    """JSON name."""
    type: "Scalar | type[Model]"
    """Of the items, where the shape is a list or a map."""
    shape: str
    """"one", "list" or "map" (keys are always strings)."""
    number: int
    """0: the field does not exist in protobuf (apiVersion, kind)."""
    required: bool
    presence: bool
    """Whether a zero value (0, false, "") means something else than no value."""
    merge_key: str
    strategies: tuple[str, ...]
    list_type: str
    """"map", "set", "atomic"; empty for other shapes."""
    list_keys: tuple[str, ...]
    map_type: str
    """"granular" or "atomic"; empty where the field is neither map nor message."""
    default: Any
    """The default declared on the field, None without; more are in `apimachinery.defaults`."""
    description: str
    alternative: str
    """What else JSON may hold instead of the message: "bool", "messages", "strings" or ""."""


@lru_cache(maxsize=FACTS_CACHE)
def facts(model: type[Model]) -> Mapping[str, FieldFacts]:
    """The fields of a model by JSON name, embedded ones included."""
    found = (_field_facts(name, info) for name, info in model.model_fields.items())
    return {one.name: one for one in found}


def _field_facts(attribute: str, info: FieldInfo) -> FieldFacts:
    markers: dict[type, Any] = {type(one): one for one in info.metadata}
    kind, shape, alternative = _shape(info.annotation, markers)
    list_type = markers.get(ListType)
    strategy = markers.get(PatchStrategy)
    merge_key = markers[MergeKey].key if MergeKey in markers else ""
    granular = shape == "map" or (shape == "one" and isinstance(kind, type))
    map_type = "granular" if granular else ""
    extra = info.json_schema_extra
    return FieldFacts(
        name=info.alias or attribute,
        type=kind,
        shape=shape,
        number=markers[Proto].number if Proto in markers else 0,
        required=Presence in markers,
        presence=Presence in markers or info.default is None,
        merge_key=merge_key,
        strategies=strategy.strategies if strategy else ("merge",) if merge_key else (),
        list_type=list_type.kind if list_type else "atomic" if shape == "list" else "",
        list_keys=list_type.keys if list_type else (),
        map_type=markers[MapType].kind if MapType in markers else map_type,
        default=extra.get("default") if isinstance(extra, dict) else None,
        description=info.description or "",
        alternative=alternative,
    )


def _shape(annotation: Any, markers: Mapping[type, Any]) -> tuple[Scalar | type[Model], str, str]:
    """Item type, shape and alternative of an annotation without its outermost `Annotated`."""
    annotation, inner = _without_none(annotation)
    scalar = inner or markers.get(Scalar)
    if scalar is not None:
        return cast(Scalar, scalar), "one", ""
    origin = get_origin(annotation)
    if origin is tuple:
        return (*_shape(get_args(annotation)[0], {})[:1], "list", "")
    if origin is not None and issubclass(_class_of(origin), Mapping):
        kind, _, alternative = _shape(get_args(annotation)[1], {})
        return kind, "map", alternative
    if origin in (Union, UnionType):
        return _union(get_args(annotation))
    if annotation is str:
        return Scalar.STRING, "one", ""
    if annotation is bool:
        return Scalar.BOOL, "one", ""
    assert issubclass(_class_of(annotation), Model), annotation
    return cast(type[Model], annotation), "one", ""


def _without_none(annotation: Any) -> tuple[Any, Scalar | None]:
    """Strip `| None` and `Annotated`; the scalar marker found on the way, if any."""
    if get_origin(annotation) in (Union, UnionType):
        members = [one for one in get_args(annotation) if one is not NoneType]
        if len(members) == 1:
            return _without_none(members[0])
        return Union[tuple(members)], None  # noqa: UP007 (made from a list at run time)
    if get_origin(annotation) is Annotated:
        base, *extras = get_args(annotation)
        found = next((one for one in extras if isinstance(one, Scalar)), None)
        inner, deeper = _without_none(base)
        return inner, found or deeper
    return annotation, None


def _union(members: tuple[Any, ...]) -> tuple[type[Model], str, str]:
    """A message or something simpler: the three unions of CustomResourceDefinition schemas."""
    model = next(one for one in members if isinstance(one, type) and issubclass(one, Model))
    other = next(one for one in members if one is not model)
    if other is bool:
        return model, "one", "bool"
    item = get_args(_without_none(other)[0])[0]
    return model, "one", "strings" if item is str else "messages"


def _class_of(value: Any) -> type:
    return value if isinstance(value, type) else object
