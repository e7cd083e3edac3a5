"""Brings what a task's command names by `uris` into its sandbox, before the task starts."""
