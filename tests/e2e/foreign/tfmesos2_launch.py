"""tfmesos2's scheduling half, unmodified: three tasks launched, their addresses heard; JSON.

What would serve TensorFlow in them is not there (the image is busybox), so they end at once: the
library queues them again, as it does with every task that failed.
"""

import json
import logging
import sys
import threading

from tfmesos2.scheduler import Job, TensorflowMesos


class Watched(TensorflowMesos):
    """Notes what it hears before the library does with it what it does."""

    def __init__(self, *args, **more):
        self.heard = {}
        self.done = threading.Event()
        super().__init__(*args, **more)

    def status_update(self, update):
        super().status_update(update)
        status = update["status"]
        self.heard.setdefault(status["task_id"]["value"], []).append(status["state"])
        if all(task.addr for task in self.tasks.values()):
            self.done.set()


def main():
    jobs = [Job("ps", 1, cpus=0.05, mem=16), Job("worker", 2, cpus=0.05, mem=16)]
    # The library prints and logs to standard output: that is for our one line.
    out, sys.stdout = sys.stdout, sys.stderr
    framework = Watched(
        jobs, client_ip="127.0.0.1", force_pull_image=False, loglevel=logging.WARNING
    )
    framework.daemon = True
    framework.start()
    in_time = framework.done.wait(60)
    known = [framework.get_task_info(each)["tasks"] for each in framework.tasks]
    heard = {
        "in_time": in_time,
        "addresses": [task.addr for task in framework.tasks.values()],
        "states": sorted(framework.heard.values()),
        "known": [len(each) for each in known],
    }
    print(json.dumps(heard), file=out)
    framework.client.stop = True
    framework.driver.tearDown()


if __name__ == "__main__":
    main()
