"""Addresses of services of type LoadBalancer: the nodes themselves answer on their ports."""
