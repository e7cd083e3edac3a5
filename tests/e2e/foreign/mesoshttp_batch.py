"""A framework on unmodified mesoshttp or avmesos (argument 1): what it heard as JSON.

Five tasks: three end well, one badly, one is killed. The library reads lines, so it hears of an
event when the next one begins; it acknowledges updates by itself.
"""

import importlib
import json
import sys
import threading

TASKS = {"ok-0": "true", "ok-1": "true", "ok-2": "true", "bad": "exit 7", "long": "sleep 1000"}
ENDS = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST")


class Batch:
    """Launches everything on the first offer, then declines."""

    def __init__(self, module, master):
        self.client_class = importlib.import_module(f"{module}.client").MesosClient
        self.client = self.client_class([f"http://{master}"], frameworkName=f"{module}-batch")
        for event, callback in (
            ("SUBSCRIBED", self.subscribed),
            ("OFFERS", self.offers),
            ("UPDATE", self.update),
        ):
            self.client.on(getattr(self.client_class, event), callback)
        self.driver = None
        self.launched = False
        self.states = {}
        self.done = threading.Event()

    def subscribed(self, driver):
        self.driver = driver

    def offers(self, offers):
        for offer in offers:
            if self.launched:
                offer.decline(options={"filters": {"refuse_seconds": 600}})
                continue
            self.launched = True
            agent = offer.get_offer()["agent_id"]["value"]
            offer.accept([task(agent, name, command) for name, command in TASKS.items()])

    def update(self, update):
        status = update["status"]
        name, state = status["task_id"]["value"], status["state"]
        states = self.states.setdefault(name, [])
        if not states or states[-1] != state:
            states.append(state)
        if name == "long" and state == "TASK_RUNNING":
            self.driver.kill(status["agent_id"]["value"], "long")
        if sum(s[-1] in ENDS for s in self.states.values()) == len(TASKS):
            self.done.set()


def task(agent, name, command):
    return {
        "name": name,
        "task_id": {"value": name},
        "agent_id": {"value": agent},
        "command": {"value": command},
        "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.05}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 16}},
        ],
    }


def main():
    batch = Batch(sys.argv[1], sys.argv[2])
    thread = threading.Thread(target=batch.client.register, daemon=True)
    thread.start()
    in_time = batch.done.wait(60)
    framework = batch.driver.frameworkId if batch.driver else ""
    print(json.dumps({"in_time": in_time, "framework": framework, "states": batch.states}))
    batch.driver.tearDown()


if __name__ == "__main__":
    main()
