"""Static partitions against the shared pool: a mix of four frameworks on 96 nodes, in simulated time.

After the table of Mesos (NSDI 2011): a Hadoop mix of many small jobs, one of large jobs, Spark-like
iterations, and an MPI queue whose jobs start whole or not at all. Static: each has 24 nodes of its
own, all day. Shared: all 96 belong to everybody, offered by the allocator, each framework in a role
of its own; the queue, which can't shrink or grow, a guarantee of two jobs' CPUs. Same jobs, same
order, same task lengths; only who may run where differs. The numbers are ours: the mix is synthetic
and seeded, tasks are as long shared as alone.
"""

import heapq
import itertools
import random
from collections import deque
from dataclasses import dataclass, field

from bench import report
from bench.report import Row
from offers import allocator, filters, resources
from offers.allocator import Wanting
from offers.filters import Filters
from offers.ledger import Ledger
from offers.messages import Launch, Offer

NODES = 96
GIB = 1 << 30
NODE = {"cpu": 8000, "memory": 32 * GIB}
REFUSE_S = 5.0
"""As frameworks do that name no time."""
SEED = 2011


@dataclass(slots=True)
class Stage:
    """Tasks that may run together; the next stage begins when all are done."""

    durations: list[float]
    size: dict[str, int]
    gang: bool = False
    """All at once or none."""


@dataclass(slots=True)
class Job:
    """Stages, one after the other."""

    arrives: float
    stages: deque[Stage]
    running: int = 0


@dataclass(slots=True)
class Framework:
    """Runs its jobs in order of arrival, as many at once as it gets resources for."""

    name: str
    jobs: list[Job]
    abreast: int = 100
    """Jobs it runs at a time."""
    quota: dict[str, int] = field(default_factory=dict)

    def active(self, now: float) -> list[Job]:
        ready = [job for job in self.jobs if job.arrives <= now and (job.stages or job.running)]
        return ready[: self.abreast]

    @property
    def is_done(self) -> bool:
        return not any(job.stages or job.running for job in self.jobs)

    def wants(self, now: float) -> bool:
        return any(job.stages and job.stages[0].durations for job in self.active(now))


def mix(seed: int) -> list[Framework]:
    """The four, each with the work of about an hour on a fourth of the nodes."""
    rng = random.Random(seed)

    def mapreduce(at: float, maps: int, mean: float) -> Job:
        small, large = {"cpu": 1000, "memory": 2 * GIB}, {"cpu": 1000, "memory": 4 * GIB}
        lengths = [rng.uniform(0.5, 1.5) * mean for _ in range(maps)]
        reduces = [rng.uniform(0.5, 1.5) * mean for _ in range(max(1, maps // 10))]
        return Job(at, deque([Stage(lengths, small), Stage(reduces, large)]))

    # As at Facebook: most jobs are tiny, a few are large, and they come in bursts.
    sizes = [rng.choice((1, 2, 10, 50, 100, 200, 400)) for _ in range(100)]
    small = [mapreduce(240.0 * (n // 8) + rng.random() * 10, m, 25) for n, m in enumerate(sizes)]
    large = [mapreduce(1000.0 * n, 4800, 30) for n in range(4)]
    spark = [
        Job(
            400.0 * n,
            deque(
                Stage([rng.uniform(4, 8) for _ in range(160)], {"cpu": 1000, "memory": 3 * GIB})
                for _ in range(20)
            ),
        )
        for n in range(8)
    ]
    mpi = []
    for number in range(24):
        ranks = [rng.uniform(200, 400)] * 64
        stage = Stage(ranks, {"cpu": 1000, "memory": GIB}, gang=True)
        mpi.append(Job(150.0 * number, deque([stage])))
    quota = {"cpu": 2 * 64 * 1000}
    return [
        Framework("Hadoop, Facebook's mix", small),
        Framework("Hadoop, large jobs", large),
        Framework("Spark", spark),
        Framework("MPI queue", mpi, quota=quota),
    ]


class Cluster:
    """Some nodes and who shares them, until all work is done."""

    def __init__(self, nodes: int, frameworks: list[Framework]) -> None:
        self.books, self.held = Ledger(), Filters()
        for number in range(nodes):
            self.books.set_node(f"n{number}", NODE, {}, accepts=True)
        self.dirty = set(self.books.accounts)
        self.frameworks = {one.name: one for one in frameworks}
        for one in frameworks:
            self.books.roles.guarantee(one.name, one.quota)
        self.now = 0.0
        self.ids = itertools.count()
        self.ends: list[tuple[float, int, str, Job, Stage]] = []
        self.times: dict[str, float] = dict.fromkeys(self.frameworks, 0.0)
        self.busy = 0.0
        """CPU-milliseconds used, in seconds."""

    def run(self) -> dict[str, float]:
        """Framework → how long its jobs took, all together."""
        wakes = sorted({job.arrives for f in self.frameworks.values() for job in f.jobs})
        while any(not f.is_done for f in self.frameworks.values()):
            self.allocate()
            nexts = [wakes[0]] if wakes else []
            nexts += [self.ends[0][0]] if self.ends else []
            end = self.held.next_end()
            if end is not None and end > self.now:
                nexts.append(end)
            self.advance(min(nexts))
            while wakes and wakes[0] <= self.now:
                wakes.pop(0)
                self.dirty.update(self.books.accounts)
            self.dirty.update(self.held.ended(self.now))
        return self.times

    def advance(self, to: float) -> None:
        self.busy += self.books.roles.root.allocated.get("cpu", 0) * (to - self.now)
        self.now = to
        while self.ends and self.ends[0][0] <= to:
            _, number, name, job, stage = heapq.heappop(self.ends)
            self.dirty.add(self.books.usages[str(number)].node)
            self.books.gone(str(number))
            job.running -= 1
            if not job.running and not stage.durations:
                job.stages.popleft()
                # New work is a new wish: what was declined for lack of it is wanted again.
                self.held.clear(name)
                self.dirty.update(self.books.accounts)
            if not job.stages and not job.running:
                self.times[name] += to - job.arrives

    def allocate(self) -> None:
        """Offers to all who have tasks to start; each uses what fits and declines the rest."""
        while self.dirty:
            nodes, self.dirty = self.dirty, set()
            wanting = [
                Wanting(f.name, (f.name,)) for f in self.frameworks.values() if f.wants(self.now)
            ]
            made: dict[str, list[Offer]] = {}
            for grant in allocator.allocate(
                self.books, wanting, self.held, nodes=nodes, now=self.now,
                seed=next(self.ids),
            ):  # fmt: skip
                offer = Offer(
                    f"o{next(self.ids)}",
                    grant.framework_id,
                    grant.role,
                    grant.node,
                    grant.resources,
                )
                self.books.offer(offer)
                made.setdefault(grant.framework_id, []).append(offer)
            for name, offers in made.items():
                self.answer(self.frameworks[name], offers)

    def answer(self, one: Framework, offers: list[Offer]) -> None:
        placed = self.place(one, offers)
        for offer in offers:
            launches = placed.get(offer.id, [])
            rest: resources.Vector = offer.resources
            for launch in launches:
                rest = resources.subtract(rest, launch.resources)
            assert self.books.accept((offer.id,), tuple(launches), self.now + 1e9)
            until = filters.end(self.now, REFUSE_S)
            self.held.decline(one.name, one.name, offer.node, rest, until)
            self.dirty.add(offer.node)

    def place(self, one: Framework, offers: list[Offer]) -> dict[str, list[Launch]]:
        placed: dict[str, list[Launch]] = {}
        free = {offer.id: dict(offer.resources) for offer in offers}
        for job in one.active(self.now):
            if not job.stages:
                continue
            stage = job.stages[0]
            room = self._room(free, stage)
            if stage.gang and len(room) < len(stage.durations):
                continue
            for offer_id in room:
                number = next(self.ids)
                length = stage.durations.pop()
                free[offer_id] = resources.subtract(free[offer_id], stage.size)
                placed.setdefault(offer_id, []).append(Launch(str(number), one.name, stage.size))
                job.running += 1
                heapq.heappush(self.ends, (self.now + length, number, one.name, job, stage))
        return placed

    @staticmethod
    def _room(free: dict[str, dict[str, int]], stage: Stage) -> list[str]:
        """Where its tasks fit, one name for each."""
        found: list[str] = []
        for offer_id, rest in free.items():
            fits = min(rest.get(name, 0) // value for name, value in stage.size.items())
            found += [offer_id] * fits
        return found[: len(stage.durations)]


def measure() -> list[Row]:
    alone: dict[str, float] = {}
    used = longest = 0.0
    for one in mix(SEED):
        cluster = Cluster(NODES // 4, [one])
        alone |= cluster.run()
        used += cluster.busy
        longest = max(longest, cluster.now)
    shared = Cluster(NODES, mix(SEED))
    together = shared.run()
    assert abs(used - shared.busy) < used / 1e6, "the same work either way"
    rows = []
    for name, seconds in alone.items():
        rows.append(Row("sharing", f"{name}: job time, alone", seconds, "s"))
        rows.append(Row("sharing", f"{name}: job time, shared", together[name], "s"))
        rows.append(Row("sharing", f"{name}: gain", seconds / together[name], "x"))
    capacity = NODES * NODE["cpu"]
    for how, busy, makespan in (
        ("static", used, longest),
        ("shared", shared.busy, shared.now),
    ):
        rows.append(Row("sharing", f"all work done, {how}", makespan, "s"))
        rows.append(
            Row("sharing", f"CPUs in use until then, {how}", 100 * busy / capacity / makespan, "%")
        )
    return rows


if __name__ == "__main__":
    report.main(measure, __doc__)
