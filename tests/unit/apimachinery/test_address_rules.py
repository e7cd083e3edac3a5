"""Ranges of service addresses and the objects of single ones: what is refused."""

import pytest

from apimachinery.validation import addresses


@pytest.mark.parametrize(
    ("cidrs", "field"),
    [
        (["10.1.0.0/16"], None),
        (["10.1.0.0/16", "fd00::/64"], None),
        ([], "spec.cidrs"),
        (["10.1.0.0/16", "10.2.0.0/16"], "spec.cidrs"),
        (["10.1.0.0/16", "fd00::/64", "10.3.0.0/16"], "spec.cidrs"),
        (["10.1.0.1/16"], "spec.cidrs[0]"),
        (["nonsense"], "spec.cidrs[0]"),
    ],
)
def test_a_range(cidrs: list[str], field: str | None) -> None:
    errors = addresses.service_range({"spec": {"cidrs": cidrs}})
    assert [error.field for error in errors] == ([field] if field else [])


@pytest.mark.parametrize(
    ("after", "field"),
    [
        (["10.1.0.0/16"], None),
        (["10.1.0.0/16", "fd00::/64"], None),
        (["10.2.0.0/16"], "spec.cidrs[0]"),
        ([], "spec.cidrs"),
    ],
)
def test_a_range_stays(after: list[str], field: str | None) -> None:
    before = {"spec": {"cidrs": ["10.1.0.0/16"]}}
    errors = addresses.service_range_update({"spec": {"cidrs": after}}, before)
    assert [error.field for error in errors] == ([field] if field else [])


@pytest.mark.parametrize(
    ("name", "parent", "fields"),
    [
        ("10.1.0.1", {"resource": "services", "name": "s"}, []),
        ("fd00::1", {"resource": "services", "name": "s"}, []),
        ("fd00:0::1", {"resource": "services", "name": "s"}, ["metadata.name"]),
        ("web", {"resource": "services", "name": "s"}, ["metadata.name"]),
        ("10.1.0.1", None, ["spec.parentRef"]),
        ("10.1.0.1", {"group": ""}, ["spec.parentRef.resource", "spec.parentRef.name"]),
    ],
)
def test_an_address(name: str, parent: dict | None, fields: list[str]) -> None:
    obj = {"metadata": {"name": name}, "spec": {"parentRef": parent} if parent else {}}
    assert [error.field for error in addresses.address(obj)] == fields


def test_an_address_keeps_its_parent() -> None:
    one, other = ({"spec": {"parentRef": {"name": name}}} for name in "ab")
    assert not addresses.address_update(one, one)
    assert [error.field for error in addresses.address_update(one, other)] == ["spec.parentRef"]
