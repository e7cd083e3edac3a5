"""The index of roles and bindings follows every change; aggregation works at look-up."""

from typing import Any

from apimachinery import wire
from apiserver.access import authz, default_roles, node_authz

USER = wire.UserInfo("u", groups=("g",))


def role(name: str, *rules: Any, namespace: str = "", **metadata: Any) -> wire.JsonObject:
    where = {"namespace": namespace} if namespace else {}
    return {"metadata": {"name": name, **where, **metadata}, "rules": list(rules)}


def binding(
    name: str, role_kind: str, role_name: str, subject: str = "u", namespace: str = ""
) -> wire.JsonObject:
    where = {"namespace": namespace} if namespace else {}
    return {
        "metadata": {"name": name, **where},
        "roleRef": {"kind": role_kind, "name": role_name},
        "subjects": [{"kind": "User", "name": subject}],
    }


GET_PODS = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
LIST_PODS = {"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}


def may(index: authz.RbacIndex, verb: str, namespace: str = "", user: wire.UserInfo = USER) -> bool:
    return any(g.allows(verb, "", "pods", "", "x") for g in index.grants(user, namespace))


def test_cluster_binding_grants_everywhere() -> None:
    index = authz.RbacIndex()
    index.put("clusterroles", role("r", GET_PODS))
    index.put("clusterrolebindings", binding("b", "ClusterRole", "r"))
    assert may(index, "get")
    assert may(index, "get", "ns")


def test_role_binding_grants_in_its_namespace_only() -> None:
    index = authz.RbacIndex()
    index.put("clusterroles", role("r", GET_PODS))
    index.put("rolebindings", binding("b", "ClusterRole", "r", namespace="ns"))
    assert may(index, "get", "ns")
    assert not may(index, "get", "other")
    assert not may(index, "get")


def test_role_of_another_namespace_is_not_meant() -> None:
    index = authz.RbacIndex()
    index.put("roles", role("r", GET_PODS, namespace="other"))
    index.put("rolebindings", binding("b", "Role", "r", namespace="ns"))
    assert not may(index, "get", "ns")


def test_role_that_comes_after_its_binding_counts() -> None:
    index = authz.RbacIndex()
    index.put("clusterrolebindings", binding("b", "ClusterRole", "r"))
    assert not may(index, "get")
    index.put("clusterroles", role("r", GET_PODS))
    assert may(index, "get")


def test_changed_role_replaces_the_old_grants() -> None:
    index = authz.RbacIndex()
    index.put("clusterroles", role("r", GET_PODS))
    index.put("clusterrolebindings", binding("b", "ClusterRole", "r"))
    assert may(index, "get")
    index.put("clusterroles", role("r", LIST_PODS))
    assert not may(index, "get")
    assert may(index, "list")


def test_binding_given_to_another_leaves_the_first() -> None:
    index = authz.RbacIndex()
    index.put("clusterroles", role("r", GET_PODS))
    index.put("clusterrolebindings", binding("b", "ClusterRole", "r"))
    index.put("clusterrolebindings", binding("b", "ClusterRole", "r", subject="v"))
    assert not may(index, "get")
    assert may(index, "get", user=wire.UserInfo("v"))


def test_removed_binding_grants_nothing() -> None:
    index = authz.RbacIndex()
    index.put("clusterroles", role("r", GET_PODS))
    index.put("clusterrolebindings", binding("b", "ClusterRole", "r"))
    index.remove("clusterrolebindings", "", "b")
    assert not may(index, "get")


def test_replace_drops_what_is_not_listed() -> None:
    index = authz.RbacIndex()
    index.put("clusterroles", role("r", GET_PODS))
    index.put("clusterrolebindings", binding("b", "ClusterRole", "r"))
    index.replace("clusterrolebindings", [binding("c", "ClusterRole", "r", subject="v")])
    assert not may(index, "get")


def test_aggregated_role_takes_over_labelled_ones() -> None:
    index = authz.RbacIndex()
    total = role("total")
    total["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {"into": "total"}}]}
    index.put("clusterroles", total)
    index.put("clusterrolebindings", binding("b", "ClusterRole", "total"))
    index.put("clusterroles", role("part", GET_PODS, labels={"into": "total"}))
    assert may(index, "get")
    index.remove("clusterroles", "", "part")
    assert not may(index, "get")


def test_roles_that_aggregate_each_other_end() -> None:
    index = authz.RbacIndex()
    for name in ("a", "b"):
        made = role(name, GET_PODS, labels={"into": "it"})
        made["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {"into": "it"}}]}
        index.put("clusterroles", made)
    index.put("clusterrolebindings", binding("b", "ClusterRole", "a"))
    assert may(index, "get")


def bootstrap_index() -> authz.RbacIndex:
    index = authz.RbacIndex()
    plurals = {
        "ClusterRole": "clusterroles",
        "ClusterRoleBinding": "clusterrolebindings",
        "Role": "roles",
        "RoleBinding": "rolebindings",
    }
    for obj in default_roles.objects():
        index.put(plurals[obj["kind"]], obj)
    return index


def test_every_bootstrap_binding_names_a_bootstrap_role() -> None:
    objects = list(default_roles.objects())
    roles = {(o["kind"], o["metadata"]["name"]) for o in objects if o["kind"].endswith("Role")}
    bound = {(o["roleRef"]["kind"], o["roleRef"]["name"]) for o in objects if "roleRef" in o}
    assert bound <= roles


def test_anybody_may_discover() -> None:
    user = wire.UserInfo("u", groups=("system:authenticated",))
    granted = list(bootstrap_index().grants(user, ""))
    assert any(g.allows_path("get", "/apis/apps/v1") for g in granted)
    assert not any(g.allows_path("get", "/metrics") for g in granted)


def test_viewers_do_not_see_secrets_and_editors_do() -> None:
    index = bootstrap_index()
    index.put("rolebindings", binding("v", "ClusterRole", "view", "viewer", "ns"))
    index.put("rolebindings", binding("e", "ClusterRole", "edit", "editor", "ns"))

    def reads(name: str, resource: str) -> bool:
        found = index.grants(wire.UserInfo(name), "ns")
        return any(g.allows("get", "", resource, "", "x") for g in found)

    assert reads("viewer", "pods")
    assert not reads("viewer", "secrets")
    assert reads("editor", "secrets")


def test_references_of_a_pod() -> None:
    pod = {
        "spec": {
            "imagePullSecrets": [{"name": "pull"}],
            "containers": [
                {
                    "env": [
                        {"valueFrom": {"secretKeyRef": {"name": "env-secret", "key": "k"}}},
                        {"value": "plain"},
                    ],
                    "envFrom": [{"configMapRef": {"name": "env-map"}}],
                }
            ],
            "volumes": [
                {"secret": {"secretName": "mounted"}},
                {"configMap": {"name": "map"}},
                {"persistentVolumeClaim": {"claimName": "claim"}},
                {"projected": {"sources": [{"secret": {"name": "projected"}}]}},
                {"emptyDir": {}},
            ],
        }
    }
    assert node_authz.references(pod) == {
        ("secrets", "pull"),
        ("secrets", "env-secret"),
        ("configmaps", "env-map"),
        ("secrets", "mounted"),
        ("configmaps", "map"),
        ("persistentvolumeclaims", "claim"),
        ("secrets", "projected"),
    }
