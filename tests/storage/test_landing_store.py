"""Landing between machines that share a store: what one landed the other has, to the byte; what changes is replaced, what dies is mended."""

from __future__ import annotations

import fcntl
import gzip
import inspect
import json
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TextIO

import pytest
from object_store import LossyLine, ObjectStoreServer, Request
from visited_task import record_lines, run_visited

from fifty import landing, landing_store
from fifty.config import Brand
from fifty.errors import FatalError, RetryableError, StorageError
from fifty.landing import (
    LandedLoad,
    LoadKey,
    LoadWriter,
    Part,
    ScopeRead,
    Window,
    canonical_json,
    hash_file,
    load_folder,
    read_lines,
    read_manifest,
    verify_load,
)
from fifty.landing_store import LandingStore, SyncResult, name_stored_part
from fifty.pull import run_pull
from fifty.settings import Settings
from fifty.status import describe_status, read_status
from fifty.warehouse import BrandPaths, connect, lock_brand, read_brand_keys

Machine = Callable[[str], tuple[BrandPaths, Settings]]
BRAND = Brand.model_validate({"name": "Acme", "accounts": [{"platform": "mastodon", "handle": "acme", "base_url": "http://127.0.0.1:1"}]})


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "PART_LINES", 2)


def make_key(day: int = 1, account: str = "acme") -> LoadKey:
    return LoadKey("acme", "plain", account, "things", Window(None, datetime(2026, 5, day, tzinfo=UTC)))


def land(paths: BrandPaths, *, day: int = 1, items: int = 5, word: str = "a", account: str = "acme") -> LandedLoad:
    """A finished load of a few parts."""
    with LoadWriter(paths.data, make_key(day, account), kind="state") as writer:
        writer.write({"post_id": "p1"}, 1, [{"id": str(number), "text": word} for number in range(items)])
        return writer.finish(scopes=[ScopeRead({"post_id": "p1"}, "listing", "posts", None, True, items)], next_state={"word": word})


def rewrite(load: LandedLoad, *, word: str, name: str) -> LandedLoad:
    """What an expiry or an erasure does: new parts, a manifest with the next revision, then the old parts go."""
    part = load.folder / name
    old = [path for path in load.part_paths if path != part]
    part.write_bytes(gzip.compress(json.dumps({"scope": {}, "page": 1, "seq": 1, "item": {"id": "1", "text": word}}).encode() + b"\n", mtime=0))
    load.manifest.parts = [Part(name, hash_file(part), 1)]
    load.manifest.revision += 1
    load.manifest.revision_reason = "a person asked to be forgotten"
    content = vars(load.manifest) | {"parts": [vars(one) for one in load.manifest.parts], "scopes": [vars(one) for one in load.manifest.scopes]}
    landing.write_atomically(load.folder / "manifest.json", canonical_json(content).encode())
    for path in old:
        path.unlink()
    again = read_manifest(load.folder)
    assert again is not None
    return again


def open_store(machine: tuple[BrandPaths, Settings]) -> LandingStore:
    store = LandingStore.open(*machine)
    assert store is not None
    return store


def read_landing(paths: BrandPaths) -> dict[str, bytes]:
    return {
        path.relative_to(paths.landing).as_posix(): path.read_bytes()
        for path in paths.landing.rglob("*")
        if path.is_file() and path.name != ".pull.lock"
    }


def list_objects(store: LandingStore) -> set[str]:
    return set(store.store.list()) - {"keys.json"}


def test_what_one_machine_landed_another_has_to_the_byte(machine: Machine, line: LossyLine) -> None:
    here, there = machine("one"), machine("two")
    for day in (1, 2, 3):
        land(here[0], day=day)
    read_brand_keys(here[0])
    assert (open_store(here).synchronise().pushed, open_store(there).synchronise().fetched) == (3, 3)
    assert read_landing(here[0]) == read_landing(there[0])
    assert oct((there[0].landing / "keys.json").stat().st_mode)[-3:] == "600"
    line.forget()
    for one in (here, there):
        assert open_store(one).synchronise() == landing_store.SyncResult()
    assert {request.method for request in line.requests} == {"GET"}
    assert len(line.requests) <= 3, "what is known to be the same must cost its listing alone"
    land(there[0], day=4)
    line.forget()
    assert open_store(there).synchronise().pushed == 1
    # A listing, three parts, started.json, the manifest.
    assert len(line.requests) == 6
    assert open_store(here).synchronise().fetched == 1
    assert read_landing(here[0]) == read_landing(there[0])


def _begin(paths: BrandPaths, settings: Settings, held: list[TextIO]) -> None:
    """A pull of this load that is killed."""
    writer = LoadWriter(paths.data, make_key(), kind="state")
    if not writer.is_finished:
        writer.write({"post_id": "p1"}, 1, [{"id": "mine"}] * 3)


def _begin_and_hold(paths: BrandPaths, settings: Settings, held: list[TextIO]) -> None:
    """A pull of this load that lives on, where it gets the account's lock and the load is not there."""
    account = load_folder(paths.data, make_key()).parents[1]
    account.mkdir(parents=True, exist_ok=True)
    lock = (account / ".pull.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return
    if read_manifest(load_folder(paths.data, make_key())):
        lock.close()
        return
    _begin(paths, settings, held)
    held.append(lock)


def _bring(paths: BrandPaths, settings: Settings, held: list[TextIO]) -> None:
    """Another process that fetches the same."""
    open_store((paths, settings))._fetch(load_folder(paths.data, make_key()).relative_to(paths.landing).as_posix(), SyncResult())


@pytest.mark.parametrize("is_known", [False, True], ids=["new", "unfinished"])
@pytest.mark.parametrize("visit", [_begin_and_hold, _begin, _bring], ids=["pulled", "killed", "brought"])
def test_a_load_that_somebody_here_begins_or_brings_while_it_is_fetched_is_theirs_or_whole(
    machine: Machine, visit: Callable[[BrandPaths, Settings, list[TextIO]], None], is_known: bool
) -> None:
    here, there = machine("one"), machine("two")
    load = land(here[0])
    open_store(here).synchronise()
    expected = read_landing(here[0])
    folder = load_folder(there[0].data, make_key())
    path = folder.relative_to(there[0].landing).as_posix()
    results: list[SyncResult] = []

    def begin() -> None:
        shutil.rmtree(there[0].root, ignore_errors=True)
        if is_known:
            _begin(*there, [])
        else:
            there[0].landing.mkdir(parents=True)

    def work() -> None:
        results.append(SyncResult())
        open_store(there)._fetch(path, results[-1])

    begin()
    source, first = inspect.getsourcelines(LandingStore._move_in_place)
    lines = [line for line in record_lines(work, watched=[landing_store]) if line[1] in range(first, first + len(source))]
    assert len(lines) > 12
    theirs = 0
    for line in lines:
        begin()
        held: list[TextIO] = []
        run_visited(work, watched=[landing_store], at=line, visit=partial(visit, *there, held))
        for lock in held:
            theirs += 1
            assert results[-1].fetched == 0, line
            assert {one.name for one in folder.iterdir()} == {"started.json", "part-00000.jsonl.gz", "part-00001.jsonl.gz"}, line
            lock.close()
        # What is left to do, the next comparison does; nobody is in its way.
        open_store(there).synchronise()
        assert read_landing(there[0]) == expected, line
        found = read_manifest(folder)
        assert found, line
        assert found.manifest_sha256 == load.manifest_sha256, line
    assert bool(theirs) == (visit is _begin_and_hold)


def test_only_the_accounts_asked_for_are_compared(machine: Machine) -> None:
    here, there = machine("one"), machine("two")
    land(here[0], account="acme")
    land(here[0], account="acme2")
    open_store(here).synchronise()
    assert open_store(there).synchronise(accounts=[("plain", "acme")]).fetched == 1
    assert not (there[0].landing / "plain" / "acme2").exists()
    assert open_store(there).synchronise(accounts=[]).fetched == 0


def test_the_manifest_is_put_last_and_the_parts_bear_their_content(machine: Machine, line: LossyLine) -> None:
    here = machine("one")
    load = land(here[0])
    open_store(here).synchronise()
    puts = [request.path.rpartition("/")[2] for request in line.requests if request.method == "PUT" and "/plain/" in request.path]
    assert puts[-1] == "manifest.json"
    assert sorted(puts[:3]) == [name_stored_part(part) for part in load.manifest.parts]
    assert len({part.sha256[:16] in name for part, name in zip(load.manifest.parts, sorted(puts[:3]), strict=True)}) == 1


def test_two_machines_that_begin_together_have_one_pair_of_keys(machine: Machine) -> None:
    machines = [machine(name) for name in ("one", "two", "three", "four")]
    threads = [threading.Thread(target=open_store(one).synchronise) for one in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = [read_brand_keys(paths) for paths, _ in machines]
    assert keys == [keys[0]] * 4


def test_two_pairs_of_keys_are_an_error_that_says_what_to_do(machine: Machine) -> None:
    here, there = machine("one"), machine("two")
    for paths, _ in (here, there):
        read_brand_keys(paths)
    open_store(here).synchronise()
    before = read_landing(there[0])
    with pytest.raises(FatalError, match="different keys") as caught:
        open_store(there).synchronise()
    assert all(value not in str(caught.value) for paths, _ in (here, there) for value in read_brand_keys(paths).values())
    assert read_landing(there[0]) == before


def test_keys_that_are_lost_here_and_in_the_store_come_back_from_the_work_file(machine: Machine) -> None:
    paths, settings = machine("one")
    keys = read_brand_keys(paths)
    with lock_brand(paths, settings), connect(paths, settings):
        pass
    (paths.landing / "keys.json").unlink()
    open_store((paths, settings)).synchronise()
    assert read_brand_keys(paths) == keys
    stored = open_store((paths, settings)).store.read("keys.json")
    assert stored is not None
    assert json.loads(stored[0]) == keys


def test_a_keys_file_that_cannot_be_read_is_not_stored(machine: Machine) -> None:
    paths, settings = machine("one")
    read_brand_keys(paths)
    (paths.landing / "keys.json").write_bytes(b"{")
    with pytest.raises(FatalError, match="keys cannot be read"):
        open_store((paths, settings)).synchronise()
    assert open_store((paths, settings)).store.read("keys.json") is None


@pytest.mark.parametrize("name", ["part-00000.jsonl.gz", "part-r2.jsonl.gz"], ids=["under_the_same_name", "under_a_new_name"])
def test_a_rewrite_replaces_the_load_everywhere(machine: Machine, name: str) -> None:
    here, there = machine("one"), machine("two")
    load = land(here[0], word="forget me")
    open_store(here).synchronise()
    open_store(there).synchronise()
    again = rewrite(load, word="nothing", name=name)
    assert open_store(here).count_waiting() == 1
    assert open_store(here).synchronise().pushed == 1
    assert open_store(there).synchronise().fetched == 1
    assert read_landing(here[0]) == read_landing(there[0])
    found = read_manifest(there[0].landing / again.folder.relative_to(here[0].landing))
    assert found is not None
    assert (found.manifest.revision, [line["item"]["text"] for line in read_lines(found)]) == (2, ["nothing"])
    path = again.folder.relative_to(here[0].landing).as_posix()
    assert list_objects(open_store(here)) == {f"{path}/{one}" for one in ("started.json", "manifest.json", name_stored_part(again.manifest.parts[0]))}
    # An old copy, restored from a backup, does not bring the person back.
    shutil.rmtree(there[0].root)
    stale = land(there[0], word="forget me")
    assert stale.manifest.revision == 1
    assert open_store(there).synchronise().fetched == 1
    assert [line["item"]["text"] for line in read_lines(read_manifest(stale.folder))] == ["nothing"]  # type: ignore[arg-type]


def test_what_a_killed_rewrite_left_in_the_store_is_cleaned_by_the_next_run(
    machine: Machine, line: LossyLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = machine("one")
    load = land(here[0], word="forget me")
    open_store(here).synchronise()
    _wait_a_second()
    again = rewrite(load, word="nothing", name="part-r2.jsonl.gz")
    # The deletion does not come about: the new manifest stands, the old parts still lie there.
    line.fault = lambda request: "drop" if "delete" in request.path else None
    with pytest.raises(StorageError):
        open_store(here).synchronise()
    line.forget()
    assert len(list_objects(open_store(here))) == 6
    assert open_store(here).synchronise().cleaned == 3
    path = again.folder.relative_to(here[0].landing).as_posix()
    assert list_objects(open_store(here)) == {f"{path}/{one}" for one in ("started.json", "manifest.json", name_stored_part(again.manifest.parts[0]))}


def test_parts_of_a_rewrite_under_way_elsewhere_are_left_alone(machine: Machine) -> None:
    here = machine("one")
    load = land(here[0])
    store = open_store(here)
    store.synchronise()
    _wait_a_second()
    path = load.folder.relative_to(here[0].landing).as_posix()
    store.store.put(f"{path}/part-r2.0123456789abcdef.jsonl.gz", b"under way")
    assert store.synchronise().cleaned == 0
    assert f"{path}/part-r2.0123456789abcdef.jsonl.gz" in list_objects(store)


def test_of_a_load_that_two_machines_pulled_the_first_commit_stands(machine: Machine) -> None:
    here, there = machine("one"), machine("two")
    first, second = land(here[0], word="first"), land(there[0], word="second")
    open_store(here).synchronise()
    result = open_store(there).synchronise()
    assert (result.pushed, result.fetched, len(result.warnings)) == (0, 1, 1)
    assert "two machines pulled it" in result.warnings[0]
    found = read_manifest(second.folder)
    assert found is not None
    verify_load(found)
    assert found.manifest_sha256 == first.manifest_sha256
    assert open_store(there).synchronise() == landing_store.SyncResult()


def test_without_its_notes_a_machine_compares_and_uploads_nothing_again(machine: Machine, line: LossyLine) -> None:
    here = machine("one")
    for day in (1, 2):
        land(here[0], day=day)
    open_store(here).synchronise()
    (here[0].root / "stored.sqlite").unlink()
    assert open_store(here).count_waiting() == 2
    line.forget()
    assert open_store(here).synchronise().pushed == 0
    assert not [request for request in line.requests if request.is_write and "keys.json" not in request.path]
    assert open_store(here).count_waiting() == 0


def test_an_object_that_was_lost_in_the_store_is_uploaded_again(machine: Machine) -> None:
    here, there = machine("one"), machine("two")
    load = land(here[0])
    store = open_store(here)
    store.synchronise()
    path = load.folder.relative_to(here[0].landing).as_posix()
    store.store.delete([f"{path}/{name_stored_part(load.manifest.parts[1])}"])
    assert len(open_store(there).synchronise().warnings) == 1
    assert not (there[0].landing / path / "manifest.json").exists()
    store.synchronise()
    assert open_store(there).synchronise().fetched == 1


def test_a_damaged_part_is_neither_uploaded_nor_fetched_and_stops_no_other(machine: Machine) -> None:
    here, there = machine("one"), machine("two")
    bad, good = land(here[0], day=1), land(here[0], day=2)
    bad.part_paths[1].write_bytes(b"rot")
    lost = land(here[0], day=3)
    lost.part_paths[0].unlink()
    result = open_store(here).synchronise()
    assert (result.pushed, len(result.warnings)) == (1, 2)
    assert {str(path) for path in (bad.part_paths[1], lost.part_paths[0])} == {warning.partition(": ")[0] for warning in result.warnings}
    path = good.folder.relative_to(here[0].landing).as_posix()
    name = f"{path}/{name_stored_part(good.manifest.parts[0])}"
    open_store(here).store.put(name, b"rot")
    result = open_store(there).synchronise()
    assert (result.fetched, len(result.warnings)) == (0, 1)
    assert not (there[0].landing / path).exists()


@pytest.mark.parametrize("content", [b"no json", b"{}", b'{"load_id": "x"}', b"[]"], ids=["no_json", "nothing", "another_load", "a_list"])
def test_a_manifest_that_is_none_is_told_and_touches_nothing(machine: Machine, content: bytes) -> None:
    here, there = machine("one"), machine("two")
    load = land(here[0])
    store = open_store(here)
    store.synchronise()
    store.store.put(f"{load.folder.relative_to(here[0].landing).as_posix()}/manifest.json", content)
    result = open_store(there).synchronise()
    assert (result.fetched, len(result.warnings)) == (0, 1)
    assert not list(there[0].landing.rglob("manifest.json"))


def test_a_part_that_names_a_place_outside_its_folder_is_refused(machine: Machine, tmp_path: Path) -> None:
    here, there = machine("one"), machine("two")
    load = land(here[0])
    store = open_store(here)
    store.synchronise()
    load.manifest.parts[0].name = "../../../../../../evil.gz"
    content = vars(load.manifest) | {"parts": [vars(one) for one in load.manifest.parts], "scopes": []}
    store.store.put(f"{load.folder.relative_to(here[0].landing).as_posix()}/manifest.json", canonical_json(content).encode())
    assert len(open_store(there).synchronise().warnings) == 1
    assert not list(tmp_path.rglob("evil*"))


def test_a_load_another_machine_is_pulling_is_left_alone(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = machine("one"), machine("two")
    with open_store(here).claim(make_key()):
        with pytest.raises(RetryableError, match="another machine is pulling this load"), open_store(there).claim(make_key()):
            pass
        # Another load is free.
        with open_store(there).claim(make_key(2)):
            pass
    # Of its own unfinished load a machine knows that it is its own.
    with open_store(here).claim(make_key()):
        load = land(here[0])
    open_store(here).push_load(load.folder)
    with open_store(there).claim(make_key()):
        found = read_manifest(there[0].landing / load.folder.relative_to(here[0].landing))
    assert found is not None, "a load finished meanwhile is fetched instead of pulled"
    assert found.manifest_sha256 == load.manifest_sha256


def test_a_claim_is_renewed_as_long_as_its_load_is_pulled(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_store, "RENEW_SECONDS", 0.5)
    monkeypatch.setattr(landing_store, "LEASE_SECONDS", 2.5)
    here, there = machine("one"), machine("two")
    with open_store(here).claim(make_key()):
        _wait_a_second(4)
        with pytest.raises(RetryableError), open_store(there).claim(make_key()):
            pass
    _wait_a_second(3)
    with open_store(there).claim(make_key()):
        taken = land(there[0], word="taken over")
    started = [json.loads((paths.landing / taken.folder.relative_to(there[0].landing) / "started.json").read_text()) for paths in (here[0], there[0])]
    assert started[0] == started[1], "what was begun keeps its instant, whoever goes on with it"
    # The first machine was alive after all, and commits later.
    open_store(there).push_load(taken.folder)
    late = land(here[0], word="late")
    assert open_store(here).synchronise().fetched == 1
    assert next(line["item"]["text"] for line in read_lines(read_manifest(late.folder))) == "taken over"  # type: ignore[arg-type]


def test_a_pull_without_a_store_lands_here_says_so_and_uploads_with_the_next_run(
    machine: Machine, server: ObjectStoreServer, line: LossyLine
) -> None:
    paths, settings = machine("one")
    first = datetime(2026, 5, 1, tzinfo=UTC)
    assert run_pull("acme", BRAND, settings, until=first, platforms=["config"]).storage_errors == []
    server.stop()
    try:
        changed = BRAND.model_copy(update={"terms": ["new"]})
        result = run_pull("acme", changed, settings, until=first + timedelta(days=1), platforms=["config"])
        assert result.pulled
        assert all(isinstance(error, StorageError) for error in result.storage_errors)
        assert len(result.errors) == 1, "one store that is down is one fault, however many loads it concerns"
        said = "\n".join(describe_status(read_status("acme", BRAND, settings)))
        assert f"not stored   {len(result.pulled)} loads" in said
    finally:
        server.start()
    assert run_pull("acme", changed, settings, until=first + timedelta(days=1), platforms=["config"]).storage_errors == []
    assert "stored       all of it" in "\n".join(describe_status(read_status("acme", BRAND, settings))).replace(", ", "\n")
    other = machine("two")
    open_store(other).synchronise()
    assert {name: content for name, content in read_landing(paths).items() if name != "keys.json"} == {
        name: content for name, content in read_landing(other[0]).items() if name != "keys.json"
    }


def test_a_machine_that_has_landed_nothing_waits_for_its_store(machine: Machine, line: LossyLine) -> None:
    line.fault = lambda request: "drop"
    with pytest.raises(StorageError):
        run_pull("acme", BRAND, machine("one")[1], until=datetime(2026, 5, 1, tzinfo=UTC), platforms=["config"])
    assert not list(machine("one")[0].root.rglob("manifest.json"))


def test_a_second_machine_goes_on_where_the_first_has_stopped(machine: Machine) -> None:
    here, there = machine("one"), machine("two")
    first = datetime(2026, 5, 1, tzinfo=UTC)
    pulled = run_pull("acme", BRAND, here[1], until=first, platforms=["config"])
    again = run_pull("acme", BRAND, there[1], until=first, platforms=["config"])
    assert {load.state for load in again.loads} == {"finished_before"} or {load.state for load in again.loads} == {"finished_before", "unchanged"}
    assert len(pulled.pulled) == len([load for load in again.loads if load.state == "finished_before"])
    later = run_pull("acme", BRAND, there[1], until=first + timedelta(days=1), platforms=["config"])
    assert {load.state for load in later.loads} == {"unchanged"}


def test_what_nobody_finished_is_removed_after_a_while(machine: Machine) -> None:
    here = machine("one")
    store = open_store(here)
    load = land(here[0])
    store.synchronise()
    with store.claim(make_key(2)):
        pass
    assert store.remove_abandoned(after=timedelta(days=2)) == 0
    _wait_a_second(2)
    assert store.remove_abandoned(after=timedelta(seconds=1)) >= 1
    path = load.folder.relative_to(here[0].landing).as_posix()
    assert {name.rpartition("/")[0] for name in list_objects(store)} == {path}


def test_parts_of_a_rewrite_that_never_came_to_an_end_go_after_a_while(machine: Machine) -> None:
    here = machine("one")
    load = land(here[0])
    store = open_store(here)
    store.synchronise()
    path = load.folder.relative_to(here[0].landing).as_posix()
    _wait_a_second()
    store.store.put(f"{path}/part-r2.0123456789abcdef.jsonl.gz", b"of a machine that died")
    assert store.remove_abandoned(after=timedelta(days=2)) == 0
    _wait_a_second(2)
    before = list_objects(store)
    assert store.remove_abandoned(after=timedelta(seconds=1)) == 1
    assert before - list_objects(store) == {f"{path}/part-r2.0123456789abcdef.jsonl.gz"}
    assert store.synchronise() == landing_store.SyncResult()


def test_a_rewrite_while_its_load_is_uploaded_is_uploaded_too(machine: Machine, line: LossyLine) -> None:
    here, there = machine("one"), machine("two")
    load = land(here[0], word="forget me")

    def rewrite_meanwhile(request: Request) -> None:
        if request.path.endswith("/manifest.json") and request.method == "PUT":
            line.forget()
            rewrite(load, word="nothing", name="part-r2.jsonl.gz")

    line.fault = rewrite_meanwhile  # type: ignore[assignment]
    open_store(here).synchronise()
    assert open_store(here).count_waiting() == 1
    open_store(here).synchronise()
    open_store(there).synchronise()
    found = read_manifest(there[0].landing / load.folder.relative_to(here[0].landing))
    assert found is not None
    assert (found.manifest.revision, [line["item"]["text"] for line in read_lines(found)]) == (2, ["nothing"])


def _wait_a_second(seconds: float = 1.1) -> None:
    # The store's times are whole seconds.
    threading.Event().wait(seconds)
