"""Tables: lists of objects as `kubectl get` prints them, made by the server.

Neighbour: `apimachinery.table` fills them as plain dicts; these models describe and read them.
Tables have no protobuf form.
"""

from pydantic import Field

from apimachinery.types.base import Int32, Items, Json, Model, RawExtension, TypedModel
from apimachinery.types.meta import ListMeta


class TableColumnDefinition(Model):
    """One column."""

    name: str = Field("", description="Its heading.")
    type: str = Field("", description="Type of its cells: string, integer, boolean, date …")
    format: str = Field("", description="More about the type; name marks the object's name.")
    description: str = Field("", description="What it shows.")
    priority: Int32 = Field(0, description="0: always shown; higher: only in wide output.")


class TableRowCondition(Model):
    """Something about a row as a whole."""

    type: str = Field("", description="What it is about; Completed is the only type.")
    status: str = Field("", description="True, False or Unknown.")
    reason: str = Field("", description="One word: why.")
    message: str = Field("", description="A sentence: why.")


class TableRow(Model):
    """One object, cell by cell."""

    cells: Items[Json] = Field((), description="As many as there are columns.")
    conditions: Items[TableRowCondition] = Field((), description="Something about the row.")
    object: RawExtension | None = Field(
        None, description="The object, whole or reduced to its metadata, as was asked for."
    )


class Table(TypedModel):
    """Objects of one kind, as rows."""

    metadata: ListMeta = Field(
        default_factory=ListMeta, description="Revision of the list and its continuation."
    )
    column_definitions: Items[TableColumnDefinition] = Field(
        (), alias="columnDefinitions", description="The columns."
    )
    rows: Items[TableRow] = Field((), description="The rows.")
