"""Any object that fits its kind goes through every rule without a crash.

Objects are drawn from the facts of the models, so a new kind is covered as soon as it has a row.
"""

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apimachinery import decode, defaults, protobuf, validation
from apimachinery.scheme import BUILTIN, Resource
from apimachinery.types.base import FieldFacts, Model, Scalar, facts

TEXT = st.text(min_size=1, max_size=5)
VALUES: dict[Scalar, st.SearchStrategy[Any]] = {
    Scalar.STRING: TEXT,
    Scalar.BOOL: st.just(True),
    Scalar.INT32: st.integers(1, 2**31 - 1) | st.integers(-(2**31), -1),
    Scalar.INT64: st.integers(1, 2**63 - 1) | st.integers(-(2**63), -1),
    Scalar.DOUBLE: st.integers(1, 2**40) | st.just(0.5),
    Scalar.BYTES: st.sampled_from(["YQ==", "YWI=", "YWJj"]),
    Scalar.QUANTITY: st.sampled_from(["1", "100m", "2Gi"]),
    Scalar.TIME: st.sampled_from(["2026-01-01T00:00:00Z", "1970-01-01T00:00:00Z"]),
    Scalar.MICRO_TIME: st.sampled_from(["2026-01-01T00:00:00.123456Z"]),
    Scalar.DURATION: st.sampled_from(["30s", "1s"]),
    Scalar.INT_OR_STRING: st.integers(1, 65535) | TEXT,
    Scalar.RAW: st.just({"a": [1, None]}),
    Scalar.JSON: st.sampled_from([1, "a", [None], {"a": True}]),
    Scalar.STRINGS: st.lists(TEXT, min_size=1, max_size=2),
}
DEPTH = 3


def values(one: FieldFacts, depth: int) -> st.SearchStrategy[Any]:
    item = VALUES[one.type] if isinstance(one.type, Scalar) else objects(one.type, depth - 1)
    if one.shape == "list":
        return st.lists(item, min_size=1, max_size=2)
    if one.shape == "map":
        return st.dictionaries(TEXT, item, min_size=1, max_size=2)
    return item


@st.composite
def objects(draw: st.DrawFn, model: type[Model], depth: int = DEPTH) -> dict[str, Any]:
    known = [one for one in facts(model).values() if one.number]
    if depth <= 0:
        known = [one for one in known if isinstance(one.type, Scalar)]
    if not known:
        return {}
    chosen = draw(st.lists(st.sampled_from(known), max_size=4, unique_by=lambda one: one.name))
    return {one.name: draw(values(one, depth)) for one in chosen}


ROWS = list(BUILTIN.all())


@st.composite
def instances(draw: st.DrawFn) -> tuple[Resource, dict[str, Any]]:
    """A row and an object of its kind."""
    row = draw(st.sampled_from(ROWS))
    model = row.load_model()
    assert model is not None
    return row, {**draw(objects(model)), "apiVersion": row.api_version, "kind": row.kind}


ANY = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@ANY
@given(instances())
def test_it_is_read_back_from_protobuf_as_it_was_written(instance):
    row, obj = instance
    if row.group != "offers.bireme.dev":
        assert protobuf.decode(protobuf.encode(obj), BUILTIN) == obj


@ANY
@given(instances())
def test_its_structure_stands(instance):
    row, obj = instance
    assert decode.structure(row, copy.deepcopy(obj)) == (obj, [])


@ANY
@given(instances())
def test_its_defaults_fit_its_kind_and_are_filled_in_once(instance):
    row, obj = instance
    defaults.apply(row, obj)
    assert decode.structure(row, copy.deepcopy(obj)) == (obj, [])
    once = copy.deepcopy(obj)
    defaults.apply(row, obj)
    assert obj == once


@ANY
@given(instances(), instances())
def test_it_is_judged(one, other):
    row, obj = one
    defaults.apply(row, obj)
    for error in validation.validate_create(row, obj):
        assert error.message()
    before = copy.deepcopy(obj)
    assert validation.validate_update(row, obj, before) is not None
    if other[0] is row:
        assert validation.validate_update(row, obj, other[1]) is not None
