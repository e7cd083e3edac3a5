"""What is to be done now, from all that is known. Pure.

An app that a deployment is about to touch is left alone, one that it touches now follows the
action, all others are kept at their number. Neighbours: `engine` does what is decided and asks
again whenever anything has changed, or when `wake` has come.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from frameworks.marathon import rolling
from frameworks.marathon.deployment import Deployment
from frameworks.marathon.instance import STAGED, Instance
from frameworks.marathon.rolling import Need
from frameworks.marathon.spec import App

LAUNCH_TIMEOUT_S = 300.0
"""A task that is staging for so long will never run."""


@dataclass(slots=True)
class Decision:
    """What to do; the lists are in order."""

    launch: dict[str, int] = field(default_factory=dict)
    """How many instances each app lacks."""
    kill: list[str] = field(default_factory=list)
    """Tasks whose end is to be asked for."""
    overdue: list[str] = field(default_factory=list)
    """Those of them that never came to run."""
    expunge: list[str] = field(default_factory=list)
    """Tasks out of sight that are to be forgotten."""
    stepped: list[str] = field(default_factory=list)
    """Deployments whose current step is done."""
    wake: float | None = None
    """When to look again though nothing has happened."""


def decide(
    apps: Mapping[str, App],
    deployments: Iterable[Deployment],
    instances: Iterable[Instance],
    now: float,
) -> Decision:
    """Everything that can be done now."""
    made = Decision()
    mine: defaultdict[str, list[Instance]] = defaultdict(list)
    for one in instances:
        app = apps.get(one.app_id)
        if app is not None and one.expunged(app, now):
            made.expunge.append(one.task_id)
        else:
            mine[one.app_id].append(one)
    touched = _deployments(made, apps, list(deployments), mine, now)
    for app_id, app in apps.items():
        if app_id not in touched:
            _apply(made, app_id, rolling.scale(app, mine[app_id], now))
    for app_id in mine.keys() - apps.keys() - touched:
        _apply(made, app_id, rolling.stop(mine[app_id]))
    _overdue(made, mine, now)
    made.wake = min(_deadlines(apps, mine, now), default=None)
    return made


def _deployments(
    made: Decision,
    apps: Mapping[str, App],
    deployments: Sequence[Deployment],
    mine: Mapping[str, list[Instance]],
    now: float,
) -> set[str]:
    """Let the deployments' current actions have their way; the apps that they have a hand on."""
    touched: set[str] = set()
    for deployment in deployments:
        done = True
        touched |= {one for one in deployment.affected if deployment.pending(one)}
        for action in deployment.actions:
            app_id = action.app_id
            app = apps.get(app_id) or deployment.original.get(app_id)
            if app is None:
                continue
            wanted = rolling.need(action.kind, app, mine.get(app_id, []), now)
            _apply(made, app_id, wanted)
            touched.add(app_id)
            done = done and wanted.done
        if done:
            made.stepped.append(deployment.id)
    return touched


def _apply(made: Decision, app_id: str, wanted: Need) -> None:
    if wanted.launch:
        made.launch[app_id] = wanted.launch
    made.kill += wanted.kill


def _overdue(made: Decision, mine: Mapping[str, list[Instance]], now: float) -> None:
    asked = set(made.kill)
    for instances in mine.values():
        for one in instances:
            late = now >= one.staged_at + LAUNCH_TIMEOUT_S
            if one.state in STAGED and late and not one.leaving and one.task_id not in asked:
                made.kill.append(one.task_id)
                made.overdue.append(one.task_id)


def _deadlines(
    apps: Mapping[str, App], mine: Mapping[str, list[Instance]], now: float
) -> Iterable[float]:
    """When time alone will change the answer."""
    for app_id, instances in mine.items():
        app = apps.get(app_id)
        strategy = "disabled" if app is None else app.unreachable_strategy
        for one in instances:
            if one.state in STAGED and not one.leaving:
                yield one.staged_at + LAUNCH_TIMEOUT_S
            if one.unreachable_at is None or strategy == "disabled":
                continue
            for after in (strategy.inactive_after_seconds, strategy.expunge_after_seconds):
                if one.unreachable_at + after > now:
                    yield one.unreachable_at + after
