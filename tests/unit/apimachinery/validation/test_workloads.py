"""Kubernetes' words about what keeps pods running, and about jobs."""

import pytest

from tests.unit.apimachinery.validation import cases

LABELS = {"matchLabels": {"app": "x"}}
TEMPLATE = {
    "metadata": {"labels": {"app": "x"}},
    "spec": {"containers": [{"name": "c", "image": "i:1"}]},
}
KEPT = {"selector": LABELS, "template": TEMPLATE}
ENDING = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
JOB = {"selector": LABELS, "template": ENDING, "manualSelector": True}
INDEXED = {**JOB, "completionMode": "Indexed", "completions": 5, "parallelism": 5}
MANY = {**INDEXED, "completions": 100_001, "parallelism": 10_001, "backoffLimitPerIndex": 1}
PATTERN = {"type": "a b", "status": "Maybe"}


def kept(**change):
    return {"spec": {**KEPT, **change}}


def job(**change):
    return {"spec": {**JOB, **change}}


def indexed(**change):
    return {"spec": {**INDEXED, **change}}


def failing(**rule):
    return job(podFailurePolicy={"rules": [rule]})


def cron(**change):
    return {"spec": {"schedule": "@daily", "jobTemplate": {"spec": {"template": ENDING}}, **change}}


EMPTY = [
    "spec.selector: Required value",
    "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
    "spec.template.spec.containers: Required value",
]
RULE = "spec.podFailurePolicy.rules[0]"
WHERE = "spec.successPolicy.rules[0]"

CREATED = [
    ("Deployment", {}, EMPTY),
    ("ReplicaSet", {}, EMPTY),
    ("StatefulSet", {}, EMPTY),
    ("DaemonSet", {}, EMPTY[1:]),
    (
        "ReplicationController",
        {},
        ["spec.selector: Required value", "spec.template: Required value"],
    ),
    # who cannot read the selector cannot judge the template
    (
        "Deployment",
        {"spec": {"selector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}},
        [
            'spec.selector.matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator',
            'spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"Near"}]}: invalid label selector',
        ],
    ),
    (
        "Deployment",
        kept(strategy={"type": "Wild"}),
        [
            'spec.strategy: Unsupported value: {"Type":"Wild","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"'
        ],
    ),
    (
        "DaemonSet",
        kept(updateStrategy={"type": "Wild"}),
        [
            'spec.updateStrategy: Unsupported value: {"Type":"Wild","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"'
        ],
    ),
    (
        "DaemonSet",
        kept(updateStrategy={"rollingUpdate": {"maxUnavailable": "101%", "maxSurge": 1}}),
        [
            'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
            "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero",
        ],
    ),
    (
        "StatefulSet",
        kept(updateStrategy={"rollingUpdate": {"partition": -1, "maxUnavailable": "0%"}}),
        [
            "spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0",
            'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "0%": cannot be 0',
        ],
    ),
    ("ControllerRevision", {"revision": 1}, ["data: Required value: data is mandatory"]),
    # --- jobs
    (
        "Job",
        job(managedBy="me"),
        [
            'spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")'
        ],
    ),
    (
        "Job",
        indexed(backoffLimitPerIndex=1, maxFailedIndexes=6),
        ["spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions"],
    ),
    (
        "Job",
        {"spec": MANY},
        [
            "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
            "spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index",
        ],
    ),
    (
        "Job",
        failing(),
        [
            f'{RULE}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]',
            f"{RULE}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
        ],
    ),
    (
        "Job",
        failing(action="Count", onPodConditions=[PATTERN]),
        [
            f"{RULE}.onPodConditions[0].type: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
            f'{RULE}.onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
        ],
    ),
    (
        "Job",
        failing(action="Count", onExitCodes={"operator": "In", "values": [2, 0, 2]}),
        [
            f"{RULE}.onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator",
            f"{RULE}.onExitCodes.values[2]: Duplicate value: 2",
            f"{RULE}.onExitCodes.values: Invalid value: [2,0,2]: must be ordered",
        ],
    ),
    (
        "Job",
        failing(action="Count", onExitCodes={"operator": "In", "values": list(range(1, 257))}),
        [f"{RULE}.onExitCodes.values: Too many: 256: must have at most 255 items"],
    ),
    (
        "Job",
        indexed(successPolicy={"rules": []}),
        [
            "spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified"
        ],
    ),
    (
        "Job",
        indexed(successPolicy={"rules": [{"succeededIndexes": "0,2-3", "succeededCount": 4}]}),
        [
            f"{WHERE}.succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of indexes in the specified succeededIndexes field)"
        ],
    ),
    # --- cron jobs
    (
        "CronJob",
        cron(schedule="TZ=UTC 1 * * * *"),
        [
            'spec.schedule: Invalid value: "TZ=UTC 1 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead'
        ],
    ),
    (
        "CronJob",
        cron(timeZone="a/../b"),
        ['spec.timeZone: Invalid value: "a/../b": unknown time zone a/../b'],
    ),
    (
        "CronJob",
        cron(timeZone="Local"),
        [
            'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'
        ],
    ),
    (
        "CronJob",
        {"spec": {"schedule": "@daily"}},
        [
            "spec.jobTemplate.spec.template.spec.containers: Required value",
            'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
        ],
    ),
]


@pytest.mark.parametrize(("kind", "obj", "messages"), CREATED)
def test_on_create(kind, obj, messages):
    assert cases.on_create(cases.kind(kind), obj) == messages


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("5", 'too large index: "5"'),
        ("a", 'cannot convert string to integer for index: "a"'),
        (
            "1-2-3",
            "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts separated by '-'",
        ),
        ("3,1", "non-increasing order, previous: 3, current: 1"),
        ("2-2", "non-increasing order, previous: 2, current: 2"),
    ],
)
def test_sets_of_indexes(text, problem):
    [message] = cases.on_create(
        cases.kind("Job"), indexed(successPolicy={"rules": [{"succeededIndexes": text}]})
    )
    assert message == (
        f'{WHERE}.succeededIndexes: Invalid value: "{text}": error parsing succeededIndexes: {problem}'
    )


def test_an_old_schedule_may_keep_its_zone():
    old = cron(schedule="TZ=UTC 1 * * * *", timeZone="Nowhere")
    assert cases.on_update(cases.kind("CronJob"), cron(schedule="TZ=UTC 2 * * * *"), old) == []
    assert cases.on_update(cases.kind("CronJob"), old, old) == [
        'spec.schedule: Invalid value: "TZ=UTC 1 * * * *": cannot use both timeZone field and TZ or CRON_TZ in schedule'
    ]


def test_a_long_name_of_a_service_may_stay():
    old = kept(serviceName="a.b")
    assert len(cases.on_create(cases.kind("StatefulSet"), old)) == 1
    assert (
        cases.on_update(cases.kind("StatefulSet"), kept(serviceName="a.b", replicas=2), old) == []
    )
