"""Events: what comes by their own group is judged more strictly than what comes by the core's."""

from typing import ClassVar

from apimachinery import validation
from apimachinery.status import FieldError
from apimachinery.validation import events, metadata
from apimachinery.wire import JsonObject
from apiserver.registry.strategy import Context, Strategy

STRICT = "events.k8s.io/v1"
_REPORTER = "reportingController"


class Events(Strategy):
    """No generation is kept, and PUT may create."""

    counts_generation: ClassVar[bool] = False
    create_on_update: ClassVar[bool] = True

    def validate_create(self, obj: JsonObject, context: Context) -> list[FieldError]:
        if context.asked_in != STRICT:
            return super().validate_create(obj, context)
        errors = metadata.create(self.resource, obj)
        return errors + events.event(obj, _REPORTER) + events.strict(obj)

    def validate_update(
        self, new: JsonObject, old: JsonObject, context: Context
    ) -> list[FieldError]:
        if context.asked_in != STRICT:
            return validation.validate_update(self.resource, new, old)
        errors = metadata.update(new, old)
        return errors + events.event(new, _REPORTER) + events.strict_update(new, old)
