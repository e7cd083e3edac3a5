"""Objects larger than etcd takes are refused by name, and nothing is written."""

from pathlib import Path

import pytest

from apiserver.storage import errors
from apiserver.stores import open_store

from . import etcds


async def test_a_value_that_etcd_does_not_take(tmp_path: Path) -> None:
    with etcds.cluster(tmp_path) as (member,):
        store = open_store(f"http://127.0.0.1:{member.port}")
        await store.start()
        with pytest.raises(errors.ValueTooLarge):
            await store.create("/registry/a", b"x" * 2_000_000)
        assert await store.get("/registry/a") is None
        await store.close()
