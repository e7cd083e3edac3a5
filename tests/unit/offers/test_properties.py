"""What must hold of offers whatever happens: conservation, quota, one owner, fairness."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from offers import parts, ranges, resources, sorter
from offers.messages import Launch, Offer
from offers.resources import Vector
from offers.roles import RoleTree
from tests.effort import examples
from tests.unit.offers.pool import Pool, kept

ROLES = ("a", "a/b", "c", "d/e")
GUARANTEES = {"d": 1500, "d/e": 1000, "a/b": 500}
LIMITS = {"a": {"cpu": 7000}, "c": {"memory": 900}}
PORTS = ((100, 199),)


def total(vectors: list[Vector]) -> Vector:
    result: Vector = {}
    for vector in vectors:
        result = resources.add(result, parts.consumed(vector))
    return result


class Market(RuleBasedStateMachine):
    """Agents, frameworks, the allocator and everything that can be done with an offer."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = Pool()
        self.rivals = 1
        for path, limit in LIMITS.items():
            self.pool.ledger.roles.role(path).limit = limit
        for path, cpu in GUARANTEES.items():
            self.pool.ledger.roles.guarantee(path, {"cpu": cpu})
        self.numbers = 0
        self.used: set[str] = set()
        self.excess: dict[str, Vector] = {path: {} for path in LIMITS}
        """What roles with a limit had when an agent last came."""

    def surplus(self) -> int:
        """What of the CPUs is free beyond what is kept."""
        ledger = self.pool.ledger
        return ledger.spare.get("cpu", 0) - ledger.roles.required.get("cpu", 0)

    def held(self, path: str) -> Vector:
        return dict(self.pool.ledger.roles.role(path).unreserved)

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    def some_offer(self, pick: int) -> Offer | None:
        offers = list(self.pool.ledger.offers.values())
        return offers[pick % len(offers)] if offers else None

    @rule(name=st.sampled_from("xyz"), cpu=st.integers(0, 4000), memory=st.integers(0, 500))
    def agent(self, name: str, cpu: int, memory: int) -> None:
        has = {"cpu": cpu, "memory": memory}
        # An agent that is reported anew keeps what was reserved on it, and what runs there.
        self.pool.ledger.set_node(name, has, {}, accepts=True, ports=PORTS)
        self.excess = {path: self.held(path) for path in LIMITS}

    @rule(name=st.sampled_from("xyz"))
    def agent_is_out_of_reach(self, name: str) -> None:
        account = self.pool.ledger.accounts.get(name)
        if account is None:
            return
        for offer_id in list(account.offer_ids):
            self.pool.ledger.give_back(offer_id)
        own = resources.subtract(account.capacity, account.carved)
        self.pool.ledger.set_node(name, own, {}, accepts=False, present=False, ports=PORTS)

    @rule(name=st.sampled_from("xyz"))
    def agent_is_back(self, name: str) -> None:
        account = self.pool.ledger.accounts.get(name)
        if account is not None and account.capacity and not account.present:
            own = resources.subtract(account.capacity, account.carved)
            self.agent(name, own.get("cpu", 0), own.get("memory", 0))

    @rule(name=st.sampled_from("xyz"))
    def agent_goes(self, name: str) -> None:
        for offer in list(self.pool.ledger.offers.values()):
            if offer.node == name:
                self.pool.ledger.give_back(offer.id)
        self.pool.ledger.remove_node(name)

    @rule(role=st.sampled_from(ROLES), ports=st.booleans())
    def framework(self, role: str, ports: bool) -> None:
        if len(self.pool.frameworks) < 6:
            self.pool.framework(f"f{self.number()}", role, wants_ports=ports)

    @rule(rivals=st.integers(1, 3))
    def allocate(self, rivals: int) -> None:
        self.pool.rivals = rivals
        before = self.surplus()
        self.pool.run()
        # Nobody is given what is kept for others.
        assert self.surplus() >= min(before, 0)

    @rule(pick=st.integers(0, 50), refuse=st.sampled_from((0.0, 5.0, 500.0)))
    def decline(self, pick: int, refuse: float) -> None:
        if (offer := self.some_offer(pick)) is not None:
            self.pool.recover(offer, refuse)

    @rule(pick=st.integers(0, 50), part=st.integers(1, 3))
    def accept(self, pick: int, part: int) -> None:
        offer = self.some_offer(pick)
        if offer is None:
            return
        ledger = self.pool.ledger
        rivals = ledger.rivals(offer.id)
        wants = resources.positive({n: v // part for n, v in offer.resources.items()})
        uid = f"t{self.number()}"
        launch = Launch(uid, offer.role, wants, ranges.first(offer.ports, 3))
        assert ledger.accept((offer.id,), (launch,), self.pool.now + 30)
        for rival in rivals:
            ledger.give_back(rival)
        # Nobody can use the same twice.
        for each in (offer.id, *rivals):
            assert not ledger.accept((each,), (Launch("again", offer.role, {}),), 0.0)
        self.used.add(uid)

    @rule(pick=st.integers(0, 50))
    def reserve(self, pick: int) -> None:
        offer = self.some_offer(pick)
        if offer is None or not offer.resources.get("cpu") or self.pool.ledger.rivals(offer.id):
            return
        before = {"cpu": offer.resources["cpu"]}
        self.pool.use(offer, {}, [(before, kept(before, offer.role))])

    @precondition(lambda self: self.used)
    @rule(pick=st.integers(0, 50))
    def task_ends(self, pick: int) -> None:
        uid = sorted(self.used)[pick % len(self.used)]
        self.used.discard(uid)
        self.pool.ledger.gone(uid)

    @rule(seconds=st.sampled_from((1.0, 10.0, 1000.0)))
    def time_passes(self, seconds: float) -> None:
        self.pool.now += seconds
        list(self.pool.filters.ended(self.pool.now))

    @invariant()
    def free_and_offered_and_used_are_the_capacity(self) -> None:
        ledger = self.pool.ledger
        for account in ledger.accounts.values():
            counted = [ledger.offers[offer_id].resources for offer_id in account.offer_ids]
            used = [ledger.usages[uid].amount for uid in account.uids]
            assert account.offered == total(counted)
            assert account.used == total(used)
            whole = resources.add(resources.add(account.free, account.offered), account.used)
            assert whole == resources.add(account.capacity, {})

    @invariant()
    def no_port_is_had_twice(self) -> None:
        ledger = self.pool.ledger
        for account in ledger.accounts.values():
            taken = [ledger.usages[uid].ports for uid in account.uids]
            taken += [ledger.offers[offer_id].ports for offer_id in account.offer_ids]
            size = sum(map(ranges.size, taken))
            assert size == ranges.size(ranges.normal([span for spans in taken for span in spans]))

    @invariant()
    def roles_are_charged_for_all_and_nothing_else(self) -> None:
        ledger = self.pool.ledger
        counted = [
            ledger.offers[i].resources for a in ledger.accounts.values() for i in a.offer_ids
        ]
        used = [u.amount for u in ledger.usages.values() if ledger.accounts[u.node].present]
        everything = total([*counted, *used])
        assert ledger.roles.root.allocated == parts.folded(everything)
        assert ledger.roles.root.unreserved == parts.plain(everything)

    @invariant()
    def quota_is_never_exceeded(self) -> None:
        """But by what came back with its agent; and that does not become more."""
        for path, limit in LIMITS.items():
            held = self.held(path)
            for name, most in limit.items():
                assert held.get(name, 0) <= max(most, self.excess[path].get(name, 0))
            self.excess[path] = held

    @invariant()
    def what_is_owed_is_what_the_guarantee_lacks(self) -> None:
        tree = self.pool.ledger.roles
        lacks = {
            path: max(0, cpu - tree.role(path).consumed.get("cpu", 0))
            for path, cpu in GUARANTEES.items()
        }
        kept = lacks["a/b"] + max(lacks["d"], lacks["d/e"])
        assert tree.required == ({"cpu": kept} if kept else {})


TestMarket = Market.TestCase
TestMarket.settings = settings(max_examples=examples(150), stateful_step_count=30, deadline=None)

demands = st.fixed_dictionaries({"cpu": st.integers(1, 20), "memory": st.integers(1, 20)})
clusters = st.fixed_dictionaries({"cpu": st.integers(60, 200), "memory": st.integers(60, 200)})


def fill(whole: Vector, wants: dict[str, Vector]) -> tuple[dict[str, int], RoleTree]:
    """Progressive filling by our order until nobody's task fits; tasks of each, and the tree."""
    tree, free = RoleTree(), dict(whole)
    tasks = dict.fromkeys(wants, 0)
    while able := [role for role in wants if resources.fits(wants[role], free)]:
        turn = next(iter(sorter.in_order(tree, able, whole)))
        tree.charge(turn, wants[turn])
        free = resources.subtract(free, wants[turn])
        tasks[turn] += 1
    return tasks, tree


@given(clusters, st.lists(demands, min_size=2, max_size=4))
def test_sharing_incentive(whole: Vector, wants: list[Vector]) -> None:
    """Nobody has less than in its own n-th of the cluster, but for a task, its own or another's."""
    named = {f"r{number}": want for number, want in enumerate(wants)}
    _, tree = fill(whole, named)
    coarse = sum(sorter.dominant_share(want, whole) for want in wants)
    for role, want in named.items():
        alone = min(whole[name] // len(wants) // want[name] for name in want)
        fair = alone * sorter.dominant_share(want, whole)
        assert sorter.share_of(tree, role, whole) >= fair - coarse


@given(clusters, st.lists(demands, min_size=2, max_size=4))
def test_nothing_is_left_that_somebody_could_use(whole: Vector, wants: list[Vector]) -> None:
    """Pareto: to give one more, somebody must have less."""
    named = {f"r{number}": want for number, want in enumerate(wants)}
    _, tree = fill(whole, named)
    free = resources.subtract(whole, tree.root.allocated)
    assert not any(resources.fits(want, free) for want in wants)


@given(clusters, demands, demands, st.integers(0, 10), st.integers(0, 10))
def test_a_lie_about_demands_gains_nothing(
    whole: Vector, mine: Vector, other: Vector, more_cpu: int, more_memory: int
) -> None:
    """Asking for more a task than one needs runs no more tasks, but for the one of rounding."""
    lie = {"cpu": mine["cpu"] + more_cpu, "memory": mine["memory"] + more_memory}
    truth, _ = fill(whole, {"me": mine, "other": other})
    lied, _ = fill(whole, {"me": lie, "other": other})
    assert lied["me"] <= truth["me"] + 1


@given(
    st.lists(st.tuples(st.integers(1, 4000), st.integers(1, 500)), min_size=1, max_size=12),
    st.lists(st.sampled_from(ROLES), min_size=1, max_size=5),
    st.data(),
)
def test_all_that_nobody_refused_is_on_offer(
    sizes: list[tuple[int, int]], roles: list[str], data: st.DataObject
) -> None:
    """Pareto with filters: what is left after a run, each framework has refused."""
    pool = Pool()
    for number, (cpu, memory) in enumerate(sizes):
        pool.agent(f"n{number}", {"cpu": cpu, "memory": memory})
    for number, role in enumerate(roles):
        pool.framework(f"f{number}", role)
    for _ in range(3):
        for offer in pool.run():
            if data.draw(st.booleans()):
                pool.recover(offer, refuse=100.0)
    pool.run()
    for account in pool.ledger.accounts.values():
        free = resources.positive(account.free)
        if resources.is_offerable(free) and free.get("cpu") and free.get("memory"):
            for number, role in enumerate(roles):
                refused = not pool.filters.allows(f"f{number}", role, account.name, free, pool.now)
                assert refused


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40), st.integers(0, 9))
def test_a_run_over_what_changed_is_a_run_over_all(
    steps: list[tuple[int, bool]], seed: int
) -> None:
    """Incremental: agents that did not change have nothing for anybody."""
    pool = Pool()
    pool.seed = seed
    names = pool.agents(6, {"cpu": 1000, "memory": 100})
    pool.framework("f", "a")
    pool.framework("g", "c", sizes=({"cpu": 600},))
    pool.run()
    for number, end in steps:
        mine = [offer for offer in pool.ledger.offers.values() if offer.node == names[number]]
        for offer in mine:
            if end:
                pool.recover(offer, refuse=50.0)
            else:
                pool.use(offer, {"cpu": offer.resources.get("cpu", 0) // 2})
        pool.run(names[number])
        assert pool.run() == []


def test_a_limit_holds_among_rivals() -> None:
    """What stands beside another offer is not counted, so nobody with a limit stands there."""
    pool = Pool(rivals=2)
    pool.quota("c", {}, {"memory": 900})
    pool.framework("open", "a")
    pool.framework("limited", "c")
    for number in range(4):
        pool.agent(f"n{number}", {"cpu": 1000, "memory": 450})
        pool.run(f"n{number}")
    for offer in list(pool.ledger.offers.values()):
        if offer.framework_id == "limited":
            pool.use(offer)
    assert pool.ledger.roles.role("c").unreserved.get("memory", 0) <= 900


@pytest.mark.parametrize("many", [1, 5, 300, 3000])
def test_filters_of_many_clients_are_each_their_own(many: int) -> None:
    """Bits are given anew after a thousand revivals: nobody gets another's refusals."""
    pool = Pool()
    pool.agent("n", {"cpu": 1000, "memory": 100})
    amount = {"cpu": 1000, "memory": 100}
    for number in range(many):
        pool.filters.decline(f"f{number}", "a", "n", amount, until=10.0)
        if number % 2:
            pool.filters.clear(f"f{number}")
    for number in range(many):
        allowed = pool.filters.allows(f"f{number}", "a", "n", amount, 5.0)
        assert allowed == bool(number % 2)
        assert pool.filters.allows(f"f{number}", "a", "n", {"cpu": 1001}, 5.0)
        assert pool.filters.count(f"f{number}") == (number + 1) % 2
    assert list(pool.filters.ended(10.0))
    assert all(pool.filters.allows(f"f{number}", "a", "n", amount, 10.0) for number in range(many))
