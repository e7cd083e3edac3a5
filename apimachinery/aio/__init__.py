"""Asyncio tools with no domain knowledge: clocks, delays, supervised tasks."""
