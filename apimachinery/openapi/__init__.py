"""OpenAPI documents of the kinds: what kubectl explains, validates and completes with."""
