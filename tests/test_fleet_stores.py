"""What every store has to do, whichever engine is behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from threads import ThreadedCall

from benchmarks.shapes.engine import Redis
from blockfreeze.core.errors import ControlError
from blockfreeze.fleet.fetched import reference
from blockfreeze.fleet.store import LOGGED, Pointer, Store, StoreError, open_store
from blockfreeze.releases.artifact import MANIFEST

ENGINES = [
    "file",
    "sqlite",
    pytest.param("redis", marks=[pytest.mark.needs_redis, pytest.mark.needs_subprocess, pytest.mark.needs_sockets]),
]


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        server: Redis = request.getfixturevalue("redis")
        with closing(open_store(server.url)) as store:
            store._client.flushall()  # type: ignore[attr-defined]
        return server.url
    return f"{request.param}://{tmp_path}/a%20place"


@pytest.fixture
def opened() -> Iterator[Callable[[str], Store]]:
    made: list[Store] = []

    def open_one(url: str) -> Store:
        made.append(open_store(url))
        return made[-1]

    yield open_one
    for one in made:
        one.close()


@pytest.fixture
def store(url: str, opened: Callable[[str], Store]) -> Store:
    return opened(url)


def test_a_pointer_is_changed_by_whoever_has_seen_it(store: Store, url: str, opened: Callable[[str], Store]) -> None:
    other = opened(url)
    assert store.read("shop") is None
    assert store.change("shop", 0, {"a": "first"})
    assert not other.change("shop", 0, {"a": "late"})
    assert other.read("shop") == Pointer(1, {"a": "first"})
    assert other.change("shop", 1, {"a": "ä\n\0", "b": [None, 1.5]})
    assert not store.change("shop", 1, {"a": "late"})
    assert not store.change("shop", 3, {"a": "early"})
    assert store.read("shop") == Pointer(2, {"a": "ä\n\0", "b": [None, 1.5]})
    assert store.read("another") is None


@pytest.mark.needs_threads
def test_of_many_that_change_it_at_once_one_does(url: str, opened: Callable[[str], Store]) -> None:
    stores = [opened(url) for _ in range(8)]
    stores[0].change("shop", 0, {"n": 0})
    for revision in range(1, 6):
        calls = [ThreadedCall(one.change, "shop", revision, {"n": number}) for number, one in enumerate(stores)]
        done = [call.result() for call in calls]
        assert sum(done) == 1
        assert stores[0].read("shop") == Pointer(revision + 1, {"n": done.index(True)})


def test_what_the_engine_has_lost_is_given_back_by_whoever_knows_more(store: Store) -> None:
    store.restore("shop", Pointer(7, {"a": 7}))
    assert store.read("shop") == Pointer(7, {"a": 7})
    for older in (6, 7):
        store.restore("shop", Pointer(older, {"a": "older"}))
    assert store.read("shop") == Pointer(7, {"a": 7})
    store.restore("shop", Pointer(9, {"a": 9}))
    assert store.read("shop") == Pointer(9, {"a": 9})
    assert store.change("shop", 9, {"a": 10})


@pytest.mark.needs_threads
def test_who_waits_is_woken_by_a_change_also_by_one_before_it_waited(
    store: Store, url: str, opened: Callable[[str], Store]
) -> None:
    store.change("shop", 0, {})
    store.read("shop")
    began = time.monotonic()
    call = ThreadedCall(store.wait, "shop", 1, 20.0)
    opened(url).change("shop", 1, {})
    call.result()
    store.read("shop")
    opened(url).change("shop", 2, {})
    store.wait("shop", 2, 20.0)
    assert time.monotonic() - began < 15.0
    store.read("shop")
    store.wait("shop", 3, 0.01)  # nothing changes


def test_records_are_forgotten_unless_they_are_renewed(store: Store) -> None:
    store.announce("shop", "host a/1.x", {"n": 1}, 30)
    store.announce("shop", "b", {"n": 2}, 30)
    store.announce("shop", "b", {"n": 3}, 30)
    store.announce("shop", "c", {"n": 4}, -5)
    assert store.announced("shop") == {"host a/1.x": {"n": 1}, "b": {"n": 3}}
    assert [store.is_announced("shop", name) for name in ("b", "c", "d")] == [True, False, False]
    assert store.announced("another") == {}
    store.withdraw("shop", "b")
    store.withdraw("shop", "never there")
    assert list(store.announced("shop")) == ["host a/1.x"]
    assert not store.is_announced("shop", "b")


def test_the_audit_trail_has_an_end(store: Store) -> None:
    assert store.noted("shop", 5) == []
    for number in range(3):
        store.note("shop", {"n": number})
    assert store.noted("shop", 2) == [{"n": 2}, {"n": 1}]
    assert store.noted("another", 2) == []


@pytest.mark.exhaustive
def test_the_audit_trail_keeps_so_many(store: Store) -> None:
    for number in range(LOGGED + 10):
        store.note("shop", {"n": number})
    assert [one["n"] for one in store.noted("shop", 2 * LOGGED)] == list(range(LOGGED + 9, 9, -1))


def test_artifacts_are_kept(store: Store) -> None:
    content = bytes(range(256)) * 100
    assert store.kept("digest") is None
    store.keep("digest", content)
    store.keep("digest", content)
    assert store.kept("digest") == content


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("etcd://host", "no store for 'etcd'"),
        ("", "no store for ''"),
        ("/srv/fleet", "no store for"),
        ("file://host/srv", "write file:///directory"),
        ("sqlite://host/srv", "write sqlite:///file"),
    ],
)
def test_what_is_no_store_is_refused(url: str, said: str) -> None:
    with pytest.raises(ControlError, match=said):
        open_store(url)


def test_another_packages_store_is_found_by_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        def load(self) -> Any:
            return lambda url: ("the store of", url)

    monkeypatch.setattr("importlib.metadata.entry_points", lambda group, name: [Entry()] if name == "etcd" else [])
    assert open_store("etcd://host") == ("the store of", "etcd://host")


@pytest.mark.needs_redis
@pytest.mark.needs_subprocess
def test_an_engine_that_is_away_is_an_error_of_the_store(opened: Callable[[str], Store]) -> None:
    with Redis() as server:
        store = opened(server.url)
        store.change("shop", 0, {})
        server.kill()
        for ask in (
            lambda: store.read("shop"),
            lambda: store.change("shop", 1, {}),
            lambda: store.wait("shop", 1, 1.0),
            lambda: store.announced("shop"),
            lambda: store.announce("shop", "a", {}, 5),
        ):
            with pytest.raises(StoreError, match="does not answer"):
                ask()
        server.start()
        assert store.read("shop") is None


@pytest.mark.needs_redis
@pytest.mark.needs_subprocess
def test_redis_forgets_thousands_at_once_and_at_their_time(redis: Redis, opened: Callable[[str], Store]) -> None:
    store = opened(redis.url)
    client = store._client  # type: ignore[attr-defined]
    client.flushall()
    for number in range(2100):
        store.announce("shop", f"ended {number}", {}, -1)
    before = client.time()
    store.announce("shop", "there", {"n": 1}, 30)
    after = client.time()
    earliest, latest = (seconds + part / 1e6 + 30 for seconds, part in (before, after))
    assert earliest - 1e-3 <= client.zscore("blockfreeze:{shop}:until", "there") <= latest + 1e-3
    assert store.announced("shop") == {"there": {"n": 1}}


@pytest.mark.parametrize("url", ["file", "sqlite"], indirect=True)
def test_an_artifact_that_is_too_large_is_in_no_store(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blockfreeze.fleet.fetched.LARGEST", 10)
    place = tmp_path / "shop.bfz"
    with ZipFile(place, "w") as archive:
        archive.writestr(MANIFEST, "{}")
    with pytest.raises(StoreError, match="bytes, and a store takes 10"):
        reference(store, place, "")
    assert store.kept(sha256(place.read_bytes()).hexdigest()) is None


@pytest.mark.parametrize("scheme", ["file", "sqlite"])
def test_a_place_that_cannot_be_written_is_an_error_of_the_store(scheme: str, tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("")
    store = open_store(f"{scheme}://{tmp_path}/in the way/below")
    with pytest.raises(StoreError):
        store.change("shop", 0, {})
