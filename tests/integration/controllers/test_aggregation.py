"""Aggregating ClusterRoles collect the rules of those that they select."""

import time

import pytest

from apimachinery import scheme

pytestmark = pytest.mark.looptime(start=time.monotonic)

GET_WIDGETS = {"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["get"]}
PUT_WIDGETS = {"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["update"]}


def role(name, rules=(), *, selects=None, **labels):
    out = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": labels},
        "rules": list(rules),
    }
    if selects:
        out["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": selects}]}
    return out


@pytest.fixture
async def above(cluster):
    """A role that collects what is labelled part=yes; answers its rules once all is at rest."""
    await cluster.client.create(scheme.CLUSTERROLES, role("above", selects={"part": "yes"}))

    async def rules():
        await cluster.settle()
        found = await cluster.client.get(scheme.CLUSTERROLES, "above")
        return found.get("rules") or []

    return rules


async def test_rules_come_and_go_with_their_roles(cluster, above) -> None:
    await cluster.client.create(scheme.CLUSTERROLES, role("b", [PUT_WIDGETS], part="yes"))
    await cluster.client.create(scheme.CLUSTERROLES, role("a", [GET_WIDGETS], part="yes"))
    await cluster.client.create(scheme.CLUSTERROLES, role("c", [GET_WIDGETS], part="yes"))
    await cluster.client.create(scheme.CLUSTERROLES, role("d", [PUT_WIDGETS], part="no"))
    assert await above() == [GET_WIDGETS, PUT_WIDGETS]
    await cluster.client.delete(scheme.CLUSTERROLES, "b")
    assert await above() == [GET_WIDGETS]


async def test_what_somebody_writes_into_it_is_put_right(cluster, above) -> None:
    await cluster.client.create(scheme.CLUSTERROLES, role("a", [GET_WIDGETS], part="yes"))
    await above()
    await cluster.client.patch(scheme.CLUSTERROLES, "above", {"rules": [PUT_WIDGETS]})
    assert await above() == [GET_WIDGETS]
