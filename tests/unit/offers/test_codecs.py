"""Both encodings of the Mesos API read as one, and nothing breaks them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery.mesos import binary, lenient, schema
from apimachinery.mesos.schema import Malformed

_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=5),
    "bytes": st.sampled_from(["", "AAEC", "/w=="]),
    "bool": st.booleans(),
    "double": st.floats(allow_nan=False),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "uint64": st.integers(0, 2**64 - 1),
}


@st.composite
def message(draw: st.DrawFn, name: str, depth: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in schema.messages()[name].by_name.values():
        if not field.required and (depth > 3 or draw(st.integers(0, 2))):
            continue
        if field.type in schema.SCALARS:
            one = _SCALARS[field.type]
        elif field.type in schema.enums():
            one = st.sampled_from(sorted(schema.enums()[field.type]))
        else:
            one = message(field.type, depth + 1)
        if field.mapping:
            found[field.name] = draw(
                st.dictionaries(st.text(max_size=3), one, min_size=1, max_size=2)
            )
        elif field.repeated:
            found[field.name] = draw(st.lists(one, min_size=1, max_size=2))
        else:
            found[field.name] = draw(one)
    return found


def test_every_type_of_the_vocabulary_is_known() -> None:
    known = schema.SCALARS | set(schema.messages()) | set(schema.enums())
    for name, one in schema.messages().items():
        assert {field.type for field in one.by_name.values()} <= known, name
        assert len(one.by_number) == len(one.by_name), name


@given(message("Call"))
def test_a_call_comes_back_from_protobuf_and_json(call: dict[str, Any]) -> None:
    assert binary.loads(binary.dumps(call, "Call"), "Call") == call
    assert lenient.message(call, "Call") == call


@given(st.binary(max_size=60))
def test_any_bytes_are_a_call_or_malformed(body: bytes) -> None:
    for codec in (binary, lenient):
        try:
            codec.loads(body, "Call")
        except Malformed:
            continue


def test_messages_in_messages_have_an_end() -> None:
    deep: dict[str, Any] = {"value": "x"}
    for _ in range(100):
        deep = {"value": "x", "parent": deep}
    with pytest.raises(Malformed):
        lenient.message(deep, "ContainerID")
    with pytest.raises(Malformed):
        binary.loads(binary.dumps(deep, "ContainerID"), "ContainerID")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"shell": "true"}, {"shell": True}),
        ({"arguments": "x"}, {"arguments": ["x"]}),
        ({"value": None}, {}),
        ({"colour": "blue"}, {}),
    ],
)
def test_what_is_forgiven(given: dict[str, Any], read: dict[str, Any]) -> None:
    assert lenient.message(given, "CommandInfo") == read


@pytest.mark.parametrize(
    "given", [{"shell": 1}, {"value": 1}, {"value": ["x"]}, {"uris": [{"value": 1}]}]
)
def test_what_is_not_forgiven(given: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        lenient.message(given, "CommandInfo")


def test_the_old_name_of_an_agent_is_understood() -> None:
    info = {"name": "t", "task_id": {"value": "t"}, "slave_id": {"value": "n"}}
    assert lenient.message(info, "TaskInfo")["agent_id"] == {"value": "n"}
