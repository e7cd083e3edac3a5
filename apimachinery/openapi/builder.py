"""Puts schemas and paths together into the body of one OpenAPI document, version 3 or 2.

Neighbours: `documents` keeps the finished bytes; `paths` says
which operations there are, `schema` what objects look like.
"""

from collections.abc import Mapping, Sequence

from apimachinery.openapi import custom, paths
from apimachinery.openapi.paths import Operation, PathItem
from apimachinery.openapi.schema import V2, V3, Schemas
from apimachinery.resource import Resource, load_model
from apimachinery.scheme import Scheme
from apimachinery.types.lists import list_model
from apimachinery.wire import JsonObject

_META = "apimachinery.types.meta:ObjectMeta"
_LIST_META = "apimachinery.types.meta:ListMeta"
_STATUS = "apimachinery.types.meta_options:Status"
_OPTIONS = "apimachinery.types.meta_options:DeleteOptions"
# Kubernetes' conformance cases look for the first words of these two in `kubectl explain`.
_API_VERSION = "APIVersion defines the group and version of the kind."
_METADATA = "Standard object's metadata: name, labels and the rest that every object has."
_VARIABLES = {"name": "Name of the object.", "namespace": "Namespace of the object."}
_PATCH: JsonObject = {"description": "A patch, in the form of its content type."}


class Builder:
    """Collects the schemas that its paths and kinds refer to."""

    def __init__(
        self,
        scheme: Scheme,
        schemas: Mapping[tuple[str, str, str], JsonObject],
        prefix: str,
    ) -> None:
        """`schemas` are those of custom resources, by group, version and plural."""
        self._scheme = scheme
        self._custom = schemas
        self._prefix = prefix
        self.schemas = Schemas(prefix)

    def add(self, row: Resource) -> None:
        """A resource's own schema and its list's."""
        self._reference(row.gvk)
        if "list" in row.verbs:
            self._list_reference(row.gvk)

    def path(self, item: PathItem) -> JsonObject:
        """A path in the spelling of the document's version."""
        made: JsonObject = {"parameters": [self._variable(name) for name in item.variables]}
        for operation in item.operations:
            made[operation.method] = self._operation(operation)
        return made

    def _operation(self, operation: Operation) -> JsonObject:
        group, version, kind = operation.kind
        made: JsonObject = {
            "description": operation.sentence,
            "operationId": f"{operation.verb}{_camel(group)}{_camel(version)}{operation.name}",
            "parameters": self._query(operation.query),
            "x-kubernetes-action": operation.action,
            "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
        }
        self._body(operation, made)
        self._answers(operation, made)
        return made

    def _body(self, operation: Operation, made: JsonObject) -> None:
        if not operation.body:
            return
        schema = {"object": None, "patch": self._patch, "options": self._options}[operation.body]
        body = self._reference(operation.kind) if schema is None else schema()
        if self._prefix == V2:
            needed = operation.body != "options"
            made["parameters"].append(
                {"name": "body", "in": "body", "required": needed, "schema": body}
            )
            if operation.body == "patch":
                made["consumes"] = list(self._patch_types(operation.kind))
            return
        types = self._patch_types(operation.kind) if operation.body == "patch" else ("*/*",)
        made["requestBody"] = {"content": {one: {"schema": body} for one in types}}
        if operation.body != "options":
            made["requestBody"]["required"] = True

    def _patch_types(self, kind: tuple[str, str, str]) -> tuple[str, ...]:
        """Only models say how lists merge: kubectl apply reads from here what it may send."""
        if self._scheme.model_of(*kind) is not None:
            return paths.PATCH_TYPES
        return tuple(one for one in paths.PATCH_TYPES if one != paths.STRATEGIC_PATCH)

    def _answers(self, operation: Operation, made: JsonObject) -> None:
        schema = self._answer(operation)
        codes = {"create": ("200", "201", "202"), "update": ("200", "201"), "patch": ("200", "201")}
        texts = {"200": "OK", "201": "Created", "202": "Accepted"}
        types = self._answer_types(operation)
        answer: JsonObject = {"schema": schema}
        if self._prefix == V3:
            answer = {"content": dict.fromkeys(types, answer)}
        else:
            made["produces"] = list(types)
        made["responses"] = {
            code: {"description": texts[code], **answer}
            for code in codes.get(operation.verb, ("200",))
        }

    def _answer(self, operation: Operation) -> JsonObject:
        if operation.answer == "list":
            return self._list_reference(operation.kind)
        if operation.answer == "object":
            return self._reference(operation.kind)
        status = self.schemas.reference(load_model(_STATUS))
        if operation.answer == "deleted" and self._prefix == V3:
            # What has to end first is answered as it stands. Swagger has no word for this.
            return {"anyOf": [status, self._reference(operation.kind)]}
        return status

    def _answer_types(self, operation: Operation) -> tuple[str, ...]:
        """Custom resources have no protobuf form."""
        if self._scheme.model_of(*operation.kind) is None:
            return paths.CUSTOM_TYPES
        return paths.ANSWER_TYPES + (paths.WATCH_TYPES if operation.verb == "list" else ())

    def _variable(self, name: str) -> JsonObject:
        made: JsonObject = {
            "name": name,
            "in": "path",
            "required": True,
            "description": _VARIABLES[name],
        }
        return {**made, **self._typed({"type": "string", "uniqueItems": True})}

    def _query(self, names: Sequence[str]) -> list[JsonObject]:
        return [
            {"name": name, "in": "query", "description": text, **self._typed(schema)}
            for name, schema, text in paths.query_parameters(names)
        ]

    def _typed(self, schema: Mapping[str, object]) -> JsonObject:
        return {"schema": dict(schema)} if self._prefix == V3 else dict(schema)

    def _patch(self) -> JsonObject:
        name = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch"
        self.schemas.found.setdefault(name, dict(_PATCH))
        return {"$ref": self._prefix + name}

    def _options(self) -> JsonObject:
        return self.schemas.reference(load_model(_OPTIONS))

    def _reference(self, kind: tuple[str, str, str]) -> JsonObject:
        model = self._scheme.model_of(*kind)
        if model is not None:
            return self.schemas.kind(kind, model)
        return self._custom_reference(kind)

    def _list_reference(self, kind: tuple[str, str, str]) -> JsonObject:
        group, version, name = kind
        model = self._scheme.model_of(*kind)
        row = self._scheme.by_kind(*kind)
        list_name = row.list_name if row is not None else f"{name}List"
        if model is not None:
            return self.schemas.kind((group, version, list_name), list_model(model))
        return self._custom_list(kind, list_name)

    def _custom_reference(self, kind: tuple[str, str, str]) -> JsonObject:
        """A custom resource: its definition's schema, with what every object has."""
        name = _custom_name(*kind)
        if name not in self.schemas.found:
            row = self._scheme.by_kind(*kind)
            schema = self._custom.get(row.gvr, {}) if row is not None else {}
            mark = {"x-kubernetes-group-version-kind": [_mark(kind)]}
            self.schemas.found[name] = {**self._custom_schema(schema), **mark}
        return {"$ref": self._prefix + name}

    def _custom_schema(self, schema: JsonObject) -> JsonObject:
        swagger, fields = self._prefix == V2, self._object_fields(_META)
        if swagger and schema.get(custom.PRESERVE):
            return {"type": "object"}  # readers would take any property for all there may be
        made = custom.shown(schema, fields, swagger=swagger)
        properties = {**(made.get("properties") or {}), **fields}
        return {**made, "type": "object", "properties": properties}

    def _custom_list(self, kind: tuple[str, str, str], list_name: str) -> JsonObject:
        group, version, _ = kind
        name = _custom_name(group, version, list_name)
        item = self._reference(kind)
        self.schemas.found[name] = {
            "description": f"A list of {kind[2]} objects.",
            "type": "object",
            "required": ["items"],
            "properties": {
                **self._object_fields(_LIST_META),
                "items": {"type": "array", "items": item},
            },
            "x-kubernetes-group-version-kind": [_mark((group, version, list_name))],
        }
        return {"$ref": self._prefix + name}

    def _object_fields(self, meta: str) -> JsonObject:
        reference = self.schemas.reference(load_model(meta))
        wrapped = {"allOf": [reference]} if self._prefix == V3 else reference
        return {
            "apiVersion": {"type": "string", "description": _API_VERSION},
            "kind": {"type": "string", "description": "The kind of this object."},
            "metadata": {**wrapped, "description": _METADATA},
        }


def _mark(kind: tuple[str, str, str]) -> JsonObject:
    return dict(zip(("group", "version", "kind"), kind, strict=True))


def _camel(text: str) -> str:
    """`apps` → `Apps`, `rbac.authorization.k8s.io` → `RbacAuthorization`."""
    base = text.removesuffix(".k8s.io") or "core"
    return "".join(part.capitalize() for part in base.split("."))


def _custom_name(group: str, version: str, kind: str) -> str:
    """`com.example.v1.Widget`."""
    return ".".join((*reversed(group.split(".")), version, kind))
