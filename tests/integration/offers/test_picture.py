"""`bireme offers`: the picture is what the API says, and can be read."""

import asyncio
import io
from collections.abc import Callable

import pytest
from rich.console import Console

from apimachinery import scheme
from bireme.cli.offers import Picture, bar, look, render
from offers import rolekeeper
from offers.live import RESOURCE, LiveOffers
from tests.integration.offers.conftest import Pool


async def picture(pool: Pool, wanted: str) -> Picture:
    """As soon as it names what is waited for."""
    async with asyncio.timeout(30):
        while True:
            found = await look(pool.client)
            if any(wanted in one.who for one in found.waiting):
                return found
            await asyncio.sleep(0.1)


async def test_shares_offers_and_who_waits_and_why(pool: Pool) -> None:
    pool.server.core.live[RESOURCE] = LiveOffers(pool.master)
    await pool.node("n1", cpu="4", memory="8Gi")
    holder = await pool.framework(name="holder", role="batch")
    await holder.offers()
    await pool.framework(name="late", role="team/night")
    container = {"name": "c", "image": "busybox", "resources": {"requests": {"cpu": "99"}}}
    spec = {"containers": [container], "automountServiceAccountToken": False}
    pod = {"metadata": {"name": "big"}, "spec": spec}
    pool.nodes.paused.clear()  # they would run whatever pod they see
    await pool.client.create(scheme.PODS, pod, "frameworks")
    found = await picture(pool, "late")
    shares = {one.role: one.share for one in found.roles}
    assert shares["batch"] == 1.0
    assert shares["team/night"] == 0.0
    (offer,) = found.offers
    assert (offer.framework, offer.role, offer.node) == ("holder", "batch", "n1")
    assert offer.resources["cpu"] == "4"
    why = {one.who: one.why for one in found.waiting}
    assert why["late"] == "0 of 1 nodes: 1 on offer to others"
    assert why["pod frameworks/big"] == "in the queue"
    said = io.StringIO()
    Console(width=160, file=said).print(render(found))
    text = said.getvalue()
    pool.nodes.paused.set()
    assert "█" * 10 in text
    assert all(word in text for word in ("holder", "late", "n1", "on offer to others"))


def test_bars() -> None:
    assert bar(0.0) == ""
    assert bar(1.0) == "█" * 10
    assert bar(7.0) == "█" * 10
    assert bar(0.5) == "█" * 5
    assert bar(0.05) == "▌"


async def test_roles_go_with_the_last_that_is_theirs_unless_something_is_set(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolekeeper, "LOOK_S", 0.05)
    await pool.node("n1")
    await pool.client.create(scheme.OFFER_ROLES, {"metadata": {"name": "own"}, "spec": {}})
    leaving = [await pool.framework(name=name, role=name) for name in ("batch/x", "weighed", "own")]
    staying = await pool.framework(name="stays", role="stays")
    everything = {"batch.x", "weighed", "own", "stays"}
    await roles(pool, lambda names: everything <= names)
    await pool.client.patch(scheme.OFFER_ROLES, "weighed", {"spec": {"weight": "2"}})
    for framework in leaving:
        await framework.call("TEARDOWN")
    await roles(pool, lambda names: names == {"weighed", "own", "stays"})
    await pool.eventually(lambda: pool.master.ledger.roles.find("batch") is None)
    assert await staying.call("REVIVE") == 202


async def roles(pool: Pool, wanted: Callable[[set[str]], bool]) -> None:
    """Until the objects of roles are those."""
    async with asyncio.timeout(30):
        while True:
            listed = await pool.client.list(scheme.OFFER_ROLES)
            if wanted({obj["metadata"]["name"] for obj in listed["items"]}):
                return
            await asyncio.sleep(0.05)
