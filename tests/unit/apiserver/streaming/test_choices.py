"""What a stream is about: containers, options, ports, addresses, proxy names."""

from typing import Any

import pytest

from apimachinery import status, wire
from apiserver.streaming import channels, commands, forwards, kubelet, logs, pods, proxy


def pod(*containers: str, **changes: Any) -> wire.JsonObject:
    spec = {"containers": [{"name": name} for name in containers]} | changes
    return {"metadata": {"name": "web", "namespace": "ns"}, "spec": spec}


def request(**query: str) -> wire.Request:
    return wire.Request("GET", "/", list(query.items()))


def test_only_container_is_meant() -> None:
    assert pods.container_of(pod("a"), "") == "a"


def test_one_of_several_must_be_named() -> None:
    found = pod("a", "b", initContainers=[{"name": "i"}])
    with pytest.raises(status.BadRequest) as caught:
        pods.container_of(found, "")
    assert caught.value.message == (
        "a container name must be specified for pod web, choose one of: [a b] "
        "or one of the init containers: [i]"
    )


def test_annotation_names_the_default() -> None:
    found = pod("a", "b")
    found["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "b"}
    assert pods.container_of(found, "") == "b"


def test_ephemeral_containers_can_be_named() -> None:
    found = pod("a", ephemeralContainers=[{"name": "debugger"}])
    assert pods.container_of(found, "debugger") == "debugger"


def test_unknown_container() -> None:
    with pytest.raises(status.BadRequest, match="container x is not valid for pod web"):
        pods.container_of(pod("a"), "x")


def test_log_options_go_to_the_agent() -> None:
    asked = request(follow="true", tailLines="3", previous="false", container="a", stream="All")
    assert logs.options("web", asked) == [("follow", "true"), ("tailLines", "3"), ("stream", "All")]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("tailLines", "-1", "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ("limitBytes", "0", "limitBytes: Invalid value: 0: must be greater than 0"),
        ("sinceSeconds", "x", 'sinceSeconds: Invalid value: "x"'),
        ("stream", "x", 'stream: Unsupported value: "x"'),
    ],
)
def test_bad_log_options(option: str, value: str, message: str) -> None:
    with pytest.raises(status.Invalid) as caught:
        logs.options("web", request(**{option: value}))
    assert message in caught.value.message


def test_exec_options() -> None:
    asked = wire.Request(
        "GET",
        "/",
        [("command", "sh"), ("command", "-c"), ("stdin", "true"), ("stdout", "true")],
    )
    assert commands.options(asked, "exec") == [
        ("command", "sh"),
        ("command", "-c"),
        ("input", "1"),
        ("output", "1"),
    ]


def test_terminal_has_one_output() -> None:
    asked = request(command="sh", stdout="true", stderr="true", tty="true")
    assert ("error", "1") not in commands.options(asked, "exec")


@pytest.mark.parametrize("query", [{"command": "sh"}, {"stdout": "true"}])
def test_exec_needs_a_command_and_a_stream(query: dict[str, str]) -> None:
    with pytest.raises(status.BadRequest, match="you must specify at least"):
        commands.options(request(**query), "exec")


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "http", "1" * 50, "８０"])
def test_bad_ports(text: str) -> None:
    with pytest.raises(status.BadRequest, match="is not a valid port"):
        forwards.port_number(text)


def test_ports_may_be_listed_or_repeated() -> None:
    asked = wire.Request("GET", "/", [("ports", "80,443"), ("ports", "8080")])
    assert forwards.ports_of(asked) == [80, 443, 8080]


def test_agents_address() -> None:
    node = {
        "metadata": {"name": "n"},
        "status": {
            "addresses": [
                {"type": "Hostname", "address": "n"},
                {"type": "InternalIP", "address": "10.0.0.1"},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10251}},
        },
    }
    assert kubelet.address_of(node) == kubelet.Address("n", "10.0.0.1", 10251)


def test_node_without_an_address_is_unavailable() -> None:
    with pytest.raises(status.ServiceUnavailable, match="node n has not reported"):
        kubelet.address_of({"metadata": {"name": "n"}})


def test_names_in_agents_paths_are_escaped() -> None:
    assert kubelet.container_path("exec", pod("a"), "../x") == "/exec/ns/web/..%2Fx"


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("web", proxy.Target("http", "web", "")),
        ("web:80", proxy.Target("http", "web", "80")),
        ("https:web:", proxy.Target("https", "web", "")),
        (":web:admin", proxy.Target("http", "web", "admin")),
    ],
)
def test_proxy_names(name: str, target: proxy.Target) -> None:
    assert proxy.target_of(name) == target


@pytest.mark.parametrize("name", ["a:b:c:d", "ftp:web:80"])
def test_bad_proxy_names(name: str) -> None:
    with pytest.raises(status.BadRequest):
        proxy.target_of(name)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "169.254.169.254", "0.0.0.0", "::ffff:127.0.0.1"]
)
def test_proxy_does_not_reach_the_servers_own_machine(host: str) -> None:
    with pytest.raises(status.Forbidden):
        proxy.allowed(host)


def test_base64_dialect() -> None:
    assert channels.encoded(b"\x01hi") == "1aGk="
