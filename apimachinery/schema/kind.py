"""All that one version of a definition says about its objects, compiled: the value behind a row.

`apimachinery.resource.Resource.custom` holds it; decoding, defaulting, validation, apply, printing
and scales ask it where they would ask a model for a built-in kind. Neighbours: the rest of this
package. It is made once and never changed.
"""

from dataclasses import dataclass, field

from apimachinery.apply_rules import Rule
from apimachinery.schema import columns, defaulting, jsonpath, merging, pruning, values
from apimachinery.schema.node import Node
from apimachinery.status import FieldError
from apimachinery.tables.base import Printer
from apimachinery.wire import JsonObject


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where the numbers of a Scale are in an object; names of fields, outermost first."""

    spec: tuple[str, ...]
    status: tuple[str, ...]
    selector: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class CustomKind:
    """One version of a custom resource."""

    node: Node
    published: JsonObject
    """The schema as it was given, for OpenAPI."""
    rule: Rule = field(repr=False)
    printer: Printer
    scale: ScalePaths | None = None
    selectable: tuple[str, ...] = ()
    """Paths of fields that selectors may name, without the leading dot."""
    status_is_apart: bool = False
    """Whether the status is a subresource."""
    since: int = 0
    """Objects written before this revision may lack what the schema now asks for."""
    deprecation: str = ""
    """What users of this version are warned of."""
    conversion: JsonObject | None = None
    """`spec.conversion.webhook`, where one stands between the versions."""
    terminating: bool = False
    """The definition is being deleted: nothing new is made."""

    def prune(self, obj: JsonObject) -> list[str]:
        """Drop unknown fields in place; their paths."""
        unknown: list[str] = []
        pruning.prune(obj, self.node, unknown)
        return unknown

    def default(self, obj: JsonObject) -> None:
        defaulting.fill(obj, self.node)

    def validate(self, new: JsonObject, old: JsonObject | None) -> list[FieldError]:
        return values.validate(new, self.node, old)


def custom_kind(
    version: JsonObject,
    *,
    since: int = 0,
    terminating: bool = False,
    title: str = "",
    conversion: JsonObject | None = None,
) -> CustomKind:
    """Compile one of a definition's `spec.versions`; `title` names it in warnings."""
    schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    node = Node(schema)
    parts = version.get("subresources") or {}
    deprecation = ""
    if version.get("deprecated"):
        deprecation = version.get("deprecationWarning") or f"{title} is deprecated"
    return CustomKind(
        node=node,
        published=schema,
        rule=merging.rule_of(node),
        printer=columns.printer_of(version.get("additionalPrinterColumns") or ()),
        scale=_scale(parts.get("scale")),
        selectable=tuple(
            one.get("jsonPath", "").removeprefix(".")
            for one in version.get("selectableFields") or ()
        ),
        status_is_apart=parts.get("status") is not None,
        since=since,
        deprecation=deprecation,
        conversion=conversion,
        terminating=terminating,
    )


def _scale(paths: JsonObject | None) -> ScalePaths | None:
    if paths is None:
        return None
    wanted = (
        paths.get("specReplicasPath"),
        paths.get("statusReplicasPath"),
        paths.get("labelSelectorPath"),
    )
    return ScalePaths(*(_names(one or "") for one in wanted))


def _names(text: str) -> tuple[str, ...]:
    try:
        return jsonpath.parse(text).names or ()
    except jsonpath.JsonPathError:
        return ()
