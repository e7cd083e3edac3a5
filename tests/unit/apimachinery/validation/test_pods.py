"""What a pod may look like, and what of it may change."""

import copy

import pytest

from apimachinery import defaults, scheme, validation


def pod(**spec):
    made = {
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "i:1"}], **spec},
    }
    defaults.apply(scheme.PODS, made)
    return made


def messages(obj) -> list[str]:
    return [one.message() for one in validation.validate_create(scheme.PODS, obj)]


def container(**fields):
    return pod(containers=[{"name": "c", "image": "i:1", **fields}])


def test_a_sound_pod():
    assert messages(pod()) == []


def test_a_pod_without_containers():
    assert messages(pod(containers=[])) == ["spec.containers: Required value"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "spec.containers[0].name: Required value"),
        ({"image": ""}, "spec.containers[0].image: Required value"),
        (
            {"image": " i"},
            (
                'spec.containers[0].image: Invalid value: " i": '
                "must not have leading or trailing whitespace"
            ),
        ),
        (
            {"imagePullPolicy": "Sometimes"},
            (
                'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": '
                'supported values: "Always", "IfNotPresent", "Never"'
            ),
        ),
        (
            {"ports": [{"containerPort": 70000}]},
            (
                "spec.containers[0].ports[0].containerPort: Invalid value: 70000: "
                "must be between 1 and 65535, inclusive"
            ),
        ),
        (
            {"ports": [{"name": "p", "containerPort": 1}, {"name": "p", "containerPort": 2}]},
            'spec.containers[0].ports[1].name: Duplicate value: "p"',
        ),
        (
            {"ports": [{"containerPort": 1, "protocol": "ICMP"}]},
            (
                'spec.containers[0].ports[0].protocol: Unsupported value: "ICMP": '
                'supported values: "SCTP", "TCP", "UDP"'
            ),
        ),
        ({"env": [{"value": "x"}]}, "spec.containers[0].env[0].name: Required value"),
        (
            {"env": [{"name": "A", "valueFrom": {}}]},
            (
                'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: '
                "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            ),
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.secret"}}}]},
            (
                "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "
                '"spec.secret": error converting fieldPath: field label not supported: spec.secret'
            ),
        ),
        (
            {"volumeMounts": [{"name": "x", "mountPath": "/x"}]},
            'spec.containers[0].volumeMounts[0].name: Not found: "x"',
        ),
        (
            {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
            (
                'spec.containers[0].resources.requests: Invalid value: "2": '
                "must be less than or equal to cpu limit of 1"
            ),
        ),
        (
            {"resources": {"limits": {"memory": "-1"}}},
            (
                'spec.containers[0].resources.limits[memory]: Invalid value: "-1": '
                "must be greater than or equal to 0"
            ),
        ),
        (
            {"livenessProbe": {}},
            "spec.containers[0].livenessProbe: Required value: must specify a handler type",
        ),
        (
            {"livenessProbe": {"exec": {"command": ["x"]}, "tcpSocket": {"port": 1}}},
            (
                "spec.containers[0].livenessProbe.tcpSocket: Forbidden: "
                "may not specify more than 1 handler type"
            ),
        ),
        (
            {"livenessProbe": {"exec": {"command": ["x"]}, "successThreshold": 2}},
            "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ),
        (
            {"readinessProbe": {"httpGet": {"port": 0}}},
            (
                "spec.containers[0].readinessProbe.httpGet.port: Invalid value: 0: "
                "must be between 1 and 65535, inclusive"
            ),
        ),
    ],
)
def test_containers(fields, message):
    assert message in messages(container(**fields))


def test_container_names_are_unique_over_all_lists():
    both = pod(initContainers=[{"name": "c", "image": "i"}])
    assert messages(both) == ['spec.initContainers[0].name: Duplicate value: "c"']


def test_an_init_container_has_no_probes_unless_it_is_a_sidecar():
    probe = {"exec": {"command": ["x"]}}
    init = {"name": "i", "image": "i", "readinessProbe": probe}
    message = (
        "spec.initContainers[0].readinessProbe: Forbidden: "
        "may not be set for init containers without restartPolicy=Always"
    )
    assert messages(pod(initContainers=[init])) == [message]
    assert messages(pod(initContainers=[{**init, "restartPolicy": "Always"}])) == []


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"restartPolicy": "Maybe"},
            (
                'spec.restartPolicy: Unsupported value: "Maybe": '
                'supported values: "Always", "OnFailure", "Never"'
            ),
        ),
        (
            {"dnsPolicy": "None"},
            ("spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"),
        ),
        (
            {"activeDeadlineSeconds": 0},
            (
                "spec.activeDeadlineSeconds: Invalid value: 0: "
                "must be between 1 and 2147483647, inclusive"
            ),
        ),
        (
            {"tolerations": [{"operator": "Equal", "value": "x"}]},
            (
                'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when '
                '`key` is empty, which means "match all values and all keys"'
            ),
        ),
        (
            {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}},
            (
                "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
                "nodeSelectorTerms: Required value: must have at least one node selector term"
            ),
        ),
        (
            {"topologySpreadConstraints": [{"topologyKey": "z", "whenUnsatisfiable": "Never"}]},
            (
                "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: "
                "must be greater than zero"
            ),
        ),
        (
            {"volumes": [{"name": "v", "secret": {}}]},
            "spec.volumes[0].secret.secretName: Required value",
        ),
        (
            {"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/x"}}]},
            "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
        ),
        (
            {"volumes": [{"name": "v", "hostPath": {"path": "/a/../b"}}]},
            "spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'",
        ),
        (
            {"volumes": [{"name": "v"}, {"name": "v"}]},
            'spec.volumes[1].name: Duplicate value: "v"',
        ),
        (
            {"volumes": [{"name": "v", "configMap": {"name": "c", "defaultMode": 512}}]},
            (
                "spec.volumes[0].configMap.defaultMode: Invalid value: 512: "
                "must be a number between 0 and 0777 (octal), both inclusive"
            ),
        ),
    ],
)
def test_specifications(spec, message):
    assert message in messages(pod(**spec))


def update(change) -> list[str]:
    old = pod(tolerations=[{"key": "a", "operator": "Exists", "effect": "NoExecute"}])
    new = copy.deepcopy(old)
    change(new["spec"])
    return [one.message() for one in validation.validate_update(scheme.PODS, new, old)]


def test_the_image_may_change():
    assert update(lambda spec: spec["containers"][0].update(image="i:2")) == []


def test_a_toleration_may_be_added_and_its_seconds_changed():
    assert update(lambda spec: spec["tolerations"].append({"operator": "Exists"})) == []
    assert update(lambda spec: spec["tolerations"][0].update(tolerationSeconds=5)) == []


def test_a_toleration_may_not_be_removed():
    assert update(lambda spec: spec["tolerations"].clear()) == [
        (
            "spec.tolerations: Forbidden: existing toleration can not be modified except its "
            "tolerationSeconds"
        )
    ]


def test_a_deadline_may_be_set_and_shortened_only():
    assert update(lambda spec: spec.update(activeDeadlineSeconds=5)) == []


def test_nothing_else_may_change():
    [message] = update(lambda spec: spec.update(nodeName="n1"))
    assert message.startswith(
        "spec: Forbidden: pod updates may not change fields other than "
        "`spec.containers[*].image`,`spec.initContainers[*].image`,"
    )
    assert message.endswith("\n  spec.nodeName: None → 'n1'")


def test_containers_may_not_be_added():
    add = {"name": "d", "image": "i"}
    assert update(lambda spec: spec["containers"].append(add)) == [
        "spec.containers: Forbidden: pod updates may not add or remove containers"
    ]
