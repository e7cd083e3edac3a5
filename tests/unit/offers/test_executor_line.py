"""The line between master and agent about one executor: whoever dies when, nothing is lost or doubled.

Both ends are pure, so a schedule is a list of steps: launches, looks at the object, writes to it,
updates, acknowledgements, and crashes of either side.
"""

import base64
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kubelet.mesos.executor import Executor as AgentEnd
from offers.identity import Owner
from offers.tasks import executor as master_end
from offers.tasks import record
from tests.effort import examples

OWNER = Owner("f", "uid", "f", "root", "f")
INFO = {"executor_id": {"value": "e"}, "command": {"value": "serve"}}
Json = dict[str, Any]


class Line:
    """Both ends, the stored object and the stored tasks, and the executor that is spoken to."""

    def __init__(self) -> None:
        self.master = master_end.Executor("f", "e", INFO, {}, "n", "*", "ns", "pod", "run")
        self.spec: Json = self.master.spec()
        self.status: Json = {}
        self.stored: dict[str, Json] = {}
        self.agent = AgentEnd("ns/pod", self.spec)
        self.agent.subscribe((), (), "now")
        self.launched = 0
        self.deaths = 0
        """Of the master: an acknowledgement that it did not write is then asked for again."""
        self.delivered: list[str] = []
        self.unacknowledged: dict[str, Json] = {}
        """The executor's own memory of what it said."""
        self.said: dict[str, list[str]] = {}
        self.heard: dict[str, list[str]] = {}

    # --- the framework

    def launch(self) -> None:
        name = f"t{self.launched}"
        self.launched += 1
        info = {"name": name, "task_id": {"value": name}, "agent_id": {"value": "n"},
                "resources": [], "executor": INFO}  # fmt: skip
        task = record.Task("f", name, info, "n", "*", "ns", "pod", "run")
        self.master.launch([task], group=False)
        self.step()

    def acknowledge(self) -> None:
        for task in self.master.tasks.values():
            if task.pending and task.written_pending == len(task.pending):
                uuid = task.pending[0]["uuid"]
                known = self.heard.setdefault(task.task_id, [])
                assert uuid not in known or self.deaths, "told twice, for no reason"
                if uuid not in known:
                    known.append(uuid)
                task.acknowledge(uuid)
                self.master.acknowledge(task.task_id, uuid)

    # --- the master

    def look(self) -> None:
        for _ in range(2):  # what was seen before is no news
            self.master.take(self.status, 0.0, frozenset(), ())
        self.master.settle(self.status)

    def write_spec(self) -> None:
        self.spec = self.master.spec()

    def step(self) -> None:
        """As the service does it: records of tasks, what is news, the spec, the tasks' states."""
        for task in self.master.tasks.values():
            self.stored.setdefault(task.task_id, task.to_object(OWNER))
        self.look()
        self.write_spec()
        for name, task in list(self.master.tasks.items()):
            self.stored[name]["status"] = task.stored_status()
            task.written, task.written_pending = task.sequence, len(task.pending)
            if task.over and not task.pending:
                del self.master.tasks[name]
                del self.stored[name]

    def master_dies(self) -> None:
        self.deaths += 1
        obj = {"metadata": {"namespace": "ns"}, "spec": self.spec, "status": self.status}
        self.master = master_end.from_object(obj)
        for name, stored in self.stored.items():
            self.master.tasks[name] = record.from_object(
                {**stored, "metadata": {"namespace": "ns"}}
            )

    # --- the agent and the executor

    def follow(self) -> None:
        self.take(self.agent.follow(self.spec))

    def take(self, events: list[Json]) -> None:
        for event in events:
            if event["type"] == "LAUNCH":
                name = event["launch"]["task"]["task_id"]["value"]
                assert name not in self.delivered, "handed over twice"
                self.delivered.append(name)
                self.said[name] = []
            elif event["type"] == "ACKNOWLEDGED":
                self.unacknowledged.pop(event["acknowledged"]["uuid"], None)

    def say(self) -> None:
        for name, uuids in self.said.items():
            if len(uuids) < 2:
                uuid = base64.b64encode(f"{name:>14}{len(uuids):02}".encode()).decode()
                status = {"task_id": {"value": name}, "uuid": uuid, "source": "SOURCE_EXECUTOR",
                          "state": ("TASK_RUNNING", "TASK_FINISHED")[len(uuids)]}  # fmt: skip
                uuids.append(uuid)
                self.unacknowledged[uuid] = status
                self.agent.update(status)
                self.save()  # an answer comes only when it is on record
                return

    def save(self) -> None:
        self.status = self.agent.status()

    def agent_dies(self) -> None:
        self.agent = AgentEnd("ns/pod", self.spec)
        self.agent.resume(self.status)
        self.agent.follow(self.spec)
        tasks = [{"task_id": {"value": name}} for name in self.delivered]
        updates = [{"status": status} for status in self.unacknowledged.values()]
        self.take(self.agent.subscribe(tasks, updates, "now"))
        self.save()


STEPS = (
    "launch",
    "acknowledge",
    "look",
    "step",
    "master_dies",
    "follow",
    "say",
    "save",
    "agent_dies",
)


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=60))
def test_every_task_is_handed_over_once_and_every_update_arrives_in_order(steps: list[str]) -> None:
    line = Line()
    for step in steps:
        getattr(line, step)()
    for _ in range(4 * line.launched + 4):
        for step in ("step", "follow", "say", "save", "step", "acknowledge"):
            getattr(line, step)()
    assert sorted(line.delivered) == sorted(f"t{n}" for n in range(line.launched))
    assert line.heard == {name: uuids for name, uuids in line.said.items() if uuids}
    assert not line.master.tasks
    assert not line.unacknowledged
    line.step(), line.follow(), line.save(), line.step()
    assert not line.agent.updates
    assert not line.master.launches
    assert not line.master.acknowledged
