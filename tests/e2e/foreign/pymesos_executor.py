"""A framework on unmodified pymesos with an executor of its own; what it heard as JSON.

Started with a master's address it is the scheduler; started with `executor` it is the executor,
which the scheduler names as its command. Five tasks run in one executor process: four end by
themselves, one is killed; a message goes there and back.
"""

import json
import os
import sys
import threading
from pathlib import Path

from addict import Dict
from pymesos import (
    Executor,
    MesosExecutorDriver,
    MesosSchedulerDriver,
    Scheduler,
    decode_data,
    encode_data,
)

TASKS = [*(f"ok-{i}" for i in range(3)), "bad", "long"]
ENDS = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST")


class Runner(Executor):
    """Ends `ok-N` well and `bad` badly; `long` waits to be killed."""

    def launchTask(self, driver, task):
        name = task["task_id"]["value"]
        tell(driver, name, "TASK_RUNNING")
        if name != "long":
            data = encode_data(f"{os.getpid()} {decode_data(task['data']).decode()}".encode())
            state = "TASK_FAILED" if name == "bad" else "TASK_FINISHED"
            tell(driver, name, state, message=f"this was {name}", data=data)

    def killTask(self, driver, task_id):
        tell(driver, task_id["value"], "TASK_KILLED")

    def frameworkMessage(self, driver, message):
        driver.sendFrameworkMessage(encode_data(decode_data(message).upper()))


def tell(driver, name, state, **more):
    labels = {"labels": [{"key": "wallTime", "value": "1.5"}]}
    driver.sendStatusUpdate({"task_id": {"value": name}, "state": state, "labels": labels, **more})


class Master(Scheduler):
    """Launches all tasks on one offer, then declines."""

    def __init__(self):
        self.states, self.data, self.labels, self.words = {}, {}, {}, []
        self.launched = False
        self.executors_seen = False
        self.framework = ""
        self.done = threading.Event()

    def registered(self, driver, framework_id, master_info):
        self.framework = framework_id["value"]

    def resourceOffers(self, driver, offers):
        for offer in offers:
            if self.launched:
                self.executors_seen |= bool(offer.get("executor_ids"))
                driver.declineOffer(offer["id"], {"refuse_seconds": 0.5})
                continue
            self.launched = True
            driver.launchTasks(offer["id"], [self.task(offer, name) for name in TASKS])

    def task(self, offer, name):
        task = Dict()
        task.name, task.task_id.value, task.agent_id = name, name, offer["agent_id"]
        task.data = encode_data(b"data of " + name.encode())
        task.resources = scalars(cpus=0.05, mem=16)
        task.executor.executor_id.value = "runner"
        task.executor.name = "runner"
        task.executor.command.value = f"exec {sys.executable} {Path(__file__).resolve()} executor"
        task.executor.resources = scalars(cpus=0.1, mem=64)
        return task

    def statusUpdate(self, driver, update):
        name, state = update["task_id"]["value"], update["state"]
        states = self.states.setdefault(name, [])
        if not states or states[-1] != state:
            states.append(state)
        if "data" in update:
            self.data[name] = decode_data(update["data"]).decode()
        if "labels" in update:
            self.labels[name] = update["labels"]["labels"][0]["value"]
        if name == "long" and state == "TASK_RUNNING":
            where = update["executor_id"], update["agent_id"]
            driver.sendFrameworkMessage(*where, encode_data(b"hello"))
        if state == "TASK_FINISHED" and name == "ok-0":
            driver.killTask({"value": "long"})
        self.look()

    def frameworkMessage(self, driver, executor_id, agent_id, message):
        self.words.append(decode_data(message).decode())
        self.look()

    def look(self):
        if self.words and sum(s[-1] in ENDS for s in self.states.values()) == len(TASKS):
            self.done.set()

    def error(self, driver, message):
        print(f"ERROR {message}", file=sys.stderr)
        self.done.set()


def scalars(**amounts):
    return [
        {"name": name, "type": "SCALAR", "scalar": {"value": value}}
        for name, value in amounts.items()
    ]


def main():
    if sys.argv[1] == "executor":
        MesosExecutorDriver(Runner()).run()
        return
    scheduler = Master()
    framework = {"user": "root", "name": "pymesos-executor"}
    driver = MesosSchedulerDriver(scheduler, framework, sys.argv[1], use_addict=True)
    thread = threading.Thread(target=driver.run, daemon=True)
    thread.start()
    heard = {"in_time": scheduler.done.wait(60)}
    for name in ("framework", "states", "data", "labels", "words"):
        heard[name] = getattr(scheduler, name)
    print(json.dumps(heard))
    driver.stop()
    thread.join(10)


if __name__ == "__main__":
    main()
