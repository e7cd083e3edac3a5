"""Scripts of the service rules, as text; tests/integration/network loads them for real."""

from hypothesis import given
from hypothesis import strategies as st

from kubelet.network.rules import Frontend, NodeNetwork, Target, change, shared_chains, skeleton

WEB = Frontend("10.96.0.7", "tcp", 80)
addresses = st.ip_addresses(v=4).map(str)
ports = st.integers(1, 65535)
targets = st.builds(
    Target,
    st.lists(st.tuples(addresses, ports), max_size=4, unique=True).map(tuple),
    st.booleans(),
    st.sampled_from([0, 60]),
    st.sampled_from([(), ("192.0.2.0/24",)]),
)
tables = st.dictionaries(
    st.builds(Frontend, addresses, st.sampled_from(["tcp", "udp"]), ports), targets, max_size=6
)


def test_one_service_is_a_handful_of_elements() -> None:
    script = change("t", {}, {WEB: Target((("10.71.1.2", 8080),))}, chains={"tcp_1"})
    assert script.splitlines() == [
        "add element ip t tcp_endpoints { 10.96.0.7 . 80 . 0 : 10.71.1.2 . 8080 }",
        "add element ip t services { 10.96.0.7 . tcp . 80 : goto tcp_1 }",
    ]


def test_no_endpoint_means_refusal() -> None:
    script = change("t", {}, {WEB: Target()}, chains=())
    assert script == "add element ip t refused { 10.96.0.7 . tcp . 80 }\n"


def test_the_host_masquerades_everything_to_services() -> None:
    text = skeleton(NodeNetwork("t", "10.96.0.0/16", "10.71.0.0/16"))
    assert "ip daddr @ranges meta mark set" in text
    assert "hairpin {" in text


@given(tables)
def test_no_change_is_no_script(table: dict[Frontend, Target]) -> None:
    assert change("t", table, table, chains=shared_chains(table)) == ""


@given(tables, tables)
def test_what_is_added_for_the_new_was_removed_for_the_old(
    old: dict[Frontend, Target], new: dict[Frontend, Target]
) -> None:
    script = change("t", old, new, chains=())
    for frontend in old.keys() | new.keys():
        touched = f"{{ {frontend.ip} . {frontend.protocol} . {frontend.port}" in script
        assert touched == (old.get(frontend) != new.get(frontend))
