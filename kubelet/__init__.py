"""The node agent: runs pods as containers, and the node's part of services."""
