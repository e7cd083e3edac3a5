"""How containers are set up: commands, variables, users, rights, names. One batch of pods."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.batch import Batch, a_batch, container
from tests.e2e.conftest import Cluster, eventually
from tests.e2e.images import archive

IMAGE = "registry.example.com/team/entry:v1"
RESOURCES = {
    "requests": {"cpu": "250m", "memory": "32Mi"},
    "limits": {"cpu": "1250m", "memory": "64Mi"},
}


def field(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def amount(name: str, resource: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"resourceFieldRef": {"resource": resource}}}


def key(name: str, kind: str, of: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {kind: {"name": of, "key": key}}}


AMOUNTS = [
    amount("CPU_LIMIT", "limits.cpu"),
    amount("MEMORY_LIMIT", "limits.memory"),
    amount("CPU_REQUEST", "requests.cpu"),
    amount("MEMORY_REQUEST", "requests.memory"),
]


def variables() -> list[dict[str, Any]]:
    """Containers that print their variables, or what was made of them."""
    return [
        {
            # Not by a shell: that one drops names with a dash.
            **container("", "keys"),
            "command": ["env"],
            "env": [
                key("CONFIG", "configMapKeyRef", "settings", "data-1"),
                key("SECRET", "secretKeyRef", "settings", "data-2"),
            ],
            "envFrom": [
                {"configMapRef": {"name": "settings"}},
                {"prefix": "p-", "configMapRef": {"name": "settings"}},
                {"prefix": "s_", "secretRef": {"name": "settings"}},
            ],
        },
        container(
            "env",
            "fields",
            env=[
                field("POD_NAME", "metadata.name"),
                field("POD_NAMESPACE", "metadata.namespace"),
                field("POD_UID", "metadata.uid"),
                field("POD_IP", "status.podIP"),
                field("HOST_IP", "status.hostIP"),
            ],
        ),
        container("env", "amounts", env=AMOUNTS, resources=RESOURCES),
        container("env", "free", env=AMOUNTS[:2]),
        container(
            "env",
            "composed",
            env=[
                {"name": "FOO", "value": "foo-value"},
                {"name": "BAR", "value": "bar-value"},
                {"name": "FOOBAR", "value": "$(FOO);;$(BAR)"},
            ],
        ),
        container(
            "TEST=wrong; echo '$(TEST) $$(TEST) $(NONE)'",
            "command",
            env=[{"name": "TEST", "value": "right"}],
        ),
        {
            "name": "arguments",
            "image": "busybox",
            "command": ["sh", "-c"],
            "args": ["TEST=wrong; echo '$(TEST)'"],
            "env": [{"name": "TEST", "value": "right"}],
        },
    ]


def make_commands(batch: Batch, folder: Path) -> None:
    """An image with an entry point and arguments, and all ways to replace them."""
    runs = {"Entrypoint": ["/bin/busybox", "echo", "entry"], "Cmd": ["default", "arguments"]}
    batch.cluster.bireme("image", "import", str(archive(folder / "entry.tar", IMAGE, runs)))
    echo = ["/bin/busybox", "echo", "own"]
    ways = {"neither": {}, "arguments": {"args": ["mine"]}, "command": {"command": echo},
            "both": {"command": echo, "args": ["mine"]}}  # fmt: skip
    batch.pod("commands", *({"name": name, "image": IMAGE, **way} for name, way in ways.items()))


def secured(script: str, name: str, **context: Any) -> dict[str, Any]:
    return container(script, name, securityContext=context)


def make_secured(batch: Batch) -> None:
    batch.pod(
        "rights",
        secured("id -u", "nobody", runAsUser=65534),
        secured("id", "group", runAsUser=1001, runAsGroup=2002),
        secured("ip link set lo mtu 1400 2>&1; true", "plain", privileged=False),
        secured("ip link set lo mtu 1400 && echo made", "privileged", privileged=True),
        secured("echo text > /file; cat /file", "writable", readOnlyRootFilesystem=False),
        secured("echo text 2>&1 > /file; true", "read-only", readOnlyRootFilesystem=True),
        secured(
            "id -u; grep NoNewPrivs /proc/self/status",
            "no-more",
            runAsUser=1000,
            allowPrivilegeEscalation=False,
        ),
    )
    batch.pod("all-as", container("id"), securityContext={"runAsUser": 1001, "runAsGroup": 2002})
    shm = [{"name": "kernel.shm_rmid_forced", "value": "1"}]
    script = "cat /proc/sys/kernel/shm_rmid_forced"
    batch.pod("kernel", container(script), securityContext={"sysctls": shm})


def make_named(batch: Batch) -> None:
    """Pods that print /etc/hosts: their own, one that is mounted there, and the node's."""
    aliases = [{"ip": "123.45.67.89", "hostnames": ["foo", "bar"]}]
    batch.pod(
        "names",
        container("cat /etc/hosts", "own"),
        container(
            "cat /etc/hosts",
            "mounted",
            volumeMounts=[{"name": "hosts", "mountPath": "/etc/hosts"}],
        ),
        hostAliases=aliases,
        volumes=[{"name": "hosts", "hostPath": {"path": "/etc/hosts", "type": "File"}}],
    )
    batch.pod("on-the-node", container("cat /etc/hosts"), hostNetwork=True, hostAliases=aliases)


def sub_path(expression: str, script: str, **more: Any) -> dict[str, Any]:
    """A container with one volume whole, and the part of it that the expression names."""
    return container(
        script,
        env=[
            field("POD_NAME", "metadata.name"),
            field("NOTE", "metadata.annotations['note']"),
            {"name": "UP", "value": ".."},
            {"name": "TOP", "value": "/tmp"},
        ],
        volumeMounts=[
            {"name": "work", "mountPath": "/part", "subPathExpr": expression},
            {"name": "work", "mountPath": "/whole"},
        ],
        **more,
    )


REFUSED = {"upwards": "$(UP)", "absolute": "$(TOP)", "late": "$(NOTE)/$(POD_NAME)"}
"""Pods whose part of a volume cannot be, by name; the last one until it is annotated."""


def make_expanded(batch: Batch) -> None:
    volumes = [{"name": "work", "emptyDir": {}}]
    script = "echo text > /part/file; cat /whole/given/expanded/file"
    given = {"annotations": {"note": "given"}}
    main = sub_path("$(NOTE)/$(POD_NAME)", script)
    batch.pod("expanded", main, volumes=volumes, metadata=given)
    for name, expression in REFUSED.items():
        batch.pod(name, sub_path(expression, "ls /whole/*"), volumes=volumes)


@pytest.fixture(scope="module")
def batch(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    folder = tmp_path_factory.mktemp("containers")
    with a_batch(cluster, "containers", folder) as made:
        api = made.api
        data = {"data-1": "value-1", "data-2": "value-2"}
        api.make("configmaps", "settings", data=data)
        api.make("secrets", "settings", stringData=data)
        ports = [{"port": 8765, "targetPort": 8080}]
        api.make("services", "fooservice", spec={"ports": ports})
        made.pod("variables", *variables())
        make_commands(made, folder)
        make_secured(made)
        make_named(made)
        make_expanded(made)
        yield made
        cluster.bireme("image", "rm", IMAGE)


def env(batch: Batch, name: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in batch.said("variables", name))


def test_variables_from_objects(batch: Batch) -> None:
    told = env(batch, "keys")
    assert (told["CONFIG"], told["SECRET"]) == ("value-1", "value-2")
    for prefix in ("", "p-", "s_"):
        assert (told[f"{prefix}data-1"], told[f"{prefix}data-2"]) == ("value-1", "value-2")


def test_variables_that_tell_of_the_pod(batch: Batch) -> None:
    told, pod = env(batch, "fields"), batch.get("variables")
    node = batch.root.get(f"/api/v1/nodes/{pod['spec']['nodeName']}").json
    addresses = {one["type"]: one["address"] for one in node["status"]["addresses"]}
    assert told["POD_NAME"] == "variables"
    assert told["POD_NAMESPACE"] == pod["metadata"]["namespace"]
    assert told["POD_UID"] == pod["metadata"]["uid"]
    assert told["POD_IP"] == pod["status"]["podIP"] == pod["status"]["podIPs"][0]["ip"]
    assert told["HOST_IP"] == pod["status"]["hostIP"] == addresses["InternalIP"]


def test_variables_that_tell_of_resources(batch: Batch) -> None:
    told = env(batch, "amounts")
    assert [told[one["name"]] for one in AMOUNTS] == ["2", str(64 << 20), "1", str(32 << 20)]
    room = batch.root.get(f"/api/v1/nodes/{batch.get('variables')['spec']['nodeName']}").json
    free, most = env(batch, "free"), room["status"]["allocatable"]
    assert free["CPU_LIMIT"] == most["cpu"]
    assert free["MEMORY_LIMIT"] == str(int(most["memory"].removesuffix("Ki")) << 10)


def test_variables_in_variables_commands_and_arguments(batch: Batch) -> None:
    assert env(batch, "composed")["FOOBAR"] == "foo-value;;bar-value"
    assert batch.said("variables", "command") == ["right $(TEST) $(NONE)"]
    assert batch.said("variables", "arguments") == ["right"]


def test_variables_of_services(batch: Batch) -> None:
    batch.pod("late-comer", container("env"))
    told = dict(line.split("=", 1) for line in batch.said("late-comer"))
    ip = batch.api.get(batch.api.path("services", "fooservice")).json["spec"]["clusterIP"]
    assert {name: value for name, value in told.items() if name.startswith("FOOSERVICE")} == {
        "FOOSERVICE_SERVICE_HOST": ip,
        "FOOSERVICE_SERVICE_PORT": "8765",
        "FOOSERVICE_PORT": f"tcp://{ip}:8765",
        "FOOSERVICE_PORT_8765_TCP": f"tcp://{ip}:8765",
        "FOOSERVICE_PORT_8765_TCP_PROTO": "tcp",
        "FOOSERVICE_PORT_8765_TCP_PORT": "8765",
        "FOOSERVICE_PORT_8765_TCP_ADDR": ip,
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("neither", "entry default arguments"),
        ("arguments", "entry mine"),
        ("command", "own"),
        ("both", "own mine"),
    ],
)
def test_commands_and_arguments(batch: Batch, name: str, words: str) -> None:
    assert batch.said("commands", name) == [words]


def test_users_and_groups(batch: Batch) -> None:
    assert batch.said("rights", "nobody") == ["65534"]
    for told in (batch.said("rights", "group"), batch.said("all-as")):
        assert told[0].startswith("uid=1001 gid=2002")


def test_privileges(batch: Batch) -> None:
    assert "Operation not permitted" in batch.said("rights", "plain")[0]
    assert batch.said("rights", "privileged") == ["made"]
    assert batch.said("rights", "no-more") == ["1000", "NoNewPrivs:\t1"]


def test_a_root_file_system_that_may_be_written_or_not(batch: Batch) -> None:
    assert batch.said("rights", "writable") == ["text"]
    assert batch.said("rights", "read-only") == ["sh: can't create /file: Read-only file system"]


def test_a_safe_setting_of_the_kernel(batch: Batch) -> None:
    assert batch.said("kernel") == ["1"]


def test_names_of_hosts(batch: Batch) -> None:
    """The pod's own file, unless another is mounted there or the pod lives on the node's net."""
    own = "\n".join(batch.said("names", "own"))
    assert own.startswith("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n")
    assert f"{batch.status('names')['podIP']}\tnames\n" in own
    aliases = "\n\n# Entries added by HostAliases.\n123.45.67.89\tfoo\tbar"
    assert own.endswith(aliases)
    node = Path("/etc/hosts").read_text().rstrip("\n")
    assert "\n".join(batch.said("names", "mounted")) == node
    shown = "\n".join(batch.said("on-the-node"))
    assert shown == f"# Kubernetes-managed hosts file (host network).\n{node}{aliases}"


def refused(batch: Batch, name: str) -> bool:
    waiting: dict[str, str] = batch.container(name)["state"]["waiting"]
    return waiting["reason"] == "CreateContainerConfigError"


def test_parts_of_volumes_by_variables(batch: Batch) -> None:
    assert batch.said("expanded") == ["text"]
    for name in REFUSED:
        eventually(lambda name=name: refused(batch, name))
    note = {"metadata": {"annotations": {"note": "then"}}}
    batch.api.patch(batch.api.path("pods", "late"), note, expect=200)
    assert batch.said("late") == ["late"]
