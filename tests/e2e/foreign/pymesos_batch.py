"""A framework on unmodified pymesos: runs shell tasks, kills one, says what it heard as JSON."""

import json
import sys
import threading

from addict import Dict
from pymesos import MesosSchedulerDriver, Scheduler

COMMANDS = {
    **{f"ok-{i}": "echo done" for i in range(6)},
    "bad": "exit 7",
    "long": "sleep 1000",
}


class Batch(Scheduler):
    """Launches each command once, on whatever fits."""

    def __init__(self) -> None:
        self.waiting = dict(COMMANDS)
        self.states: dict[str, list[str]] = {}
        self.messages: dict[str, str] = {}
        self.done = threading.Event()
        self.framework = ""

    def registered(self, driver, framework_id, master_info):
        self.framework = framework_id["value"]

    def resourceOffers(self, driver, offers):
        for offer in offers:
            cpus = sum(r["scalar"]["value"] for r in offer["resources"] if r["name"] == "cpus")
            tasks = []
            while self.waiting and cpus >= 0.1:
                name, command = self.waiting.popitem()
                cpus -= 0.1
                tasks.append(self.task(offer, name, command))
            if tasks:
                driver.launchTasks(offer["id"], tasks, {"refuse_seconds": 0.1})
            else:
                driver.declineOffer(offer["id"], {"refuse_seconds": 600})

    def task(self, offer, name, command):
        task = Dict()
        task.name, task.task_id.value, task.command.value = name, name, command
        task.agent_id = offer["agent_id"]
        task.resources = [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
        ]
        return task

    def statusUpdate(self, driver, update):
        name = update["task_id"]["value"]
        states = self.states.setdefault(name, [])
        if not states or states[-1] != update["state"]:
            states.append(update["state"])
        self.messages[name] = update.get("message", "")
        if name == "long" and update["state"] == "TASK_RUNNING":
            driver.killTask({"value": "long"})
        ends = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST")
        if sum(s[-1] in ends for s in self.states.values()) == len(COMMANDS):
            self.done.set()

    def error(self, driver, message):
        print(f"ERROR {message}", file=sys.stderr)
        self.done.set()


def main() -> None:
    scheduler = Batch()
    framework = {"user": "root", "name": "pymesos-batch"}
    driver = MesosSchedulerDriver(scheduler, framework, sys.argv[1], use_addict=True)
    thread = threading.Thread(target=driver.run, daemon=True)
    thread.start()
    in_time = scheduler.done.wait(60)
    print(
        json.dumps(
            {
                "in_time": in_time,
                "framework": scheduler.framework,
                "states": scheduler.states,
                "messages": scheduler.messages,
            }
        )
    )
    driver.stop()
    thread.join(10)


if __name__ == "__main__":
    main()
