"""The kinds: one module per API group, split by noun; frozen models, imported when first used."""
