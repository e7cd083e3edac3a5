"""A framework on unmodified pymesos that holds one long task; a JSON line when something happens.

`{"framework": id}` when its task runs, `{"again": id}` each time that it was taken back.
"""

import json
import sys

from pymesos import MesosSchedulerDriver, Scheduler


class Holder(Scheduler):
    """Launches one task, then declines everything."""

    def __init__(self) -> None:
        self.framework = ""
        self.launched = False
        self.said = False

    def registered(self, driver, framework_id, master_info):
        self.framework = framework_id["value"]

    def reregistered(self, driver, master_info):
        say(again=self.framework)

    def resourceOffers(self, driver, offers):
        for offer in offers:
            if self.launched:
                driver.declineOffer(offer["id"], {"refuse_seconds": 600})
                continue
            self.launched = True
            task = {
                "name": "hold",
                "task_id": {"value": "hold it"},
                "agent_id": offer["agent_id"],
                "command": {"value": "echo held; exec sleep 1000"},
                "resources": [
                    {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                    {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
                ],
            }
            driver.launchTasks(offer["id"], [task])

    def statusUpdate(self, driver, update):
        # An update whose acknowledgement got lost with the master comes twice.
        if update["state"] == "TASK_RUNNING" and not self.said:
            self.said = True
            say(framework=self.framework)


def say(**what):
    print(json.dumps(what), flush=True)


def main() -> None:
    scheduler = Holder()
    framework = {"user": "root", "name": "pymesos-hold", "failover_timeout": 60}
    MesosSchedulerDriver(scheduler, framework, sys.argv[1]).run()


if __name__ == "__main__":
    main()
