"""Requests that become streams to a node: exec, attach, port-forward, logs, proxies.

`service.Streaming` takes them after authentication, authorizes them like any request, and joins
the client to the agent on the pod's node (protocol: `kubelet`). Neighbours: `apiserver.front.app`
(calls), `kubelet.server` (the other end). Containers are nobody's business here.
"""

from apiserver.streaming.service import Streaming

__all__ = ["Streaming"]
