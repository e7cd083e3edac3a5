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
    from rich.table import Table

LOOK_S = 1.0
PIPED_WIDTH = 140
"""Where there is no terminal to be too narrow."""
BAR = 10
"""Characters of the whole cluster."""
READ = {"cpu": "cpu", "memory": "", "nvidia.com/gpu": "gpu"}
"""What tables show of amounts, and how they call it: memory shows by its unit."""
SHORT = {"ephemeral-storage": "disk", "nvidia.com/gpu": "gpu"}
MI_MAX = 10 * 1024
"""From here on memory is said in Gi."""
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
class Member:
    """A framework that is not removed."""

    id: str
    name: str
    state: str
    roles: list[str]
    tasks: int
    used: dict[str, str]
    offers: int
    age: float
    """Seconds since it first subscribed."""


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
    age: float | None = None
    """Seconds, where it is known."""


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is shown."""

    roles: list[Share]
    frameworks: list[Member]
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

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, PIPED_WIDTH)
    console.print(render(picture))


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
    frameworks = (await client.list(scheme.FRAMEWORKS))["items"]
    pending = (await client.list(scheme.PODS, field_selector="status.phase=Pending"))["items"]
    now = datetime.now(UTC).timestamp()
    return Picture(
        sorted((_share(role) for role in roles), key=lambda one: one.role.split("/")),
        [_member(one, offers, now) for one in frameworks if not _status(one).get("removed")],
        sorted((_offer(one, now) for one in offers), key=lambda one: -one.age),
        [*_frameworks(roles), *_pods(pending, now)],
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


def _status(obj: JsonObject) -> JsonObject:
    return obj.get("status") or {}


def _member(obj: JsonObject, offers: Iterable[JsonObject], now: float) -> Member:
    spec, state = obj.get("spec") or {}, _status(obj)
    active = "active" if state.get("active") else "suppressed"
    mine = spec.get("id") or meta.name(obj)
    return Member(
        mine,
        spec.get("name") or mine,
        active if state.get("connected") else "disconnected",
        list(spec.get("roles") or ()),
        state.get("tasks") or 0,
        state.get("used") or {},
        sum(offer["spec"]["frameworkID"] == mine for offer in offers),
        _age(obj, now),
    )


def _age(obj: JsonObject, now: float) -> float:
    made = obj["metadata"].get("creationTimestamp")
    return max(0.0, now - meta.parse_time(made)) if made else 0.0


def _offer(offer: JsonObject, now: float) -> OnOffer:
    spec = offer["spec"]
    return OnOffer(
        meta.name(offer),
        spec.get("frameworkName") or spec["frameworkID"],
        spec["role"],
        spec["nodeName"],
        spec["resources"],
        _age(offer, now),
    )


def _frameworks(roles: Iterable[JsonObject]) -> list[Waiting]:
    found = []
    for role in roles:
        for line in (role.get("status") or {}).get("waiting") or ():
            who, _, why = line.partition(": ")
            found.append(Waiting(who, _path(role), why))
    return found


def _pods(pending: Iterable[JsonObject], now: float) -> list[Waiting]:
    """Pods that no node was found for yet."""
    found = []
    for pod in pending:
        if pod["spec"].get("nodeName"):
            continue
        conditions: list[Any] = (pod.get("status") or {}).get("conditions") or []
        said = [c.get("message") for c in conditions if c.get("type") == "PodScheduled"]
        who = f"pod {meta.namespace(pod)}/{meta.name(pod)}"
        why = next((text for text in said if text), "in the queue")
        found.append(Waiting(who, f"kubernetes/{meta.namespace(pod)}", why, _age(pod, now)))
    return found


# --- how it looks


def render(picture: Picture) -> "RenderableType":
    """A table of each kind; those that are empty are left out."""
    from rich.console import Group

    tables = (_roles(picture), _members(picture), _offers(picture), _waiting(picture))
    return Group(*(table for table in tables if table.row_count))


def _table(title: str, *columns: str, wide: str = "") -> "Table":
    """One whose columns keep to one line, but for `wide`."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        made.add_column(name, no_wrap=name != wide)
    return made


def _roles(picture: Picture) -> "Table":
    """A role stands indented below the one that it is part of."""
    table = _table("Roles", "role", "share", "", "of", "used", "offered", "rules")
    shown = {one.role for one in picture.roles}
    for one in picture.roles[:ROWS_MAX]:
        above, _, name = one.role.rpartition("/")
        label = "  " * one.role.count("/") + name if above in shown else one.role
        table.add_row(
            label, f"{one.share:.1%}", bar(one.share), SHORT.get(one.dominant, one.dominant),
            amounts(one.used), amounts(one.offered), rules(one),
        )  # fmt: skip
    return table


def _members(picture: Picture) -> "Table":
    table = _table("Frameworks", "framework", "state", "roles", "tasks", "used", "offers", "age")
    for one in picture.frameworks[:ROWS_MAX]:
        table.add_row(
            one.name, one.state, ",".join(one.roles), str(one.tasks), amounts(one.used),
            str(one.offers), age(one.age),
        )  # fmt: skip
    return table


def _offers(picture: Picture) -> "Table":
    table = _table("Offers", "framework", "role", "node", "resources", "age")
    for one in picture.offers[:ROWS_MAX]:
        table.add_row(one.framework, one.role, one.node, amounts(one.resources), age(one.age))
    return table


def _waiting(picture: Picture) -> "Table":
    table = _table("Waiting", "who", "role", "for", "why", wide="why")
    for one in picture.waiting[:ROWS_MAX]:
        table.add_row(one.who, one.role, "" if one.age is None else age(one.age), one.why)
    return table


def bar(share: float) -> str:
    """A share of the cluster as a bar; what weight makes larger than all of it is cut."""
    eighths = round(min(max(share, 0.0), 1.0) * BAR * 8)
    rest = eighths % 8
    return "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[rest] if rest else "")


def amounts(vector: dict[str, str]) -> str:
    """`2 cpu 4Gi`: what matters to people; `-o json` has all."""
    said = [(larger(vector[name]), word) for name, word in READ.items() if name in vector]
    return " ".join(f"{amount} {word}".rstrip() for amount, word in said)


def larger(quantity: str) -> str:
    """`32256Mi` is `31.5Gi` to people."""
    number = quantity.removesuffix("Mi")
    if number == quantity or not number.isdigit() or int(number) < MI_MAX:
        return quantity
    return f"{int(number) / 1024:.1f}".removesuffix(".0") + "Gi"


def rules(one: Share) -> str:
    """A role's weight, what is kept for it, and what it may have at most."""
    weight = "" if one.weight == "1" else one.weight
    said = (("×", weight), ("≥", amounts(one.guarantees)), ("≤", amounts(one.limits)))
    return "  ".join(f"{sign}{text}" for sign, text in said if text)


def age(seconds: float) -> str:
    """As kubectl says it, roughly."""
    for size, unit in ((86400, "d"), (3600, "h"), (120, "m")):
        if seconds >= size:
            return f"{seconds // (60 if unit == 'm' else size):.0f}{unit}"
    return f"{seconds:.0f}s"
