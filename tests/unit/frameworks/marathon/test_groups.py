"""Trees of apps."""

from typing import Any

import pytest

from frameworks.marathon import groups
from frameworks.marathon.errors import Invalid
from tests.unit.frameworks.marathon.makers import app


def put(group_id: str, body: Any, *apps: str, folders: tuple[str, ...] = ()) -> groups.Changes:
    return groups.put(group_id, body, {one: app(one) for one in apps}, dict.fromkeys(folders, ()))


def test_a_tree_becomes_apps_by_id() -> None:
    body = {
        "id": "/shop",
        "apps": [{"id": "web", "cmd": "x"}],
        "groups": [{"id": "data", "apps": [{"id": "/shop/data/db", "cmd": "x"}]}],
        "dependencies": ["/base"],
    }
    made = put("/shop", body)
    assert set(made.apps) == {"/shop/web", "/shop/data/db"}
    assert made.groups == {"/shop": ("/base",), "/shop/data": ()}


def test_lists_take_the_place_of_what_was_there() -> None:
    there = ("/shop/web", "/shop/old", "/shop/data/db", "/other")
    made = put("/shop", {"apps": [{"id": "web", "cmd": "x"}]}, *there)
    assert {one: app is None for one, app in made.apps.items()} == {
        "/shop/web": False,
        "/shop/old": True,
    }
    made = put("/shop", {"groups": []}, *there, folders=("/shop", "/shop/data"))
    assert made.apps == {"/shop/data/db": None}
    assert made.groups == {"/shop": (), "/shop/data": None}


def test_what_a_body_leaves_out_stays() -> None:
    made = put("/shop", {}, "/shop/web", folders=("/shop",))
    assert made.apps == {}


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"apps": {}},
        {"apps": [{"id": "/elsewhere", "cmd": "x"}]},
        {"groups": [{"id": "../up"}]},
        {"groups": [{}]},
        {"dependencies": [1]},
    ],
)
def test_bad_groups(body: Any) -> None:
    with pytest.raises(Invalid):
        put("/shop", body)


def test_hostile_depth_ends() -> None:
    body: dict[str, Any] = {"id": "g"}
    for _ in range(500):
        body = {"id": "g", "groups": [body]}
    with pytest.raises(Invalid):
        put("/g", body)


def test_scaling_rounds_up() -> None:
    apps = {one.id: one for one in (app("/a/x", instances=3), app("/b", instances=3))}
    made = groups.scaled("/a", 1.5, apps).apps
    assert {one: found.instances for one, found in made.items() if found} == {"/a/x": 5}
    with pytest.raises(Invalid):
        groups.scaled("/a", "2", apps)


def test_as_a_tree() -> None:
    node = groups.tree("/", iter(("/a/x", "/b", "/a/c/y")), {"/a": ("/b",), "/empty": ()})
    found = node.wire("v", lambda app_id: {"id": app_id})
    assert [one["id"] for one in found["groups"]] == ["/a", "/empty"]
    assert found["apps"] == [{"id": "/b"}]
    inner = found["groups"][0]
    assert (inner["apps"], inner["dependencies"]) == ([{"id": "/a/x"}], ["/b"])
    assert inner["groups"][0]["apps"] == [{"id": "/a/c/y"}]
