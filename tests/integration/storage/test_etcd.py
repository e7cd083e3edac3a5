"""What the etcd store adds to the contract: TLS, users, lost members, a killed server."""

import asyncio
import subprocess
import time
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from apiserver.cache import WatchCache
from apiserver.storage import errors
from apiserver.storage.etcd import client as client_module
from apiserver.storage.interface import Store, WatchBatch
from apiserver.stores import StoreOptions, open_store

from . import etcds

PATIENCE = 30.0


def etcdctl(port: int, *args: str) -> str:
    done = subprocess.run(
        ["etcdctl", "--endpoints", f"http://127.0.0.1:{port}", *args],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


async def eventually(attempt: Callable[[], object]) -> None:
    """Repeat until it does not raise Unavailable: what clients of the API do on a 503."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            await attempt()  # type: ignore[misc]  # a coroutine function
        except errors.Unavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
        else:
            return


async def works(store: Store, key: str) -> None:
    """A create, an update and a watch over both."""
    one = await store.create(key, b"1")
    two = await store.update(key, b"2", one)
    async with asyncio.timeout(PATIENCE), aclosing(store.watch(key, one)) as stream:
        async for batch in stream:
            if batch.events:
                assert batch.events[0].kv.mod_revision == two
                return


async def test_mutual_tls(tmp_path: Path) -> None:
    etcds.certificates(tmp_path)
    with etcds.cluster(
        tmp_path, 1,
        "--cert-file", str(tmp_path / "server.pem"), "--key-file", str(tmp_path / "server-key.pem"),
        "--trusted-ca-file", str(tmp_path / "ca.pem"), "--client-cert-auth",
        scheme="https",
    ) as (member,):  # fmt: skip
        options = StoreOptions(
            ca_file=str(tmp_path / "ca.pem"),
            cert_file=str(tmp_path / "client.pem"),
            key_file=str(tmp_path / "client-key.pem"),
        )
        store = open_store(f"https://127.0.0.1:{member.port}", options)
        await store.start()
        await works(store, "/registry/a")
        await store.close()


async def test_a_wrong_ca_is_told_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "CONNECT_SECONDS", 1.0)
    etcds.certificates(tmp_path)
    with etcds.cluster(
        tmp_path, 1,
        "--cert-file", str(tmp_path / "server.pem"), "--key-file", str(tmp_path / "server-key.pem"),
        scheme="https",
    ) as (member,):  # fmt: skip
        store = open_store(f"https://127.0.0.1:{member.port}")
        with pytest.raises(errors.BadStore, match="are the address and the certificates right"):
            await store.start()


async def test_nobody_there_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "CONNECT_SECONDS", 0.5)
    (port,) = etcds.free_ports(1)
    store = open_store(f"http://127.0.0.1:{port}")
    with pytest.raises(errors.BadStore, match=f"no etcd answers at 127.0.0.1:{port}"):
        await store.start()


async def test_user_and_password(tmp_path: Path) -> None:
    # Tokens of etcd's default kind end with the member that gave them, and after five minutes.
    with etcds.cluster(tmp_path, 1, "--auth-token-ttl", "2") as (member,):
        etcdctl(member.port, "user", "add", "root:secret")
        etcdctl(member.port, "user", "grant-role", "root", "root")
        etcdctl(member.port, "auth", "enable")
        address = f"http://127.0.0.1:{member.port}"
        for password in ("", "wrong"):
            refused = open_store(address, StoreOptions(user="root", password=password))
            with pytest.raises(errors.BadStore, match="check user and password"):
                await refused.start()
        store = open_store(address, StoreOptions(user="root", password="secret"))
        await store.start()
        await works(store, "/registry/a")
        # A restarted member knows no token: each kind of call must fetch a new one.
        member.kill()
        member.start()
        member.await_port()
        await eventually(lambda: works(store, "/registry/b"))
        await store.close()


async def test_a_dead_first_endpoint_is_passed_over(tmp_path: Path) -> None:
    (dead,) = etcds.free_ports(1)
    with etcds.cluster(tmp_path) as (member,):
        store = open_store(f"http://127.0.0.1:{dead},http://127.0.0.1:{member.port}")
        await store.start()
        await works(store, "/registry/a")
        await store.close()


async def test_writes_go_on_when_members_die(tmp_path: Path) -> None:
    """Each member of three is killed in turn, and comes back; nothing acknowledged is lost."""
    with etcds.cluster(tmp_path, 3) as members:
        store = open_store(",".join(f"http://127.0.0.1:{member.port}" for member in members))
        await store.start()
        acknowledged: dict[str, int] = {}
        stop = asyncio.Event()

        async def write(name: str) -> None:
            number = 0
            while not stop.is_set():
                key = f"/registry/{name}/{number}"
                try:
                    acknowledged[key] = await store.create(key, b"x")
                except errors.Unavailable:
                    await asyncio.sleep(0.02)
                number += 1

        async with asyncio.TaskGroup() as group:
            for index in range(8):
                group.create_task(write(f"w{index}"))
            for member in members:
                await asyncio.sleep(0.3)
                before = len(acknowledged)
                member.kill()
                deadline = time.monotonic() + PATIENCE
                while len(acknowledged) < before + 20 and time.monotonic() < deadline:
                    await asyncio.sleep(0.05)
                assert len(acknowledged) >= before + 20, "no progress with two of three members"
                member.start()
                await asyncio.to_thread(member.await_port)
            stop.set()
        found: dict[str, int] = {}

        async def read() -> None:
            items = (await store.list("/registry/")).items
            found.update({item.key: item.create_revision for item in items})

        await eventually(read)
        assert acknowledged.items() <= found.items()
        await store.close()


async def test_a_killed_server_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """The only member is killed under load and comes back; a watch over it all has no gap."""
    with etcds.cluster(tmp_path) as (member,):
        store = open_store(f"http://127.0.0.1:{member.port}")
        await store.start()
        start = await store.current_revision()
        acknowledged: list[int] = []
        stop = asyncio.Event()

        async def write(name: str) -> None:
            number = 0
            while not stop.is_set():
                try:
                    acknowledged.append(await store.create(f"/registry/{name}/{number}", b"x"))
                except errors.Unavailable:
                    await asyncio.sleep(0.02)
                number += 1

        seen: list[int] = []

        written = asyncio.Event()

        async def follow() -> None:
            """Watch on after the last event seen, as the cache does, to the last write."""
            after = start
            while not (written.is_set() and after >= max(acknowledged)):
                try:
                    async with aclosing(store.watch("/registry/", after)) as stream:
                        async for batch in stream:
                            seen.extend(revisions(batch))
                            after = batch.revision
                            if written.is_set() and after >= max(acknowledged):
                                break
                except errors.Unavailable:
                    await asyncio.sleep(0.02)

        async with asyncio.timeout(2 * PATIENCE):
            following = asyncio.create_task(follow())
            async with asyncio.TaskGroup() as writers:
                for index in range(8):
                    writers.create_task(write(f"w{index}"))
                for _ in range(3):
                    await asyncio.sleep(0.3)
                    before = len(acknowledged)
                    member.kill()
                    member.start()
                    while len(acknowledged) < before + 20:
                        await asyncio.sleep(0.05)
                stop.set()
            written.set()
            # One more event, for a reader that has seen the last one already.
            await store.create("/registry/last", b"")
            await following
        assert seen == sorted(set(seen))
        assert sorted(set(acknowledged) - set(seen)) == []
        await store.close()


def revisions(batch: WatchBatch) -> list[int]:
    return [event.kv.mod_revision for event in batch.events]


async def test_a_cache_starts_where_others_wrote_last(tmp_path: Path) -> None:
    """On a shared etcd the newest revision may be of a key that no watch of ours sees."""
    with etcds.cluster(tmp_path) as (member,):
        etcdctl(member.port, "put", "/somebody/else", "x")
        store = open_store(f"http://127.0.0.1:{member.port}")
        await store.start()
        cache = WatchCache(store)
        async with asyncio.timeout(PATIENCE):
            await cache.start()
        assert cache.ready
        await cache.stop()
        await store.close()


async def test_etcdctl_shows_the_objects(tmp_path: Path) -> None:
    with etcds.cluster(tmp_path) as (member,):
        store = open_store(f"http://127.0.0.1:{member.port}")
        await store.start()
        await store.create("/registry/pods/default/a", b'{"kind":"Pod"}')
        assert etcdctl(member.port, "get", "/registry", "--prefix").splitlines() == [
            "/registry/pods/default/a", '{"kind":"Pod"}'
        ]  # fmt: skip
        await store.close()


@pytest.mark.parametrize(
    "address",
    ["http://", "http://host", "http://host:x", "http://a:1/path", "https://u@h:1", "ftp://h:1",
     "sqlite:", "postgres://h:1", "", "unix:"],
)  # fmt: skip
def test_addresses_that_make_no_sense(address: str) -> None:
    with pytest.raises(errors.BadStore):
        open_store(address)
