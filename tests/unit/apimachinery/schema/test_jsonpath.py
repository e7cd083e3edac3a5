"""JSON paths as definitions use them, and the columns made of them."""

from typing import Any

import pytest

from apimachinery.schema import columns, jsonpath

OBJ: dict[str, Any] = {
    "metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "spec": {"size": 3, "dotted.key": "x", "parts": [{"n": 1}, {"n": 2}]},
    "status": {
        "conditions": [{"type": "A", "status": "False"}, {"type": "Ready", "status": "True"}]
    },
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.size", [3]),
        ("{.spec.size}", [3]),
        ("$.spec.size", [3]),
        (r".spec.dotted\.key", ["x"]),
        (".spec['dotted.key']", ["x"]),
        ('.spec["size"]', [3]),
        (".spec.parts[0].n", [1]),
        (".spec.parts[-1].n", [2]),
        (".spec.parts[*].n", [1, 2]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type=='Ready')].status", ["True"]),
        (".spec.parts[?(@.n != 1)].n", [2]),
        (".spec.nothing.here", []),
        (".spec.parts.n", []),
        (".metadata.name[0]", []),
    ],
)
def test_find(path: str, found: list[Any]) -> None:
    assert jsonpath.parse(path).find(OBJ) == found


@pytest.mark.parametrize("path", [".spec[", ".a..b", "spec.size)", ".a[?(@.b==)]", "." * 2000])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(jsonpath.JsonPathError):
        jsonpath.parse(path)


def test_names_of_a_simple_path() -> None:
    assert jsonpath.parse(".spec.size").names == ("spec", "size")
    assert jsonpath.parse(".spec.parts[*]").names is None


@pytest.mark.parametrize(
    ("kind", "path", "cell"),
    [
        ("integer", ".spec.size", 3),
        ("string", ".spec.size", "3"),
        ("string", ".spec.parts", '[{"n":1},{"n":2}]'),
        ("integer", ".metadata.name", None),
        ("boolean", ".spec.size", None),
        ("number", ".spec.size", 3),
        ("date", ".metadata.creationTimestamp", "10s"),
        ("date", ".spec.size", "<invalid>"),
        ("string", ".spec.nothing", None),
    ],
)
def test_cells(kind: str, path: str, cell: Any) -> None:
    printer = columns.printer_of([{"name": "X", "type": kind, "jsonPath": path}])
    assert printer.cells(OBJ).fill(1767225610.0) == ["a", cell]


def test_without_columns_there_is_the_age() -> None:
    assert [one.name for one in columns.printer_of([]).columns] == ["Name", "Age"]
