"""Removing pods that nobody will ever report on again."""
