"""Landing in an object store: what one machine has landed is there for every other, and for an empty one that replays.

data/<brand>/landing ⇄ <FIFTY_LANDING_URL>/<brand>/landing/{keys.json, <platform>/<account>/<stream>/<load_id>/{started.json, part-….gz, manifest.json}}

Work happens in the local folder; the store holds committed loads. As there, the manifest is put last and commits the load. A part bears the
beginning of its sha256 in its name (`part-00000.1a2b….jsonl.gz`), so that parts never overwrite each other: an upload cut anywhere, a load that
two machines pulled, or a rewrite (new revision) leaves the old manifest with the old parts until the new manifest replaces it in one put, on
the condition that nobody else did. Then what it does not name is deleted.

Of two contents of a load the higher revision stands, else the one the store has: the first to commit. `keys.json` is put create-exclusive before
the first use, so that all machines make the same person ids. `started.json` is put create-exclusive before the first request of a load, with
this machine's name, and put again every minute while it is pulled; another machine leaves a load alone until that has stopped for five minutes.

Called by fifty/pull.py (claim, push), fifty/pipeline.py (synchronise), fifty/maintain.py and fifty/status.py; see docs/decisions/0013.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path

import simplejson
from filelock import FileLock, Timeout

from fifty.errors import FatalError, FiftyError, LandingError, RetryableError, StorageError, StorageRefusedError
from fifty.landing import (
    LandedLoad,
    LoadKey,
    Manifest,
    Part,
    canonical_json,
    format_instant,
    hash_file,
    load_folder,
    parse_instant,
    read_manifest,
    start_load,
    sync_folder,
    verify_load,
    write_atomically,
    write_started,
)
from fifty.settings import Settings
from fifty.storage import Store, StoredObject, open_area
from fifty.stored import StoredNote, StoredNotes, mark_file
from fifty.warehouse import BrandPaths, hold_folder, hold_lock, make_brand_keys, parse_brand_keys, recover_brand_keys, write_brand_keys

log = logging.getLogger(__name__)

RENEW_SECONDS = 60.0
LEASE_SECONDS = 300.0
"""Without a sign of life for so long, a load begun elsewhere is taken over. Were its machine alive after all, the first manifest would stand."""
FETCH_ATTEMPTS = 4
KEYS = "keys.json"


@dataclass
class SyncResult:
    """What a comparison of both sides came to, in loads."""

    pushed: int = 0
    fetched: int = 0
    cleaned: int = 0
    """Objects deleted that no manifest names any more."""
    warnings: list[str] = field(default_factory=list)

    @property
    def message(self) -> str:
        """The result in words; empty where nothing was to be done."""
        parts = [f"{count} loads {word} the object store" for count, word in ((self.pushed, "uploaded to"), (self.fetched, "fetched from")) if count]
        return ", ".join(parts)


def name_stored_part(part: Part) -> str:
    """Name of a part in the store: another content never has the same."""
    stem, _, suffix = part.name.partition(".")
    return f"{stem}.{part.sha256[:16]}.{suffix}"


class LandingStore:
    """The copy of one brand's landing in the object store."""

    def __init__(self, paths: BrandPaths, settings: Settings, store: Store) -> None:
        self.paths = paths
        self.settings = settings
        self.store = store
        self._counting = threading.Lock()
        self._token = secrets.token_hex(8)
        self.notes = StoredNotes(paths, store.url)
        self.faults: list[FiftyError] = []
        """What kept loads from being claimed or uploaded during a pull: they are here, and follow with the next run."""

    @classmethod
    def open(cls, paths: BrandPaths, settings: Settings) -> LandingStore | None:
        """The brand's copy, or None where landing is local only. Asks nothing yet."""
        store = open_area(settings, paths.brand, "landing")
        return cls(paths, settings, store) if store else None

    @cached_property
    def machine(self) -> str:
        """By which name loads are claimed."""
        return self.notes.read_machine()

    # -- both sides ---------------------------------------------------------------------------------------------------

    def synchronise(self, *, accounts: Iterable[tuple[str, str]] | None = None) -> SyncResult:
        """Fetch the loads that only the store has, upload those that only this machine has, of all or of some (platform, account).

        Costs a listing (a thousand objects a request) and what is new. Raises StorageError and StorageRefusedError; a load that is damaged on one
        side is a warning, and the others go on.
        """
        result = SyncResult()
        with hold_folder(self.paths), self._lock():
            folders = None if accounts is None else sorted({f"{platform}/{account}" for platform, account in accounts})
            listed: dict[str, StoredObject] = {}
            for folder in [""] if folders is None else folders:
                listed |= self.store.list(folder)
            if folders is None:
                self._agree_on_keys(is_listed=KEYS in listed)
            stored = _group_loads(listed)
            notes = self.notes.read()
            tasks: list[Callable[[], None]] = []
            for path in sorted(stored.keys() | self._list_local(folders)):
                if task := self._plan(path, stored.get(path, {}), notes.get(path), result):
                    tasks.append(partial(self._run_guarded, path, task, result))
            try:
                self.store.run_all(tasks)
            finally:
                shutil.rmtree(self._fetching / self._token, ignore_errors=True)
        if tasks:
            log.info("store brand=%s pushed=%d fetched=%d cleaned=%d", self.paths.brand, result.pushed, result.fetched, result.cleaned)
        return result

    def prepare_pull(self, accounts: Iterable[tuple[str, str]]) -> None:
        """Bring both sides together before a pull. Where the store does not answer the pull goes on from what is here, and `faults` say so.

        Raises StorageError or StorageRefusedError on a machine that has landed nothing yet: it would pull everything from the beginning.
        """
        with self._keeping_faults():
            for warning in self.synchronise(accounts=accounts).warnings:
                log.warning("%s", warning)
        if self.faults and not self._list_local(None):
            raise self.faults[0]

    def remove_abandoned(self, *, after: timedelta) -> int:
        """Delete from the store what nobody has touched for `after` and no manifest names: loads never finished, parts of rewrites that never came
        to an end. Returns the objects."""
        oldest = self.store.read_clock() - after
        listed = self.store.list()
        notes = self.notes.read()
        going = [name for name, one in listed.items() if name.startswith(".clock/") and one.modified_at < oldest]
        for path, objects in _group_loads(listed).items():
            note, there = notes.get(path), objects.get("manifest.json")
            if there is None:
                if max(one.modified_at for one in objects.values()) < oldest:
                    going += [one.name for one in objects.values()]
            elif note and note.e_tag == there.e_tag:
                going += [one.name for name, one in objects.items() if name not in note.names and one.modified_at < oldest]
        self.store.delete(going)
        for leftover in self._fetching.glob("*"):
            if time.time() - leftover.stat().st_mtime > after.total_seconds():
                shutil.rmtree(leftover, ignore_errors=True)
        return len(going)

    def count_waiting(self) -> int:
        """Finished loads of this machine that are not known to be in the store as they are here. Asks nothing."""
        notes = self.notes.read()
        return sum(
            1
            for path in self._list_local(None)
            if path not in notes or notes[path].local_mark != mark_file(self.paths.landing / path / "manifest.json")
        )

    def _list_local(self, folders: list[str] | None) -> set[str]:
        root = self.paths.landing
        patterns = ["*/*/*/*/manifest.json"] if folders is None else [f"{folder}/*/*/manifest.json" for folder in folders]
        return {path.parent.relative_to(root).as_posix() for pattern in patterns for path in root.glob(pattern)}

    def _plan(self, path: str, objects: Mapping[str, StoredObject], note: StoredNote | None, result: SyncResult) -> Callable[[], None] | None:
        """What is to be done about a load; None where both sides are known to be the same."""
        local, there = self.paths.landing / path / "manifest.json", objects.get("manifest.json")
        if there is None:
            # Begun elsewhere and not finished, or finished here only.
            return partial(self._push, path, objects, result) if local.exists() else None
        if not local.exists():
            return partial(self._fetch, path, result)
        if note is None or note.e_tag != there.e_tag or note.local_mark != mark_file(local):
            return partial(self._compare, path, objects, result)
        if not set(note.names) <= objects.keys():
            # Lost there, or just replaced by a rewrite: the manifest tells.
            return partial(self._compare, path, objects, result)
        # Older than the manifest and not named by it: replaced. Newer: a rewrite under way on another machine.
        if orphans := [one for name, one in objects.items() if name not in note.names and one.modified_at < there.modified_at]:
            return partial(self._clean, orphans, result)
        return None

    def _compare(self, path: str, objects: Mapping[str, StoredObject], result: SyncResult) -> None:
        """Both sides have the load, and it is not known whether it is the same: the higher revision stands, else what the store has."""
        mark = _mark_manifest(self.paths.landing / path)
        here, there = read_manifest(self.paths.landing / path), self._read_stored(path)
        if here is None or there is None:
            return  # removed meanwhile; the next comparison sees it
        (content, e_tag), manifest = there
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 == here.manifest_sha256:
            if _name_objects(here.manifest) <= objects.keys():
                self._note(path, here, e_tag, mark)
            else:
                log.warning("store: %s lacks a part and is uploaded again", path)
                self._push(path, objects, result, expected=e_tag)
        elif here.manifest.revision > manifest.revision:
            self._push(path, objects, result, expected=e_tag)
        else:
            if here.manifest.revision == manifest.revision:
                result.warnings.append(f"{self.paths.brand}/{path}: two machines pulled it; the one that committed first stands")
            self._fetch(path, result)

    def _count(self, result: SyncResult, *, pushed: int = 0, fetched: int = 0, cleaned: int = 0) -> None:
        with self._counting:
            result.pushed += pushed
            result.fetched += fetched
            result.cleaned += cleaned

    def _run_guarded(self, path: str, task: Callable[[], None], result: SyncResult) -> None:
        try:
            task()
        except LandingError as error:
            result.warnings.append(str(error))

    # -- to the store -------------------------------------------------------------------------------------------------

    def push_load(self, folder: Path) -> None:
        """Upload a load just finished. What goes wrong is kept in `faults`: the load is here, and follows with the next run."""
        path = folder.relative_to(self.paths.landing).as_posix()
        if self.faults:
            return
        try:
            with self._keeping_faults():
                note = self.notes.find(path)
                if note is None or note.local_mark != mark_file(folder / "manifest.json"):
                    self._push(path, _group_loads(self.store.list(path)).get(path, {}), SyncResult())
        except LandingError as error:
            # Of this load alone; land says it again.
            log.warning("%s", error)

    def _push(self, path: str, objects: Mapping[str, StoredObject], result: SyncResult, *, expected: str | None = None) -> None:
        """Parts, then the manifest, which commits. `objects` is what the store has of the load; `expected` the ETag of the manifest to replace, none for the first."""
        mark = _mark_manifest(self.paths.landing / path)
        load = read_manifest(self.paths.landing / path)
        if load is None:
            return
        content = (load.folder / "manifest.json").read_bytes()
        if hashlib.sha256(content).hexdigest() != load.manifest_sha256:
            return  # rewritten at this moment; the next comparison sees it
        verify_load(load)
        for part in load.manifest.parts:
            name, file = name_stored_part(part), load.folder / part.name
            if name not in objects or objects[name].byte_count != file.stat().st_size:
                self.store.put_file(f"{path}/{name}", file)
        if "started.json" not in objects:
            self.store.create(f"{path}/started.json", self._write_claim(load.manifest.load_id, load.manifest.observed_at))
        name = f"{path}/manifest.json"
        e_tag = self.store.replace(name, content, expected) if expected else self.store.create(name, content)
        if e_tag is None:
            # Committed by another machine since it was listed: decided between the two as they are now.
            self._compare(path, objects, result)
            return
        self._note(path, load, e_tag, mark)
        self._count(result, pushed=1)
        named = _name_objects(load.manifest)
        self._clean([one for name, one in objects.items() if name not in named], result)

    def _clean(self, orphans: Iterable[StoredObject], result: SyncResult) -> None:
        names = [one.name for one in orphans]
        self.store.delete(names)
        self._count(result, cleaned=len(names))

    def _note(self, path: str, load: LandedLoad, e_tag: str, mark: str) -> None:
        """Note a load as stored; `mark` was taken before its manifest was read, so that a later rewrite shows."""
        self.notes.write(StoredNote(path, load.manifest_sha256, e_tag, mark, tuple(sorted(_name_objects(load.manifest)))))

    # -- from the store -----------------------------------------------------------------------------------------------

    @property
    def _fetching(self) -> Path:
        # Beside landing, not in it: whoever looks for manifests must not meet a half-fetched load.
        return self.paths.root / ".fetching"

    def _fetch(self, path: str, result: SyncResult, *, is_held: bool = False) -> None:
        """Bring a load here, whole or not at all, in place of an older revision or an unfinished attempt."""
        for attempt in range(FETCH_ATTEMPTS):
            there = self._read_stored(path)
            if there is None:
                return
            (content, e_tag), manifest = there
            folder = self._fetching / self._token / path
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            try:
                for part in manifest.parts:
                    self._fetch_part(path, part, folder)
            except (FileNotFoundError, LandingError) as error:
                # Rewritten while it was fetched? Then there is another manifest by now.
                again = self.store.read(f"{path}/manifest.json")
                if attempt + 1 < FETCH_ATTEMPTS and again and again[1] != e_tag:
                    continue
                if isinstance(error, LandingError):
                    raise
                raise _damaged(f"{self.store.url}/{path}", "a part is missing", "every part its manifest names") from None
            write_started(folder, manifest.load_id, parse_instant(manifest.observed_at))
            write_atomically(folder / "manifest.json", content)
            mark = _mark_manifest(folder)
            if not self._move_in_place(path, folder, is_held=is_held):
                return
            self._note(path, LandedLoad(self.paths.landing / path, manifest, hashlib.sha256(content).hexdigest()), e_tag, mark)
            self._count(result, fetched=1)
            return

    def _fetch_part(self, path: str, part: Part, folder: Path) -> None:
        # The name comes from outside: it must stay in the folder.
        if Path(part.name).name != part.name or part.name in ("started.json", "manifest.json"):
            raise _damaged(f"{self.store.url}/{path}/manifest.json", repr(part.name)[:80], "the name of a part")
        name = f"{path}/{name_stored_part(part)}"
        self.store.fetch_file(name, folder / part.name)
        if (seen := hash_file(folder / part.name)) != part.sha256:
            raise _damaged(f"{self.store.url}/{name}", seen, part.sha256)

    def _move_in_place(self, path: str, folder: Path, *, is_held: bool) -> bool:
        """Let a load that was fetched take its place; false where somebody here is at work on it, which the next comparison will see."""
        target = self.paths.landing / path
        account = target.parents[1]
        account.mkdir(parents=True, exist_ok=True)
        aside = folder.with_name(f"{folder.name}.old")
        lock = FileLock(account / ".pull.lock")
        try:
            for _ in range(FETCH_ATTEMPTS):
                if not is_held and not lock.is_locked and target.exists():
                    lock.acquire(timeout=0)
                target.parent.mkdir(exist_ok=True)
                if is_held or lock.is_locked:
                    shutil.rmtree(aside, ignore_errors=True)
                    with suppress(FileNotFoundError):
                        target.rename(aside)
                try:
                    folder.rename(target)
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
                    # Begun or brought here by another process since it was looked for: now there is something to hold.
                    continue
                sync_folder(target.parent)
                shutil.rmtree(aside, ignore_errors=True)
                return True
        except Timeout:
            # Somebody here is pulling this account.
            pass
        finally:
            lock.release()
        return False

    def _read_stored(self, path: str) -> tuple[tuple[bytes, str], Manifest] | None:
        there = self.store.read(f"{path}/manifest.json")
        if there is None:
            return None
        try:
            manifest = Manifest.parse(simplejson.loads(there[0], use_decimal=True))
            is_right = "/".join((manifest.platform, manifest.account_id, manifest.stream, manifest.load_id)) == path
        except (ValueError, TypeError, KeyError):
            is_right = False
        if not is_right:
            raise _damaged(f"{self.store.url}/{path}/manifest.json", "something else", "the manifest of this load")
        return there, manifest

    # -- one machine a load -------------------------------------------------------------------------------------------

    @contextmanager
    def claim(self, key: LoadKey) -> Iterator[None]:
        """Hold a load while it is pulled, so that no other machine pulls it; hold the account's lock around it.

        Begins with the `started.json` both sides agree on; where another machine has finished the load meanwhile, it is fetched. Without an
        answer from the store the load is pulled nevertheless. Raises RetryableError where another machine is pulling it.
        """
        renewed: _Renewal | None = None
        if not self.faults:
            with self._keeping_faults():
                renewed = self._take_claim(key)
        try:
            yield
        finally:
            if renewed:
                renewed.stop()

    def _take_claim(self, key: LoadKey) -> _Renewal | None:
        folder = load_folder(self.paths.data, key)
        path = folder.relative_to(self.paths.landing).as_posix()
        name = f"{path}/started.json"
        started = start_load(folder, key.load_id)
        content = self._write_claim(key.load_id, format_instant(started))
        e_tag = self.store.create(name, content)
        while e_tag is None:
            there = self.store.read(name)
            if there is None:
                e_tag = self.store.create(name, content)
                continue
            if self.store.read(f"{path}/manifest.json") is not None:
                self._fetch(path, SyncResult(), is_held=True)
                return None
            claim = simplejson.loads(there[0])
            if claim.get("machine") != self.machine:
                self._refuse_living(key, name)
            # What was begun keeps its instant, whoever goes on with it.
            content = self._write_claim(key.load_id, claim["observed_at"])
            write_started(folder, key.load_id, parse_instant(claim["observed_at"]))
            e_tag = self.store.replace(name, content, there[1])
        return _Renewal(self.store, name, content, e_tag)

    def _refuse_living(self, key: LoadKey, name: str) -> None:
        objects = self.store.list(name.removesuffix("/started.json"))
        if name not in objects:
            return
        age = (self.store.read_clock() - objects[name].modified_at).total_seconds()
        if age < LEASE_SECONDS:
            raise RetryableError(
                "another machine is pulling this load",
                where=key.where,
                seen=f"its last sign of life is {age:.0f} s old",
                expected=f"none for {LEASE_SECONDS:.0f} s",
                remedy="nothing: when it has finished the load is fetched, and when it has died the next run takes over",
            )
        log.warning("store: %s was begun by another machine that shows no sign of life; taking over", key.where)

    def _write_claim(self, load_id: str, observed_at: str) -> bytes:
        return canonical_json({"load_id": load_id, "observed_at": observed_at, "machine": self.machine}).encode()

    @contextmanager
    def _keeping_faults(self) -> Iterator[None]:
        try:
            yield
        except (StorageError, StorageRefusedError) as error:
            # Of a store that is down, every load would say the same after the same wait.
            log.warning("%s", error)
            self.faults.append(error)

    # -- keys ---------------------------------------------------------------------------------------------------------

    def _agree_on_keys(self, *, is_listed: bool) -> None:
        """Let this machine and the store have the same keys. Raises FatalError where both have their own, or this machine's cannot be read."""
        file = self.paths.landing / KEYS
        if not file.exists():
            there = self.store.read(KEYS)
            if there is None:
                # Lost on both sides, or none were made yet: the work file knows.
                recover_brand_keys(self.paths, self.settings)
            content = there[0] if there else file.read_bytes() if file.exists() else make_brand_keys()
            if there is None and self.store.create(KEYS, content) is None:
                content = (self.store.read(KEYS) or (content,))[0]
            write_brand_keys(self.paths, content)
        content = file.read_bytes()
        parse_brand_keys(content, where=str(file))
        if is_listed and (note := self.notes.find(KEYS)) and note.local_mark == mark_file(file):
            return
        e_tag = self.store.create(KEYS, content)
        if e_tag is None:
            there = self.store.read(KEYS)
            if there is None or simplejson.loads(there[0]) != simplejson.loads(content):
                raise FatalError(
                    "this machine and the object store have different keys for the same brand",
                    where=f"{self.store.url}/{KEYS}",
                    seen=f"another content than {file}",
                    expected="one pair of keys a brand: person ids derive from them",
                    remedy="decide which landing is right; on a machine that is to follow the store remove keys.json and warehouse.duckdb, then replay",
                )
            e_tag = there[1]
        self.notes.write(StoredNote(KEYS, hashlib.sha256(content).hexdigest(), e_tag, mark_file(file)))

    def _lock(self) -> AbstractContextManager[None]:
        return hold_lock(
            self.paths.root / ".storing.lock",
            self.settings.lock_timeout_seconds,
            what="another process of this machine is comparing landing with the object store",
            where=self.paths.brand,
            remedy="wait for the other run; the lock goes with its process",
        )


class _Renewal:
    """Puts a claim again every minute, in a thread of its own, until it is stopped or lost."""

    def __init__(self, store: Store, name: str, content: bytes, e_tag: str) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._renew, args=(store, name, content, e_tag), name="claim", daemon=True)
        self._thread.start()

    def _renew(self, store: Store, name: str, content: bytes, e_tag: str) -> None:
        known: str | None = e_tag
        while known is not None and not self._stopped.wait(RENEW_SECONDS):
            with suppress(StorageError, StorageRefusedError):
                known = store.replace(name, content, known)
        if known is None:
            log.warning("store: the claim %s was taken over by another machine; whoever commits first stands", name)

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join()


def _group_loads(listed: Mapping[str, StoredObject]) -> dict[str, dict[str, StoredObject]]:
    """Load's path to its objects by their names without it; what lies elsewhere (keys, a clock) is no load."""
    loads: dict[str, dict[str, StoredObject]] = {}
    for name, one in listed.items():
        path, _, base = name.rpartition("/")
        if path.count("/") == 3 and not {"", ".", ".."} & set(path.split("/")):
            loads.setdefault(path, {})[base] = one
    return loads


def _mark_manifest(folder: Path) -> str:
    try:
        return mark_file(folder / "manifest.json")
    except FileNotFoundError:
        return ""


def _name_objects(manifest: Manifest) -> set[str]:
    return {"started.json", "manifest.json", *(name_stored_part(part) for part in manifest.parts)}


def _damaged(where: str, seen: str, expected: str) -> LandingError:
    return LandingError(
        "a landed part is not what its manifest says",
        where=where,
        seen=seen,
        expected=expected,
        remedy="restore the object or file from a backup or from the bucket's versions, or remove the load on both sides and pull its window again",
    )
