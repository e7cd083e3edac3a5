"""pymesos' operator drivers, unmodified, against a master (argument 1) and an agent (argument 2).

A line of JSON: what the calls answered, and the events of the stream while things changed.
"""

import json
import sys
import threading
import time

from pymesos import MesosOperatorAgentDriver, MesosOperatorMasterDriver, OperatorMaster

FAR = {"start": {"nanoseconds": int((time.time() + 86400) * 1e9)}}


class Listener(OperatorMaster):
    """Notes which events came."""

    def __init__(self):
        self.events = []
        self.came = threading.Event()

    def note(self, kind):
        self.events.append(kind)
        self.came.set()

    def taskAdded(self, task_info):
        self.note("task added")

    def taskUpdated(self, update):
        self.note("task updated")

    def frameworkAdded(self, framework_info):
        self.note("framework added")

    def frameworkUpdated(self, framework_info):
        self.note("framework updated")

    def frameworkRemoved(self, framework_info):
        self.note("framework removed")

    def agentAdded(self, agent_info):
        self.note("agent added")

    def agentRemoved(self, agent_id):
        self.note("agent removed")


def main():
    listener = Listener()
    master = MesosOperatorMasterDriver(sys.argv[1], listener)
    master.start()
    agent = MesosOperatorAgentDriver(sys.argv[2])
    heard = {
        "health": master.getHealth()["get_health"]["healthy"],
        "version": master.getVersion()["get_version"]["version_info"]["version"],
        "flags": master.getFlags()["type"],
        "metrics": len(master.getMetrics(5_000_000_000)["get_metrics"]["metrics"]),
        "logging": master.getLoggingLevel()["get_logging_level"]["level"],
        "agents": len(master.getAgents()["get_agents"]["agents"]),
        "state": sorted(master.getState()["get_state"]),
        "frameworks": master.getFrameworks()["type"],
        "executors": master.getExecutors()["type"],
        "tasks": master.getTasks()["type"],
        "roles": master.getRoles()["type"],
        "master": bool(master.getMaster()["get_master"]["master_info"]["id"]),
    }
    heard |= change(master)
    heard["agent"] = {
        "health": agent.getHealth()["get_health"]["healthy"],
        "version": agent.getVersion()["get_version"]["version_info"]["version"],
        "containers": agent.getContainers()["type"],
    }
    print(json.dumps(heard), flush=True)
    for line in sys.stdin:
        wanted = line.strip()
        deadline = time.time() + 60
        while wanted not in listener.events and time.time() < deadline:
            listener.came.wait(1)
            listener.came.clear()
        print(json.dumps({"heard": wanted in listener.events}), flush=True)
    master.stop()


def change(master):
    """Weights, quota, maintenance: set, seen, and put back."""
    agent_id = master.getAgents()["get_agents"]["agents"][0]["agent_info"]["id"]
    machine = {"hostname": agent_id["value"]}
    master.updateWeights([{"role": "heavy", "weight": 3.0}])
    weights = until(
        lambda: master.getWeights()["get_weights"]["weight_infos"],
        lambda found: {"role": "heavy", "weight": 3.0} in found,
    )
    cpus = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5}}
    master.setQuota({"role": "kept", "guarantee": [cpus], "force": True})
    quota = until(lambda: master.getQuota()["get_quota"]["status"]["infos"], len)
    master.removeQuota("kept")
    master.updateMaintenanceSchedule([{"machine_ids": [machine], "unavailability": FAR}])
    windows = until(
        lambda: master.getMaintenanceSchedule()["get_maintenance_schedule"]["schedule"],
        lambda found: found,
    )["windows"]
    status = master.getMaintenanceStatus()["get_maintenance_status"]["status"]
    master.updateMaintenanceSchedule([])
    reserved = [{**cpus, "reservations": [{"type": "DYNAMIC", "role": "kept"}]}]
    master.reserveResources(agent_id["value"], reserved)
    master.unreserveResources(agent_id["value"], reserved)
    master.setLoggingLevel(0, 1)
    return {
        "weights": len(weights),
        "quota": quota[0]["role"],
        "windows": len(windows),
        "draining": len(status["draining_machines"]),
    }


def until(ask, good):
    """Ask until it is so: what is written goes through the API and back."""
    deadline = time.time() + 30
    while time.time() < deadline:
        found = ask()
        if good(found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"still {ask()}")


if __name__ == "__main__":
    main()
