"""Networking of a node: pod addresses, services, policies, names.

`pods.py` gives each pod its veth and address (`netlink.py` speaks to the kernel). `proxy.py` keeps
the rules of services true and `enforcer.py` those of NetworkPolicies, each from a pure half
(`services.py` and `rules.py`, `policies.py` and `firewall.py`). `dns.py` answers names.
"""
