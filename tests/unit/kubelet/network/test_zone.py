"""The cluster's names and how answers are packed."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelet.network import dns, foreign, services
from kubelet.network.zone import Zone


def service(name: str, **spec: object) -> services.ServiceView:
    return services.service_view({"metadata": {"name": name, "namespace": "default"}, "spec": spec})


def endpoints(name: str, *ips: str, hostname: str = "") -> services.SliceView:
    return services.slice_view(
        {
            "metadata": {
                "name": f"{name}-1",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": name},
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080}],
            "endpoints": [{"addresses": [ip], "hostname": hostname} for ip in ips],
        }
    )


def zone() -> Zone:
    made = Zone()
    web = service("web", clusterIP="10.96.0.7", ports=[{"name": "http", "port": 80}])
    made.update("default/web", web, [])
    made.update(
        "default/db", service("db", clusterIP="None"), [endpoints("db", "10.71.1.2", "10.71.1.3")]
    )
    made.update("default/out", service("out", externalName="example.org"), [])
    return made


def query(name: str, kind: int = dns.A) -> bytes:
    return (
        struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0)
        + dns.pack_name(name)
        + struct.pack("!HH", kind, 1)
    )


def ask(name: str, kind: int = dns.A) -> tuple[int, int]:
    """(response code, number of answers)"""
    answer = dns.Resolver(zone(), [], seed=1).local(query(name, kind), limit=1232)
    assert answer is not None
    _, flags, _, count = struct.unpack_from("!HHHH", answer)
    return flags & 15, count


def test_a_service_has_its_cluster_ip() -> None:
    assert zone().find("web.default.svc.cluster.local").a == ("10.96.0.7",)
    assert ask("web.default.svc.cluster.local") == (dns.NOERROR, 1)


def test_a_headless_service_has_the_addresses_of_its_pods() -> None:
    assert ask("db.default.svc.cluster.local") == (dns.NOERROR, 2)
    assert ask("10-71-1-2.db.default.svc.cluster.local") == (dns.NOERROR, 1)


def test_ports_have_srv_records() -> None:
    assert ask("_http._tcp.web.default.svc.cluster.local", dns.SRV) == (dns.NOERROR, 1)
    assert ask("_http._tcp.db.default.svc.cluster.local", dns.SRV) == (dns.NOERROR, 2)


def test_addresses_have_names() -> None:
    assert ask("7.0.96.10.in-addr.arpa", dns.PTR) == (dns.NOERROR, 1)


def test_an_existing_name_without_the_type_is_no_error() -> None:
    assert ask("web.default.svc.cluster.local", dns.AAAA) == (dns.NOERROR, 0)
    assert ask("default.svc.cluster.local") == (dns.NOERROR, 0)


def test_unknown_names_do_not_exist() -> None:
    assert ask("nope.default.svc.cluster.local") == (dns.NXDOMAIN, 0)


def test_an_external_name_is_an_alias() -> None:
    assert ask("out.default.svc.cluster.local", dns.CNAME) == (dns.NOERROR, 1)


def test_an_alias_of_another_service_comes_with_its_address() -> None:
    """Resolvers in pods follow no alias themselves."""
    made = zone()
    for name, target in (("one", "two"), ("two", "web"), ("lost", "nowhere"), ("loop", "loop")):
        alias = service(name, externalName=f"{target}.default.svc.cluster.local")
        made.update(f"default/{name}", alias, [])
    resolver = dns.Resolver(made, [])

    def found(name: str) -> list[bytes]:
        answer = resolver.local(query(f"{name}.default.svc.cluster.local"), limit=1232)
        assert answer is not None
        return foreign.records(answer)

    assert len(found("one")) == 3
    assert found("one")[-1].endswith(bytes((0, 4, 10, 96, 0, 7)))
    assert len(found("lost")) == 1
    assert len(found("loop")) <= dns.ALIASES_MAX + 1


async def test_an_alias_of_a_foreign_name_comes_with_the_foreign_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def upstream(_: str, message: bytes) -> bytes:
        _, name, _, end = dns.parse_question(message)
        asked.append(name)
        records = [
            dns.record(dns.QUESTION, dns.CNAME, dns.pack_name("www.example.net")),
            # The owner is a pointer into the first record's data.
            dns.record(struct.pack("!H", 0xC000 | end + 12), dns.A, bytes((1, 2, 3, 4))),
            dns.record(dns.QUESTION, 46, b"a signature"),
        ]
        return dns.respond(message, end, dns.NOERROR, records)

    monkeypatch.setattr(dns, "_ask", upstream)
    resolver = dns.Resolver(zone(), ["192.0.2.1"])
    answer = await resolver.resolve(query("out.default.svc.cluster.local"), limit=1232)
    assert asked == ["example.org"]
    www = dns.pack_name("www.example.net")
    assert foreign.records(answer) == [
        dns.record(
            dns.pack_name("out.default.svc.cluster.local"), dns.CNAME, dns.pack_name("example.org")
        ),
        dns.record(dns.pack_name("example.org"), dns.CNAME, www),
        dns.record(www, dns.A, bytes((1, 2, 3, 4))),
    ]


@given(st.binary(max_size=200))
def test_no_foreign_answer_is_a_traceback(message: bytes) -> None:
    with contextlib.suppress(foreign.UnreadableError):
        foreign.records(message)


def test_pod_addresses_are_their_own_names() -> None:
    assert zone().find("10-71-1-9.default.pod.cluster.local").a == ("10.71.1.9",)
    assert zone().find("10-71-1-999.default.pod.cluster.local") is None


def test_names_outside_are_somebody_elses() -> None:
    assert dns.Resolver(zone(), []).local(query("example.org"), limit=1232) is None


def test_a_removed_service_takes_its_names_along() -> None:
    made = zone()
    for key in ("default/web", "default/db", "default/out"):
        made.update(key, None, [])
    assert made.names == {}
    assert made.find("default.svc.cluster.local") is None


def test_the_spelling_of_the_question_is_kept() -> None:
    answer = dns.Resolver(zone(), []).local(query("WEB.default.svc.cluster.local"), limit=1232)
    assert answer is not None
    assert b"\x03WEB" in answer


def test_too_large_an_answer_is_truncated() -> None:
    made = Zone()
    many = [f"10.71.{i // 200}.{i % 200 + 1}" for i in range(400)]
    made.update("default/db", service("db", clusterIP="None"), [endpoints("db", *many)])
    answer = dns.Resolver(made, []).local(query("db.default.svc.cluster.local"), limit=1232)
    assert answer is not None
    assert len(answer) <= 1232
    assert struct.unpack_from("!H", answer, 2)[0] & 0x0200


@given(st.binary(max_size=300))
def test_no_message_is_a_traceback(message: bytes) -> None:
    dns.Resolver(Zone(), []).local(message, limit=1232)
