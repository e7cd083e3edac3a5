"""What the drawn tests of the offer API share: calls in order, made wrong; a framework to be spared."""

import base64
import copy
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from apimachinery import scheme
from offers import resources
from tests.fakes.mesos import Json, RawFramework, ports, scalar, task

if TYPE_CHECKING:
    from tests.integration.offers.conftest import Pool

UUID = base64.b64encode(bytes(range(16))).decode()
MONSTERS: tuple[Callable[[], Any], ...] = (
    lambda: None, lambda: True, lambda: 0, lambda: -1, lambda: 2**63, lambda: 2**70,
    lambda: 1e308, lambda: -0.0, lambda: 1e-9, lambda: "", lambda: "x" * 5000, lambda: "../..",
    lambda: "日本\u0000語", lambda: "true", lambda: "NaN", list, dict, lambda: [[[]]],
    lambda: {"value": {}}, lambda: {"value": "n1"}, lambda: ["*", "*"], lambda: "DEFAULT",
    lambda: "SCALAR", lambda: {"ranges": {"range": [{"begin": 9, "end": 2**64}]}},
)  # fmt: skip


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


class Victim:
    """A framework that minds its own business."""

    def __init__(self, framework: RawFramework, offer: Json) -> None:
        self.framework, self.offer = framework, offer

    @classmethod
    async def settle(cls, pool: "Pool") -> "Victim":
        """A task runs on one node, an offer of the other is in hand."""
        # Whatever quota others are given, what it has is its own.
        spec = {"guarantees": {"cpu": "4", "memory": "16Gi"}}
        await pool.client.create(scheme.OFFER_ROLES, {"metadata": {"name": "victim"}, "spec": spec})
        await pool.eventually(lambda: pool.master.ledger.roles.role("victim").guarantee)
        await pool.node("quiet1", cpu="2")
        framework = await pool.framework(name="victim", role="victim")
        (offer,) = await framework.offers()
        await framework.launch(offer, task(offer, "steady"), filters={"refuse_seconds": 10_000})
        await framework.update("steady", "TASK_RUNNING")
        await pool.node("quiet2", cpu="2")
        (offer,) = await framework.offers()
        return cls(framework, offer)

    async def unharmed(self, pool: "Pool") -> None:
        assert {"ERROR", "END"}.isdisjoint(event["type"] for event in self.framework.events)
        for event in self.framework.events:
            # A quota that was set may have taken the offer back; it is there again, if smaller.
            for offer in event.get("offers", {}).get("offers", ()):
                if offer["agent_id"] == self.offer["agent_id"]:
                    self.offer = offer
        assert pool.master.offer(self.framework.id, self.offer["id"]["value"]) is not None
        await self.framework.launch(self.offer, task(self.offer, "last", "exit 0"))
        await self.framework.update("last", "TASK_FINISHED")
        assert pool.side.tasks.tasks[self.framework.id, "steady"].state == "TASK_RUNNING"


def books_are_in_order(pool: "Pool") -> None:
    for account in pool.master.ledger.accounts.values():
        held = resources.add(account.used, account.offered)
        assert resources.add(held, account.free) == dict(account.capacity)
        assert all(value >= 0 for value in account.free.values()), account
    assert pool._running is not None
    assert not pool._running.done()
