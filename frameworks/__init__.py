"""Frameworks that Bireme ships; strangers to the rest, they speak the offer API."""
