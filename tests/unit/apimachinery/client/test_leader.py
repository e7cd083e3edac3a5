"""Election: one leads, epochs grow, a lost term ends in time."""

import asyncio
import contextlib

import orjson
import pytest

from apimachinery import status, wire
from apimachinery.aio import clock, tasks
from apimachinery.client import leader, rest, transport

pytestmark = pytest.mark.looptime

NAME = {"name": "boss", "namespace": "kube-system"}


class LeaseServer:
    """One Lease with compare-and-swap, which can be cut off."""

    def __init__(self) -> None:
        self.lease: wire.JsonObject | None = None
        self.version = 0
        self.cut: set[str] = set()

    def client(self, who: str) -> rest.Client:
        async def handle(request: wire.Request) -> wire.Response:
            if who in self.cut:
                raise transport.Unreachable("cut")
            return self.answer(request)

        return rest.Client(transport.DirectTransport(handle, wire.UserInfo(who)))

    def answer(self, request: wire.Request) -> wire.Response:
        if request.method == "GET" and self.lease is None:
            error = status.not_found("leases", "boss")
            return wire.Response(404, {}, orjson.dumps(error.to_status()))
        if request.method != "GET":
            new = orjson.loads(request.body)
            seen = new["metadata"].get("resourceVersion", "")
            if seen != (str(self.version) if self.lease else ""):
                error = status.conflict("leases", "boss", "changed")
                return wire.Response(409, {}, orjson.dumps(error.to_status()))
            self.version += 1
            new["metadata"]["resourceVersion"] = str(self.version)
            self.lease = new
        return wire.Response(200, {}, orjson.dumps(self.lease))


class Candidate:
    def __init__(self, server: LeaseServer, name: str) -> None:
        self.terms: list[int] = []
        self.leads = False
        self.elector = leader.LeaderElector(
            server.client(name),
            namespace="kube-system",
            name="boss",
            identity=name,
            clock=clock.LoopClock(),
        )
        self.task = asyncio.create_task(self.elector.run(self.lead))

    async def lead(self, epoch: int) -> None:
        self.terms.append(epoch)
        self.leads = True
        try:
            await asyncio.Event().wait()
        finally:
            self.leads = False


@pytest.fixture
async def campaign():
    server = LeaseServer()
    candidates: list[Candidate] = []

    def start(name: str) -> Candidate:
        candidates.append(Candidate(server, name))
        return candidates[-1]

    yield server, start
    for candidate in candidates:
        with contextlib.suppress(asyncio.CancelledError):
            await tasks.stop(candidate.task)


async def test_the_first_leads_and_the_second_waits(campaign) -> None:
    _, start = campaign
    first = start("a")
    await asyncio.sleep(1)
    second = start("b")
    await asyncio.sleep(100)
    assert (first.leads, second.leads) == (True, False)


async def test_a_leader_that_stops_hands_over_at_once(campaign) -> None:
    _, start = campaign
    first = start("a")
    await asyncio.sleep(1)
    second = start("b")
    await asyncio.sleep(20)
    await tasks.stop(first.task)
    await asyncio.sleep(leader.Timing().retry + 0.1)
    assert second.leads


async def test_epochs_grow_with_each_term(campaign) -> None:
    _, start = campaign
    first = start("a")
    await asyncio.sleep(1)
    await tasks.stop(first.task)
    second = start("b")
    await asyncio.sleep(5)
    assert first.terms + second.terms == [0, 1]


async def test_never_two_lead_when_the_leader_is_cut_off(campaign) -> None:
    server, start = campaign
    first = start("a")
    await asyncio.sleep(1)
    second = start("b")
    await asyncio.sleep(1)
    server.cut.add("a")
    changes = []
    for _ in range(400):
        await asyncio.sleep(0.1)
        assert not (first.leads and second.leads)
        changes.append((first.leads, second.leads))
    assert changes[-1] == (False, True)


async def test_an_error_of_the_work_ends_the_campaign(campaign) -> None:
    server, _ = campaign

    async def broken(epoch: int) -> None:
        raise RuntimeError("bug")

    elector = leader.LeaderElector(
        server.client("a"),
        namespace="kube-system",
        name="boss",
        identity="a",
        clock=clock.LoopClock(),
    )
    with pytest.raises(RuntimeError, match="bug"):
        await elector.run(broken)
    assert "holderIdentity" not in server.lease["spec"]


def test_timing_refuses_a_deadline_beyond_the_duration() -> None:
    with pytest.raises(ValueError, match="retry < renew_deadline"):
        leader.Timing(duration=5, renew_deadline=10)
