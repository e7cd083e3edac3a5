"""Expressions (CEL) of definitions and webhooks, evaluated in a process of their own.

`evaluator` is what the API server holds; `worker` runs in the child, with the language of
`cel`. An expression that takes too long costs its child, never the server.
"""
