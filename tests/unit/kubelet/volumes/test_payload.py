"""What configMap, secret, downwardAPI and projected volumes show."""

import base64

import pytest

from kubelet.options import Capacity, Options
from kubelet.volumes import payload
from kubelet.volumes.errors import VolumeError
from kubelet.volumes.payload import ObjectRef, Owner, TokenRef

CAPACITY = Capacity(4000, 8 << 30, 100 << 30)
POD = {
    "metadata": {"name": "web", "namespace": "default", "uid": "u", "labels": {"a": "b"}},
    "spec": {"containers": [{"name": "app", "resources": {"limits": {"cpu": "2"}}}]},
}
CONFIG = {"data": {"k": "v"}, "binaryData": {"b": base64.b64encode(b"\0").decode()}}
SECRET = {"data": {"p": base64.b64encode(b"s3").decode()}}
OBJECTS = {("configmaps", "c"): CONFIG, ("secrets", "s"): SECRET, ("configmaps", "none"): None}


def files(volume: dict, tmp_path, owner: Owner = Owner(), tokens: dict | None = None):  # noqa: B008  frozen
    options = Options("node-1", tmp_path)
    full = {"name": "vol", **volume}
    return payload.files(full, POD, OBJECTS, tokens or {}, owner, options, CAPACITY)


def contents(volume: dict, tmp_path) -> dict[str, bytes]:
    return {path: file.data for path, file in files(volume, tmp_path).items()}


def test_a_config_map_shows_texts_and_bytes(tmp_path) -> None:
    assert contents({"configMap": {"name": "c"}}, tmp_path) == {"k": b"v", "b": b"\0"}


def test_a_secret_is_decoded(tmp_path) -> None:
    assert contents({"secret": {"secretName": "s"}}, tmp_path) == {"p": b"s3"}


def test_items_choose_paths_and_modes(tmp_path) -> None:
    items = [{"key": "k", "path": "dir/file", "mode": 0o400}]
    result = files({"configMap": {"name": "c", "items": items, "defaultMode": 0o600}}, tmp_path)
    assert list(result) == ["dir/file"]
    assert result["dir/file"].mode == 0o400


def test_a_missing_object_is_named(tmp_path) -> None:
    with pytest.raises(VolumeError, match=r'^configmap "none" not found$'):
        files({"configMap": {"name": "none"}}, tmp_path)


def test_a_missing_key_is_named(tmp_path) -> None:
    items = [{"key": "x", "path": "x"}]
    with pytest.raises(VolumeError, match="references non-existent config key: x"):
        files({"configMap": {"name": "c", "items": items}}, tmp_path)


def test_optional_things_may_be_missing(tmp_path) -> None:
    assert files({"configMap": {"name": "none", "optional": True}}, tmp_path) == {}
    items = [{"key": "x", "path": "x"}]
    optional = {"configMap": {"name": "c", "items": items, "optional": True}}
    assert files(optional, tmp_path) == {}


def test_the_group_of_the_pod_may_read(tmp_path) -> None:
    volume = {"secret": {"secretName": "s", "defaultMode": 0o400}}
    (file,) = files(volume, tmp_path, Owner(group=2000)).values()
    assert (file.mode, file.gid) == (0o440, 2000)


def test_projected_sources_join(tmp_path) -> None:
    volume = {
        "projected": {
            "sources": [
                {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}},
                {"configMap": {"name": "c", "items": [{"key": "k", "path": "ca"}]}},
                {
                    "downwardAPI": {
                        "items": [
                            {"path": "ns", "fieldRef": {"fieldPath": "metadata.namespace"}},
                            {
                                "path": "cpu",
                                "resourceFieldRef": {
                                    "containerName": "app",
                                    "resource": "limits.cpu",
                                },
                            },
                        ]
                    }
                },
            ]
        }
    }
    ref = TokenRef("", 600, "token")
    assert payload.token_refs(volume) == [ref]
    assert payload.object_refs(volume) == [ObjectRef("configmaps", "c", optional=False)]
    result = files(volume, tmp_path, tokens={ref: "jwt"})
    assert {path: file.data for path, file in result.items()} == {
        "ca": b"v",
        "ns": b"default",
        "cpu": b"2",
        "token": b"jwt",
    }


def test_a_token_is_for_the_user_alone(tmp_path) -> None:
    volume = {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    (ref,) = payload.token_refs(volume)
    (file,) = files(volume, tmp_path, Owner(user=1000), {ref: "jwt"}).values()
    assert (file.mode, file.uid) == (0o600, 1000)
