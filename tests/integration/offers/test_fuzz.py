"""Thousands of calls that are almost in order, against a master at work: none harms it or others.

Real calls are mutilated (values swapped, dropped, doubled, made monstrous), in JSON and protobuf,
with offers and tasks that exist. The answer is a code of the API's; the books still add up; the
master works on; another framework keeps its offer and its task. Raw bytes: `test_hostile`.
"""

import asyncio
import base64
import copy
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from apimachinery.mesos import binary, lenient
from apimachinery.mesos.schema import Malformed
from offers import resources
from tests.effort import examples
from tests.fakes.mesos import Json, RawFramework, ports, scalar, task
from tests.integration.offers.conftest import Pool

CASES = examples(600)
"""Of each test: about a second per 300."""
AT_ONCE = 4
UUID = base64.b64encode(bytes(range(16))).decode()
MONSTERS: tuple[Callable[[], Any], ...] = (
    lambda: None, lambda: True, lambda: 0, lambda: -1, lambda: 2**63, lambda: 2**70,
    lambda: 1e308, lambda: -0.0, lambda: 1e-9, lambda: "", lambda: "x" * 5000, lambda: "../..",
    lambda: "日本\u0000語", lambda: "true", lambda: "NaN", list, dict, lambda: [[[]]],
    lambda: {"value": {}}, lambda: {"value": "n1"}, lambda: ["*", "*"], lambda: "DEFAULT",
    lambda: "SCALAR", lambda: {"ranges": {"range": [{"begin": 9, "end": 2**64}]}},
)  # fmt: skip
ANSWERS = {200, 202, 400, 403, 404, 405, 409, 415, 501}


def mutilated(rng: random.Random, call: Any) -> Any:
    """The same with one to three changes somewhere inside."""
    made = copy.deepcopy(call)
    for _ in range(rng.randint(1, 3)):
        places = list(_places(made))
        if not places:
            return made
        parent, key = rng.choice(places)
        match rng.randrange(5):
            case 0:
                del parent[key]
            case 1:
                other, name = rng.choice(places)
                parent[key] = copy.deepcopy(other[name])
            case 2 if isinstance(parent, list):
                parent.extend(copy.deepcopy(parent[:20]))
            case 3 if isinstance(parent, dict):
                parent[rng.choice(("value", "type", "id", "resources", "role"))] = _monster(rng)
            case _:
                parent[key] = _monster(rng)
    return made


def _monster(rng: random.Random) -> Any:
    return rng.choice(MONSTERS)()


def _places(value: Any) -> Any:
    """(container, key) of everything inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in list(inner):
        yield value, key
        if isinstance(child, dict | list):
            yield from _places(child)


def calls(framework: RawFramework, offer: Json) -> list[Json]:
    """One of each kind, in order."""
    node, first = {"value": "n1"}, {"value": "one"}
    cpus = [scalar("cpus", 0.1), scalar("mem", 32)]
    mine = {**scalar("cpus", 0.1), "reservations": [{"type": "DYNAMIC", "role": "fuzz"}]}
    disk = {
        **scalar("disk", 8),
        "reservations": [{"role": "fuzz"}],
        "disk": {
            "persistence": {"id": "v"},
            "volume": {"mode": "RW", "container_path": "v"},
        },
    }
    rich = {
        "container": {"type": "DOCKER", "docker": {
            "image": "busybox", "network": "BRIDGE",
            "port_mappings": [{"host_port": 20001, "container_port": 80}],
            "parameters": [{"key": "a", "value": "b"}]}},
        "health_check": {"type": "HTTP", "http": {"port": 80, "path": "/"}},
        "kill_policy": {"grace_period": {"nanoseconds": 10**9}},
        "labels": {"labels": [{"key": "k", "value": "v"}]},
        "limits": {"mem": {"value": 64}},
        "max_completion_time": {"nanoseconds": 10**10},
    }  # fmt: skip
    executor = {"type": "DEFAULT", "executor_id": {"value": "e"}, "resources": cpus}
    custom = {"executor_id": {"value": "c"}, "command": {"value": "sleep"}}
    own = task(offer, "c", resources=cpus, executor=custom)
    del own["command"]
    operations: list[Json] = [
        {"type": "LAUNCH", "launch": {"task_infos": [
            task(offer, "one", resources=[*cpus, ports((20000, 20001))], **rich), own]}},
        {"type": "LAUNCH_GROUP", "launch_group": {
            "executor": executor,
            "task_group": {"tasks": [task(offer, "g1", resources=cpus), task(offer, "g2")]}}},
        {"type": "RESERVE", "id": {"value": "r"}, "reserve": {"resources": [mine]}},
        {"type": "UNRESERVE", "unreserve": {"resources": [mine]}},
        {"type": "CREATE", "create": {"volumes": [disk]}},
        {"type": "DESTROY", "destroy": {"volumes": [disk]}},
        {"type": "GROW_VOLUME", "grow_volume": {"volume": disk, "addition": scalar("disk", 1)}},
        {"type": "SHRINK_VOLUME", "shrink_volume": {"volume": disk, "subtract": {"value": 1}}},
        {"type": "CREATE_DISK", "create_disk": {"source": disk, "target_type": "RAW"}},
    ]  # fmt: skip
    filters = {"refuse_seconds": 0.1}
    bodies: dict[str, Json] = {
        "DECLINE": {"offer_ids": [offer["id"]], "filters": filters},
        "ACCEPT_INVERSE_OFFERS": {"inverse_offer_ids": [first], "filters": filters},
        "DECLINE_INVERSE_OFFERS": {"inverse_offer_ids": [first], "filters": filters},
        "REVIVE": {"roles": ["fuzz"]},
        "SUPPRESS": {"roles": ["fuzz"]},
        "KILL": {"task_id": first, "agent_id": node, "kill_policy": rich["kill_policy"]},
        "SHUTDOWN": {"executor_id": {"value": "c"}, "agent_id": node},
        "ACKNOWLEDGE": {"agent_id": node, "task_id": first, "uuid": UUID},
        "ACKNOWLEDGE_OPERATION_STATUS": {"agent_id": node, "uuid": UUID, "operation_id": first},
        "RECONCILE": {"tasks": [{"task_id": first, "agent_id": node}]},
        "RECONCILE_OPERATIONS": {"operations": [{"operation_id": first, "agent_id": node}]},
        "MESSAGE": {"agent_id": node, "executor_id": {"value": "c"}, "data": "AAEC"},
        "REQUEST": {"requests": [{"agent_id": node, "resources": cpus}]},
        "UPDATE_FRAMEWORK": {"framework_info": dict(framework.info), "suppressed_roles": ["fuzz"]},
    }
    found = [{"type": kind, kind.lower(): body} for kind, body in bodies.items()]
    found += [
        {"type": "ACCEPT", "accept": {"offer_ids": [offer["id"]], "operations": [one],
                                      "filters": filters}}
        for one in operations
    ]  # fmt: skip
    return [{**one, "framework_id": {"value": framework.id}} for one in found]


class Fuzzer:
    """A framework whose calls are not what they should be."""

    def __init__(self, pool: Pool, seed: int) -> None:
        self.pool, self.rng = pool, random.Random(seed)
        self.answers: dict[int, int] = {}

    async def subscribe(self) -> RawFramework:
        role = {"roles": ["fuzz"], "capabilities": [{"type": "MULTI_ROLE"}]}
        return await self.pool.framework(name="fuzz", failover_timeout=0.0, **role)

    async def run(self, count: int) -> None:
        framework = await self.subscribe()
        offer: Json = {"id": {"value": "none"}, "agent_id": {"value": "n1"}}
        for _ in range(count):
            if any(event["type"] in ("END", "ERROR") for event in framework.events):
                await framework.close()
                framework = await self.subscribe()
            for event in framework.events:
                if event["type"] == "OFFERS":
                    offer = event["offers"]["offers"][-1]
            framework.events.clear()
            await self.case(framework, self.rng.choice(calls(framework, offer)))
        await framework.close()

    async def case(self, framework: RawFramework, whole: Json) -> None:
        call = mutilated(self.rng, whole)
        body, kind = json.dumps(call).encode(), "application/json"
        if self.rng.random() < 0.4:
            try:
                body = binary.dumps(lenient.message(call, "Call"), "Call")
                kind = "application/x-protobuf"
            except (Malformed, ValueError, OverflowError):
                pass  # has no such form
        headers = {"Content-Type": kind, "Mesos-Stream-Id": framework.stream_id}
        async with self.pool.http.post(self.pool.url, data=body, headers=headers) as answer:
            assert answer.status in ANSWERS, (answer.status, json.dumps(call))
            self.answers[answer.status] = self.answers.get(answer.status, 0) + 1
            answer.close()  # a stream, if the call became a SUBSCRIBE


class Victim:
    """A framework that minds its own business."""

    def __init__(self, framework: RawFramework, offer: Json) -> None:
        self.framework, self.offer = framework, offer

    @classmethod
    async def settle(cls, pool: Pool) -> "Victim":
        """A task runs on one node, an offer of the other is in hand."""
        await pool.node("quiet1", cpu="2")
        framework = await pool.framework(name="victim", role="victim")
        (offer,) = await framework.offers()
        await framework.launch(offer, task(offer, "steady"), filters={"refuse_seconds": 10_000})
        await framework.update("steady", "TASK_RUNNING")
        await pool.node("quiet2", cpu="2")
        (offer,) = await framework.offers()
        return cls(framework, offer)

    async def unharmed(self, pool: Pool) -> None:
        assert {"ERROR", "END"}.isdisjoint(event["type"] for event in self.framework.events)
        assert pool.master.offer(self.framework.id, self.offer["id"]["value"]) is not None
        await self.framework.launch(self.offer, task(self.offer, "last", "exit 0"))
        await self.framework.update("last", "TASK_FINISHED")
        assert pool.side.tasks.tasks[self.framework.id, "steady"].state == "TASK_RUNNING"


def books_are_in_order(pool: Pool) -> None:
    for account in pool.master.ledger.accounts.values():
        held = resources.add(account.used, account.offered)
        assert resources.add(held, account.free) == dict(account.capacity)
        assert all(value >= 0 for value in account.free.values()), account
    assert pool._running is not None
    assert not pool._running.done()


@pytest.fixture
async def victim(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Victim:
    monkeypatch.setattr("offers.demand.HUNGER_S", 1e6)  # nobody's offer goes to the hungry
    monkeypatch.setattr("offers.master.OFFER_TIMEOUT_S", 1e6)
    pool.master._offer_timeout = 1e6
    return await Victim.settle(pool)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
async def test_calls_that_are_almost_in_order(pool: Pool, victim: Victim, seed: int) -> None:
    for name in ("n1", "n2"):
        await pool.node(name, cpu="64", memory="64Gi")
    fuzzers = [Fuzzer(pool, seed * 100 + number) for number in range(AT_ONCE)]
    await asyncio.gather(*(each.run(CASES // AT_ONCE) for each in fuzzers))
    books_are_in_order(pool)
    seen = {code for each in fuzzers for code in each.answers}
    assert {202, 400} <= seen
    await victim.unharmed(pool)


OPERATIONS: dict[str, Json] = {
    "UPDATE_WEIGHTS": {"weight_infos": [{"role": "a/b", "weight": 2.0}]},
    "UPDATE_QUOTA": {
        "force": True,
        "quota_configs": [{"role": "a", "guarantees": {}, "limits": {"cpus": {"value": 9}}}],
    },
    "SET_QUOTA": {"quota_request": {"role": "b", "guarantee": [scalar("cpus", 1)]}},
    "REMOVE_QUOTA": {"role": "b"},
    "UPDATE_MAINTENANCE_SCHEDULE": {"schedule": {"windows": [{
        "machine_ids": [{"hostname": "n9", "ip": "10.0.0.9"}],
        "unavailability": {"start": {"nanoseconds": 1}, "duration": {"nanoseconds": 9}}}]}},
    "START_MAINTENANCE": {"machines": [{"hostname": "n9"}]},
    "STOP_MAINTENANCE": {"machines": [{"hostname": "n9"}]},
    "RESERVE_RESOURCES": {"agent_id": {"value": "n9"}, "resources": [
        {**scalar("cpus", 1), "reservations": [{"type": "DYNAMIC", "role": "r"}]}]},
    "CREATE_VOLUMES": {"agent_id": {"value": "n9"}, "volumes": [{
        **scalar("disk", 8), "reservations": [{"role": "r"}],
        "disk": {"persistence": {"id": "v"}, "volume": {"mode": "RW", "container_path": "v"}}}]},
    "GROW_VOLUME": {"agent_id": {"value": "n9"}, "volume": scalar("disk", 1),
                    "addition": scalar("disk", 1)},
    "DRAIN_AGENT": {"agent_id": {"value": "n9"}, "max_grace_period": {"nanoseconds": 5},
                    "mark_gone": False},
    "DEACTIVATE_AGENT": {"agent_id": {"value": "n9"}},
    "REACTIVATE_AGENT": {"agent_id": {"value": "n9"}},
    "MARK_AGENT_GONE": {"agent_id": {"value": "gone"}},
    "SET_LOGGING_LEVEL": {"level": 0, "duration": {"nanoseconds": 1}},
    "TEARDOWN": {"framework_id": {"value": "nobody"}},
    "GET_METRICS": {"timeout": {"nanoseconds": 1}},
    "LIST_FILES": {"path": "/"},
}  # fmt: skip
FORMS = {
    ("POST", "/reserve"): "slaveId=n9&resources={}",
    ("POST", "/create-volumes"): "slaveId=n9&volumes={}",
    ("POST", "/teardown"): "frameworkId={}",
    ("PUT", "/weights"): "{}",
    ("POST", "/quota"): "{}",
    ("POST", "/machine/down"): "{}",
    ("POST", "/maintenance/schedule"): "{}",
    ("DELETE", "/quota/{}"): "",
    ("GET", "/tasks?limit={}&offset={}"): "",
    ("GET", "/frameworks?framework_id={}"): "",
}


@pytest.mark.timeout(300)
async def test_operators_calls_that_are_almost_in_order(pool: Pool, victim: Victim) -> None:
    await pool.node("n9", cpu="64", memory="64Gi")
    rng = random.Random(8)
    url = pool.url.removesuffix("/scheduler")
    for _ in range(CASES):
        kind, body = rng.choice(list(OPERATIONS.items()))
        call = mutilated(rng, {"type": kind, kind.lower(): body})
        async with pool.http.post(url, json=call) as answer:
            assert answer.status in ANSWERS, (answer.status, await answer.text(), call)
            answer.close()
    base = pool.url.removesuffix("/api/v1/scheduler")
    for _ in range(CASES // 4):
        (method, path), form = rng.choice(list(FORMS.items()))
        text = json.dumps(mutilated(rng, list(OPERATIONS.values())))[: rng.choice((9, 99, 9999))]
        where = base + path.replace("{}", rng.choice(("x", "-1", "a%2Fb", "1e9", "%00", "*")))
        sent = form.replace("{}", text)
        async with pool.http.request(method, where, data=sent) as answer:
            assert answer.status in ANSWERS, (answer.status, where, text)
    books_are_in_order(pool)
    await victim.unharmed(pool)
