"""Images of one machine: a content-addressed store and how images get into it.

`interface.py` is what the agent sees; `store.py` keeps blobs and unpacked layers, shared by all
nodes of the machine; `registry.py` pulls, `importer.py` reads archives, `busybox.py` builds the
one image that comes with the system.
"""
