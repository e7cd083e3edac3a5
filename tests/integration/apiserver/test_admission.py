"""What is added to pods, and what is refused, before they are stored."""

import asyncio

import pytest

from apimachinery import wire

PODS = "/api/v1/namespaces/default/pods"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"


async def test_a_pod_runs_as_the_default_account_with_its_token(api):
    spec = (await api.made(PODS, api.pod()))["spec"]
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("default", "default")
    (volume,) = spec["volumes"]
    assert volume["name"].startswith("kube-api-access-")
    assert [next(iter(one)) for one in volume["projected"]["sources"]] == [
        "serviceAccountToken",
        "configMap",
        "downwardAPI",
    ]
    (mount,) = spec["containers"][0]["volumeMounts"]
    assert mount == {
        "name": volume["name"],
        "readOnly": True,
        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
    }


async def test_a_pod_may_want_no_token(api):
    made = await api.made(PODS, api.pod(automountServiceAccountToken=False))
    assert "volumes" not in made["spec"]


async def test_an_account_may_give_no_token(api):
    await api.made(ACCOUNTS, {"metadata": {"name": "quiet"}, "automountServiceAccountToken": False})
    made = await api.made(PODS, api.pod(serviceAccountName="quiet"))
    assert "volumes" not in made["spec"]


async def test_an_account_that_is_not_there(api):
    answer = await api.post(PODS, api.pod(serviceAccountName="none"))
    assert answer.status == 403
    assert answer.message == (
        'pods "a" is forbidden: error looking up service account default/none: '
        'serviceaccount "none" not found'
    )


async def test_a_pod_may_come_before_the_account_of_its_new_namespace(api, monkeypatch):
    monkeypatch.setattr("apiserver.admission.service_account.APPEAR_SECONDS", 30.0)
    space = "/api/v1/namespaces/fresh"
    await api.made("/api/v1/namespaces", {"metadata": {"name": "fresh"}})
    pod = asyncio.create_task(api.post(f"{space}/pods", api.pod()))
    done, _ = await asyncio.wait({pod}, timeout=0.05)
    assert not done
    await api.made(f"{space}/serviceaccounts", {"metadata": {"name": "default"}})
    assert (await pod).status == 201


async def test_pods_outlast_a_silent_node_for_a_while(api):
    tolerations = (await api.made(PODS, api.pod()))["spec"]["tolerations"]
    assert {one["key"]: one["tolerationSeconds"] for one in tolerations} == {
        "node.kubernetes.io/not-ready": 300,
        "node.kubernetes.io/unreachable": 300,
    }


async def test_a_toleration_of_its_own_counts(api):
    own = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
    tolerations = (await api.made(PODS, api.pod(tolerations=[own])))["spec"]["tolerations"]
    assert [one["key"] for one in tolerations] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
    assert "tolerationSeconds" not in tolerations[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)],
)
async def test_the_systems_priorities(api, name, value):
    body = api.pod(priorityClassName=name)
    made = await api.made("/api/v1/namespaces/kube-system/pods", body)
    assert made["spec"]["priority"] == value


async def test_a_priority_class(api):
    await api.made(
        CLASSES, {"metadata": {"name": "high"}, "value": 1000, "preemptionPolicy": "Never"}
    )
    spec = (await api.made(PODS, api.pod(priorityClassName="high")))["spec"]
    assert (spec["priority"], spec["preemptionPolicy"]) == (1000, "Never")


async def test_the_default_priority_class(api):
    assert (await api.made(PODS, api.pod("before")))["spec"]["priority"] == 0
    body = {"metadata": {"name": "usual"}, "value": 7, "globalDefault": True}
    await api.made(CLASSES, body)
    spec = (await api.made(PODS, api.pod("after")))["spec"]
    assert (spec["priority"], spec["priorityClassName"]) == (7, "usual")


async def test_a_priority_class_that_is_not_there(api):
    answer = await api.post(PODS, api.pod(priorityClassName="none"))
    assert answer.status == 403
    assert answer.message == 'pods "a" is forbidden: no PriorityClass with name none was found'


async def test_a_priority_is_not_for_users(api):
    answer = await api.post(PODS, api.pod(priority=5))
    assert answer.status == 403
    assert "must not be provided in pod spec" in answer.message


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        (
            {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m"}},
            "Guaranteed",
        ),
        ({"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}}, "Burstable"),
    ],
)
async def test_quality_of_service(api, resources, quality):
    container = {"name": "c", "image": "busybox", "resources": resources}
    body = {"metadata": {"name": "a"}, "spec": {"containers": [container]}}
    assert (await api.made(PODS, body))["status"] == {"phase": "Pending", "qosClass": quality}


NODE = wire.UserInfo("system:node:n1", groups=("system:nodes", "system:authenticated"))


async def as_node(api, method, path, body, **headers):
    return await api.send(method, path, body, headers=headers, user=NODE)


async def test_a_node_registers_only_itself(api):
    assert (await as_node(api, "POST", "/api/v1/nodes", {"metadata": {"name": "n1"}})).status == 201
    answer = await as_node(api, "POST", "/api/v1/nodes", {"metadata": {"name": "n2"}})
    assert answer.status == 403
    assert answer.message.endswith('node "n1" is not allowed to modify node "n2"')


async def test_a_node_cannot_take_its_taints_away(api):
    taint = {"key": "a", "effect": "NoSchedule"}
    await api.made("/api/v1/nodes", {"metadata": {"name": "n1"}, "spec": {"taints": [taint]}})
    merge = {"content-type": "application/merge-patch+json"}
    answer = await api.send(
        "PATCH", "/api/v1/nodes/n1", {"spec": {"taints": []}}, headers=merge, user=NODE
    )
    assert answer.status == 403
    assert "is not allowed to modify taints" in answer.message


async def test_a_node_cannot_label_itself_trusted(api):
    labels = {"node-restriction.kubernetes.io/trusted": "yes"}
    body = {"metadata": {"name": "n1", "labels": labels}}
    assert (await as_node(api, "POST", "/api/v1/nodes", body)).status == 403


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("node-role.kubernetes.io/master", 403),
        ("node.kubernetes.io/anything", 201),
        ("topology.kubernetes.io/zone", 201),
        ("example.com/x", 201),
    ],
)
async def test_labels_that_a_node_may_set(api, label, code):
    body = {"metadata": {"name": "n1", "labels": {label: ""}}}
    assert (await as_node(api, "POST", "/api/v1/nodes", body)).status == code


async def test_a_node_makes_mirrors_only(api):
    node = (await as_node(api, "POST", "/api/v1/nodes", {"metadata": {"name": "n1"}})).json
    pod = api.pod("mirror", nodeName="n1", automountServiceAccountToken=False)
    answer = await as_node(api, "POST", PODS, pod)
    assert 'annotation, node "n1" can only create mirror pods' in answer.message
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": node["metadata"]["uid"]}
    pod["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    pod["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    foreign = {**pod, "spec": {**pod["spec"], "nodeName": "n2"}}
    answer = await as_node(api, "POST", PODS, foreign)
    assert 'node "n1" can only create pods with spec.nodeName set to itself' in answer.message
    secret = {"name": "s", "secret": {"secretName": "other"}}
    curious = {**pod, "spec": {**pod["spec"], "volumes": [secret]}}
    answer = await as_node(api, "POST", PODS, curious)
    assert 'node "n1" can not create pods that reference secrets' in answer.message


async def test_a_node_ends_and_describes_its_own_pods(api):
    await api.made(PODS, api.pod("other"))
    answer = await as_node(api, "DELETE", f"{PODS}/other", None)
    assert 'node "n1" can only delete pods with spec.nodeName set to itself' in answer.message
    status = {"status": {"phase": "Failed"}}
    merge = {"content-type": "application/merge-patch+json"}
    path = f"{PODS}/other/status"
    answer = await api.send("PATCH", path, status, headers=merge, user=NODE)
    assert 'node "n1" can only update pod status for pods with spec.nodeName' in answer.message


async def test_a_node_has_one_lease(api):
    leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    assert (await as_node(api, "POST", leases, {"metadata": {"name": "n1"}})).status == 201
    answer = await as_node(api, "POST", leases, {"metadata": {"name": "n2"}})
    assert "can only access node lease with the same name" in answer.message


async def limit(api, **item):
    body = {"metadata": {"name": "l"}, "spec": {"limits": [item]}}
    await api.made("/api/v1/namespaces/default/limitranges", body)


async def test_a_range_gives_defaults(api):
    await limit(
        api,
        type="Container",
        default={"cpu": "500m", "memory": "64Mi"},
        defaultRequest={"cpu": "100m"},
    )
    (container,) = (await api.made(PODS, api.pod()))["spec"]["containers"]
    assert container["resources"] == {
        "limits": {"cpu": "500m", "memory": "64Mi"},
        "requests": {"cpu": "100m", "memory": "64Mi"},
    }


async def test_a_range_says_what_it_gave(api):
    await limit(api, type="Container", default={"cpu": "500m"}, defaultRequest={"memory": "1Mi"})
    annotations = (await api.made(PODS, api.pod()))["metadata"]["annotations"]
    assert annotations["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu, memory request for container c; cpu limit for container c"
    )


async def test_a_range_bounds_claims(api):
    await limit(api, type="PersistentVolumeClaim", min={"storage": "1Gi"}, max={"storage": "2Gi"})
    claims = "/api/v1/namespaces/default/persistentvolumeclaims"

    def claim(name, size):
        resources = {"requests": {"storage": size}}
        spec = {"accessModes": ["ReadWriteOnce"], "resources": resources}
        return {"metadata": {"name": name}, "spec": spec}

    answer = await api.post(claims, claim("big", "3Gi"))
    assert answer.message == (
        'persistentvolumeclaims "big" is forbidden: maximum storage usage per '
        "PersistentVolumeClaim is 2Gi, but request is 3Gi"
    )
    answer = await api.post(claims, claim("small", "1Mi"))
    assert "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi" in (
        answer.message
    )
    assert (await api.post(claims, claim("fit", "2Gi"))).status == 201


async def test_a_range_bounds_containers(api):
    await limit(api, type="Container", max={"cpu": "1"})
    container = {"name": "c", "image": "b", "resources": {"limits": {"cpu": "2"}}}
    answer = await api.post(PODS, {"metadata": {"name": "a"}, "spec": {"containers": [container]}})
    assert answer.status == 403
    assert answer.message == (
        'pods "a" is forbidden: maximum cpu usage per Container is 1, but limit is 2'
    )


async def test_a_range_bounds_whole_pods(api):
    await limit(api, type="Pod", max={"memory": "100Mi"})
    containers = [
        {"name": name, "image": "b", "resources": {"limits": {"memory": "60Mi"}}}
        for name in ("c", "d")
    ]
    answer = await api.post(PODS, {"metadata": {"name": "a"}, "spec": {"containers": containers}})
    assert answer.status == 403
    assert "maximum memory usage per Pod is 100Mi, but limit is 120Mi" in answer.message


async def test_the_systems_classes_stay(api):
    answer = await api.delete(f"{CLASSES}/system-node-critical")
    assert answer.status == 403
    assert "cannot be deleted" in answer.message


async def test_one_default_class_at_most(api):
    await api.made(CLASSES, {"metadata": {"name": "a"}, "value": 1, "globalDefault": True})
    body = {"metadata": {"name": "b"}, "value": 2, "globalDefault": True}
    answer = await api.post(CLASSES, body)
    assert answer.status == 403
    assert "PriorityClass a is already marked as default" in answer.message
