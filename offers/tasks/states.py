"""The words of the Mesos API for tasks: states, reasons, what ends one. Pure.

Neighbours: `observe` concludes states from pods, `record` keeps them, `service` sends them.
"""

STAGING, STARTING, RUNNING, KILLING = (
    "TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING",
)  # fmt: skip
FINISHED, FAILED, KILLED, ERROR = "TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR"
LOST, DROPPED, UNREACHABLE = "TASK_LOST", "TASK_DROPPED", "TASK_UNREACHABLE"
GONE, UNKNOWN = "TASK_GONE", "TASK_UNKNOWN"
GONE_BY_OPERATOR = "TASK_GONE_BY_OPERATOR"

TERMINAL = frozenset((FINISHED, FAILED, KILLED, ERROR, LOST, DROPPED, GONE, GONE_BY_OPERATOR))
"""LOST is one unless it stands for a node that may come back: `record` knows which."""
ORDER = {STAGING: 0, STARTING: 1, RUNNING: 2, KILLING: 3}
"""A task goes forward only."""
PARTITION_STATES = frozenset((DROPPED, UNREACHABLE, GONE, GONE_BY_OPERATOR, UNKNOWN))
"""Said only to frameworks with PARTITION_AWARE; all others hear LOST."""

MASTER, AGENT, EXECUTOR = "SOURCE_MASTER", "SOURCE_AGENT", "SOURCE_EXECUTOR"


def told(state: str, capabilities: frozenset[str]) -> str:
    """The state as this framework understands it."""
    if state in PARTITION_STATES and "PARTITION_AWARE" not in capabilities:
        return LOST
    return state
