"""What fits an offer, and what it gets."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from frameworks.marathon import matching, ports
from frameworks.marathon.spec import App
from tests.unit.frameworks.marathon.makers import app, offer


def place(given_offer: object, *wanted: tuple[App, int]) -> matching.Match:
    numbers = count()
    return matching.match(given_offer, wanted, {}, lambda one: f"{one.id}-{next(numbers)}")


def test_apps_take_turns() -> None:
    a, b = app("/a", cpus=1), app("/b", cpus=1)
    found = place(offer(cpus=4), (a, 3), (b, 3))
    assert [one.app.id for one in found.placements] == ["/a", "/b", "/a", "/b"]
    assert found.reasons == {"/a": "InsufficientCpus", "/b": "InsufficientCpus"}


def test_no_more_than_five_an_offer() -> None:
    found = place(offer(cpus=100), (app(cpus=0.1, mem=1), 20))
    assert len(found.placements) == matching.PER_OFFER


def test_reasons() -> None:
    for body, reason in (
        ({"cpus": 9}, "InsufficientCpus"),
        ({"mem": 9999}, "InsufficientMemory"),
        ({"disk": 1}, "InsufficientDisk"),
        ({"gpus": 1}, "InsufficientGpus"),
        ({"ports": [0] * 11}, "InsufficientPorts"),
        ({"ports": [80], "requirePorts": True}, "InsufficientPorts"),
        ({"constraints": [["rack", "LIKE", "a"]]}, "UnfulfilledConstraint"),
        ({"acceptedResourceRoles": ["other"]}, "UnfulfilledRole"),
    ):
        found = place(offer(), (app(**body), 1))
        assert not found.placements
        assert found.reasons == {"/web": reason}


def test_ports_by_number() -> None:
    made = app(ports=[20003, 20005], requirePorts=True)
    assert [one.ports for one in place(offer(), (made, 2)).placements] == [(20003, 20005)]


def test_constraints_see_what_was_placed_just_now() -> None:
    made = app(constraints=[["hostname", "UNIQUE"]], cpus=0.1)
    found = place(offer(), (made, 3))
    assert len(found.placements) == 1
    assert found.reasons == {"/web": "UnfulfilledConstraint"}


def test_attributes_and_the_fault_domain_are_fields() -> None:
    domain = {"fault_domain": {"region": {"name": "eu"}, "zone": {"name": "eu-1"}}}
    found = matching.fields_of(offer(attributes={"rack": "r1"}, domain=domain))
    assert found == {"rack": "r1", "@region": "eu", "@zone": "eu-1", "hostname": "n1"}


spans = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 4)), max_size=5)


@given(spans, st.integers(0, 8), st.text(max_size=5))
def test_ports_are_dealt_once_and_only_those_offered(
    raw: list[tuple[int, int]], wanted: int, salt: str
) -> None:
    numbers = {n for begin, size in raw for n in range(begin, begin + size + 1)}
    offered = ports.joined(sorted(numbers))
    dealt = ports.deal(app(ports=[0] * wanted), offered, salt=salt)
    if dealt is None:
        assert len(numbers) < wanted
        return
    assert len(set(dealt)) == len(dealt) == wanted
    assert set(dealt) <= numbers
    left = {n for begin, end in ports.without(offered, dealt) for n in range(begin, end + 1)}
    assert left == numbers - set(dealt)


@given(
    st.lists(
        st.tuples(st.floats(0.01, 3), st.floats(1, 600), st.integers(0, 4), st.integers(1, 4)),
        max_size=5,
    )
)
def test_an_offer_is_never_overdrawn(rows: list[tuple[float, float, int, int]]) -> None:
    wanted = [
        (app(f"/a{i}", cpus=round(cpus, 3), mem=round(mem, 3), ports=[0] * n), instances)
        for i, (cpus, mem, n, instances) in enumerate(rows)
    ]
    made = place(offer(), *wanted).placements
    assert sum(one.app.cpus for one in made) <= 4.002
    assert sum(one.app.mem for one in made) <= 1024.002
    dealt = [port for one in made for port in one.ports]
    assert len(dealt) == len(set(dealt))
    for one, instances in wanted:
        assert sum(placed.app.id == one.id for placed in made) <= instances
