"""Thousands of calls that are almost in order, against a master at work: none harms it or others.

Real calls are mutilated (values swapped, dropped, doubled, made monstrous), in JSON and protobuf,
with offers and tasks that exist. The answer is a code of the API's; the books still add up; the
master works on; another framework keeps its offer and its task. Raw bytes: `test_hostile`.
"""

import asyncio
import json
import random

import pytest

from apimachinery.mesos import binary, lenient
from apimachinery.mesos.schema import Malformed
from tests.effort import examples
from tests.fakes.mesos import Json, RawFramework, scalar
from tests.integration.offers.conftest import Pool
from tests.integration.offers.fuzzing import Victim, books_are_in_order, calls, mutilated

CASES = examples(600)
"""Of each test: about a second per 300."""
AT_ONCE = 4
ANSWERS = {200, 202, 400, 403, 404, 405, 409, 415, 501}


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
