"""Approving and signing certificate requests of node agents."""
