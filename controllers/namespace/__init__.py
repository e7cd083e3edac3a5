"""Emptying and removing namespaces that are being deleted."""
