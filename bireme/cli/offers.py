"""`bireme offers`: who has which share of the cluster, what is on offer, who waits for what and why.

A picture of what the API shows as Roles, Frameworks, Offers and pending Pods; anybody can read the
same with kubectl. On a terminal it goes on until interrupted; elsewhere it is printed once.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apimachinery import meta, scheme, status
from apimachinery.client import kubeconfig as kubeconfigs
from apimachinery.client.rest import Client
from apimachinery.client.transport import HttpTransport
from apimachinery.wire import JsonObject
from bireme.cli import paths, runner
from bireme.cli.errors import CommandError

if TYPE_CHECKING:
    from rich.console import RenderableType

LOOK_S = 1.0
BAR = 10
"""Characters of the whole cluster."""
ROWS_MAX = 30
"""Of one table on a terminal; `-o json` has all."""


@dataclass(frozen=True, slots=True)
class Share:
    """A role's part of the cluster."""

    role: str
    share: float
    """By weight, as it is compared."""
    dominant: str
    weight: str
    used: dict[str, str] = field(default_factory=dict)
    offered: dict[str, str] = field(default_factory=dict)
    guarantees: dict[str, str] = field(default_factory=dict)
    limits: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OnOffer:
    """One offer."""

    id: str
    framework: str
    role: str
    node: str
    resources: dict[str, str]
    age: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who wants resources and has none, and why."""

    who: str
    role: str
    why: str


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is shown."""

    roles: list[Share]
    offers: list[OnOffer]
    waiting: list[Waiting]


def run(data_dir: Path | None, *, once: bool, output: str) -> None:
    """Show the picture until interrupted, or once."""
    if output not in ("table", "json"):
        raise CommandError(f"-o {output}: table or json")
    dirs = paths.data_dir(data_dir)
    if not dirs.kubeconfig.exists():
        raise CommandError(f"there is no cluster in {dirs.root}: start one with `bireme up`")
    live = not once and output == "table" and sys.stdout.isatty()

    async def main() -> None:
        client = Client(HttpTransport(kubeconfigs.load(dirs.kubeconfig)))
        try:
            await (_follow(client) if live else _print(client, output))
        finally:
            await client.close()

    try:
        runner.run(main)
    except status.ApiError as error:
        raise CommandError(f"the API does not answer: {error.message}") from error


async def _print(client: Client, output: str) -> None:
    picture = await look(client)
    if output == "json":
        print(json.dumps(asdict(picture), indent=2))
        return
    from rich.console import Console

    Console().print(render(picture))


async def _follow(client: Client) -> None:
    from rich.live import Live

    with contextlib.suppress(KeyboardInterrupt), Live(screen=True, auto_refresh=False) as shown:
        while True:
            shown.update(render(await look(client)), refresh=True)
            await asyncio.sleep(LOOK_S)


async def look(client: Client) -> Picture:
    """What the API shows now."""
    roles = (await client.list(scheme.OFFER_ROLES))["items"]
    offers = (await client.list(scheme.OFFERS))["items"]
    pending = (await client.list(scheme.PODS, field_selector="status.phase=Pending"))["items"]
    now = datetime.now(UTC).timestamp()
    return Picture(
        sorted((_share(role) for role in roles), key=lambda one: one.role),
        sorted((_offer(one, now) for one in offers), key=lambda one: -one.age),
        [*_frameworks(roles), *_pods(pending)],
    )


def _path(role: JsonObject) -> str:
    return str(role["spec"].get("path") or meta.name(role).replace(".", "/"))


def _share(role: JsonObject) -> Share:
    spec, state = role.get("spec") or {}, role.get("status") or {}
    return Share(
        _path(role),
        float(state.get("share") or 0),
        state.get("dominantResource") or "",
        str(spec.get("weight") or "1"),
        state.get("used") or {},
        state.get("offered") or {},
        spec.get("guarantees") or {},
        spec.get("limits") or {},
    )


def _offer(offer: JsonObject, now: float) -> OnOffer:
    spec = offer["spec"]
    made = offer["metadata"].get("creationTimestamp")
    return OnOffer(
        meta.name(offer),
        spec.get("frameworkName") or spec["frameworkID"],
        spec["role"],
        spec["nodeName"],
        spec["resources"],
        max(0.0, now - meta.parse_time(made)) if made else 0.0,
    )


def _frameworks(roles: Iterable[JsonObject]) -> list[Waiting]:
    found = []
    for role in roles:
        for line in (role.get("status") or {}).get("waiting") or ():
            who, _, why = line.partition(": ")
            found.append(Waiting(who, _path(role), why))
    return found


def _pods(pending: Iterable[JsonObject]) -> list[Waiting]:
    """Pods that no node was found for yet."""
    found = []
    for pod in pending:
        if pod["spec"].get("nodeName"):
            continue
        conditions: list[Any] = (pod.get("status") or {}).get("conditions") or []
        said = [c.get("message") for c in conditions if c.get("type") == "PodScheduled"]
        who = f"pod {meta.namespace(pod)}/{meta.name(pod)}"
        why = next((text for text in said if text), "in the queue")
        found.append(Waiting(who, f"kubernetes/{meta.namespace(pod)}", why))
    return found


# --- how it looks


def render(picture: Picture) -> "RenderableType":
    """Three tables."""
    from rich.console import Group
    from rich.table import Table

    shares = Table("role", "share", "", "dominant", "weight", "used", "offered", title="Roles")
    shares.columns[2].no_wrap = True
    for one in picture.roles[:ROWS_MAX]:
        shares.add_row(
            one.role, f"{one.share:.1%}", bar(one.share), one.dominant, one.weight,
            amounts(one.used), amounts(one.offered),
        )  # fmt: skip
    offers = Table("framework", "role", "node", "resources", "age", title="Offers")
    for offer in picture.offers[:ROWS_MAX]:
        offers.add_row(
            offer.framework, offer.role, offer.node, amounts(offer.resources), f"{offer.age:.0f}s"
        )
    waiting = Table("who", "role", "why", title="Waiting")
    for each in picture.waiting[:ROWS_MAX]:
        waiting.add_row(each.who, each.role, each.why)
    shown: list[RenderableType] = [shares]
    shown += [table for table in (offers, waiting) if table.row_count]
    return Group(*shown)


def bar(share: float) -> str:
    """A share of the cluster as a bar; what weight makes larger than all of it is cut."""
    eighths = round(min(max(share, 0.0), 1.0) * BAR * 8)
    rest = eighths % 8
    return "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[rest] if rest else "")


def amounts(vector: dict[str, str]) -> str:
    """`cpu=2 memory=4Gi …`, those that matter first."""
    first = [name for name in ("cpu", "memory") if name in vector]
    return " ".join(
        f"{name}={vector[name]}" for name in (*first, *sorted(set(vector) - set(first)))
    )
