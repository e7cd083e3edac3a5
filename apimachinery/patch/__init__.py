"""The four ways to change an object by PATCH, each a pure function of object and patch.

`json` (RFC 6902), `merge` (RFC 7386), `strategic` (Kubernetes' own, driven by the models) and
`apply` (server-side apply, with field ownership in `managed`, `fieldsets` and `ownership`).
Neighbours: the API server's patch handler, which reads bodies, retries on conflicts and runs
admission. Nothing here reads a clock, a store or a request; no argument is changed.
"""
