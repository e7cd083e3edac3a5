"""Kubernetes' words about resource definitions and API services."""

import copy
from typing import Any

import pytest

from apimachinery.patch import merge
from tests.unit.apimachinery.validation import cases

DEFINITION, SERVICE = cases.kind("CustomResourceDefinition"), cases.kind("APIService")
PLAIN = {"type": "object", "properties": {"spec": {"type": "string"}, "n": {"type": "number"}}}
VERSION: dict[str, Any] = {
    "name": "v1",
    "served": True,
    "storage": True,
    "schema": {"openAPIV3Schema": PLAIN},
}
SPEC: dict[str, Any] = {
    "group": "example.com",
    "scope": "Namespaced",
    "names": {"plural": "widgets", "kind": "Widget"},
    "versions": [VERSION],
}
LABEL = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
SHOWN = '{"Name":"v1","Served":true,"Storage":true,"Deprecated":false,"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}'


def made(change, **meta):
    spec = merge.patch(copy.deepcopy(SPEC), change)
    name = f"{spec['names']['plural']}.{spec['group']}"
    return {"metadata": {"name": name, **meta}, "spec": spec}


def version(**change):
    return made({"versions": [{**VERSION, **change}]})


def two(**change):
    """Two versions of which the second one says something else."""
    return made({"versions": [VERSION, {**VERSION, "name": "v2", "storage": False, **change}]})


def selecting(*paths):
    return version(selectableFields=[{"jsonPath": path} for path in paths])


WRONG = [
    (made({}), []),
    (
        made({"group": "example"}),
        ['spec.group: Invalid value: "example": should be a domain with at least one dot'],
    ),
    (
        made({"names": {"kind": "Wid_get", "listKind": "WidgetList", "shortNames": ["W"]}}),
        [
            'spec.names.singular: Invalid value: "wid_get": ' + LABEL,
            f'spec.names.kind: Invalid value: "Wid_get": may have mixed case, but should otherwise match: {LABEL}',
            f'spec.names.shortNames[0]: Invalid value: "W": {LABEL}',
        ],
    ),
    (
        made({"versions": [VERSION, VERSION]}),
        [
            f"spec.versions: Invalid value: [{SHOWN},{SHOWN}]: must contain unique version names",
            f"spec.versions: Invalid value: [{SHOWN},{SHOWN}]: must have exactly one version marked as storage version",
        ],
    ),
    (
        made({"versions": None}),
        [
            "spec.versions: Invalid value: null: must have exactly one version marked as storage version",
            "status.storedVersions: Invalid value: null: must have at least one stored version",
        ],
    ),
    (
        made({"preserveUnknownFields": True}),
        [
            "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        ],
    ),
    # --- what all versions share is the definition's own
    (
        version(schema={"openAPIV3Schema": {"type": "object", "nullable": True}}),
        [
            "spec.validation.openAPIV3Schema.nullable: Forbidden: nullable cannot be true at the root"
        ],
    ),
    (
        two(schema={"openAPIV3Schema": {"type": "object", "nullable": True}}),
        [
            "spec.versions[1].schema.openAPIV3Schema.nullable: Forbidden: nullable cannot be true at the root"
        ],
    ),
    (
        version(additionalPrinterColumns=[{"name": "a", "format": "x", "jsonPath": "a"}]),
        [
            "spec.additionalPrinterColumns[0].type: Required value: must be one of boolean,date,integer,number,string",
            'spec.additionalPrinterColumns[0].format: Invalid value: "x": must be one of byte,date,date-time,double,float,int32,int64,password',
            'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "a": must be a simple json path starting with .',
        ],
    ),
    (
        version(subresources={"scale": {"specReplicasPath": ".x", "labelSelectorPath": ".y"}}),
        [
            'spec.subresources.scale.specReplicasPath: Invalid value: ".x": should be a json path under .spec',
            "spec.subresources.scale.statusReplicasPath: Required value",
            'spec.subresources.scale.labelSelectorPath: Invalid value: ".y": should be a json path under either .spec or .status',
        ],
    ),
    (
        selecting("spec", ".spec[0]", ".nope", ".n", ".spec", ".spec", ""),
        [
            'spec.selectableFields[0].jsonPath: Invalid value: "spec": is an invalid path: expected [ or . but got: spec',
            'spec.selectableFields[1].jsonPath: Invalid value: ".spec[0]": is an invalid path: array notation is not allowed',
            'spec.selectableFields[2].jsonPath: Invalid value: ".nope": is an invalid path: does not refer to a valid field',
            'spec.selectableFields[3].jsonPath: Invalid value: ".n": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
            'spec.selectableFields[5].jsonPath: Duplicate value: ".spec"',
            "spec.selectableFields[6].jsonPath: Required value",
        ],
    ),
    # --- who converts
    (
        made({"conversion": {"strategy": "None", "webhook": {"conversionReviewVersions": ["v1"]}}}),
        [
            "spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook"
        ],
    ),
    (
        made(
            {
                "conversion": {
                    "strategy": "Webhook",
                    "webhook": {"conversionReviewVersions": ["v2", "v2"]},
                }
            }
        ),
        [
            "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook",
            'spec.conversion.conversionReviewVersions[1]: Invalid value: "v2": duplicate version',
            'spec.conversion.conversionReviewVersions: Invalid value: ["v2","v2"]: must include at least one of v1, v1beta1',
        ],
    ),
    # --- Kubernetes' own groups
    (
        made({"group": "x.k8s.io"}),
        [
            'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111'
        ],
    ),
    (
        made({"group": "x.k8s.io"}, annotations={"api-approved.kubernetes.io": "yes"}),
        [
            'metadata.annotations[api-approved.kubernetes.io]: Invalid value: "yes": protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111'
        ],
    ),
    (
        made({"group": "x.k8s.io"}, annotations={"api-approved.kubernetes.io": "https://x/1"}),
        [],
    ),
]


@pytest.mark.parametrize(("obj", "messages"), WRONG)
def test_on_create(obj, messages):
    assert cases.on_create(DEFINITION, obj) == messages


def test_the_root_of_a_schema_whose_status_is_apart():
    schema = {"type": "object", "minProperties": 1}
    one = version(schema={"openAPIV3Schema": schema}, subresources={"status": {}})
    [message] = cases.on_create(DEFINITION, one)
    assert message.startswith("spec.validation.openAPIV3Schema: Invalid value: {")
    assert message.endswith(
        "XPreserveUnknownFields XValidations] fields are allowed at the root of the schema if the "
        "status subresource is enabled"
    )


def test_what_was_accepted_once_may_stay():
    schema = {"type": "object", "nullable": True}
    old = version(schema={"openAPIV3Schema": schema})
    assert cases.on_update(DEFINITION, old, old) == []
    unasked = made({"group": "x.k8s.io"})
    assert cases.on_update(DEFINITION, unasked, unasked) == []


SERVICES = [
    (
        {
            "group": "g.example.com",
            "version": "v1",
            "caBundle": "YQ==",
            "insecureSkipTLSVerify": True,
        },
        [
            'spec.caBundle: Invalid value: "1 bytes": local APIServices may not have a caBundle',
            "spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify",
        ],
    ),
    (
        {"group": "g.example.com", "version": "v1", "service": {"name": "s", "port": 0}},
        [
            "spec.service.namespace: Required value",
            "spec.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive",
        ],
    ),
]


@pytest.mark.parametrize(("spec", "messages"), SERVICES)
def test_api_services(spec, messages):
    meta = {"name": f"{spec['version']}.{spec['group']}"}
    full = {"groupPriorityMinimum": 1, "versionPriority": 1, **spec}
    assert cases.on_create(SERVICE, {"metadata": meta, "spec": full}) == messages
