"""How the pods of frameworks are marked: labels, annotations, places. Pure.

The offer master writes them, agents and people read them.
"""

GROUP = "offers.bireme.dev"
FRAMEWORK_LABEL = f"{GROUP}/framework"
"""On every task's pod: the name of its Framework object."""
FRAMEWORK_ID, TASK_IDS, RUN = f"{GROUP}/framework-id", f"{GROUP}/task-ids", f"{GROUP}/run"
EXECUTOR_ID = f"{GROUP}/executor-id"
"""On a custom executor's pod, whose tasks come and go."""
FETCH = f"{GROUP}/fetch"
"""Files to be put into the sandbox before anything starts: container → `CommandInfo.URI`s."""
REVOCABLE = f"{GROUP}/revocable"
"""On a Node: what is booked there and not used, as amounts; on a pod: what of that it was lent."""
VOLUMES = f"{GROUP}/volumes"
"""On a Node: the persistent volumes on its disk, by the names of their directories."""
PERSISTENT = "/var/lib/bireme/persistent"
"""Where nodes keep persistent volumes."""
SANDBOX = "/mnt/mesos/sandbox"
"""Where a container finds its sandbox."""
SANDBOX_VOLUME = "sandbox"
"""The volume that is it; the second and further tasks of a group have their number behind it."""
AGENT_PORT = 5051
"""Where Mesos' agents answer, and ours on their node's address."""
VERSION = "1.11.0"
"""The API that is spoken: digits and dots, since clients read it as numbers."""


def is_sandbox(volume: str) -> bool:
    """Whether a pod's volume is a task's sandbox."""
    head, _, number = volume.partition("-")
    return head == SANDBOX_VOLUME and (number.isdigit() or not number)
