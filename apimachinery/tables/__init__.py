"""Printer columns of the kinds, one module per part of the API; `apimachinery.table` is the door."""
