"""Namespaces: what each gets, and how one ends."""

import time

import pytest

from apimachinery import meta, scheme

pytestmark = pytest.mark.looptime(start=time.monotonic)


def namespace(name="team"):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


@pytest.fixture
async def team(cluster):
    await cluster.client.create(scheme.NAMESPACES, namespace())

    async def provisioned():
        return await cluster.exists(
            scheme.SERVICEACCOUNTS, "default", "team"
        ) and await cluster.exists(scheme.CONFIGMAPS, "kube-root-ca.crt", "team")

    await cluster.eventually(provisioned)
    return cluster


async def test_gets_a_service_account_and_the_root_certificates(team) -> None:
    found = await team.client.get(scheme.CONFIGMAPS, "kube-root-ca.crt", "team")
    assert found["data"] == {"ca.crt": "PEM"}


async def test_what_was_deleted_comes_back(team) -> None:
    before = await team.client.get(scheme.SERVICEACCOUNTS, "default", "team")
    await team.client.delete(scheme.SERVICEACCOUNTS, "default", "team")

    async def back():
        if not await team.exists(scheme.SERVICEACCOUNTS, "default", "team"):
            return False
        after = await team.client.get(scheme.SERVICEACCOUNTS, "default", "team")
        return meta.uid(after) != meta.uid(before)

    await team.eventually(back)


async def test_what_was_changed_is_repaired(team) -> None:
    await team.client.patch(
        scheme.CONFIGMAPS, "kube-root-ca.crt", {"data": {"ca.crt": "evil"}}, "team"
    )

    async def repaired():
        found = await team.client.get(scheme.CONFIGMAPS, "kube-root-ca.crt", "team")
        return found["data"]["ca.crt"] == "PEM"

    await team.eventually(repaired)


async def test_ends_with_all_its_content(team, make) -> None:
    await team.client.create(scheme.DEPLOYMENTS, make.deployment(2), "default")
    for number in range(3):
        name = {"name": f"c{number}", "namespace": "team"}
        await team.client.create(
            scheme.CONFIGMAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": name}
        )
    inside = make.deployment(2)
    inside["metadata"]["namespace"] = "team"
    await team.client.create(scheme.DEPLOYMENTS, inside)
    await team.settle()
    await team.client.delete(scheme.NAMESPACES, "team")
    await team.gone(scheme.NAMESPACES, "team", "")
    assert (await team.client.list(scheme.CONFIGMAPS, "team"))["items"] == []
    assert (await team.client.list(scheme.PODS, "team"))["items"] == []
    assert len(await team.pods()) == 2


async def test_says_what_it_waits_for(team) -> None:
    held = {"name": "held", "namespace": "team", "finalizers": ["example.com/hold"]}
    await team.client.create(
        scheme.CONFIGMAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": held}
    )
    await team.client.delete(scheme.NAMESPACES, "team")
    await team.settle()
    found = await team.client.get(scheme.NAMESPACES, "team")
    conditions = {one["type"]: one for one in found["status"]["conditions"]}
    assert conditions["NamespaceContentRemaining"]["message"] == (
        "Some resources are remaining: configmaps. has 1 resource instances"
    )
    assert conditions["NamespaceFinalizersRemaining"]["message"].endswith(
        "example.com/hold in 1 resource instances"
    )
    await team.client.patch(scheme.CONFIGMAPS, "held", {"metadata": {"finalizers": None}}, "team")
    await team.gone(scheme.NAMESPACES, "team", "")


async def test_ends_soon_after_its_last_object(team) -> None:
    start = team.time.monotonic()
    await team.client.delete(scheme.NAMESPACES, "team")
    await team.gone(scheme.NAMESPACES, "team", "")
    assert team.time.monotonic() - start < 1
