"""CronJobs: when a job is due, what concurrency allows, what is kept."""

from typing import Any

import pytest

from apimachinery import meta
from controllers.cronjob import plan as planning

START = 1_800_000_000.0
"""A whole minute; CronJobs in these tests were created then."""


def cron_job(**more: Any) -> planning.CronJob:
    status = more.pop("status", {})
    return planning.cron_job_of(
        {
            "metadata": {
                "name": "tick",
                "namespace": "default",
                "uid": "u",
                "creationTimestamp": meta.format_time(START),
            },
            "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {}}, **more},
            "status": status,
        }
    )


def child(
    name: str, outcome: str = "", started: float = START, *, by_hand: bool = False
) -> planning.Child:
    stamp = meta.format_time(started)
    status: dict[str, Any] = {"startTime": stamp}
    if outcome:
        status |= {"conditions": [{"type": outcome, "status": "True"}], "completionTime": stamp}
    head = {"name": name, "namespace": "default", "uid": name, "creationTimestamp": stamp}
    if not by_hand:
        head["annotations"] = {planning.SCHEDULED_AT: stamp}
    return planning.child_of({"metadata": head, "status": status})


def test_nothing_is_due_before_the_first_time() -> None:
    step = planning.plan(cron_job(), [], START + 59)
    assert (step.start, step.next_look) == (None, START + 60)


def test_of_many_missed_times_the_latest_is_made_up_for() -> None:
    step = planning.plan(cron_job(), [], START + 3601)
    assert step.start == START + 3600
    assert step.status["lastScheduleTime"] == meta.format_time(START + 3600)


def test_a_time_that_was_served_is_not_served_again() -> None:
    status = {"lastScheduleTime": meta.format_time(START + 60)}
    assert planning.plan(cron_job(status=status), [], START + 119).start is None


def test_too_late_is_missed_and_said() -> None:
    job = cron_job(schedule="0 * * * *", startingDeadlineSeconds=10)
    due = planning.plan(job, [], START).next_look or 0.0
    step = planning.plan(job, [], due + 11)
    assert step.start is None
    assert step.news == [
        ("MissSchedule", "Missed scheduled time to start a job: Fri, 15 Jan 2027 09:00:00 +0000")
    ]
    assert planning.plan(job, [], due + 9).start == due


@pytest.mark.parametrize(
    ("policy", "starts", "removed"),
    [("Allow", True, []), ("Forbid", False, []), ("Replace", True, ["tick-1"])],
)
def test_policies_while_a_job_runs(policy: str, starts: bool, removed: list[str]) -> None:
    job = cron_job(concurrencyPolicy=policy)
    step = planning.plan(job, [child("tick-1")], START + 61)
    assert (step.start is not None) == starts
    assert [one.meta.name for one in step.remove] == removed
    assert ("active" in step.status) == (policy != "Replace")


def test_suspended_starts_nothing_and_keeps_its_books() -> None:
    step = planning.plan(cron_job(suspend=True), [child("tick-1")], START + 600)
    assert (step.start, step.next_look) == (None, None)
    assert [one["name"] for one in step.status["active"]] == ["tick-1"]


def test_history_beyond_the_limits_goes_oldest_first() -> None:
    children = [child(f"ok-{n}", "Complete", START + n) for n in range(5)]
    children += [child(f"bad-{n}", "Failed", START + n) for n in range(3)]
    step = planning.plan(cron_job(), children, START + 30)
    assert [one.meta.name for one in step.remove] == ["ok-0", "ok-1", "bad-0", "bad-1"]
    assert step.status["lastSuccessfulTime"] == meta.format_time(START + 4)


def test_an_active_job_that_ended_is_told_once() -> None:
    active = [planning.reference(child("tick-1").meta)]
    done = child("tick-1", "Complete")
    step = planning.plan(cron_job(status={"active": active}), [done], START + 30)
    assert step.news == [("SawCompletedJob", "Saw completed job: tick-1, condition: Complete")]
    again = planning.plan(cron_job(status=step.status), [done], START + 31)
    assert again.news == []


def test_an_active_job_that_is_gone_is_told_of() -> None:
    active = [planning.reference(child("tick-1").meta)]
    step = planning.plan(cron_job(status={"active": active}), [], START + 30)
    assert step.news == [("MissingJob", "Active job went missing: tick-1")]
    assert "active" not in step.status


@pytest.mark.parametrize("policy", ["Forbid", "Replace"])
def test_a_job_made_by_hand_is_in_nobodys_way(policy: str) -> None:
    job = cron_job(concurrencyPolicy=policy)
    step = planning.plan(job, [child("mine", by_hand=True)], START + 61)
    text = "Saw a job that the controller did not create or forgot: mine"
    assert step.news == [("UnexpectedJob", text)]
    assert step.start == START + 60
    assert step.remove == []
    assert "active" not in step.status


@pytest.mark.parametrize(
    ("seconds", "deadline", "said"),
    [(60 * 100 + 30, {}, False), (60 * 101, {}, True),
     (60 * 200, {"startingDeadlineSeconds": 300}, False)],
)  # fmt: skip
def test_many_missed_times_are_warned_of(
    seconds: int, deadline: dict[str, int], said: bool
) -> None:
    step = planning.plan(cron_job(**deadline), [], START + seconds)
    assert [reason for reason, _ in step.news] == ["TooManyMissedTimes"] * said
    assert step.start is not None


def test_the_name_tells_the_time() -> None:
    job = planning.job_from(cron_job(), {"uid": "u"}, START + 60)
    assert job["metadata"]["name"] == f"tick-{int(START + 60) // 60}"
    assert job["metadata"]["annotations"][planning.SCHEDULED_AT] == meta.format_time(START + 60)
