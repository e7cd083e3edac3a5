"""Networking of a node: pod addresses, service proxy, DNS.

`interface.py` is what the runtime drivers and the agent use; `netlink.py` speaks to the kernel,
`pods.py` gives each pod its veth and address.
"""
