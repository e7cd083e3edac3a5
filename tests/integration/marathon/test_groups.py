"""Groups over HTTP: dependencies, versions, scaling."""

from tests.integration.marathon.conftest import Json, Marathon

APP: Json = {"cmd": "sleep 1000", "cpus": 0.1, "mem": 32}
SHOP: Json = {
    "id": "/shop",
    "groups": [
        {"id": "data", "apps": [{"id": "db", **APP}]},
        {"id": "front", "dependencies": ["/shop/data"], "apps": [{"id": "web", **APP}]},
    ],
}


async def test_a_group_from_its_beginning_to_its_end(marathon: Marathon) -> None:
    plan = await marathon.do("PUT", "/v2/groups/shop?dryRun=true", SHOP)
    assert [[a["app"] for a in step["actions"]] for step in plan["steps"]] == [
        ["/shop/data/db"],
        ["/shop/data/db"],
        ["/shop/front/web"],
        ["/shop/front/web"],
    ]
    await marathon.do("POST", "/v2/groups", SHOP, expect=201)
    await marathon.settled()
    db, web = (
        await marathon.running("/shop/data/db", 1),
        await marathon.running("/shop/front/web", 1),
    )
    assert db[0]["startedAt"] <= web[0]["stagedAt"]
    found = await marathon.get("/v2/groups//shop")
    assert [group["id"] for group in found["groups"]] == ["/shop/data", "/shop/front"]
    assert found["groups"][1]["dependencies"] == ["/shop/data"]
    assert (await marathon.get("/v2/groups"))["groups"][0]["id"] == "/shop"
    listed = (await marathon.get("/v2/apps/shop/*"))["apps"]
    assert {app["id"] for app in listed} == {"/shop/data/db", "/shop/front/web"}

    await marathon.do("PUT", "/v2/groups/shop", {"scaleBy": 2})
    await marathon.settled()
    await marathon.running("/shop/front/web", 2)

    versions = await marathon.get("/v2/groups/shop/versions")
    old = await marathon.get(f"/v2/groups/shop/versions/{versions[-1]}")
    assert old["groups"][0]["apps"][0]["instances"] == 1
    await marathon.do("PUT", f"/v2/groups/shop/versions/{versions[-1]}")
    await marathon.settled()
    await marathon.running("/shop/front/web", 1)

    await marathon.do("DELETE", "/v2/groups/shop")
    await marathon.settled()
    await marathon.do("GET", "/v2/groups/shop", expect=404)
    assert (await marathon.get("/v2/tasks"))["tasks"] == []


async def test_putting_a_group_removes_what_it_leaves_out(marathon: Marathon) -> None:
    two = {"apps": [{"id": "a", **APP}, {"id": "b", **APP}]}
    await marathon.do("PUT", "/v2/groups/pair", two, expect=201)
    await marathon.settled()
    kept = await marathon.running("/pair/a", 1)
    plan = await marathon.do("PUT", "/v2/groups/pair?dryRun=true", {"apps": [{"id": "a", **APP}]})
    assert plan == {"steps": [{"actions": [{"action": "StopApplication", "app": "/pair/b"}]}]}
    await marathon.do("PUT", "/v2/groups/pair", {"apps": [{"id": "a", **APP}]})
    await marathon.settled()
    assert await marathon.running("/pair/a", 1) == kept
    await marathon.do("GET", "/v2/apps/pair/b", expect=404)


async def test_what_is_refused(marathon: Marathon) -> None:
    await marathon.do("POST", "/v2/groups", {"id": "/g", "apps": [{"id": "a", **APP}]}, expect=201)
    await marathon.settled()
    await marathon.do("POST", "/v2/groups", {"id": "/g"}, expect=409)
    await marathon.do("POST", "/v2/apps", {"id": "/g", **APP}, expect=422)
    await marathon.do("POST", "/v2/apps", {"id": "/g/a/b", **APP}, expect=422)
    await marathon.do("PUT", "/v2/groups/none", {"scaleBy": 2}, expect=404)
    await marathon.do("PUT", "/v2/groups/g", {"version": "none"}, expect=404)
    await marathon.do("GET", "/v2/groups/none/versions", expect=404)
    ring = {"apps": [
        {"id": "a", **APP, "dependencies": ["b"]}, {"id": "b", **APP, "dependencies": ["a"]},
    ]}  # fmt: skip
    found = await marathon.do("PUT", "/v2/groups/ring", ring, expect=422)
    assert "cyclic" in found["details"][0]["errors"][0]
    await marathon.do("GET", "/v2/groups/ring", expect=404)
