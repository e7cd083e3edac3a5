"""Collecting what nobody owns any more: background, foreground and orphaning deletion."""
