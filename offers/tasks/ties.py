"""What the tasks' service shares with those that do a part of its work.

Neighbours: `service` makes it; `executors`, `bookings` and `reach` hold on to it.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from apimachinery.aio.clock import Clock
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.wire import JsonObject
from offers.frameworks import Frameworks
from offers.master import OfferMaster
from offers.tasks.containers import Place
from offers.tasks.delivery import Deliveries
from offers.tasks.journal import Journal
from offers.tasks.observe import PodView
from offers.tasks.record import Task


@dataclass(frozen=True, slots=True)
class Ties:
    """See the module's docstring."""

    client: Client
    master: OfferMaster
    frameworks: Frameworks
    pods: Informer[PodView]
    objects: Informer[JsonObject]
    """Of Executor objects."""
    journal: Journal
    deliveries: Deliveries
    tasks: dict[tuple[str, str], Task]
    completed: deque[Task]
    node_exists: Callable[[str], bool]
    hostname_of: Callable[[str], str]
    place: Place
    retire: Callable[[str], None]
    """Told of pods that are over, which are kept for their logs."""
    clock: Clock
