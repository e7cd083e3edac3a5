"""Secrets with tokens that never expire, for those who still ask for them."""
