"""Defaults of the kinds that run pods: apps and batch.

Neighbour: `apimachinery.defaults.pods` for the pod template in each of them.
"""

from apimachinery.defaults import core, pods
from apimachinery.wire import JsonObject

REVISIONS = 10
PROGRESS_SECONDS = 600
BACKOFF_LIMIT = 6
NO_LIMIT = 2**31 - 1
"""The back-off limit of an indexed job whose limit counts per index."""


def deployment(obj: JsonObject) -> None:
    """One replica, rolled a quarter at a time, ten revisions kept, ten minutes to progress."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", REVISIONS)
    spec.setdefault("progressDeadlineSeconds", PROGRESS_SECONDS)
    pods.template(spec.setdefault("template", {}))


def replica_set(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    pods.template(spec.setdefault("template", {}))


def daemon_set(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", REVISIONS)
    pods.template(spec.setdefault("template", {}))


def stateful_set(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    if not spec.get("podManagementPolicy"):
        spec["podManagementPolicy"] = "OrderedReady"
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    spec.setdefault("revisionHistoryLimit", REVISIONS)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    for key in ("whenDeleted", "whenScaled"):
        if not retention.get(key):
            retention[key] = "Retain"
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        core.persistent_volume_claim(claim)
    pods.template(spec.setdefault("template", {}))


def job(obj: JsonObject) -> None:
    """One pod to completion, tried again six times."""
    spec = obj.setdefault("spec", {})
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = spec["parallelism"] = 1
    spec.setdefault("parallelism", 1)
    limit = NO_LIMIT if "backoffLimitPerIndex" in spec else BACKOFF_LIMIT
    spec.setdefault("backoffLimit", limit)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    failing = "Failed" if spec.get("podFailurePolicy") is not None else "TerminatingOrFailed"
    spec.setdefault("podReplacementPolicy", failing)
    job_template(spec)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    metadata = obj.setdefault("metadata", {})
    if labels and not metadata.get("labels"):
        metadata["labels"] = dict(labels)


def job_template(spec: JsonObject) -> None:
    """What a cron job's template gets already; the rest when the job is made."""
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            pattern.setdefault("status", "True")
    pods.template(spec.setdefault("template", {}))


def cron_job(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    if not spec.get("concurrencyPolicy"):
        spec["concurrencyPolicy"] = "Allow"
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    job_template(spec.setdefault("jobTemplate", {}).setdefault("spec", {}))


FILLERS = {
    ("apps", "v1", "Deployment"): deployment,
    ("apps", "v1", "ReplicaSet"): replica_set,
    ("apps", "v1", "DaemonSet"): daemon_set,
    ("apps", "v1", "StatefulSet"): stateful_set,
    ("batch", "v1", "Job"): job,
    ("batch", "v1", "CronJob"): cron_job,
}
