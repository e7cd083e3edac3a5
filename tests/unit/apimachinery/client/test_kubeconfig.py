"""Kubeconfig files: read as kubectl reads them, refused in words, written as kubectl takes them."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from apimachinery.client import kubeconfig


def document(**user: Any) -> dict[str, Any]:
    return {
        "current-context": "here",
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team"}},
            {"name": "anonymous", "context": {"cluster": "c"}},
        ],
        "clusters": [
            {
                "name": "c",
                "cluster": {
                    "server": "https://127.0.0.1:6443",
                    "certificate-authority-data": base64.b64encode(b"CA").decode(),
                },
            }
        ],
        "users": [{"name": "u", "user": user}],
    }


@pytest.fixture
def write(tmp_path):
    def write(content: Any) -> Path:
        path = tmp_path / "config"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return write


def test_inline_material_is_decoded(write) -> None:
    found = kubeconfig.load(write(document(token="t")))
    assert (found.server, found.ca, found.token, found.namespace) == (
        "https://127.0.0.1:6443",
        b"CA",
        "t",
        "team",
    )


def test_paths_are_relative_to_the_file(write, tmp_path) -> None:
    (tmp_path / "me.crt").write_bytes(b"CERT")
    (tmp_path / "me.key").write_bytes(b"KEY")
    found = kubeconfig.load(
        write(document(**{"client-certificate": "me.crt", "client-key": "me.key"}))
    )
    assert (found.certificate, found.key) == (b"CERT", b"KEY")


def test_another_context_may_be_chosen(write) -> None:
    assert kubeconfig.load(write(document(token="t")), context="anonymous").token == ""


def test_the_environment_names_the_file(write, monkeypatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write(document(token="t"))))
    assert kubeconfig.load().token == "t"


def test_a_token_file_is_read_each_time(write, tmp_path) -> None:
    token = tmp_path / "token"
    token.write_text("one\n")
    found = kubeconfig.load(write(document(tokenFile="token")))
    first = found.current_token()
    token.write_text("two\n")
    assert (first, found.current_token()) == ("one", "two")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no YAML"),
        ("[]", "holds no mapping"),
        ({}, "no current-context"),
        ({"current-context": "x"}, "no context named 'x'"),
        (document(exec={"command": "aws"}), "needs a plugin"),
        (document(**{"client-key-data": "%%%"}), "client-key-data is no base64"),
        (document(**{"client-key": "absent"}), "cannot read client-key absent"),
        ({**document(), "clusters": [{"name": "c", "cluster": {}}]}, "has no server"),
    ],
)
def test_what_is_wrong_is_said(write, content, words) -> None:
    with pytest.raises(kubeconfig.ConfigError, match=words):
        kubeconfig.load(write(content))


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(kubeconfig.ConfigError, match="absent"):
        kubeconfig.load(tmp_path / "absent")


def test_what_is_written_reads_back(write) -> None:
    config = kubeconfig.Config("https://h:1", b"CA", b"CERT", b"KEY", namespace="team")
    assert kubeconfig.load(write(kubeconfig.render(config))) == config


def test_a_pod_finds_its_identity(tmp_path) -> None:
    for name, text in (("ca.crt", "CA"), ("token", "t"), ("namespace", "team\n")):
        (tmp_path / name).write_text(text)
    environment = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    found = kubeconfig.in_cluster(environment, tmp_path)
    assert (found.server, found.current_token(), found.namespace) == (
        "https://10.96.0.1:443",
        "t",
        "team",
    )


def test_outside_a_pod_that_is_said(tmp_path) -> None:
    with pytest.raises(kubeconfig.ConfigError, match="this is no pod"):
        kubeconfig.in_cluster({}, tmp_path)
