"""Running pods and containers on one machine.

`interface.py` is the contract (the shape of CRI v1), `errors.py` its failures; the drivers are
`oci/` (runc and conmon, the default) and `fake.py` (tests, hollow nodes). The node agent is the
only user; which driver it gets is decided by the command line.
"""
