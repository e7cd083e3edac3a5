"""Kubernetes' words about storage: classes, drivers, attachments, volumes and claims."""

import pytest

from tests.unit.apimachinery.validation import cases

CSI = {"driver": "d.example.com", "volumeHandle": "h"}
VOLUME = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "csi": CSI}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
POD = {"containers": [{"name": "c", "image": "i:1"}]}
ATTACHED = {"attacher": "d.example.com", "nodeName": "n", "source": {"persistentVolumeName": "v"}}
SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters"


def volume(**source):
    return {"spec": {**POD, "volumes": [{"name": "v", **source}]}}


CREATED = [
    # --- classes
    (
        "StorageClass",
        {"provisioner": "p", "parameters": {str(n): "" for n in range(513)}},
        ["parameters: Too long: may not be more than 512 bytes"],
    ),
    (
        "StorageClass",
        {"provisioner": "p", "parameters": {"": "x"}},
        ['parameters: Invalid value: "": field can not be empty.'],
    ),
    (
        "StorageClass",
        {
            "provisioner": "p",
            "allowedTopologies": [
                {"matchLabelExpressions": [{"key": "a", "values": ["1"]}]},
                {"matchLabelExpressions": [{"key": "a", "values": ["1"]}]},
            ],
        },
        ['allowedTopologies[1].matchLabelExpressions: Duplicate value: ""'],
    ),
    (
        "VolumeAttributesClass",
        {},
        [
            "driverName: Required value",
            "parameters: Required value: must contain at least one key/value pair",
        ],
    ),
    # --- what drivers say
    ("CSIDriver", {"spec": {}}, []),
    (
        "CSIDriver",
        {
            "spec": {
                "fsGroupPolicy": "Some",
                "volumeLifecycleModes": ["Fleeting"],
                "tokenRequests": [
                    {"audience": "a", "expirationSeconds": 599},
                    {"audience": "a"},
                ],
                "nodeAllocatableUpdatePeriodSeconds": 9,
            }
        },
        [
            'spec.fsGroupPolicy: Unsupported value: "Some": supported values: "File", "None", "ReadWriteOnceWithFSType"',
            "spec.tokenRequests[0].expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes",
            'spec.tokenRequests[1].audience: Duplicate value: "a"',
            'spec.volumeLifecycleModes: Unsupported value: "Fleeting": supported values: "Persistent", "Ephemeral"',
            "spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds",
        ],
    ),
    (
        "CSIDriver",
        {"spec": {"serviceAccountTokenInSecrets": True}},
        [
            "spec.serviceAccountTokenInSecrets: Invalid value: true: serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        ],
    ),
    (
        "CSINode",
        {
            "spec": {
                "drivers": [
                    {"name": "d", "nodeID": "x" * 257, "allocatable": {"count": -1}},
                    {"name": "d", "nodeID": "", "topologyKeys": ["a", "a"]},
                ]
            }
        },
        [
            f'spec.drivers[0].nodeID: Invalid value: "{"x" * 257}": must be 256 characters or less',
            "spec.drivers[0].allocatable.count: Invalid value: -1: must be greater than or equal to 0",
            "spec.drivers[1].nodeID: Required value",
            'spec.drivers[1].name: Duplicate value: "d"',
            'spec.drivers[1]: Duplicate value: "a"',
        ],
    ),
    (
        "CSIStorageCapacity",
        {"storageClassName": "s", "capacity": "-1"},
        ['capacity: Invalid value: "-1": must be greater than or equal to 0'],
    ),
    # --- attachments
    ("VolumeAttachment", {"spec": ATTACHED}, []),
    (
        "VolumeAttachment",
        {"spec": {"attacher": "d", "nodeName": "n", "source": {}}},
        [
            "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"
        ],
    ),
    (
        "VolumeAttachment",
        {
            "spec": {
                **ATTACHED,
                "source": {
                    "inlineVolumeSpec": {
                        "accessModes": ["ReadWriteOnce"],
                        "capacity": {"storage": "1"},
                        "nfs": {"server": "s", "path": "p"},
                    }
                },
            }
        },
        [
            "spec.source.inlineVolumeSpec.capacity: Forbidden: may not be specified in the context of inline volumes",
            "spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the context of inline volumes",
            'spec.source.inlineVolumeSpec.nfs.path: Invalid value: "p": must be an absolute path',
        ],
    ),
    # --- volumes
    (
        "PersistentVolume",
        {
            "spec": {
                **VOLUME,
                "csi": {
                    **CSI,
                    "volumeHandle": "",
                    "nodePublishSecretRef": {"name": "s"},
                },
                "volumeAttributesClassName": "",
                "volumeMode": "Tape",
            }
        },
        [
            "spec.csi.volumeHandle: Required value",
            "spec.csi.nodePublishSecretRef.namespace: Required value",
            'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"',
            "spec.volumeAttributesClassName: Required value: an empty string is disallowed",
        ],
    ),
    (
        "PersistentVolume",
        {
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "capacity": {"storage": "1Gi"},
                "hostPath": {"path": "//"},
                "persistentVolumeReclaimPolicy": "Recycle",
                "volumeAttributesClassName": "c",
            }
        },
        [
            "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'",
            "spec.csi: Required value: has to be specified when using volumeAttributesClassName",
        ],
    ),
    (
        "PersistentVolumeClaim",
        {
            "spec": {
                **CLAIM,
                "dataSource": {"kind": "PersistentVolumeClaim", "name": "a"},
                "dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "b"},
            }
        },
        ["spec: Invalid value: {}: must match dataSourceRef"],
    ),
    # --- volumes of pods
    (
        "Pod",
        volume(ephemeral={"volumeClaimTemplate": {"metadata": {"name": "x"}, "spec": {}}}),
        [
            "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set",
            "spec.volumes[0].ephemeral.volumeClaimTemplate.spec.accessModes: Required value: at least 1 access mode is required",
            "spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value",
        ],
    ),
    (
        "Pod",
        volume(configMap={"name": "c", "items": [{"key": "k", "path": "..x"}]}),
        [
            "spec.volumes[0].configMap.items[0].path: Invalid value: \"..x\": must not start with '..'"
        ],
    ),
    (
        "Pod",
        volume(
            projected={
                "sources": [
                    {"secret": {"name": "s", "items": [{"key": "k", "path": "p"}]}},
                    {"configMap": {"name": "c", "items": [{"key": "k", "path": "p"}]}},
                    {"serviceAccountToken": {"path": ""}},
                ]
            }
        ),
        [
            'spec.volumes[0].projected: Invalid value: "c": conflicting duplicate paths',
            "spec.volumes[0].projected.path: Required value",
        ],
    ),
    (
        "Pod",
        volume(downwardAPI={"items": [{"path": "p"}]}),
        [
            "spec.volumes[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required"
        ],
    ),
    (
        "Pod",
        volume(emptyDir={"sizeLimit": "-1"}),
        [
            "spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"
        ],
    ),
    (
        "Pod",
        volume(iscsi={"targetPortal": "t", "iqn": "x", "lun": 256, "chapAuthSession": True}),
        [
            'spec.volumes[0].iscsi.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa',
            "spec.volumes[0].iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive",
            "spec.volumes[0].iscsi.secretRef: Required value",
        ],
    ),
    (
        "Pod",
        volume(fc={"targetWWNs": ["a"]}),
        [
            "spec.volumes[0].fc.lun: Required value: lun is required if targetWWNs is specified",
        ],
    ),
]


@pytest.mark.parametrize(("kind", "obj", "messages"), CREATED)
def test_on_create(kind, obj, messages):
    assert cases.on_create(cases.kind(kind), obj) == messages


def test_names_of_drivers():
    [message] = cases.on_create(cases.kind("Pod"), volume(csi={"driver": "a_b"}))
    assert message.startswith(f'spec.volumes[0].csi.driver: Invalid value: "a_b": {SUBDOMAIN}')


BOUND = {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}
NODE = {"name": "d", "nodeID": "1", "allocatable": {"count": 1}}
ZONE = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "k", "operator": "Exists"}]}]}


def zoned(key):
    expression = {"key": key, "operator": "In", "values": ["z"]}
    terms = [{"matchExpressions": [expression]}]
    return {"spec": {**VOLUME, "nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}}


UPDATED = [
    (
        "VolumeAttributesClass",
        {"driverName": "e", "parameters": {"a": "1"}},
        {"driverName": "d", "parameters": {"a": "1"}},
        ["driverName: Forbidden: updates to driverName are forbidden."],
    ),
    (
        "CSIDriver",
        {"spec": {"attachRequired": False}},
        {"spec": {}},
        ["spec.attachedRequired: Invalid value: false: field is immutable"],
    ),
    # how many volumes a driver takes may change, nothing else
    (
        "CSINode",
        {"spec": {"drivers": [{**NODE, "allocatable": {"count": 2}}]}},
        {"spec": {"drivers": [NODE]}},
        [],
    ),
    (
        "CSINode",
        {"spec": {"drivers": [{**NODE, "nodeID": "2"}]}},
        {"spec": {"drivers": [NODE]}},
        ['spec.drivers: Invalid value: {"name":"d","nodeID":"2"}: field is immutable'],
    ),
    (
        "CSIStorageCapacity",
        {"storageClassName": "t"},
        {"storageClassName": "s"},
        ['storageClassName: Invalid value: "t": field is immutable'],
    ),
    (
        "VolumeAttachment",
        {"spec": {**ATTACHED, "nodeName": "m"}},
        {"spec": ATTACHED},
        [
            'spec: Invalid value: {"attacher":"d.example.com","nodeName":"m","source":{"persistentVolumeName":"v"}}: field is immutable'
        ],
    ),
    # a node's label may get the name that it has today
    (
        "PersistentVolume",
        zoned("topology.kubernetes.io/zone"),
        zoned("failure-domain.beta.kubernetes.io/zone"),
        [],
    ),
    (
        "PersistentVolume",
        {"spec": VOLUME},
        zoned("zone"),
        [
            'nodeAffinity: Invalid value: "null": field is immutable, except for updating from beta label to GA'
        ],
    ),
    # the secret for growth may come later
    (
        "PersistentVolume",
        {
            "spec": {
                **VOLUME,
                "csi": {**CSI, "controllerExpandSecretRef": {"name": "s", "namespace": "n"}},
            }
        },
        {"spec": VOLUME},
        [],
    ),
    # an unbound claim may ask for other attributes too
    (
        "PersistentVolumeClaim",
        {"spec": {**CLAIM, "volumeAttributesClassName": "gold"}},
        {"spec": CLAIM},
        [],
    ),
    (
        "PersistentVolumeClaim",
        {"spec": {**CLAIM, "resources": {"requests": {"storage": "512Mi"}}}, **BOUND},
        {"spec": CLAIM, **BOUND},
        ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"],
    ),
]


@pytest.mark.parametrize(("kind", "new", "old", "messages"), UPDATED)
def test_on_update(kind, new, old, messages):
    assert cases.on_update(cases.kind(kind), new, old) == messages


def test_what_a_claim_has_got():
    new = {
        "spec": CLAIM,
        "status": {
            "capacity": {"storage": "-1"},
            "allocatedResources": {"cpu": "1"},
            "allocatedResourceStatuses": {"storage": "Growing"},
        },
    }
    assert cases.on_status(cases.kind("PersistentVolumeClaim"), new, {"spec": CLAIM}) == [
        'status.capacity[storage]: Invalid value: "-1": must be greater than or equal to 0',
        'status.allocatedResourceStatus: Unsupported value: "storage": supported values: "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"',
        'status.allocatedResources: Unsupported value: "cpu": supported values: "storage"',
    ]
