"""avmesos-cli 1.0.0 as it is on PyPI, with the one name that its release forgot to import.

Its `task attach` and `task exec` speak of a module `mesos` that was renamed `avmesos`: no such call
gets past that line. The name is given from outside; its files stay as they are.
"""

import builtins
import runpy

import avmesos
import avmesos.http

builtins.mesos = avmesos
runpy.run_module("avmesos.cli.mesos-cli", run_name="__main__")
