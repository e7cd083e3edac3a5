"""The `oci` driver: runc (or crun) called directly, one conmon per container.

No daemon and no pause process: a pod is three pinned namespaces, a container an overlay mount and
a bundle directory; all state is small files, so a new agent adopts what it finds.
"""
