"""One server for all attacks; at the end it must be well and its log clean."""

from collections.abc import Iterator

import pytest

from bireme.testing import Cluster

from .target import SPACE, Sent, Target


@pytest.fixture(scope="session")
def attacked() -> Iterator[Target]:
    with Cluster() as cluster:
        target = Target(cluster)
        body = f'{{"metadata":{{"name":"{SPACE}"}}}}'.encode()
        assert target.send(Sent("POST", "/api/v1/namespaces", body))[0] == 201
        yield target
        # In random order the last attack may be long ago, and idle connections are closed.
        target.close()
        assert target.send(Sent("GET", "/readyz")) == (200, b"ok")
        target.close()
        log = cluster.log.read_text(errors="replace")
    assert "Traceback" not in log, log[-8000:]


@pytest.fixture
def target(attacked: Target) -> Target:
    attacked.reset()
    return attacked
