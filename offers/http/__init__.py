"""The Mesos v1 HTTP API in front of the offer master, for frameworks that live elsewhere."""
