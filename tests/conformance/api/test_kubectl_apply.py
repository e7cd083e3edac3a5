"""apply in its forms, diff, edit, replace: what changes YAML into objects."""

import re
from pathlib import Path

import pytest

from . import samples
from .clients import Kubectl

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def managers(made: dict) -> dict[str, str]:
    return {one["manager"]: one["operation"] for one in made["metadata"]["managedFields"]}


def test_apply_first_unchanged_changed(kubectl: Kubectl) -> None:
    wanted = samples.deployment("web", replicas=0)
    assert kubectl.apply(wanted) == "deployment.apps/web created\n"
    first = kubectl.object("deployment", "web")
    assert kubectl.apply(wanted) == "deployment.apps/web unchanged\n"
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/app:2"
    assert kubectl.apply(wanted) == "deployment.apps/web configured\n"
    second = kubectl.object("deployment", "web")
    assert second["metadata"]["generation"] > first["metadata"]["generation"]
    assert LAST_APPLIED in second["metadata"]["annotations"]
    assert managers(second)["kubectl-client-side-apply"] == "Update"


def test_apply_removes_what_the_file_no_longer_says(kubectl: Kubectl) -> None:
    kubectl.apply(samples.configmap("cm", {"a": "1", "b": "1"}, x="1", y="2"))
    kubectl("label", "configmap", "cm", "mine=yes")
    kubectl.apply(samples.configmap("cm", {"b": "1"}, y="2"))
    made = kubectl.object("configmap", "cm")
    assert made["data"] == {"y": "2"}
    assert made["metadata"]["labels"] == {"b": "1", "mine": "yes"}


def test_apply_merges_containers_by_name(kubectl: Kubectl) -> None:
    wanted = samples.deployment("web", replicas=0)
    kubectl.apply(wanted)
    kubectl("patch", "deployment", "web", "-p",
            '{"spec":{"template":{"spec":{"containers":[{"name":"extra","image":"e"}]}}}}')  # fmt: skip
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/app:2"
    kubectl.apply(wanted)
    containers = kubectl.object("deployment", "web")["spec"]["template"]["spec"]["containers"]
    images = {one["name"]: one["image"] for one in containers}
    assert images == {"extra": "e", "app": "registry.example/app:2"}


def test_apply_of_what_create_made_warns(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "cm", "--from-literal=a=b")
    ran = kubectl.attempt("apply", "-f", "-", stdin=samples.configmap("cm", a="c"))
    assert (ran.code, ran.out) == (0, "configmap/cm configured\n")
    assert f"missing the {LAST_APPLIED} annotation" in ran.err


def test_apply_dry_run(kubectl: Kubectl) -> None:
    kubectl.apply(samples.configmap("cm", a="b"))
    out = kubectl.apply(samples.configmap("cm", a="c"), options=("--dry-run=server",))
    assert out == "configmap/cm configured (server dry run)\n"
    assert kubectl.object("configmap", "cm")["data"] == {"a": "b"}


def test_apply_of_an_immutable_field(kubectl: Kubectl) -> None:
    wanted = samples.deployment("web", replicas=0)
    kubectl.apply(wanted)
    wanted["spec"]["selector"]["matchLabels"] = {"app": "other"}
    wanted["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    errors = kubectl.fails("apply", "-f", "-", stdin=wanted)
    assert 'The Deployment "web" is invalid: spec.selector: Invalid value' in errors
    assert "field is immutable" in errors


def test_apply_of_a_kind_that_nobody_knows(kubectl: Kubectl) -> None:
    errors = kubectl.fails(
        "apply", "-f", "-", stdin={"apiVersion": "no.example/v1", "kind": "Thing", "metadata": {"name": "x"}}
    )  # fmt: skip
    assert 'no matches for kind "Thing" in version "no.example/v1"' in errors


def test_bad_yaml(kubectl: Kubectl) -> None:
    errors = kubectl.fails("apply", "-f", "-", stdin="a: b: c\n  - d")
    assert "error parsing STDIN: error converting YAML to JSON" in errors


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"replicas": "three"}, "unmarshal string into Go struct field DeploymentSpec.spec.replicas"),
        ({"replicas": -1}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        ({"nonsense": 1}, 'unknown field "spec.nonsense"'),
    ],
    ids=["type", "value", "unknown"],
)  # fmt: skip
def test_apply_of_a_wrong_spec(kubectl: Kubectl, spec: dict, words: str) -> None:
    wanted = samples.deployment("web")
    wanted["spec"] |= spec
    assert words in kubectl.fails("apply", "-f", "-", stdin=wanted)
    assert "NotFound" in kubectl.fails("get", "deployment", "web")


def test_server_side_apply(kubectl: Kubectl) -> None:
    options = ("--server-side",)
    wanted = samples.deployment("web", replicas=0)
    assert kubectl.apply(wanted, options=options) == "deployment.apps/web serverside-applied\n"
    made = kubectl.object("deployment", "web")
    assert managers(made)["kubectl"] == "Apply"
    assert LAST_APPLIED not in made["metadata"].get("annotations", {})
    before = managers(made)
    kubectl.apply(wanted, options=options)
    assert kubectl.object("deployment", "web")["spec"] == made["spec"]
    assert before["kubectl"] == managers(kubectl.object("deployment", "web"))["kubectl"]


def test_server_side_conflicts(kubectl: Kubectl) -> None:
    kubectl.apply(samples.configmap("cm", a="1"), options=("--server-side",))
    other = ("--server-side", "--field-manager=other")
    errors = kubectl.fails("apply", "-f", "-", *other, stdin=samples.configmap("cm", a="2"))
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .data.a' in errors
    assert kubectl.object("configmap", "cm")["data"] == {"a": "1"}
    kubectl.apply(samples.configmap("cm", a="2"), options=(*other, "--force-conflicts"))
    assert kubectl.object("configmap", "cm")["data"] == {"a": "2"}
    errors = kubectl.fails(
        "apply", "-f", "-", "--server-side", stdin=samples.configmap("cm", a="1")
    )
    assert 'conflict with "other"' in errors


def test_from_client_side_to_server_side(kubectl: Kubectl) -> None:
    kubectl.apply(samples.configmap("cm", a="1", b="1"))
    kubectl.apply(samples.configmap("cm", a="2"), options=("--server-side",))
    made = kubectl.object("configmap", "cm")
    assert made["data"] == {"a": "2"}
    assert "kubectl-client-side-apply" not in managers(made)


def test_prune(kubectl: Kubectl) -> None:
    both = [samples.configmap(name, {"set": "x"}) for name in ("a", "b")]
    kubectl.apply(*both)
    options = ("--prune", "-l", "set=x", "--prune-allowlist=core/v1/ConfigMap")
    out = kubectl.apply(both[0], options=options)
    assert out.splitlines() == ["configmap/a unchanged", "configmap/b pruned"]
    assert "NotFound" in kubectl.fails("get", "configmap", "b")


def test_last_applied(kubectl: Kubectl) -> None:
    kubectl.apply(samples.configmap("cm", a="1"))
    assert 'a: "1"' in kubectl("apply", "view-last-applied", "configmap", "cm")
    out = kubectl("apply", "set-last-applied", "-f", "-", stdin=samples.configmap("cm", a="2"))
    assert out == "configmap/cm configured\n"
    assert 'a: "2"' in kubectl("apply", "view-last-applied", "configmap", "cm")


def test_kustomize(kubectl: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text(
        "namePrefix: pre-\nconfigMapGenerator:\n- name: cm\n  literals: [a=b]\n"
        "generatorOptions: {disableNameSuffixHash: true}\n"
    )
    assert kubectl("apply", "-k", str(tmp_path)) == "configmap/pre-cm created\n"


@pytest.mark.parametrize("server_side", [False, True], ids=["client", "server"])
def test_diff(kubectl: Kubectl, server_side: bool) -> None:
    options = ("--server-side",) if server_side else ()
    kubectl.apply(samples.configmap("cm", a="1"), options=options)
    same = kubectl.attempt("diff", "-f", "-", *options, stdin=samples.configmap("cm", a="1"))
    assert (same.code, same.out) == (0, "")
    ran = kubectl.attempt("diff", "-f", "-", *options, stdin=samples.configmap("cm", a="2"))
    assert ran.code == 1
    assert '-  a: "1"\n+  a: "2"' in ran.out
    assert kubectl.object("configmap", "cm")["data"] == {"a": "1"}


def test_diff_of_a_deployments_image(kubectl: Kubectl) -> None:
    kubectl.apply(samples.deployment("web", replicas=0))
    other = samples.deployment("web", replicas=0, image="registry.example/app:2")
    ran = kubectl.attempt("diff", "-f", "-", stdin=other)
    assert ran.code == 1
    assert re.search(r"^- +(- )?image: registry\.example/app:1$", ran.out, re.MULTILINE)
    assert re.search(r"^\+ +(- )?image: registry\.example/app:2$", ran.out, re.MULTILINE)
    spec = kubectl.object("deployment", "web")["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == "registry.example/app:1"


def test_diff_of_something_new(kubectl: Kubectl) -> None:
    ran = kubectl.attempt("diff", "-f", "-", stdin=samples.service("s"))
    assert ran.code == 1
    assert "+  sessionAffinity: None" in ran.out


@pytest.fixture
def editor(tmp_path: Path) -> Path:
    """An editor that replaces `1` by `2` in what it is given."""
    script = tmp_path / "editor.sh"
    script.write_text('#!/bin/sh\nsed -i \'s/a: "1"/a: "2"/\' "$1"\n')
    script.chmod(0o755)
    return script


def test_edit(kubectl: Kubectl, editor: Path) -> None:
    kubectl.apply(samples.configmap("cm", a="1"))
    out = kubectl("edit", "configmap", "cm", KUBE_EDITOR=str(editor))
    assert out == "configmap/cm edited\n"
    assert kubectl.object("configmap", "cm")["data"] == {"a": "2"}
    ran = kubectl.attempt("edit", "configmap", "cm", KUBE_EDITOR=str(editor))
    assert ran.code == 0
    assert "Edit cancelled, no changes made" in ran.out + ran.err


def test_edit_that_is_refused_keeps_the_file(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl.apply(samples.deployment("web", replicas=0))
    script = tmp_path / "bad.sh"
    script.write_text('#!/bin/sh\nsed -i "s/replicas: 0/replicas: -5/" "$1"\n')
    script.chmod(0o755)
    ran = kubectl.attempt("edit", "deployment", "web", KUBE_EDITOR=str(script))
    assert ran.code == 1
    assert "A copy of your changes has been stored to" in ran.err
    assert kubectl.object("deployment", "web")["spec"]["replicas"] == 0


def test_replace(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=samples.configmap("cm", {"a": "b"}, x="1"))
    out = kubectl("replace", "-f", "-", stdin=samples.configmap("cm", y="2"))
    assert out == "configmap/cm replaced\n"
    made = kubectl.object("configmap", "cm")
    assert made["data"] == {"y": "2"}
    assert "labels" not in made["metadata"]


def test_replace_of_a_stale_version(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=samples.configmap("cm", x="1"))
    stale = kubectl.object("configmap", "cm")
    kubectl("label", "configmap", "cm", "a=b")
    errors = kubectl.fails("replace", "-f", "-", stdin=stale)
    assert "(Conflict)" in errors
    assert "the object has been modified; please apply your changes to the latest version" in errors


def test_replace_of_nothing(kubectl: Kubectl) -> None:
    assert "(NotFound)" in kubectl.fails("replace", "-f", "-", stdin=samples.configmap("cm"))


def test_replace_of_a_pods_image(kubectl: Kubectl) -> None:
    kubectl("run", "p", "--image=registry.example/app:1", "--labels=run=p")
    pod = kubectl.object("pod", "p")
    pod["spec"]["containers"][0]["image"] = "registry.example/app:2"
    assert kubectl("replace", "-f", "-", stdin=pod) == "pod/p replaced\n"
    after = kubectl.object("pod", "p")
    assert after["spec"]["containers"][0]["image"] == "registry.example/app:2"
    assert after["metadata"]["uid"] == pod["metadata"]["uid"]


def test_replace_by_force(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=samples.pod("p"))
    before = kubectl.object("pod", "p")["metadata"]["uid"]
    pod = samples.pod("p", containers=[{"name": "other", "image": "x"}])
    out = kubectl("replace", "--force", "-f", "-", stdin=pod)
    assert out.splitlines()[-1] == "pod/p replaced"
    after = kubectl.object("pod", "p")
    assert after["metadata"]["uid"] != before
    assert after["spec"]["containers"][0]["name"] == "other"
