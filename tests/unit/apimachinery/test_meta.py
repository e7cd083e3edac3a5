"""Metadata, times, owners, conditions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import intstr, meta

NOW = 1_795_600_000.0


def test_missing_metadata_reads_as_empty() -> None:
    assert meta.name({}) == meta.namespace({}) == meta.uid({}) == meta.key({}) == ""
    assert meta.labels({"metadata": {"labels": None}}) == {}


def test_metadata_reads_as_written() -> None:
    obj = {"metadata": {"resourceVersion": "7", "generation": 2, "deletionTimestamp": "t"}}
    assert meta.resource_version(obj) == "7"
    assert meta.generation(obj) == 2
    assert meta.deletion_timestamp(obj) == "t"
    assert meta.is_deleting(obj)


def test_keys() -> None:
    assert meta.key({"metadata": {"name": "a", "namespace": "n"}}) == "n/a"
    assert meta.key({"metadata": {"name": "a"}}) == "a"


def test_times_are_utc_to_the_second() -> None:
    assert meta.format_time(0) == "1970-01-01T00:00:00Z"
    assert meta.format_time(NOW + 0.9) == meta.format_time(NOW)
    assert meta.format_micro_time(1.5) == "1970-01-01T00:00:01.500000Z"


@given(st.integers(0, 4_000_000_000_000_000))
def test_micro_times_read_back(micros: int) -> None:
    text = meta.format_micro_time(micros / 1_000_000)
    assert round(meta.parse_time(text) * 1_000_000) == pytest.approx(micros, abs=1)


def test_a_time_without_a_zone_is_none() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        meta.parse_time("2026-11-24T07:48:51")


def test_the_controller_is_found_among_the_owners() -> None:
    owner = meta.owner_reference("apps/v1", "ReplicaSet", "r", "u")
    plain = meta.owner_reference("v1", "ConfigMap", "c", "u2", controller=False)
    obj = {"metadata": {"ownerReferences": [plain, owner]}}
    assert meta.owner_controller(obj) == {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "r",
        "uid": "u",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    assert meta.is_controlled_by(obj, "u")
    assert not meta.is_controlled_by(obj, "u2")


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    old = [{"type": "Ready", "status": "True", "lastTransitionTime": "t0"}]
    same = meta.set_condition(old, {"type": "Ready", "status": "True", "reason": "r"}, NOW)
    assert same == [{"type": "Ready", "status": "True", "lastTransitionTime": "t0", "reason": "r"}]
    other = meta.set_condition(old, {"type": "Ready", "status": "False"}, NOW)
    assert other[0]["lastTransitionTime"] == meta.format_time(NOW)
    assert old[0]["status"] == "True"
    both = meta.set_condition([{"type": "A", "status": "True"}, *old], other[0], NOW)
    assert [one["type"] for one in both] == ["A", "Ready"]


def test_a_new_condition_is_added_at_the_end() -> None:
    conditions = meta.set_condition(None, {"type": "A", "status": "True"}, NOW)
    assert meta.condition_is_true(conditions, "A")
    assert not meta.condition_is_true(conditions, "B")
    assert meta.without_condition(conditions, "A") == []


def test_api_versions() -> None:
    assert meta.split_api_version("apps/v1") == ("apps", "v1")
    assert meta.split_api_version("v1") == ("", "v1")


def test_dig() -> None:
    assert meta.dig({"a": {"b": 1}}, "a", "b") == 1
    assert meta.dig({"a": 1}, "a", "b") is None


def test_percentages_round_as_told() -> None:
    assert intstr.resolve("25%", 10, round_up=True) == 3
    assert intstr.resolve("25%", 10, round_up=False) == 2
    assert intstr.resolve(4, 10, round_up=True) == 4


def test_other_text_is_no_percentage() -> None:
    with pytest.raises(intstr.IntOrStringError):
        intstr.resolve("many", 10, round_up=True)


def test_equal_labels_are_kept_once():
    one, other = ({"metadata": {"labels": {"app": "a", "tier": "b"}}} for _ in range(2))
    assert meta.shared_labels(one) is meta.shared_labels(other)
    assert meta.shared_labels(one) == {"app": "a", "tier": "b"}
    assert meta.shared_labels({"metadata": {}}) == {}
    assert meta.shared_labels({"metadata": {"labels": {"bad": 1, "good": "x"}}}) == {"good": "x"}
