"""What webhooks and policies have changed goes through structure and defaults again, as what a
client sends does. Neighbours: `webhooks.plugins`, `policies.mutating`.
"""

import logging

from apimachinery import apply_rules, decode, defaults, scheme, status
from apimachinery.apply_rules import Rule
from apimachinery.types.base import Model
from apimachinery.wire import JsonObject
from apiserver.admission.chain import Attempt

LOG = logging.getLogger(__name__)


class Unfit(Exception):  # noqa: N818  the failure policy decides what it means
    """What was made is no object of its kind."""


def replaced(attempt: Attempt, new: JsonObject, who: str) -> bool:
    """Put `new` into the place of the object; whether that changes anything. Raises Unfit."""
    assert attempt.obj is not None, "there is nothing to change in a deletion"
    if "metadata" in attempt.obj and not isinstance(new.get("metadata"), dict):
        raise Unfit("leaves no object: it has no metadata")
    group, version, kind = attempt.gvk
    new["apiVersion"], new["kind"] = f"{group}/{version}" if group else version, kind
    try:
        if attempt.of_own_kind:
            fitted, problems = decode.structure_as(_own_model(attempt), new, version, kind)
        else:
            fitted, problems = decode.structure(attempt.resource, new)
    except status.ApiError as error:
        raise Unfit(error.message) from error
    if problems:
        LOG.warning("%s added what is dropped: %s", who, ", ".join(problems))
    if not attempt.of_own_kind:
        defaults.apply(attempt.resource, fitted)
    if fitted == attempt.obj:
        return False
    attempt.changed_outside = True
    attempt.obj.clear()
    attempt.obj.update(fitted)
    return True


def rule_of(attempt: Attempt) -> Rule:
    """How the fields of the object merge."""
    custom = attempt.resource.custom
    if custom is not None and not attempt.of_own_kind:
        return custom.rule
    own = attempt.of_own_kind
    return apply_rules.of_model(_own_model(attempt) if own else attempt.resource.load_model())


def _own_model(attempt: Attempt) -> type[Model] | None:
    """Scales, bindings and options are built-in kinds, whatever the resource is."""
    return scheme.BUILTIN.model_of(*attempt.gvk)
