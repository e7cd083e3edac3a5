"""What an app's instances need now: how many to launch, which to kill, whether it is done. Pure.

While versions change, at least `min_healthy` instances do their work and there are never more than
`max_instances`. Where the two leave no room at all (1 and 0, say) one more instance is allowed,
else nothing would ever move. Neighbours: `planner` asks for each app, `deployment` names the kinds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from frameworks.marathon.deployment import Kind
from frameworks.marathon.instance import Instance
from frameworks.marathon.spec import App

DUST = 1e-9
"""0.7 * 10 is a little less than 7, and 0.35 * 20 more: neither changes what was meant."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which a roll has to stay."""

    min_healthy: int
    max_instances: int


@dataclass(frozen=True, slots=True)
class Need:
    """What is to be done now."""

    launch: int = 0
    kill: tuple[str, ...] = ()
    """Task ids."""
    done: bool = False


def bounds(app: App) -> Bounds:
    """From the upgrade strategy."""
    n, strategy = app.instances, app.upgrade_strategy
    low = math.ceil(n * strategy.minimum_health_capacity - DUST)
    high = math.floor(n * (1 + strategy.maximum_over_capacity) + DUST)
    return Bounds(low, high + 1 if n and low == high else high)


def need(kind: Kind, app: App, instances: Sequence[Instance], now: float) -> Need:
    """What one action of a deployment needs."""
    match kind:
        case Kind.START:
            return Need(done=True)
        case Kind.STOP:
            return stop(instances)
        case Kind.SCALE:
            return scale(app, instances, now)
        case Kind.RESTART:
            return restart(app, instances, now)


def stop(instances: Sequence[Instance]) -> Need:
    """All of them go."""
    going = tuple(one.task_id for one in instances if not one.leaving)
    return Need(kill=going, done=not instances)


def scale(app: App, instances: Sequence[Instance], now: float) -> Need:
    """As many as the app wants, of whatever configuration."""
    active = [one for one in instances if not one.leaving and not one.inactive(app, now)]
    surplus = victims(app, active)[: max(0, len(active) - app.instances)]
    up = sum(one.up(app) for one in active)
    return Need(
        launch=max(0, app.instances - len(active)),
        kill=tuple(one.task_id for one in surplus),
        done=up == len(active) == app.instances and not any(one.leaving for one in instances),
    )


def restart(app: App, instances: Sequence[Instance], now: float) -> Need:
    """Those of an older configuration make way for new ones, within bounds."""
    limit = bounds(app)
    staying = [one for one in instances if not one.leaving and not one.inactive(app, now)]
    fresh = [one for one in staying if one.config == app.config]
    old = [one for one in staying if one.config != app.config]
    surplus = victims(app, fresh)[: max(0, len(fresh) - app.instances)]
    kept = [one for one in fresh if one not in surplus]
    up = sum(one.up(app) for one in kept)
    # Old instances count by the old rules of health, which are not known any more: if they have
    # been found ill they are ill, whatever checks there are now.
    useless = [one for one in old if not _works(one)]
    useful = [one for one in victims(app, old) if _works(one)]
    spare = max(0, up + len(useful) - limit.min_healthy)
    kill = [*surplus, *useless, *useful[:spare]]
    launch = min(app.instances - len(kept), limit.max_instances - len(instances))
    return Need(
        launch=max(0, launch),
        kill=tuple(one.task_id for one in kill),
        done=up == len(fresh) == app.instances and len(instances) == len(fresh),
    )


def _works(instance: Instance) -> bool:
    return instance.running and not any(result.alive is False for result in instance.health)


def victims(app: App, instances: Sequence[Instance]) -> list[Instance]:
    """In the order in which they go: those that do no work first, then by the app's choice."""
    youngest = app.kill_selection == "YOUNGEST_FIRST"

    def order(one: Instance) -> tuple[int, float, str]:
        rank = 2 if one.healthy(app) else 1 if one.running else 0
        return rank, -one.staged_at if youngest else one.staged_at, one.task_id

    return sorted(instances, key=order)
