"""The models of lists, made from the models of their items: no module needs a class for each.

Neighbours: `apimachinery.scheme` and `apimachinery.openapi` ask for them.
"""

from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, create_model

from apimachinery.types.base import FACTS_CACHE, REQUIRED, Items, Model, Proto, TypedModel
from apimachinery.types.meta import ListMeta


@lru_cache(maxsize=FACTS_CACHE)
def list_model(item: type[Model]) -> type[Model]:
    """The model of a kind's list; it counts as a member of the kind's own module."""
    items: Any = Annotated[Items[item], Proto(2), REQUIRED]  # type: ignore[valid-type]  # run time
    return create_model(
        f"{item.__name__}List",
        __base__=TypedModel,
        __module__=item.__module__,
        __doc__=f"A list of {item.__name__} objects.",
        metadata=(
            Annotated[ListMeta | None, Proto(1)],
            Field(None, description="Revision of the list and its continuation."),
        ),
        items=(items, Field((), description="The objects.")),
    )
