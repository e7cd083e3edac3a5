"""Endpoints objects of services: the older form of endpoint slices, one object a service."""
