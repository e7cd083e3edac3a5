"""Printed rows of stored objects, kept for the next reader.

What a row shows changes only with its object, so rows are kept, bounded, by key and revision; the
ages in them are filled in at each reading. Neighbours: `apimachinery.table` prints,
`apiserver.handlers.tables` puts Tables together.
"""

from collections import OrderedDict
from dataclasses import dataclass

import orjson

from apimachinery import table
from apimachinery.compact import compact
from apimachinery.resource import Resource
from apimachinery.table import Cells, Printer
from apiserver.cache import Entry

ROWS_KEPT = 4096
"""About 1 KB each: the lists that people look at again and again, not the whole cluster."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is kept of a row: its cells, and its object's metadata as JSON."""

    cells: Cells
    partial: bytes
    printer: Printer
    """Kept, so that its identity is not given to another one."""


class Rows:
    """The rows printed last, by object and revision."""

    def __init__(self) -> None:
        self._rows: OrderedDict[tuple[str, str, int, int], Row] = OrderedDict()

    def get(self, resource: Resource, printer: Printer, entry: Entry) -> Row:
        """The entry's row, printed now if it is not kept."""
        # Printers of custom resources change with their definitions.
        key = (resource.gr, entry.key, entry.revision, id(printer))
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
            return row
        obj = entry.parse()
        partial = compact(orjson.dumps(table.partial_metadata(obj)))
        row = Row(printer.cells(obj), partial, printer)
        self._rows[key] = row
        if len(self._rows) > ROWS_KEPT:
            self._rows.popitem(last=False)
        return row
