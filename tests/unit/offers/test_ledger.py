"""The books balance whatever happens: free + offered + used = capacity."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from offers import resources
from offers.ledger import Ledger
from offers.messages import Launch, Offer
from tests.effort import examples

NODES = ("a", "b", "c")
names = st.sampled_from(NODES)
roles = st.sampled_from(["kubernetes/x", "kubernetes/y", "batch"])
amounts = st.fixed_dictionaries({"cpu": st.integers(1, 4000), "memory": st.integers(1, 1 << 30)})


class Books(RuleBasedStateMachine):
    offers = Bundle("offers")
    pods = Bundle("pods")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.counter = 0
        self.now = 0.0

    def fresh(self) -> str:
        self.counter += 1
        return str(self.counter)

    @rule(name=names, capacity=amounts, accepts=st.booleans())
    def node_appears(self, name: str, capacity: dict, accepts: bool) -> None:
        self.ledger.set_node(name, capacity, {}, accepts=accepts)

    @rule(name=names, capacity=amounts)
    def node_is_out_of_reach(self, name: str, capacity: dict) -> None:
        was = name in self.ledger.accounts and self.ledger.accounts[name].present
        turned = self.ledger.set_node(name, capacity, {}, accepts=True, present=False)
        assert turned == was

    @rule(name=names)
    def node_goes(self, name: str) -> None:
        for offer in self.ledger.remove_node(name):
            assert offer.node == name
        assert all(offer.node != name for offer in self.ledger.offers.values())

    @rule(target=offers, name=names, role=roles)
    def offer(self, name: str, role: str) -> str:
        offer_id = self.fresh()
        for account, free in self.ledger.offerable(iter([name])):
            self.ledger.offer(Offer(offer_id, "f", role, account.name, free))
        return offer_id

    @rule(target=pods, offer_id=consumes(offers), part=st.integers(1, 3), role=roles)
    def accept(self, offer_id: str, part: int, role: str) -> str:
        uid = self.fresh()
        offer = self.ledger.offers.get(offer_id)
        wanted = {n: v // part for n, v in offer.resources.items()} if offer else {"cpu": 1}
        taken = self.ledger.accept((offer_id,), (Launch(uid, role, wanted),), self.now + 30)
        assert taken == (offer is not None)
        return uid

    @rule(offer_id=consumes(offers))
    def accept_too_much(self, offer_id: str) -> None:
        offer = self.ledger.offers.get(offer_id)
        wanted = {"cpu": (offer.resources.get("cpu", 0) if offer else 0) + 1}
        before = dict(self.ledger.usages)
        assert not self.ledger.accept((offer_id,), (Launch("x", "batch", wanted),), self.now)
        assert self.ledger.usages == before

    @rule(offer_id=consumes(offers))
    def give_back(self, offer_id: str) -> None:
        self.ledger.give_back(offer_id)
        assert self.ledger.give_back(offer_id) is None

    @rule(target=pods, name=names, role=roles, amount=amounts)
    def bound_from_outside(self, name: str, role: str, amount: dict) -> str:
        uid = self.fresh()
        self.ledger.bound(uid, name, role, amount)
        return uid

    @rule(uid=pods, name=names, role=roles, amount=amounts)
    def seen_bound(self, uid: str, name: str, role: str, amount: dict) -> None:
        self.ledger.bound(uid, name, role, amount)

    @rule(uid=consumes(pods))
    def gone(self, uid: str) -> None:
        self.ledger.gone(uid)

    @rule(seconds=st.floats(0, 60))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.ledger.expire(self.now)

    @invariant()
    def each_node_balances(self) -> None:
        for account in self.ledger.accounts.values():
            used = total(u.amount for u in self.ledger.usages.values() if u.node == account.name)
            offered = total(
                o.resources for o in self.ledger.offers.values() if o.node == account.name
            )
            assert account.used == used
            assert account.offered == offered
            whole = resources.add(resources.add(account.free, offered), used)
            assert whole == {n: v for n, v in account.capacity.items() if v}

    @invariant()
    def offers_never_exceed_what_was_free(self) -> None:
        for account in self.ledger.accounts.values():
            assert all(value >= 0 for value in account.offered.values())

    @invariant()
    def roles_are_charged_for_all_and_nothing_else(self) -> None:
        accounts = self.ledger.accounts
        everything = total(
            [o.resources for o in self.ledger.offers.values()]
            + [u.amount for u in self.ledger.usages.values() if accounts[u.node].present]
        )
        assert self.ledger.roles.root.allocated == everything

    @invariant()
    def the_total_is_the_sum_of_the_nodes_that_are_there(self) -> None:
        there = [a.capacity for a in self.ledger.accounts.values() if a.present]
        assert self.ledger.total == self.ledger.plain == total(there)


def total(vectors) -> dict[str, int]:
    result: dict[str, int] = {}
    for vector in vectors:
        result = resources.add(result, vector)
    return result


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=examples(200), stateful_step_count=40, deadline=None)
