"""`kubectl get componentstatuses`: the store, and the parts of the control plane."""

from apimachinery import meta
from apiserver import components

from .conftest import Cluster

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"


async def test_the_store_is_shown(cluster: Cluster) -> None:
    code, output, errors = await cluster.kubectl("get", "componentstatuses")
    assert code == 0, errors
    assert [line.split() for line in output.splitlines()] == [
        ["NAME", "STATUS", "MESSAGE", "ERROR"],
        ["etcd-0", "Healthy", "ok"],
    ]
    assert "v1 ComponentStatus is deprecated in v1.19+" in errors


async def test_parts_that_run_elsewhere_hold_a_lease(cluster: Cluster) -> None:
    core = cluster.process.server.core

    async def broken() -> None:
        raise RuntimeError("it has failed and is started again")

    parts = {
        "scheduler": components.held(core, "kube-system", "bireme-scheduling"),
        "controller-manager": broken,
    }
    core.live[components.RESOURCE] = components.Components(core, parts)

    async def seen(name: str) -> tuple[str, str]:
        _, found = await cluster.send("GET", f"/api/v1/componentstatuses/{name}")
        (condition,) = found["conditions"]
        return condition["status"], condition["message"]

    nobody = ("False", "nobody holds the lease kube-system/bireme-scheduling")
    assert await seen("scheduler") == nobody
    spec = {"renewTime": meta.format_micro_time(core.clock.now()), "leaseDurationSeconds": 600}
    lease = {"metadata": {"name": "bireme-scheduling"}, "spec": {**spec, "holderIdentity": "x"}}
    assert (await cluster.send("POST", LEASES, lease))[0] == 201
    assert await seen("scheduler") == ("True", "ok")
    assert await seen("controller-manager") == ("False", "it has failed and is started again")
    assert (await cluster.send("GET", "/api/v1/componentstatuses/none"))[0] == 404
