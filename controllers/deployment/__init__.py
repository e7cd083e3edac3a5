"""Rolling ReplicaSets from one template to the next: Deployments."""
