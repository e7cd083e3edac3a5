"""What containers see of their volumes: contents, modes, owners, changes. One batch of pods."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.batch import Batch, a_batch, container
from tests.e2e.conftest import Cluster, eventually

DATA = {"data-1": "value-1", "data-2": "value-2"}
KINDS = ("configmap", "secret", "projected-configmap", "projected-secret")
MAPPED = [{"key": "data-2", "path": "path/to/data-2"}]
WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "mode": {"defaultMode": 0o400},
    "items": {"items": MAPPED},
    "item-mode": {"items": [{**MAPPED[0], "mode": 0o400}]},
    "group": {"defaultMode": 0o440},
}
"""How a volume shows an object; each makes a volume called `<kind>-<way>`."""
FIELDS = [
    {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}},
    {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
    {"path": "annotations", "fieldRef": {"fieldPath": "metadata.annotations"}},
    *(
        {"path": where, "resourceFieldRef": {"containerName": whose, "resource": what}}
        for where, whose, what in [
            ("cpu_limit", "main", "limits.cpu"),
            ("cpu_request", "main", "requests.cpu"),
            ("memory_limit", "main", "limits.memory"),
            ("memory_request", "main", "requests.memory"),
            ("default_cpu_limit", "free", "limits.cpu"),
            ("default_memory_limit", "free", "limits.memory"),
        ]
    ),
]
RESOURCES = {
    "requests": {"cpu": "250m", "memory": "32Mi"},
    "limits": {"cpu": "1250m", "memory": "64Mi"},
}
SHOW = """cd /v
for file in $(find -L . -type f | grep -v '/[.][.]' | sort); do
  echo "${file#./} $(stat -L -c %A:%u:%g $file) $(cat $file)"
done
"""
FILL = """for place in /disk /memory; do
  stat -c '%n %A' $place
  for mode in 644 666 777; do
    echo text > $place/$mode && chmod $mode $place/$mode && stat -c '%n %A %u' $place/$mode
    cat $place/$mode
  done
done
grep -E ' /memory ' /proc/mounts | cut -d' ' -f3
"""


def volume(kind: str, name: str = "data", **more: Any) -> dict[str, Any]:
    """A source that shows the ConfigMap or Secret of that name."""
    mode = {"defaultMode": more.pop("defaultMode")} if "defaultMode" in more else {}
    plain = kind.removeprefix("projected-")
    if plain != kind:
        source = {"configMap" if plain == "configmap" else "secret": {"name": name, **more}}
        return {"projected": {"sources": [source], **mode}}
    if kind == "secret":
        return {"secret": {"secretName": name, **more, **mode}}
    return {"configMap": {"name": name, **more, **mode}}


def mount(name: str, path: str = "", **more: Any) -> dict[str, Any]:
    return {"name": name, "mountPath": path or f"/v/{name}", **more}


def shows(*ways: str) -> dict[str, Any]:
    """Volumes of all kinds in these ways, and their mounts."""
    many = {f"{kind}-{way}": volume(kind, **WAYS[way]) for kind in KINDS for way in ways}
    return {
        "mounts": [mount(name) for name in many],
        "volumes": [{"name": name, **source} for name, source in many.items()],
    }


def make_objects(batch: Batch, name: str, **data: str) -> None:
    batch.api.make("configmaps", name, data=data)
    batch.api.make("secrets", name, stringData=data)


def make_readers(batch: Batch) -> None:
    """Pods that print what there is of ConfigMaps and Secrets."""
    for name, ways, spec in [
        ("root", ("plain", "mode", "items", "item-mode"), {}),
        ("user", ("plain", "items"), {"securityContext": {"runAsUser": 1000}}),
        ("group", ("group",), {"securityContext": {"runAsUser": 1000, "fsGroup": 1001}}),
    ]:
        shown = shows(*ways)
        main = container(SHOW, volumeMounts=shown["mounts"])
        batch.pod(name, main, volumes=shown["volumes"], **spec)
    binary = {"binaryData": {"dump": base64.b64encode(bytes(range(256))).decode()}}
    batch.api.make("configmaps", "binary", data={"text": "plain"}, **binary)
    batch.pod(
        "binary",
        container("cat /v/binary/text; sha256sum < /v/binary/dump", volumeMounts=[mount("binary")]),
        volumes=[{"name": "binary", "configMap": {"name": "binary"}}],
    )


def make_downward(batch: Batch) -> None:
    """A pod that reads what there is to know about itself, alone and beside other sources."""
    downward = {"downwardAPI": {"items": FIELDS}}
    every = {"projected": {"sources": [downward, {"configMap": {"name": "data"}},
             {"secret": {"name": "other"}}]}}  # fmt: skip
    modes = {
        "items": [FIELDS[0], {**FIELDS[0], "path": "own", "mode": 0o440}],
        "defaultMode": 0o400,
    }
    volumes = {
        "downward": downward,
        "projected": {"projected": {"sources": [downward]}},
        "every": every,
        "downward-modes": {"downwardAPI": modes},
        "projected-modes": {
            "projected": {
                "sources": [{"downwardAPI": {"items": modes["items"]}}],
                "defaultMode": 0o400,
            }
        },
    }
    batch.pod(
        "downward",
        container(SHOW, volumeMounts=[mount(name) for name in volumes], resources=RESOURCES),
        container("true", "free"),
        volumes=[{"name": name, **source} for name, source in volumes.items()],
        metadata={"labels": {"tier": "front"}, "annotations": {"builder": "bar"}},
    )


def make_fillers(batch: Batch) -> None:
    """Pods that write into empty directories, as root and as somebody else."""
    mounts = [mount("disk", "/disk"), mount("memory", "/memory")]
    volumes = [
        {"name": "disk", "emptyDir": {}},
        {"name": "memory", "emptyDir": {"medium": "Memory"}},
    ]
    for user in (0, 1001):
        batch.pod(
            f"fills-{user}",
            container(FILL, volumeMounts=mounts),
            volumes=volumes,
            securityContext={"runAsUser": user},
        )
    batch.pod(
        "shares",
        container("until cat /disk/word 2>/dev/null; do sleep 0.1; done", volumeMounts=mounts),
        container("echo hello > /disk/new; mv /disk/new /disk/word", "sub", volumeMounts=mounts),
        volumes=volumes,
    )


def make_sub_paths(batch: Batch) -> None:
    sources = {kind: volume(kind) for kind in KINDS}
    sources["downward"] = {"downwardAPI": {"items": [{**FIELDS[0], "path": "data-1"}]}}
    mounts = [mount(name, f"/v/{name}", subPath="data-1") for name in sources]
    over = mount("configmap", "/etc/group", subPath="data-2")
    batch.pod(
        "sub-paths",
        container("cd /v; tail -n 1 * /etc/group", volumeMounts=[*mounts, over]),
        volumes=[{"name": name, **source} for name, source in sources.items()],
    )


FOLLOW = """trap 'exit 0' TERM
while true; do
  now=$(for file in /v/*/*; do echo "$file=$(cat $file 2>/dev/null)"; done)
  [ "$now" = "$last" ] || echo "--
$now"
  last=$now
  sleep 0.2 & wait $!
done
"""


def make_follower(batch: Batch) -> None:
    """A pod that prints its files whenever they change."""
    volumes = {}
    for kind in KINDS:
        for name in ("created", "updated", "deleted"):
            volumes[f"{kind}-{name}"] = volume(kind, name, optional=True)
    downward = {"downwardAPI": {"items": FIELDS[1:3]}}
    volumes |= {"downward": downward, "projected": {"projected": {"sources": [downward]}}}
    make_objects(batch, "updated", key="old")
    make_objects(batch, "deleted", key="old")
    batch.pod(
        "follows",
        container(FOLLOW, volumeMounts=[mount(name) for name in volumes]),
        volumes=[{"name": name, **source} for name, source in volumes.items()],
        metadata={"labels": {"stage": "one"}, "annotations": {"note": "first"}},
    )


@pytest.fixture(scope="module")
def batch(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    with a_batch(cluster, "volumes", tmp_path_factory.mktemp("volumes")) as made:
        make_objects(made, "data", **DATA)
        made.api.make("secrets", "other", stringData={"word": "hush"})
        for make in (make_readers, make_downward, make_fillers, make_sub_paths, make_follower):
            make(made)
        yield made


def shown(batch: Batch, name: str) -> dict[str, str]:
    """Mode, owner and content of each file, as the pod's container saw them."""
    return dict(line.split(" ", 1) for line in batch.said(name))


@pytest.mark.parametrize("kind", KINDS)
def test_objects_as_files(batch: Batch, kind: str) -> None:
    """Whole or mapped, with the modes that were asked for, in as many volumes as one likes."""
    seen = shown(batch, "root")
    for path, told in {
        "plain/data-1": "-rw-r--r--:0:0 value-1",
        "plain/data-2": "-rw-r--r--:0:0 value-2",
        "mode/data-1": "-r--------:0:0 value-1",
        "items/path/to/data-2": "-rw-r--r--:0:0 value-2",
        "item-mode/path/to/data-2": "-r--------:0:0 value-2",
    }.items():
        assert seen[f"{kind}-{path}"] == told
    assert f"{kind}-items/data-1" not in seen


@pytest.mark.parametrize("kind", KINDS)
def test_objects_for_another_user(batch: Batch, kind: str) -> None:
    seen = shown(batch, "user")
    assert seen[f"{kind}-plain/data-1"] == "-rw-r--r--:0:0 value-1"
    assert seen[f"{kind}-items/path/to/data-2"] == "-rw-r--r--:0:0 value-2"
    assert shown(batch, "group")[f"{kind}-group/data-1"] == "-r--r-----:0:1001 value-1"


def test_binary_data(batch: Batch) -> None:
    digest = "40aff2e9d2d8922e47afd4648e6967497158785fbd1da870e7110266bf944880"
    assert batch.said("binary") == [f"plain{digest}  -"]


@pytest.mark.parametrize("kind", ["downward", "projected", "every"])
def test_a_pod_reads_about_itself(batch: Batch, kind: str) -> None:
    seen = {path: text.split(" ", 1)[1] for path, text in shown(batch, "downward").items()}
    node = batch.root.get(f"/api/v1/nodes/{batch.get('downward')['spec']['nodeName']}").json
    room = node["status"]["allocatable"]
    told = {path.removeprefix(f"{kind}/"): text for path, text in seen.items()}
    for path, text in {
        "name": "downward",
        "labels": 'tier="front"',
        "annotations": 'builder="bar"',
        "cpu_limit": "2",
        "cpu_request": "1",
        "memory_limit": str(64 << 20),
        "memory_request": str(32 << 20),
        "default_cpu_limit": room["cpu"],
        "default_memory_limit": str(int(room["memory"].removesuffix("Ki")) << 10),
    }.items():
        assert told[path] == text, path
    if kind == "every":
        assert (told["data-1"], told["data-2"], told["word"]) == ("value-1", "value-2", "hush")


@pytest.mark.parametrize("kind", ["downward", "projected"])
def test_modes_of_what_a_pod_reads_about_itself(batch: Batch, kind: str) -> None:
    seen = shown(batch, "downward")
    assert seen[f"{kind}-modes/name"] == "-r--------:0:0 downward"
    assert seen[f"{kind}-modes/own"] == "-r--r-----:0:0 downward"


@pytest.mark.parametrize("user", [0, 1001])
def test_empty_directories(batch: Batch, user: int) -> None:
    """On disk and in memory; everybody may write, and modes are what they were made."""
    modes = {"644": "-rw-r--r--", "666": "-rw-rw-rw-", "777": "-rwxrwxrwx"}
    expected = []
    for place in ("/disk", "/memory"):
        expected.append(f"{place} drwxrwxrwx")
        for mode, spelt in modes.items():
            expected += [f"{place}/{mode} {spelt} {user}", "text"]
    assert batch.said(f"fills-{user}") == [*expected, "tmpfs"]


def test_containers_share_an_empty_directory(batch: Batch) -> None:
    assert batch.said("shares") == ["hello"]


def test_sub_paths_of_files_that_are_written_at_once(batch: Batch) -> None:
    said = "\n".join(batch.said("sub-paths"))
    for kind in KINDS:
        assert f"==> {kind} <==\nvalue-1" in said
    assert "==> downward <==\nsub-paths" in said
    # Over a file that the image has.
    assert said.endswith("==> /etc/group <==\nvalue-2")


def test_what_changes_is_seen(batch: Batch) -> None:
    """Objects that come, change and go; labels and annotations of the pod."""

    def is_shown(expected: dict[str, str]) -> bool:
        lines = batch.log("follows").rsplit("--\n", 1)[1].splitlines()
        assert dict(line.removeprefix("/v/").split("=", 1) for line in lines) == expected
        return True

    before = {f"{kind}-{name}/key": "old" for kind in KINDS for name in ("updated", "deleted")}
    before |= {f"{kind}/labels": 'stage="one"' for kind in ("downward", "projected")}
    before |= {f"{kind}/annotations": 'note="first"' for kind in ("downward", "projected")}
    eventually(lambda: is_shown(before))
    make_objects(batch, "created", key="new")
    api = batch.api
    api.patch(api.path("configmaps", "updated"), {"data": {"key": "new"}}, expect=200)
    api.patch(api.path("secrets", "updated"), {"stringData": {"key": "new"}}, expect=200)
    for plural in ("configmaps", "secrets"):
        assert api.delete(api.path(plural, "deleted")).code == 200
    metadata = {"labels": {"stage": "two"}, "annotations": {"note": "second"}}
    api.patch(api.path("pods", "follows"), {"metadata": metadata}, expect=200)
    after = {f"{kind}-{name}/key": "new" for kind in KINDS for name in ("created", "updated")}
    after |= {f"{kind}/labels": 'stage="two"' for kind in ("downward", "projected")}
    after |= {f"{kind}/annotations": 'note="second"' for kind in ("downward", "projected")}
    eventually(lambda: is_shown(after))


def test_a_secret_of_another_namespace_is_another(batch: Batch) -> None:
    """Two of one name: the pod sees its own namespace's."""
    other = batch.root.within("default")
    other.make("secrets", "data", stringData={"data-1": "foreign"})
    try:
        batch.pod(
            "own",
            container("cat /v/secret/data-1", volumeMounts=[mount("secret")]),
            volumes=[{"name": "secret", **volume("secret")}],
        )
        assert batch.said("own") == ["value-1"]
    finally:
        other.delete(other.path("secrets", "data"))


def test_many_volumes_in_many_pods(batch: Batch) -> None:
    """Fifty ConfigMaps, all of them in each of five pods."""
    api = batch.api
    names = [f"many-{number}" for number in range(50)]
    for name in names:
        api.make("configmaps", name, data={"data": name})
    labels = {"app": "many"}
    main = container("trap 'exit 0' TERM; sleep 3600 & wait")
    main["volumeMounts"] = [mount(name) for name in names]
    spec = {
        "terminationGracePeriodSeconds": 1,
        "containers": [main],
        "volumes": [{"name": name, "configMap": {"name": name}} for name in names],
    }
    template = {"metadata": {"labels": labels}, "spec": spec}
    api.make("replicationcontrollers", "many", spec={"replicas": 5, "template": template})
    path = api.path("replicationcontrollers", "many")
    eventually(lambda: api.get(path).json["status"].get("readyReplicas") == 5)
    for pod in api.get(api.path("pods"), labelSelector="app=many").json["items"]:
        assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
