"""`metrics.k8s.io`: what nodes and pods use now, asked of the agents when somebody asks us.

What metrics-server does beside a Kubernetes: here there is nothing to install and nothing that
polls. An agent is asked at most once in FRESH_S; one that does not answer is left out, as there.
Neighbours: `apiserver.streaming.kubelet` speaks to the agents (`kubelet.stats` makes the document),
`apiserver.live` is how the handlers read. Rates are the agents' work.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from apimachinery import scheme, status
from apimachinery.wire import JsonObject
from apiserver.cache import Entry, WatchCache, selectable
from apiserver.live import LiveResource
from apiserver.streaming.kubelet import Kubelets

LOG = logging.getLogger(__name__)

FRESH_S = 5.0
"""Autoscalers ask for one workload after another: within this time they share an answer."""

PATIENCE_S = 3.0
"""An agent answers in milliseconds; kubectl's user waits for the slowest of them."""

AT_ONCE = 64
"""Agents asked at the same time: bounds sockets and memory on a fleet."""

MAX_ANSWER = 8 << 20
"""Bytes of one agent's document: ten times what a node with 500 containers says."""

GROUP = "metrics.k8s.io"
API_VERSION = f"{GROUP}/v1beta1"

_NODE_NAME = list(selectable.getters("", "pods")).index("spec.nodeName")
"""Where a pod's entry keeps it."""


@dataclass(frozen=True, slots=True)
class _Told:
    at: float
    """Monotonic seconds."""
    document: JsonObject


class Agents:
    """The agents' documents, each kept for a moment."""

    def __init__(self, cache: WatchCache, kubelets: Kubelets) -> None:
        self._cache = cache
        self._kubelets = kubelets
        self._told: dict[str, _Told] = {}
        self._asking: dict[str, asyncio.Task[JsonObject | None]] = {}
        """One question per node at a time, whoever waits for it."""
        self._seats = asyncio.Semaphore(AT_ONCE)

    async def documents(self, nodes: Iterable[str]) -> list[JsonObject]:
        """Of those nodes that answer."""
        found = await asyncio.gather(*(self._document(node) for node in nodes))
        self._forget()
        return [one for one in found if one is not None]

    async def _document(self, node: str) -> JsonObject | None:
        told = self._told.get(node)
        if told is not None and time.monotonic() - told.at < FRESH_S:
            return told.document
        task = self._asking.get(node)
        if task is None:
            task = self._asking[node] = asyncio.create_task(self._ask(node))
            task.add_done_callback(lambda _: self._asking.pop(node, None))
        # A reader that hangs up must not take the answer from the others.
        return await asyncio.shield(task)

    async def _ask(self, node: str) -> JsonObject | None:
        async with self._seats:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    document = await self._read(node)
            except (status.ApiError, TimeoutError, ValueError) as problem:
                LOG.info("usage of node %s is unknown: %s", node, problem)
                return None
        self._told[node] = _Told(time.monotonic(), document)
        return document

    async def _read(self, node: str) -> JsonObject:
        body = await self._kubelets.ask(self._kubelets.of_node(node), "/stats/summary", [])
        try:
            text = bytearray()
            async for chunk in body:
                text += chunk
                if len(text) > MAX_ANSWER:
                    raise ValueError(f"more than {MAX_ANSWER} bytes")
        finally:
            await body.aclose()
        document: JsonObject = orjson.loads(text)
        return document

    def _forget(self) -> None:
        """Nodes come and go; their documents must not stay."""
        now = time.monotonic()
        self._told = {k: told for k, told in self._told.items() if now - told.at < FRESH_S}


class NodeUsage:
    """`nodes.metrics.k8s.io`, an `apiserver.live.LiveResource`."""

    def __init__(self, cache: WatchCache, agents: Agents) -> None:
        self._cache = cache
        self._agents = agents

    async def objects(self, namespace: str, name: str = "") -> Iterable[JsonObject]:
        del namespace
        one = [name] if name else [entry.name for entry in self._cache.list(scheme.NODES).entries]
        found = []
        for document in await self._agents.documents(one):
            node = document["node"]
            entry = self._cache.get(scheme.NODES, "", node["nodeName"])
            if entry is not None:
                usage = {"usage": _usage(node)}
                found.append(_object("NodeMetrics", entry, node) | usage)
        return found


class PodUsage:
    """`pods.metrics.k8s.io`, an `apiserver.live.LiveResource`."""

    def __init__(self, cache: WatchCache, agents: Agents) -> None:
        self._cache = cache
        self._agents = agents

    async def objects(self, namespace: str, name: str = "") -> Iterable[JsonObject]:
        found = []
        for document in await self._agents.documents(self._nodes(namespace, name)):
            for pod in document.get("pods") or ():
                where = pod["podRef"]
                if namespace not in ("", where["namespace"]) or name not in ("", where["name"]):
                    continue
                entry = self._cache.get(scheme.PODS, where["namespace"], where["name"])
                if entry is not None:
                    found.append(_object("PodMetrics", entry, pod) | {"containers": _parts(pod)})
        found.sort(key=lambda obj: (obj["metadata"]["namespace"], obj["metadata"]["name"]))
        return found

    def _nodes(self, namespace: str, name: str) -> Iterable[str]:
        """Where the pods in question run."""
        if not namespace:
            return [entry.name for entry in self._cache.list(scheme.NODES).entries]
        if name:
            entry = self._cache.get(scheme.PODS, namespace, name)
            pods = [entry] if entry is not None else []
        else:
            pods = list(self._cache.list(scheme.PODS, namespace).entries)
        return {pod.fields[_NODE_NAME] for pod in pods if pod.fields[_NODE_NAME]}


def resources(cache: WatchCache, kubelets: Kubelets) -> dict[str, LiveResource]:
    """Both, by the names under which handlers look them up."""
    agents = Agents(cache, kubelets)
    return {
        f"nodes.{GROUP}": NodeUsage(cache, agents),
        f"pods.{GROUP}": PodUsage(cache, agents),
    }


def _object(kind: str, entry: Entry, measured: JsonObject) -> JsonObject:
    """The head of a metrics object; it carries the labels of what it measures, for selectors."""
    metadata: dict[str, Any] = {"name": entry.name, "creationTimestamp": measured["cpu"]["time"]}
    if entry.namespace:
        metadata["namespace"] = entry.namespace
    if entry.labels:
        metadata["labels"] = dict(entry.labels)
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": metadata,
        "timestamp": measured["cpu"]["time"],
        "window": f"{measured['cpu'].get('windowSeconds', 0.0):.3f}s",
    }


def _parts(pod: JsonObject) -> list[JsonObject]:
    return [{"name": one["name"], "usage": _usage(one)} for one in pod["containers"]]


def _usage(measured: JsonObject) -> dict[str, str]:
    return {
        "cpu": f"{measured['cpu']['usageNanoCores']}n",
        "memory": f"{measured['memory']['workingSetBytes'] >> 10}Ki",
    }
