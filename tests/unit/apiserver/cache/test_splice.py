"""resourceVersion goes into stored bytes in any layout, and nothing else changes."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiserver.cache import splice

POD = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}, "spec": {"x": 1}}


def expected(obj: dict, revision: int) -> dict:
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(revision)}}


@pytest.mark.parametrize(
    "value",
    [
        orjson.dumps(POD),
        orjson.dumps(POD, option=orjson.OPT_INDENT_2),
        orjson.dumps(dict(reversed(POD.items()))),
        orjson.dumps({**POD, "metadata": {"resourceVersion": "7", "name": "a"}}),
        orjson.dumps({**POD, "metadata": {"name": "a", "resourceVersion": "7"}}),
    ],
)
def test_any_layout(value: bytes) -> None:
    assert orjson.loads(splice.with_revision(value, 42)) == expected(POD, 42)


def test_empty_metadata() -> None:
    raw = splice.with_revision(b'{"metadata":{}}', 5)
    assert raw == b'{"metadata":{"resourceVersion":"5"}}'


def test_the_field_of_another_object_stays() -> None:
    event = {**POD, "involvedObject": {"resourceVersion": "3"}}
    assert orjson.loads(splice.with_revision(orjson.dumps(event), 9)) == expected(event, 9)


def test_metadata_deeper_down_is_not_the_objects_own() -> None:
    odd = {"spec": {"metadata": {"name": "inner"}}, "metadata": {"name": "outer"}}
    assert orjson.loads(splice.with_revision(orjson.dumps(odd), 9)) == expected(odd, 9)


@pytest.mark.parametrize("value", [b"", b"junk", b"[]", b"{}", b'{"metadata":1}', b"\xff\xfe"])
def test_no_object(value: bytes) -> None:
    with pytest.raises(splice.NotAnObject):
        splice.with_revision(value, 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["name", "uid", "labels", 'a"b']), JSON),
    st.dictionaries(st.sampled_from(["spec", "status", "kind", "x"]), JSON),
    st.integers(1, 2**63), st.integers(1, 2**63), st.booleans(),
)  # fmt: skip
def test_laws(metadata: dict, rest: dict, one: int, two: int, first: bool) -> None:
    obj = {"metadata": metadata, **rest} if first else {**rest, "metadata": metadata}
    raw = splice.with_revision(orjson.dumps(obj), one)
    assert orjson.loads(raw) == expected(obj, one)
    assert splice.respliced(raw, two) == splice.with_revision(orjson.dumps(obj), two)


def test_clean_metadata_is_not_searched() -> None:
    """Our own writes: the field may occur elsewhere in the object, never in its metadata."""
    event = {**POD, "involvedObject": {"resourceVersion": "3"}}
    quick = splice.with_revision(orjson.dumps(event), 9, clean=True)
    assert orjson.loads(quick) == expected(event, 9)
    assert splice.respliced(quick, 11) == splice.with_revision(orjson.dumps(event), 11, clean=True)
