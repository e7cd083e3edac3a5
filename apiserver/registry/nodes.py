"""Nodes: agents register themselves with their whole status."""

from typing import ClassVar

from apiserver.registry.strategy import Strategy


class Nodes(Strategy):
    """The status of a new node counts: it is the agent that creates it."""

    counts_generation: ClassVar[bool] = False
    keeps_status_on_create: ClassVar[bool] = True
