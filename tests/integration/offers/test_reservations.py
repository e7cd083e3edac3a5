"""RESERVE, CREATE and their opposites: by frameworks in an ACCEPT, by operators, and for good."""

import json
from typing import Any

import pytest

from apimachinery import scheme
from apimachinery.mesos import marks
from tests.fakes.mesos import RawFramework, amount, scalar, task
from tests.integration.offers.conftest import Pool
from tests.integration.offers.test_operator import ask

REFINED = {"capabilities": [{"type": "RESERVATION_REFINEMENT"}], "role": "batch"}


def reserved(name: str, value: float, **more: Any) -> dict[str, Any]:
    stack = [{"type": "DYNAMIC", "role": "batch"}]
    return {**scalar(name, value), "reservations": stack, **more}


def volume(size: float, name: str = "v1") -> dict[str, Any]:
    disk = {"persistence": {"id": name}, "volume": {"container_path": "data", "mode": "RW"}}
    return reserved("disk", size, disk=disk)


def reserve(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "RESERVE", "reserve": {"resources": list(resources)}, **more}


def create(*volumes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "CREATE", "create": {"volumes": list(volumes)}, **more}


async def big_node(pool: Pool) -> None:
    await pool.node("n1")
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "10Gi"}
    status = {"status": {"allocatable": amounts, "capacity": amounts}}
    await pool.client.patch(scheme.NODES, "n1", status, subresource="status")
    await pool.eventually(lambda: "ephemeral-storage" in pool.master.ledger.total)


async def offered(pool: Pool, **info: Any) -> tuple[RawFramework, dict[str, Any]]:
    await big_node(pool)
    framework = await pool.framework(**{**REFINED, **info})
    (offer,) = await framework.offers()
    return framework, offer


async def accept(
    framework: RawFramework, offer: dict[str, Any], *operations: dict[str, Any]
) -> None:
    body = {"offer_ids": [offer["id"]], "operations": list(operations)}
    assert await framework.call("ACCEPT", **body, filters={"refuse_seconds": 0}) == 202


def held(offer: dict[str, Any], name: str) -> float:
    """How much of an offer is reserved."""
    return sum(
        r["scalar"]["value"]
        for r in offer["resources"]
        if r["name"] == name and "reservations" in r
    )


async def test_what_is_reserved_is_offered_as_such_and_to_its_role_only(pool: Pool) -> None:
    framework, offer = await offered(pool)
    whole = amount(offer, "cpus")
    await accept(framework, offer, reserve(reserved("cpus", 1)))
    (offer,) = await framework.offers()
    assert (held(offer, "cpus"), amount(offer, "cpus")) == (1, whole)
    await framework.call("SUPPRESS")
    await framework.call("DECLINE", offer_ids=[offer["id"]])
    other = await pool.framework(name="other", role="web")
    (offer,) = await other.offers()
    assert amount(offer, "cpus") == whole - 1


async def test_a_framework_that_knows_no_stacks_gets_the_old_spelling(pool: Pool) -> None:
    framework, offer = await offered(pool, capabilities=[])
    await accept(
        framework, offer, reserve({**scalar("cpus", 1), "role": "batch", "reservation": {}})
    )
    (offer,) = await framework.offers()
    (mine,) = [r for r in offer["resources"] if r["role"] == "batch"]
    assert (mine["scalar"]["value"], mine["reservation"]) == (1, {})
    assert "reservations" not in mine
    undo = {"type": "UNRESERVE", "unreserve": {"resources": [mine]}}
    await accept(framework, offer, undo)
    (offer,) = await framework.offers()
    assert {r["role"] for r in offer["resources"]} == {"*"}


async def test_a_task_runs_on_reserved_resources_with_its_volume(pool: Pool) -> None:
    framework, offer = await offered(pool)
    wanted = [reserved("cpus", 0.5), reserved("mem", 64), volume(512)]
    launch = {
        "type": "LAUNCH",
        "launch": {"task_infos": [task(offer, "t", "exit 0", resources=wanted)]},
    }
    first = reserve(reserved("cpus", 1), reserved("mem", 128), reserved("disk", 1024))
    await accept(framework, offer, first, create(volume(512)), launch)
    await framework.update("t", "TASK_FINISHED")
    (pod,) = (await pool.client.list(scheme.PODS, "frameworks"))["items"]
    (container,) = pod["spec"]["containers"]
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert "/mnt/mesos/sandbox/data" in mounts
    # The volume is none of the node's scratch space, and what was reserved is cpu all the same.
    assert container["resources"]["requests"] == {"cpu": "500m", "memory": str(64 << 20)}
    await framework.call("REVIVE")
    while held(offer := (await framework.offers())[-1], "disk") < 1024:
        await framework.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0})
    disks = [r["disk"] for r in offer["resources"] if "disk" in r]
    assert [disk["persistence"]["id"] for disk in disks] == ["v1"]


async def test_reservations_and_volumes_survive_the_master(pool: Pool) -> None:
    framework, offer = await offered(pool)
    whole = amount(offer, "cpus")
    operations = [reserve(reserved("cpus", 1), reserved("disk", 1024)), create(volume(512))]
    operations[-1]["id"] = {"value": "made"}
    await accept(framework, offer, *operations)
    await framework.next("UPDATE_OPERATION_STATUS")  # it is on record by now
    await framework.close()
    await pool.stop_master()
    await pool.start_master()
    again = await pool.framework(**REFINED, name="again")
    (offer,) = await again.offers()
    assert (held(offer, "cpus"), amount(offer, "cpus")) == (1, whole)
    assert [r["scalar"]["value"] for r in offer["resources"] if "disk" in r] == [512]


async def test_volumes_grow_and_shrink_and_go(pool: Pool) -> None:
    framework, offer = await offered(pool)
    await accept(framework, offer, reserve(reserved("disk", 1024)), create(volume(512)))
    (offer,) = await framework.offers()
    grow = {
        "type": "GROW_VOLUME",
        "grow_volume": {"volume": volume(512), "addition": reserved("disk", 256)},
    }
    await accept(framework, offer, grow)
    (offer,) = await framework.offers()
    assert [r["scalar"]["value"] for r in offer["resources"] if "disk" in r] == [768]
    shrink = {
        "type": "SHRINK_VOLUME",
        "shrink_volume": {"volume": volume(768), "subtract": {"value": 700}},
    }
    await accept(framework, offer, shrink)
    (offer,) = await framework.offers()
    assert [r["scalar"]["value"] for r in offer["resources"] if "disk" in r] == [68]
    await accept(framework, offer, {"type": "DESTROY", "destroy": {"volumes": [volume(68)]}})
    (offer,) = await framework.offers()
    assert not [r for r in offer["resources"] if "disk" in r]
    assert held(offer, "disk") == 1024


async def test_the_agent_is_told_which_volumes_there_are(pool: Pool) -> None:
    """It removes the files of what is not there any more."""
    framework, offer = await offered(pool)
    made = create(volume(512), volume(256, "v2"), id={"value": "made"})
    await accept(framework, offer, reserve(reserved("disk", 1024)), made)
    await framework.next("UPDATE_OPERATION_STATUS")  # it is on record by now
    assert set((await listed(pool)).values()) == {"batch/v1", "batch/v2"}
    (offer,) = await framework.offers()
    gone = {"type": "DESTROY", "destroy": {"volumes": [volume(512)]}, "id": {"value": "gone"}}
    await accept(framework, offer, gone)
    await framework.next("UPDATE_OPERATION_STATUS")
    assert list((await listed(pool)).values()) == ["batch/v2"]


async def listed(pool: Pool) -> dict[str, str]:
    """Directory → what people call the volume."""
    node = await pool.client.get(scheme.NODES, "n1")
    names: dict[str, str] = json.loads(node["metadata"]["annotations"][marks.VOLUMES])
    return names


async def test_a_volume_made_anew_has_none_of_the_old_files(pool: Pool) -> None:
    """Destroyed and made in one ACCEPT, used in the same: a directory that nobody used before."""
    framework, offer = await offered(pool)
    first = task(offer, "t1", "exit 0", resources=[reserved("cpus", 0.5), volume(512)])
    operations = [reserve(reserved("disk", 1024), reserved("cpus", 1)), create(volume(512))]
    await accept(framework, offer, *operations, launching(first))
    await framework.update("t1", "TASK_FINISHED")
    (old,) = await directories(pool, "t1")
    await pool.stop_master()
    await pool.start_master()
    books = pool.master.ledger
    await pool.eventually(lambda: books.total and not books.usages)
    await framework.close()
    framework.events.clear()
    framework.url = pool.url
    await framework.subscribe()
    (offer,) = await framework.offers()
    again = task(offer, "t2", "exit 0", resources=[reserved("cpus", 0.5), volume(512)])
    gone = {"type": "DESTROY", "destroy": {"volumes": [volume(512)]}, "id": {"value": "gone"}}
    late = create(volume(1), id={"value": "late"})
    await accept(framework, offer, gone, create(volume(512)), late, launching(again))
    said = [(await framework.next("UPDATE_OPERATION_STATUS")) for _ in range(2)]
    states = {
        one["update_operation_status"]["status"]["operation_id"]["value"]:
        one["update_operation_status"]["status"]["state"]
        for one in said
    }  # fmt: skip
    assert states == {"gone": "OPERATION_FINISHED", "late": "OPERATION_ERROR"}
    await framework.update("t2", "TASK_FINISHED")
    (new,) = await directories(pool, "t2")
    assert new != old
    assert await listed(pool) == {new: "batch/v1"}
    await framework.close()


def launching(*infos: dict[str, Any]) -> dict[str, Any]:
    return {"type": "LAUNCH", "launch": {"task_infos": list(infos)}}


async def directories(pool: Pool, task_id: str) -> set[str]:
    """Of the persistent volumes of a task's pod."""
    pods = (await pool.client.list(scheme.PODS, "frameworks"))["items"]
    (pod,) = [one for one in pods if one["metadata"]["annotations"][marks.TASK_IDS] == task_id]
    paths = [one["hostPath"]["path"] for one in pod["spec"]["volumes"] if "hostPath" in one]
    return {path.removeprefix(f"{marks.PERSISTENT}/") for path in paths}


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (reserve(reserved("cpus", 1000)), "do not hold"),
        (reserve(scalar("cpus", 1)), "not dynamically reserved"),
        (
            reserve({**scalar("cpus", 1), "reservations": [{"type": "DYNAMIC", "role": "web"}]}),
            "role 'web'",
        ),
        (create({**volume(1), "reservations": []}), "unreserved"),
        (create(volume(1), volume(1)), "not unique"),
        (create(reserved("disk", 1)), "no persistent volume"),
        ({"type": "UNRESERVE", "unreserve": {"resources": [scalar("cpus", 1)]}}, "not dynamically"),
        ({"type": "DESTROY", "destroy": {"volumes": [reserved("disk", 1)]}}, "no persistent"),
        (
            {
                "type": "CREATE_DISK",
                "create_disk": {"source": scalar("disk", 1), "target_type": "MOUNT"},
            },
            "not managed by a resource provider",
        ),
        (
            {"type": "DESTROY_DISK", "destroy_disk": {"source": scalar("disk", 1)}},
            "not managed by a resource provider",
        ),
        (
            {
                "type": "DESTROY_DISK",
                "destroy_disk": {"source": {**scalar("disk", 1), "provider_id": {"value": "csi"}}},
            },
            "no resource provider 'csi'",
        ),
    ],
)
async def test_an_operation_that_cannot_be_is_an_error_with_its_id(
    pool: Pool, operation: dict[str, Any], said: str
) -> None:
    framework, offer = await offered(pool)
    await accept(framework, offer, {**operation, "id": {"value": "x"}})
    event = await framework.next("UPDATE_OPERATION_STATUS")
    status = event["update_operation_status"]["status"]
    assert (status["operation_id"], status["state"]) == ({"value": "x"}, "OPERATION_ERROR")
    assert said in status["message"]
    assert await framework.offers()  # what was offered is offered again


async def test_feedback_comes_until_it_is_acknowledged(pool: Pool) -> None:
    framework, offer = await offered(pool)
    await accept(framework, offer, reserve(reserved("cpus", 1), id={"value": "op"}))
    event = await framework.next("UPDATE_OPERATION_STATUS")
    status = event["update_operation_status"]["status"]
    assert status["state"] == "OPERATION_FINISHED"
    again = RawFramework(pool.http, pool.url, **framework.info)
    await again.subscribe()
    event = await again.next("UPDATE_OPERATION_STATUS")
    assert event["update_operation_status"]["status"] == status
    ids = {"operation_id": {"value": "op"}, "uuid": status["uuid"]["value"]}
    assert await again.call("ACKNOWLEDGE_OPERATION_STATUS", **ids) == 202
    await again.call("RECONCILE_OPERATIONS", operations=[{"operation_id": {"value": "op"}}])
    event = await again.next("UPDATE_OPERATION_STATUS")
    assert "uuid" not in event["update_operation_status"]["status"]
    await again.call("RECONCILE_OPERATIONS", operations=[{"operation_id": {"value": "never"}}])
    event = await again.next("UPDATE_OPERATION_STATUS")
    assert event["update_operation_status"]["status"]["state"] == "OPERATION_UNKNOWN"


async def test_operators_reserve_what_is_free_or_on_offer(pool: Pool) -> None:
    framework, offer = await offered(pool)
    body = {"agent_id": {"value": "n1"}, "resources": [reserved("cpus", 1)]}
    assert (await ask(pool, "RESERVE_RESOURCES", **body))[0] == 200
    assert (await framework.next("RESCIND"))["rescind"]["offer_id"] == offer["id"]
    (offer,) = await framework.offers()
    assert held(offer, "cpus") == 1
    body["resources"] = [reserved("cpus", 1000)]
    assert (await ask(pool, "RESERVE_RESOURCES", **body))[0] == 409
    body["resources"] = [reserved("cpus", 1)]
    assert (await ask(pool, "UNRESERVE_RESOURCES", **body))[0] == 200
    body["agent_id"] = {"value": "nowhere"}
    assert (await ask(pool, "UNRESERVE_RESOURCES", **body))[0] == 400


async def test_a_task_may_not_mix_in_what_it_was_not_offered(pool: Pool) -> None:
    framework, offer = await offered(pool)
    await framework.launch(offer, task(offer, "t", resources=[reserved("cpus", 1)]))
    status = await framework.update("t", "TASK_ERROR")
    assert "more resources" in status["message"]
