"""How pods print: readiness, the status word, restarts.

The status word answers "what is this pod doing": its phase, overruled by what its containers
wait for or died of, by init containers that are not through, and by its deletion. The row
function is hot (thousands of pods per list): it walks the dicts once. Neighbours: `base`;
`apimachinery.table` registers the printer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apimachinery import meta
from apimachinery.tables.base import AGE, NAME, NONE, Column, Printer, Since, age, wide
from apimachinery.wire import JsonObject

COLUMNS = (
    NAME,
    Column("Ready"),
    Column("Status"),
    Column("Restarts"),
    AGE,
    wide("IP"),
    wide("Node"),
    wide("Nominated Node"),
    wide("Readiness Gates"),
)

_NODE_LOST = "NodeLost"
_NOTHING: JsonObject = {}


@dataclass(slots=True)
class _Tally:
    """What is counted while walking the container statuses."""

    reason: str
    ready: int = 0
    restarts: int = 0
    last_restart: str = ""
    """Timestamps of one format: they compare as text."""

    def count_restarts(self, container: JsonObject) -> None:
        if not (count := container.get("restartCount")):
            return
        self.restarts += count
        last = (container.get("lastState") or _NOTHING).get("terminated")
        if last and (finished := last.get("finishedAt") or "") > self.last_restart:
            self.last_restart = finished


def row(pod: JsonObject) -> list[Any]:
    metadata = pod.get("metadata") or _NOTHING
    spec = pod.get("spec") or _NOTHING
    status = pod.get("status") or _NOTHING
    tally = _walk(metadata, spec, status)
    total = len(spec.get("containers") or ())
    if init := spec.get("initContainers"):
        total += sum(1 for one in init if one.get("restartPolicy") == "Always")
    ips = status.get("podIPs")
    ip = ips[0].get("ip") if ips else status.get("podIP")
    return [
        metadata.get("name") or "",
        f"{tally.ready}/{total}",
        tally.reason,
        _restarts(tally),
        age(pod),
        ip or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _readiness_gates(spec, status),
    ]


def _walk(metadata: JsonObject, spec: JsonObject, status: JsonObject) -> _Tally:
    phase = status.get("phase") or ""
    conditions = status.get("conditions") or ()
    tally = _Tally(status.get("reason") or phase)
    if phase == "Pending" and any(one.get("reason") == "SchedulingGated" for one in conditions):
        tally.reason = "SchedulingGated"
    initializing = False
    sidecars = tally
    if init := status.get("initContainerStatuses"):
        initializing, sidecars = _init_containers(init, spec.get("initContainers") or (), tally)
    if not initializing or meta.condition_is_true(conditions, "Initialized"):
        tally.restarts, tally.last_restart = sidecars.restarts, sidecars.last_restart
        _containers(status.get("containerStatuses") or (), conditions, tally)
    if metadata.get("deletionTimestamp"):
        if status.get("reason") == _NODE_LOST:
            tally.reason = "Unknown"
        elif phase not in ("Succeeded", "Failed"):
            tally.reason = "Terminating"
    return tally


def _init_containers(
    statuses: list[JsonObject], specs: "list[JsonObject] | tuple[()]", tally: _Tally
) -> tuple[bool, _Tally]:
    """(still initializing, restarts of sidecars alone), up to the first that is not through."""
    sidecar_names = {one.get("name") for one in specs if one.get("restartPolicy") == "Always"}
    sidecars = _Tally("")
    for index, container in enumerate(statuses):
        is_sidecar = container.get("name") in sidecar_names
        tally.count_restarts(container)
        if is_sidecar:
            sidecars.count_restarts(container)
        state = container.get("state") or _NOTHING
        terminated = state.get("terminated")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if is_sidecar and container.get("started"):
            tally.ready += bool(container.get("ready"))
            continue
        waiting_for = (state.get("waiting") or _NOTHING).get("reason") or ""
        if terminated is not None:
            tally.reason = f"Init:{_exit_word(terminated)}"
        elif waiting_for and waiting_for != "PodInitializing":
            tally.reason = f"Init:{waiting_for}"
        else:
            tally.reason = f"Init:{index}/{len(specs)}"
        return True, sidecars
    return False, sidecars


def _containers(
    statuses: "list[JsonObject] | tuple[()]",
    conditions: "list[JsonObject] | tuple[()]",
    tally: _Tally,
) -> None:
    running = False
    for container in reversed(statuses):
        tally.count_restarts(container)
        state = container.get("state") or _NOTHING
        if state.get("running") is not None:
            if container.get("ready"):
                running = True
                tally.ready += 1
        elif (terminated := state.get("terminated")) is not None:
            tally.reason = _exit_word(terminated)
        elif waiting_for := (state.get("waiting") or _NOTHING).get("reason"):
            tally.reason = waiting_for
    if running and tally.reason == "Completed":
        ready = meta.condition_is_true(conditions, "Ready")
        tally.reason = "Running" if ready else "NotReady"


def _exit_word(terminated: JsonObject) -> str:
    if reason := terminated.get("reason"):
        return str(reason)
    if signal := terminated.get("signal"):
        return f"Signal:{signal}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _restarts(tally: _Tally) -> "str | Since":
    if not tally.restarts or not tally.last_restart:
        return str(tally.restarts)
    try:
        moment = meta.parse_time(tally.last_restart)
    except ValueError:
        return str(tally.restarts)
    return Since(moment, f"{tally.restarts} (", " ago)")


def _readiness_gates(spec: JsonObject, status: JsonObject) -> str:
    gates = spec.get("readinessGates")
    if not gates:
        return NONE
    conditions = status.get("conditions")
    passed = sum(meta.condition_is_true(conditions, one.get("conditionType", "")) for one in gates)
    return f"{passed}/{len(gates)}"


_ENDED = {
    phase: [{"type": "Completed", "status": "True", "reason": phase, "message": message}]
    for phase, message in (
        ("Succeeded", "The pod has completed successfully."),
        ("Failed", "The pod failed."),
    )
}


def conditions(pod: JsonObject) -> Sequence[JsonObject]:
    """Clients may hide rows of pods that have ended."""
    return _ENDED.get((pod.get("status") or _NOTHING).get("phase") or "", ())


POD = Printer(COLUMNS, row, conditions)
