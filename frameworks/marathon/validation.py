"""The rules that an app's shape does not say. Pure.

Neighbours: `spec` has checked types and ranges, `update` calls this; what depends on other apps is
in `deployment`.
"""

from collections.abc import Callable, Iterator

import re2

from frameworks.marathon import constraints, paths
from frameworks.marathon.spec import BY_EXECUTOR, HOST, App

NUMERIC = ("GROUP_BY", "MAX_PER")
NO_COMMAND = "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."
"""Marathon's own sentence, which tools look for: with both, and with nothing to run."""
Problem = tuple[str, str]


def problems(app: App) -> dict[str, list[str]]:
    """Sentences by path; empty if all is in order."""
    found: dict[str, list[str]] = {}
    for rule in RULES if app.pod is None else POD_RULES:
        for path, sentence in rule(app):
            found.setdefault(path, []).append(sentence)
    return found


def _names(app: App) -> Iterator[Problem]:
    if problem := paths.problem(app.id):
        yield "/id", problem
    for i, one in enumerate(app.dependencies):
        if one == app.id:
            yield f"/dependencies({i})", "an app can't depend on itself"
        elif problem := paths.problem(one):
            yield f"/dependencies({i})", problem


def _command(app: App) -> Iterator[Problem]:
    image = app.container is not None and app.container.docker is not None
    both = app.cmd is not None and app.args is not None
    if both or not (app.cmd or app.args or image):
        yield "/", NO_COMMAND
    if app.container is not None and app.container.type == "DOCKER" and not image:
        yield "/container/docker", "must be given for a container of type DOCKER"
    for name, value in app.env.items():
        if not isinstance(value, str):
            yield f"/env({name})", "secrets are not supported: give the value as text"


def _volumes(app: App) -> Iterator[Problem]:
    for i, volume in enumerate(app.container.volumes if app.container is not None else ()):
        where = f"/container/volumes({i})"
        if volume.persistent is not None or volume.external is not None:
            yield where, "persistent and external volumes are not supported: use hostPath"
        elif not volume.host_path:
            yield f"{where}/hostPath", "must not be empty"


def _networks(app: App) -> Iterator[Problem]:
    modes = {network.mode for network in app.networks}
    if len(modes) > 1:
        yield "/networks", "networks must be of one mode"
    mapped = app.container is not None and app.container.port_mappings
    if HOST in modes and mapped:
        yield (
            "/container/portMappings",
            "only containers in a network of their own have port mappings",
        )
    names = [one.name for one in app.port_definitions if one.name]
    names += [one.name for one in app.mappings if one.name]
    if len(names) != len(set(names)):
        yield "/portDefinitions", "port names must be unique"
    ports = [one.port for one in app.port_definitions if one.port]
    if len(ports) != len(set(ports)):
        yield "/portDefinitions", "ports must be unique"


def _constraints(app: App) -> Iterator[Problem]:
    for i, one in enumerate(app.constraints):
        where = f"/constraints({i})"
        if not 2 <= len(one) <= 3:
            yield where, "must be [field, operator] or [field, operator, value]"
            continue
        operator, value = one[1], one[2] if len(one) > 2 else None
        if operator not in constraints.OPERATORS:
            known = ", ".join(sorted(constraints.OPERATORS))
            yield where, f"operator '{operator}' is unknown: use one of {known}"
        elif operator in NUMERIC and not _is_count(value, needed=operator == "MAX_PER"):
            yield where, f"the value of {operator} must be a whole number above 0"
        elif operator in ("LIKE", "UNLIKE") and not _is_pattern(value):
            yield where, f"the value of {operator} must be a regular expression"
        elif operator == "UNIQUE" and value:
            yield where, "UNIQUE has no value"
        elif operator == "IS" and not value:
            yield where, "IS needs a value"


def _is_count(value: str | None, *, needed: bool) -> bool:
    if value is None:
        return not needed
    return value.isascii() and value.isdigit() and 0 < int(value) < 1_000_000


def _is_pattern(value: str | None) -> bool:
    if value is None:
        return False
    try:
        constraints.pattern(value)
    except re2.error:
        return False
    return True


def _checks(app: App) -> Iterator[Problem]:
    ports = len(app.port_definitions) if app.on_host else len(app.mappings)
    for i, check in enumerate(app.health_checks):
        where = f"/healthChecks({i})"
        if check.protocol == "COMMAND":
            if check.command is None:
                yield where, "a COMMAND check needs a command"
            continue
        if check.port is None and (check.port_index or 0) >= ports:
            yield where, f"portIndex {check.port_index or 0} is none of the app's {ports} ports"
        if "HTTP" in check.protocol and check.path and not check.path.startswith("/"):
            yield f"{where}/path", "must begin with a slash"
    if sum(check.protocol in BY_EXECUTOR for check in app.health_checks) > 1:
        yield "/healthChecks", "at most one check may be COMMAND or MESOS_*"
    names = {one.name for one in app.port_definitions} | {one.name for one in app.mappings}
    for i, ready in enumerate(app.readiness_checks):
        if ready.port_name not in names:
            yield f"/readinessChecks({i})/portName", f"'{ready.port_name}' is no port of the app"
        if ready.timeout_seconds >= ready.interval_seconds:
            yield f"/readinessChecks({i})", "timeoutSeconds must be less than intervalSeconds"
    if len(app.readiness_checks) > 1:
        yield "/readinessChecks", "at most one readiness check may be given"


def _unreachable(app: App) -> Iterator[Problem]:
    strategy = app.unreachable_strategy
    if strategy == "disabled":
        return
    if strategy.expunge_after_seconds < strategy.inactive_after_seconds:
        yield (
            "/unreachableStrategy",
            "expungeAfterSeconds must not be less than inactiveAfterSeconds",
        )


RULES: tuple[Callable[[App], Iterator[Problem]], ...] = (
    _names, _command, _volumes, _networks, _constraints, _checks, _unreachable,
)  # fmt: skip
POD_RULES = (_names, _networks, _constraints, _unreachable)
"""The others are about what pods have in their own way."""
