"""The embedded store: an append-only log in SQLite, whose index is this process's memory.

`store` does compare-and-swap on the index and reads; `writer` is the one thread that commits;
`database` opens, locks and understands the file. Standard library only.
"""
