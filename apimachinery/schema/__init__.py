"""Structural schemas of custom resources: what their objects look like, compiled from definitions.

`node` compiles a schema to a tree; `pruning`, `defaulting` and `values` walk objects along it;
`merging` makes the rules of server-side apply from it; `structural` judges the schema itself;
`kind` puts all that a version of a definition says into one value. Pure: no I/O, no clock.
"""
