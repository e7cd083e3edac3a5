"""A cluster with the widgets' definition in it, for clients that nobody here wrote."""

import json
from collections.abc import Iterator

import pytest

from bireme.testing import Cluster

from . import widgets


@pytest.fixture(scope="session")
def defined(bireme_cluster: Cluster) -> Cluster:
    """The session's cluster, once widgets are known."""
    bireme_cluster.kubectl("apply", "-f", "-", stdin=json.dumps(widgets.definition()))
    return bireme_cluster


@pytest.fixture
def cluster(defined: Cluster) -> Iterator[Cluster]:
    """The same, without widgets before and after."""
    yield defined
    defined.kubectl("delete", "widgets", "--all", "-n", "default")
