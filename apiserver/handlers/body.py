"""Request bodies: from bytes in JSON, YAML or protobuf to an object of the expected kind.

Neighbours: `apimachinery.decode` fits the object to its model, `apimachinery.protobuf` reads the
binary form. Nothing here defaults, admits or validates values. Whatever the bytes are, the worst
answer is a 400.
"""

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from apimachinery import decode, protobuf, status, wire
from apimachinery.resource import Resource
from apimachinery.scheme import Scheme, split_api_version
from apimachinery.wire import JsonObject
from apiserver import negotiation
from apiserver.handlers import unreadable
from apiserver.options import MAX_BODY

_NO_KIND = "couldn't get version/kind; json parse error: "

MAX_DEPTH = 200
"""Levels of nesting: no kind needs 30, and the JSON writer stops at 254."""

MAX_WEIGHT = 2 * MAX_BODY
"""Values and letters of one document after YAML aliases are followed: JSON of 3 MiB holds fewer."""


def parse(request: wire.Request, scheme: Scheme, wanted: str = "") -> JsonObject:
    """The body as a JSON object, whatever it is about; `wanted` is the kind that belongs here."""
    body = request.body
    if len(body) > MAX_BODY:
        raise status.entity_too_large(MAX_BODY)
    kind = negotiation.body_type(request.headers.get("content-type", ""))
    if kind == negotiation.JSON:
        found = _json(body, wanted)
    elif kind in (negotiation.YAML, "text/yaml", "application/x-yaml"):
        found = parse_yaml(body, wanted)
    elif kind == negotiation.PROTOBUF:
        found = protobuf.decode(body, scheme)
    else:
        raise status.unsupported_media_type(negotiation.MEDIA_TYPES)
    if not isinstance(found, dict):
        detail = (
            f"{_NO_KIND}json: cannot unmarshal {unreadable.type_of(found)} into Go value of type "
            'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
            'Kind string "json:\\"kind,omitempty\\"" }'
        )
        raise unreadable.unrecognized(wanted, detail, body)
    return found


def _json(body: bytes, wanted: str) -> Any:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        detail = _NO_KIND + unreadable.json_problem(body, problem)
        raise unreadable.unrecognized(wanted, detail, body) from problem
    return _bounded(found, body)


def _bounded(found: Any, body: bytes) -> Any:
    """JSON is weighed only where its brackets could nest too deep."""
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        check_depth(found)
    return found


def check_depth(value: Any) -> None:
    """Refuse what nests deeper than MAX_DEPTH or, through YAML aliases, holds too much."""
    level, weight = [value], 0
    for _ in range(MAX_DEPTH):
        # Weigh before making the next level: an alias may stand for millions of values.
        weight += sum(len(one) + _text(one) for one in level)
        if weight > MAX_WEIGHT:
            raise status.bad_request(f"the object holds more than {MAX_WEIGHT} values and letters")
        level = [child for one in level for child in _children(one)]
        if not level:
            return
    raise status.bad_request(f"the object nests deeper than {MAX_DEPTH} levels")


def _children(value: Any) -> Iterable[Any]:
    inside = value.values() if isinstance(value, dict) else value
    return [child for child in inside if isinstance(child, dict | list)]


def _text(value: Any) -> int:
    """Letters directly inside a container."""
    inside = value.values() if isinstance(value, dict) else value
    return sum(len(child) for child in inside if isinstance(child, str))


def parse_yaml(body: bytes, wanted: str = "") -> Any:
    """A YAML document as JSON values; 400 for anything else."""
    if body[:1] == b"{":
        # JSON is YAML too, and what kubectl and most libraries send: a twentieth of the time.
        with contextlib.suppress(orjson.JSONDecodeError):
            return _bounded(orjson.loads(body), body)
    import yaml

    from apiserver.handlers import yaml_loader

    try:
        found = yaml_loader.load(body)
    except (yaml.YAMLError, RecursionError, ValueError, UnicodeDecodeError) as problem:
        detail = f"error converting YAML to JSON: {unreadable.yaml_problem(problem)}"
        raise unreadable.unrecognized(wanted, detail, body) from problem
    if isinstance(found, dict | list):
        check_depth(found)
    try:
        # Through JSON, so that aliases become values of their own and only JSON types remain.
        return orjson.loads(orjson.dumps(found, option=orjson.OPT_NON_STR_KEYS))
    except TypeError as problem:
        raise status.bad_request(f"error converting YAML to JSON: {problem}") from problem


def expect(obj: JsonObject, scheme: Scheme, *, group: str, version: str, kind: str) -> None:
    """Check what the body says it is; fill in what it does not say."""
    check_kind(obj, scheme, group=group, version=version, kind=kind)
    obj["apiVersion"] = f"{group}/{version}" if group else version
    obj["kind"] = kind


def check_kind(obj: JsonObject, scheme: Scheme, *, group: str, version: str, kind: str) -> None:
    """Check what the body says it is; it may say nothing."""
    api_version = obj.get("apiVersion") or ""
    said = obj.get("kind") or ""
    wanted = f"{group}/{version}" if group else version
    if not isinstance(api_version, str) or not isinstance(said, str):
        raise status.bad_request("couldn't get version/kind; json parse error: not a string")
    if said and said != kind:
        got_group, got_version = split_api_version(api_version or wanted)
        if scheme.model_of(got_group, got_version, said) is None:
            reason = (
                f'no kind "{said}" is registered for version "{api_version or wanted}" in scheme '
                '"pkg/api/legacyscheme/scheme.go:30"'
            )
        else:
            internal = group.partition(".")[0] or "core"
            reason = f"converting ({got_version}.{said}) to ({internal}.{kind}): unknown conversion"
        raise status.bad_request(
            f'{said} in version "{got_version}" cannot be handled as a {kind}: {reason}'
        )
    if api_version and api_version != wanted:
        if said and scheme.model_of(*split_api_version(api_version), said) is None:
            raise status.bad_request(
                f'{said} in version "{split_api_version(api_version)[1]}" cannot be handled as a '
                f'{kind}: no kind "{said}" is registered for version "{api_version}" in scheme '
                '"pkg/api/legacyscheme/scheme.go:30"'
            )
        raise status.bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version "
            f"({wanted})"
        )


def structured(
    resource: Resource,
    obj: JsonObject,
    validation: str,
    warnings: list[str],
    raw: bytes | None = None,
    doubled: Sequence[str] = (),
) -> JsonObject:
    """Prune to the kind's fields; unknown ones are ignored, warned of or refused.

    `doubled` is what a YAML body said twice; in a JSON one, `raw`, it is looked for here.
    """
    obj, unknown = decode.structure(resource, obj, raw=raw if validation != "Ignore" else None)
    report(resource, [*doubled, *unknown], validation, warnings)
    return obj


def report(
    resource: Resource, problems: Sequence[str], validation: str, warnings: list[str]
) -> None:
    """Refuse, or warn of, what field validation found."""
    if problems and validation == "Strict":
        raise decode.strict_error(resource, problems)
    if problems and validation == "Warn":
        warnings.extend(problems)


def in_order(resource: Resource, obj: JsonObject) -> JsonObject:
    """Kind and apiVersion first, then metadata: how stored bytes begin (see cache.splice)."""
    head = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": obj["metadata"]}
    return {**head, **obj, **head}
