"""Definitions of custom resources, with their schemas."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Bytes,
    Double,
    Int32,
    Int64,
    Items,
    Json,
    ListType,
    MergeKey,
    Model,
    Proto,
    RawExtension,
    Time,
    TypedModel,
)
from apimachinery.types.meta import ObjectMeta
from apimachinery.types.meta_options import Status


class ConversionRequest(Model):
    """Objects that a webhook is to convert."""

    uid: Annotated[str, Proto(1), REQUIRED] = Field("", description="Id of the request.")
    desired_api_version: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="desiredAPIVersion", description="The version wanted."
    )
    objects: Annotated[Items[RawExtension], Proto(3), REQUIRED] = Field(
        (), description="The objects."
    )


class ConversionResponse(Model):
    """What a webhook made of them."""

    uid: Annotated[str, Proto(1), REQUIRED] = Field("", description="Id of the request.")
    converted_objects: Annotated[Items[RawExtension], Proto(2), REQUIRED] = Field(
        (), alias="convertedObjects", description="The objects, in the same order."
    )
    result: Annotated[Status | None, Proto(3), REQUIRED] = Field(
        None, description="Success, or why not."
    )


class ConversionReview(TypedModel):
    """A request to convert objects, and its answer."""

    request: Annotated[ConversionRequest | None, Proto(1)] = Field(None, description="The request.")
    response: Annotated[ConversionResponse | None, Proto(2)] = Field(
        None, description="The answer."
    )


class CustomResourceColumnDefinition(Model):
    """A column of a table."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its heading.")
    type: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="One of integer, number, string, boolean or date."
    )
    format: Annotated[str, Proto(3)] = Field("", description="More about the type.")
    description: Annotated[str, Proto(4)] = Field("", description="What it shows.")
    priority: Annotated[Int32, Proto(5)] = Field(
        0, description="0: always shown; higher: in wide output only."
    )
    json_path: Annotated[str, Proto(6), REQUIRED] = Field(
        "", alias="jsonPath", description="Where the value is."
    )


class ServiceReference(Model):
    """The service that answers for a webhook."""

    namespace: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its namespace.")
    name: Annotated[str, Proto(2), REQUIRED] = Field("", description="Its name.")
    path: Annotated[str, Proto(3)] = Field("", description="Path of requests.")
    port: Annotated[Int32 | None, Proto(4)] = Field(None, description="Its port; 443 where absent.")


class WebhookClientConfig(Model):
    """How a webhook is reached."""

    url: Annotated[str, Proto(3)] = Field("", description="Its address, instead of a service.")
    service: Annotated[ServiceReference | None, Proto(1)] = Field(
        None, description="The service that answers."
    )
    ca_bundle: Annotated[Bytes, Proto(2)] = Field(
        "", alias="caBundle", description="Certificates that its certificate is checked with."
    )


class WebhookConversion(Model):
    """Conversion by a webhook."""

    client_config: Annotated[WebhookClientConfig | None, Proto(2)] = Field(
        None, alias="clientConfig", description="How it is reached."
    )
    conversion_review_versions: Annotated[Items[str], Proto(3), REQUIRED] = Field(
        (), alias="conversionReviewVersions", description="Versions of reviews that it knows."
    )


class CustomResourceConversion(Model):
    """How objects are converted between versions."""

    strategy: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="None: only the version is changed; or Webhook."
    )
    webhook: Annotated[WebhookConversion | None, Proto(2)] = Field(None, description="For Webhook.")


class CustomResourceDefinitionNames(Model):
    """What a resource is called."""

    plural: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Name in paths, such as widgets."
    )
    singular: Annotated[str, Proto(2)] = Field(
        "", description="Name of one of them; the kind in lower case where absent."
    )
    short_names: Annotated[Items[str], Proto(3)] = Field(
        (), alias="shortNames", description="Short names for the command line."
    )
    kind: Annotated[str, Proto(4), REQUIRED] = Field("", description="The kind, such as Widget.")
    list_kind: Annotated[str, Proto(5)] = Field(
        "", alias="listKind", description="The kind of lists; the kind and List where absent."
    )
    categories: Annotated[Items[str], Proto(6)] = Field(
        (), description="Groups of resources that it belongs to, such as all."
    )


class CustomResourceSubresourceScale(Model):
    """Where the scale of an object is found."""

    spec_replicas_path: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="specReplicasPath", description="Where the wanted number is, under .spec."
    )
    status_replicas_path: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="statusReplicasPath", description="Where the number there is, under .status."
    )
    label_selector_path: Annotated[str, Proto(3)] = Field(
        "", alias="labelSelectorPath", description="Where the selector is, as text."
    )


class CustomResourceSubresourceStatus(Model):
    """Makes the status a subresource; it has no options."""


class CustomResourceSubresources(Model):
    """Which subresources there are."""

    status: Annotated[CustomResourceSubresourceStatus | None, Proto(1)] = Field(
        None, description="What was last observed; written by the system."
    )
    scale: Annotated[CustomResourceSubresourceScale | None, Proto(2)] = Field(
        None, description="Makes the scale a subresource."
    )


class ExternalDocumentation(Model):
    """Where more can be read."""

    description: Annotated[str, Proto(1)] = Field("", description="What it is.")
    url: Annotated[str, Proto(2)] = Field("", description="Where it is.")


class ValidationRule(Model):
    """An expression that must hold."""

    rule: Annotated[str, Proto(1), REQUIRED] = Field("", description="What must hold, in CEL.")
    message: Annotated[str, Proto(2)] = Field("", description="What to say when it does not.")
    message_expression: Annotated[str, Proto(3)] = Field(
        "", alias="messageExpression", description="Makes the message."
    )
    reason: Annotated[str, Proto(4)] = Field("", description="Reason of the refusal.")
    field_path: Annotated[str, Proto(5)] = Field(
        "", alias="fieldPath", description="The field to blame."
    )
    optional_old_self: Annotated[bool | None, Proto(6)] = Field(
        None,
        alias="optionalOldSelf",
        description="Whether the rule is asked without an old value too.",
    )


class JSONSchemaProps(Model):
    """What values of a field look like."""

    id: Annotated[str, Proto(1)] = Field("", description="Unused.")
    schema_: Annotated[str, Proto(2)] = Field("", alias="$schema", description="Unused.")
    ref: Annotated[str, Proto(3)] = Field("", alias="$ref", description="Unused.")
    description: Annotated[str, Proto(4)] = Field("", description="What the value is for.")
    type: Annotated[str, Proto(5)] = Field(
        "", description="One of object, array, string, integer, number or boolean."
    )
    format: Annotated[str, Proto(6)] = Field(
        "", description="More about the type, such as date-time."
    )
    title: Annotated[str, Proto(7)] = Field("", description="A short title.")
    default: Annotated[Json | None, Proto(8)] = Field(
        None, description="What is filled in where the value is absent."
    )
    maximum: Annotated[Double | None, Proto(9)] = Field(None, description="The greatest number.")
    exclusive_maximum: Annotated[bool, Proto(10)] = Field(
        False, alias="exclusiveMaximum", description="Whether the maximum itself is too great."
    )
    minimum: Annotated[Double | None, Proto(11)] = Field(None, description="The smallest number.")
    exclusive_minimum: Annotated[bool, Proto(12)] = Field(
        False, alias="exclusiveMinimum", description="Whether the minimum itself is too small."
    )
    max_length: Annotated[Int64 | None, Proto(13)] = Field(
        None, alias="maxLength", description="The most characters."
    )
    min_length: Annotated[Int64 | None, Proto(14)] = Field(
        None, alias="minLength", description="The fewest characters."
    )
    pattern: Annotated[str, Proto(15)] = Field(
        "", description="A regular expression that text must match."
    )
    max_items: Annotated[Int64 | None, Proto(16)] = Field(
        None, alias="maxItems", description="The most items."
    )
    min_items: Annotated[Int64 | None, Proto(17)] = Field(
        None, alias="minItems", description="The fewest items."
    )
    unique_items: Annotated[bool, Proto(18)] = Field(
        False, alias="uniqueItems", description="Not supported; use a list type."
    )
    multiple_of: Annotated[Double | None, Proto(19)] = Field(
        None, alias="multipleOf", description="Numbers must be multiples of it."
    )
    enum: Annotated[Items[Json], Proto(20)] = Field((), description="The only values.")
    max_properties: Annotated[Int64 | None, Proto(21)] = Field(
        None, alias="maxProperties", description="The most properties."
    )
    min_properties: Annotated[Int64 | None, Proto(22)] = Field(
        None, alias="minProperties", description="The fewest properties."
    )
    required: Annotated[Items[str], Proto(23)] = Field(
        (), description="Properties that must be there."
    )
    items: Annotated["JSONSchemaProps | Items[JSONSchemaProps] | None", Proto(24)] = Field(
        None, description="What items look like."
    )
    all_of: Annotated[Items["JSONSchemaProps"], Proto(25)] = Field(
        (), alias="allOf", description="All of these must fit."
    )
    one_of: Annotated[Items["JSONSchemaProps"], Proto(26)] = Field(
        (), alias="oneOf", description="Exactly one of these must fit."
    )
    any_of: Annotated[Items["JSONSchemaProps"], Proto(27)] = Field(
        (), alias="anyOf", description="At least one of these must fit."
    )
    not_: Annotated["JSONSchemaProps | None", Proto(28)] = Field(
        None, alias="not", description="This must not fit."
    )
    properties: Annotated[Mapping[str, "JSONSchemaProps"], Proto(29)] = Field(
        default_factory=dict, description="What each property looks like."
    )
    additional_properties: Annotated["JSONSchemaProps | bool | None", Proto(30)] = Field(
        None, alias="additionalProperties", description="What all other properties look like."
    )
    pattern_properties: Annotated[Mapping[str, "JSONSchemaProps"], Proto(31)] = Field(
        default_factory=dict, alias="patternProperties", description="Not supported."
    )
    dependencies: Annotated[Mapping[str, "JSONSchemaProps | Items[str]"], Proto(32)] = Field(
        default_factory=dict, description="Not supported."
    )
    additional_items: Annotated["JSONSchemaProps | bool | None", Proto(33)] = Field(
        None, alias="additionalItems", description="Not supported."
    )
    definitions: Annotated[Mapping[str, "JSONSchemaProps"], Proto(34)] = Field(
        default_factory=dict, description="Not supported."
    )
    external_docs: Annotated[ExternalDocumentation | None, Proto(35)] = Field(
        None, alias="externalDocs", description="Where more can be read."
    )
    example: Annotated[Json | None, Proto(36)] = Field(None, description="An example.")
    nullable: Annotated[bool, Proto(37)] = Field(False, description="Whether null is a value.")
    x_kubernetes_preserve_unknown_fields: Annotated[bool | None, Proto(38)] = Field(
        None,
        alias="x-kubernetes-preserve-unknown-fields",
        description="Whether unknown properties are kept.",
    )
    x_kubernetes_embedded_resource: Annotated[bool, Proto(39)] = Field(
        False,
        alias="x-kubernetes-embedded-resource",
        description="Whether it is a whole object with kind and metadata.",
    )
    x_kubernetes_int_or_string: Annotated[bool, Proto(40)] = Field(
        False,
        alias="x-kubernetes-int-or-string",
        description="Whether it may be an integer or a string.",
    )
    x_kubernetes_list_map_keys: Annotated[Items[str], Proto(41)] = Field(
        (), alias="x-kubernetes-list-map-keys", description="Keys of a list of type map."
    )
    x_kubernetes_list_type: Annotated[str, Proto(42)] = Field(
        "", alias="x-kubernetes-list-type", description="One of atomic, set or map."
    )
    x_kubernetes_map_type: Annotated[str, Proto(43)] = Field(
        "", alias="x-kubernetes-map-type", description="One of granular or atomic."
    )
    x_kubernetes_validations: Annotated[
        Items[ValidationRule], Proto(44), MergeKey("rule"), ListType("map", "rule")
    ] = Field((), alias="x-kubernetes-validations", description="Expressions that must hold.")


class CustomResourceValidation(Model):
    """What objects look like."""

    open_api_v3_schema: Annotated[JSONSchemaProps | None, Proto(1)] = Field(
        None, alias="openAPIV3Schema", description="The schema."
    )


class SelectableField(Model):
    """A field that selectors may use."""

    json_path: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="jsonPath", description="Where the field is."
    )


class CustomResourceDefinitionVersion(Model):
    """One version of a resource."""

    name: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Name of the version, such as v1."
    )
    served: Annotated[bool, Proto(2), REQUIRED] = Field(False, description="Whether it is served.")
    storage: Annotated[bool, Proto(3), REQUIRED] = Field(
        False, description="Whether objects are stored in it; exactly one version says so."
    )
    deprecated: Annotated[bool, Proto(7)] = Field(
        False, description="Whether its users are warned."
    )
    deprecation_warning: Annotated[str, Proto(8)] = Field(
        "", alias="deprecationWarning", description="What they are told."
    )
    schema_: Annotated[CustomResourceValidation | None, Proto(4)] = Field(
        None, alias="schema", description="What its objects look like."
    )
    subresources: Annotated[CustomResourceSubresources | None, Proto(5)] = Field(
        None, description="Its subresources."
    )
    additional_printer_columns: Annotated[Items[CustomResourceColumnDefinition], Proto(6)] = Field(
        (), alias="additionalPrinterColumns", description="Columns of its tables."
    )
    selectable_fields: Annotated[Items[SelectableField], Proto(9)] = Field(
        (), alias="selectableFields", description="Fields that field selectors may use."
    )


class CustomResourceDefinitionSpec(Model):
    """What is wanted of the custom resource definition."""

    group: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="The group that it belongs to."
    )
    names: Annotated[CustomResourceDefinitionNames | None, Proto(3), REQUIRED] = Field(
        None, description="What it is called."
    )
    scope: Annotated[str, Proto(4), REQUIRED] = Field("", description="Namespaced or Cluster.")
    versions: Annotated[Items[CustomResourceDefinitionVersion], Proto(7), REQUIRED] = Field(
        (), description="Its versions."
    )
    conversion: Annotated[CustomResourceConversion | None, Proto(9)] = Field(
        None, description="How objects are converted between them."
    )
    preserve_unknown_fields: Annotated[bool, Proto(10)] = Field(
        False, alias="preserveUnknownFields", description="Must be false."
    )


class CustomResourceDefinitionCondition(Model):
    """One aspect of the state of the custom resource definition, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    last_transition_time: Annotated[Time, Proto(3)] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(4)] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(5)] = Field("", description="A sentence for people.")
    observed_generation: Annotated[Int64, Proto(6)] = Field(
        0,
        alias="observedGeneration",
        description="The generation of the object that this was judged on.",
    )


class CustomResourceDefinitionStatus(Model):
    """What was last observed of the custom resource definition."""

    conditions: Annotated[
        Items[CustomResourceDefinitionCondition], Proto(1), ListType("map", "type")
    ] = Field((), description="Aspects of its state: Established, NamesAccepted, Terminating …")
    accepted_names: Annotated[CustomResourceDefinitionNames | None, Proto(2)] = Field(
        None, alias="acceptedNames", description="The names in force."
    )
    stored_versions: Annotated[Items[str], Proto(3)] = Field(
        (), alias="storedVersions", description="Versions in which objects may be stored."
    )
    observed_generation: Annotated[Int64, Proto(4)] = Field(
        0, alias="observedGeneration", description="The generation that this was observed of."
    )


class CustomResourceDefinition(TypedModel):
    """Adds a resource to the API."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[CustomResourceDefinitionSpec, Proto(2), REQUIRED] = Field(
        default_factory=CustomResourceDefinitionSpec, description="What is wanted."
    )
    status: Annotated[CustomResourceDefinitionStatus, Proto(3)] = Field(
        default_factory=CustomResourceDefinitionStatus,
        description="What was last observed; written by the system.",
    )
