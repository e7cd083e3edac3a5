"""Marathon's own Python client, unmodified, through all that it can do; prints what it saw.

`marathon_tour.py URL COMMAND`: the command serves HTTP on $PORT0.
"""

import collections
import collections.abc
import json
import sys
import threading
import time

# The client is of a time when this name was still there; it is a shim, not a change of the client.
collections.Iterable = collections.abc.Iterable

from marathon import MarathonClient, MarathonHttpError, NotFoundError  # noqa: E402
from marathon.models import MarathonApp, MarathonGroup  # noqa: E402
from marathon.models.app import MarathonHealthCheck, MarathonUpgradeStrategy  # noqa: E402
from marathon.models.constraint import MarathonConstraint  # noqa: E402

PATIENCE = 120


def until(what, describe):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.1)
    sys.exit(f"not in time: {describe}")


class Tour:
    """Each method is a chapter; what is worth telling goes into `seen`."""

    def __init__(self, url, command):
        self.client = MarathonClient(url)
        self.command = command
        self.seen = {}
        self.events = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for event in MarathonClient(self.client.servers).event_stream():
            self.events.append(type(event).__name__)

    def settled(self):
        until(lambda: not self.client.list_deployments(), "the end of all deployments")

    def healthy(self, count, app="/tour/web"):
        def check():
            found = self.client.get_app(app)
            return found if found.tasks_healthy == count == len(found.tasks) else None

        return until(check, f"{count} healthy instances")

    def who(self):
        info = self.client.get_info()
        self.seen["pong"] = self.client.ping().decode()
        self.seen["framework"] = info.framework_id
        self.seen["leader"] = self.client.get_leader()["leader"] == info.leader
        self.seen["metrics"] = "gauges" in self.client.get_metrics()
        until(lambda: self.events, "the first event")

    def create(self):
        check = MarathonHealthCheck(
            protocol="HTTP", path="/", port_index=0, interval_seconds=1, grace_period_seconds=60
        )
        app = MarathonApp(
            cmd=self.command, cpus=0.1, mem=32, instances=2, health_checks=[check],
            constraints=[MarathonConstraint("kubernetes.io/hostname", "GROUP_BY", "2")],
            upgrade_strategy=MarathonUpgradeStrategy(0.5, 0.5), labels={"who": "tour"},
            container={"type": "DOCKER", "docker": {"image": "busybox", "network": "HOST"}},
        )  # fmt: skip
        made = self.client.create_app("/tour/web", app)
        self.seen["created"] = made.id
        found = self.healthy(2)
        self.settled()
        self.seen["hosts"] = len({task.slave_id for task in found.tasks})
        self.seen["listed"] = [one.id for one in self.client.list_apps(label="who==tour")]
        self.seen["endpoints"] = [[end.host, end.task_port] for end in self.client.list_endpoints()]

    def change(self):
        before = {task.id for task in self.client.list_tasks("/tour/web")}
        self.client.scale_app("/tour/web", delta=1)
        self.healthy(3)
        self.settled()
        first = self.client.list_versions("/tour/web")[0]
        app = self.client.get_app("/tour/web")
        app.env["COLOUR"] = "red"
        self.client.update_app("/tour/web", app)
        self.settled()
        after = {task.id for task in self.healthy(3).tasks}
        self.seen["rolled"] = not before & after
        self.client.rollback_app("/tour/web", first)
        self.settled()
        self.seen["rolled back"] = self.client.get_version("/tour/web", first).env == {}
        self.seen["env"] = self.healthy(3).env
        self.client.restart_app("/tour/web")
        self.settled()
        self.seen["restarted"] = not after & {task.id for task in self.healthy(3).tasks}

    def kill(self):
        one = self.client.list_tasks("/tour/web")[0]
        self.seen["killed"] = self.client.kill_task("/tour/web", one.id).id == one.id
        until(lambda: one.id not in {t.id for t in self.client.list_tasks()}, "the end of a task")
        self.healthy(3)
        two = self.client.list_tasks("/tour/web")[0]
        self.client.kill_given_tasks([two.id], scale=True)
        self.settled()
        self.seen["scaled by killing"] = self.client.get_app("/tour/web").instances

    def refuse(self):
        try:
            self.client.create_app("/tour/web", MarathonApp(cmd="true"))
        except MarathonHttpError as error:
            self.seen["refused"] = error.status_code
        try:
            self.client.get_app("/none")
        except NotFoundError as error:
            self.seen["not found"] = error.error_message
        self.client.create_app("/big", MarathonApp(cmd="true", cpus=10000, mem=1))
        queue = until(lambda: self.client.list_queue(embed_last_unused_offers=True), "a queue")
        self.seen["waits"] = queue[0].app.id
        deployment = self.client.list_deployments()[0]
        self.seen["deployment"] = [len(step.actions) for step in deployment.steps]
        self.client.delete_deployment(deployment.id)
        self.settled()

    def groups(self):
        body = {"cmd": "sleep 1000", "cpus": 0.1, "mem": 16}
        group = MarathonGroup(
            id="/crew",
            apps=[MarathonApp(id="/crew/low", **body)],
            groups=[MarathonGroup(
                id="/crew/top", dependencies=["/crew/low"], apps=[MarathonApp(id="/crew/top/a", **body)]
            )],
        )  # fmt: skip
        made = self.client.create_group(group)
        self.settled()
        self.seen["group"] = [one.id for one in self.client.get_group("/crew").groups]
        self.client.scale_group("/crew", 2)
        self.settled()
        self.seen["group scaled"] = len(self.client.list_tasks("/crew/low"))
        self.client.rollback_group("/crew", made["version"])
        self.settled()
        self.seen["group rolled back"] = len(self.client.list_tasks("/crew/low"))
        self.client.delete_group("/crew")

    def end(self):
        self.client.delete_app("/tour/web")
        self.settled()
        until(lambda: not self.client.list_tasks(), "the end of all tasks")
        until(lambda: "MarathonAppTerminatedEvent" in self.events, "the event of the end")
        self.seen["events"] = sorted(set(self.events))


if __name__ == "__main__":
    tour = Tour(*sys.argv[1:])
    for chapter in (
        tour.who, tour.create, tour.change, tour.kill, tour.refuse, tour.groups, tour.end,
    ):  # fmt: skip
        chapter()
        print(f"{chapter.__name__}", file=sys.stderr, flush=True)
    print(json.dumps(tour.seen))
