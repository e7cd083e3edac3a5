"""EndpointSlices of services: from selectors, and mirrored from hand-written Endpoints."""
