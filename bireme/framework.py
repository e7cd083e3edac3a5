"""The SDK for frameworks: `from bireme.framework import Scheduler, Task`. See `offers.sdk`."""

from offers.sdk import (
    Event,
    FrameworkError,
    Group,
    Offer,
    Offers,
    Other,
    Rescind,
    Scheduler,
    Subscribed,
    Task,
    TaskStatus,
    Update,
)

__all__ = [
    "Event",
    "FrameworkError",
    "Group",
    "Offer",
    "Offers",
    "Other",
    "Rescind",
    "Scheduler",
    "Subscribed",
    "Task",
    "TaskStatus",
    "Update",
]
