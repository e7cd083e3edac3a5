"""The API server: HTTP front, handlers, registry, admission, watch cache, storage."""
