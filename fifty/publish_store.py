"""Published versions in an object store: uploaded whole, then `current.json` names the one that readers open.

published/versions/<publish_id> → <FIFTY_PUBLISHED_URL>/<brand>/published/versions/<publish_id>-<marts sha256, 8>/… → current.json

The version's `version.json` is put last: a folder with it is complete. `current.json` is replaced in one put on the condition that it is still the
one that was read at the beginning; of two publishers one is told. A name holds the beginning of the marts file's sha256, because two machines
can build the same version with other bytes, and what a reader has open is never written over. Unfinished uploads are invisible; the next
publish completes or removes them.

Called by fifty/pipeline.py, `fifty publish --version` and fifty/maintain.py; see docs/decisions/0013.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from fifty.errors import FatalError, StorageError
from fifty.landing import hash_file, sync_folder
from fifty.publish import Version, list_versions, prepare_folder, read_current_version, switch_version
from fifty.serving import seal_file
from fifty.settings import Settings
from fifty.storage import Store, StoredObject, open_area
from fifty.stored import StoredNote, StoredNotes
from fifty.warehouse import BrandPaths, lock_brand

log = logging.getLogger(__name__)

CURRENT = "current.json"
ABANDONED_AFTER = timedelta(hours=6)
"""An upload puts an object every few seconds; one that has stopped for so long is nobody's any more."""
_FOLDER = re.compile(r"^(?P<publish_id>[0-9]{8}-(?P<number>[0-9]{6})-[0-9a-f]{8})-(?P<marts>[0-9a-f]{8})$")


@dataclass(frozen=True)
class StoredVersion:
    """What `current.json` says."""

    publish_id: str
    path: str
    """Folder of the version, below the folder of `current.json`."""
    number: int
    as_of_date: str
    fingerprint: str

    @classmethod
    def parse(cls, content: bytes, where: str) -> StoredVersion:
        """From the object's content. Raises FatalError for anything else."""
        try:
            facts: dict[str, Any] = json.loads(content)
            found = cls(**{name: facts[name] for name in cls.__dataclass_fields__})
            if found.path.rpartition("/")[0] == "versions" and _FOLDER.match(found.path.rpartition("/")[2]):
                return found
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        raise FatalError(
            "current.json cannot be read",
            where=where,
            seen="something else than publish writes",
            expected="the version that readers open",
            remedy="restore the object from the bucket's versions, or delete it and run `fifty publish`",
        )

    def write(self) -> bytes:
        """As the object holds it."""
        return (json.dumps(vars(self), indent=2, sort_keys=True) + "\n").encode()


def push_version(paths: BrandPaths, settings: Settings, publish_id: str, *, is_deliberate: bool = False) -> bool:
    """Upload a version kept here as far as it is not there, and let remote readers see it; true when what they see has changed.

    Does nothing where versions are published locally only. Raises StorageError where the store does not answer, or where another machine has
    published meanwhile and its version is not older; `is_deliberate` (a roll-back) goes over that one. Local readers are not concerned.
    """
    store = open_area(settings, paths.brand, "published")
    if store is None:
        return False
    before = store.read(CURRENT)
    version = next(one for one in list_versions(paths) if one.publish_id == publish_id)
    wanted = _describe(version)
    is_switched = before is None or StoredVersion.parse(before[0], f"{store.url}/{CURRENT}").path != wanted.path
    if is_switched:
        count = _upload(store, paths.published / "versions" / publish_id, wanted.path)
        e_tag = _switch(store, wanted, before, is_deliberate=is_deliberate)
        log.info("store brand=%s published=%s files=%d", paths.brand, publish_id, count)
        _remove_leftovers(store, {_describe(one).path for one in list_versions(paths)})
    else:
        e_tag = before[1] if before else ""
    StoredNotes(paths, store.url).write(StoredNote(CURRENT, wanted.fingerprint, e_tag, publish_id))
    return is_switched


def fetch_current(paths: BrandPaths, settings: Settings) -> str | None:
    """Bring here, and let local readers see, the version that remote readers see, where a publish here has to go on from it; returns its id then.

    So a publish counts on from what another machine has published, and knows what readers saw before. One that another machine has rolled back to is not
    fetched where readers see a newer one: here the next publish goes on from that. Raises StorageError, FatalError for a version that is not what it was
    when published.
    """
    store = open_area(settings, paths.brand, "published")
    there = store.read(CURRENT) if store else None
    if store is None or there is None:
        return None
    current = StoredVersion.parse(there[0], f"{store.url}/{CURRENT}")
    versions = paths.published / "versions"
    if not _is_news(paths, current):
        return None
    with lock_brand(paths, settings):
        if not _is_news(paths, current):
            # Another process has brought it while this one waited.
            return None
        prepare_folder(paths, settings)
        # Publish removes what has a leading dot, so a fetch that was killed leaves nothing behind.
        temporary = versions / f".{current.publish_id}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        names = [name.removeprefix(f"{current.path}/") for name in store.list(current.path)]
        for name in names:
            if {"", ".", ".."} & set(name.split("/")):
                raise _damaged(f"{store.url}/{current.path}", name, "files of a version")
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            store.run_all([partial(_fetch_file, store, f"{current.path}/{name}", temporary / name) for name in names])
            seen, expected = hash_file(temporary / "marts.duckdb"), json.loads((temporary / "version.json").read_bytes())["marts_sha256"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            raise _damaged(f"{store.url}/{current.path}", "a file of it is missing or cut", "the version as it was published") from None
        if seen != expected:
            raise _damaged(f"{store.url}/{current.path}/marts.duckdb", seen, expected)
        for folder in [temporary, *(one for one in temporary.rglob("*") if one.is_dir())]:
            sync_folder(folder)
        temporary.rename(versions / current.publish_id)
        sync_folder(versions)
    if (shown := read_current_version(paths)) is None or shown < current.publish_id:
        switch_version(paths, settings, current.publish_id)
    log.info("store brand=%s fetched version %s, which readers of the store see", paths.brand, current.publish_id)
    return current.publish_id


def _is_news(paths: BrandPaths, current: StoredVersion) -> bool:
    """Neither kept here, nor older than what readers see here by its day and by its number, which the next publish counts on from."""
    kept = list_versions(paths)
    shown = read_current_version(paths)
    is_older = shown is not None and current.publish_id < shown and current.number < max((one.number for one in kept), default=0)
    return not is_older and current.publish_id not in {one.publish_id for one in kept}


def is_version_stored(paths: BrandPaths, settings: Settings, publish_id: str) -> bool | None:
    """Whether this machine has let remote readers see the version; None where versions are published locally only. Asks nothing."""
    store = open_area(settings, paths.brand, "published")
    if store is None:
        return None
    note = StoredNotes(paths, store.url).find(CURRENT)
    return note is not None and note.local_mark == publish_id


def prune_stored_versions(paths: BrandPaths, settings: Settings) -> int:
    """Delete from the store all but the newest versions (as many as are kept here) and the one readers open. Returns how many went."""
    store = open_area(settings, paths.brand, "published")
    there = store.read(CURRENT) if store else None
    if store is None or there is None:
        return 0
    shown = StoredVersion.parse(there[0], f"{store.url}/{CURRENT}").path
    folders = _list_folders(store)
    complete = sorted((path for path, objects in folders.items() if f"{path}/version.json" in objects), key=_read_number)
    going = [path for path in complete[: -settings.keep_versions] if path != shown]
    for path in going:
        _delete_folder(store, folders[path])
    _remove_leftovers(store, set())
    return len(going)


def _describe(version: Version) -> StoredVersion:
    path = f"versions/{version.publish_id}-{version.marts_sha256[:8]}"
    return StoredVersion(version.publish_id, path, version.number, version.as_of_date, version.fingerprint)


def _upload(store: Store, folder: Path, path: str) -> int:
    there = store.list(path)
    files = {f"{path}/{file.relative_to(folder).as_posix()}": file for file in sorted(folder.rglob("*")) if file.is_file()}
    # Of the same name and size it is the same: a version's files never change, and another build has another folder.
    missing = {name: file for name, file in files.items() if name not in there or there[name].byte_count != file.stat().st_size}
    last = f"{path}/version.json"
    store.run_all([partial(store.put_file, name, file) for name, file in missing.items() if name != last])
    if last in missing:
        store.put_file(last, missing[last])
    return len(missing)


def _switch(store: Store, wanted: StoredVersion, before: tuple[bytes, str] | None, *, is_deliberate: bool) -> str:
    content = wanted.write()
    while True:
        e_tag = store.replace(CURRENT, content, before[1]) if before else store.create(CURRENT, content)
        if e_tag is not None:
            return e_tag
        before = store.read(CURRENT)
        theirs = StoredVersion.parse(before[0], f"{store.url}/{CURRENT}") if before else None
        if theirs and not is_deliberate and (theirs.as_of_date, theirs.number) >= (wanted.as_of_date, wanted.number):
            raise StorageError(
                "another machine has published meanwhile",
                where=f"{store.url}/{CURRENT}",
                seen=f"{theirs.publish_id}, which is what readers see",
                expected="one machine at a time to publish a brand",
                remedy=f"nothing, if theirs is right; to show {wanted.publish_id}, run `fifty publish` again",
            )


def _list_folders(store: Store) -> dict[str, Mapping[str, StoredObject]]:
    folders: dict[str, dict[str, StoredObject]] = {}
    for name, one in store.list("versions").items():
        parts = name.split("/")
        if len(parts) > 2 and _FOLDER.match(parts[1]):
            folders.setdefault("/".join(parts[:2]), {})[name] = one
    return dict(folders)


def _remove_leftovers(store: Store, own: set[str]) -> None:
    """Delete uploads that were never completed: this machine's, which has gone on to another version, and anybody's that stopped long ago."""
    unfinished = {path: objects for path, objects in _list_folders(store).items() if f"{path}/version.json" not in objects}
    if not unfinished:
        return
    oldest = store.read_clock() - ABANDONED_AFTER
    for path, objects in unfinished.items():
        if path in own or max(one.modified_at for one in objects.values()) < oldest:
            log.info("store: %s was never completed and is removed", path)
            _delete_folder(store, objects)


def _delete_folder(store: Store, objects: Mapping[str, StoredObject]) -> None:
    # First what makes it complete: whatever happens meanwhile, half a version never looks like one.
    store.delete(name for name in objects if name.endswith("/version.json") and name.count("/") == 2)
    store.delete(objects)


def _read_number(path: str) -> int:
    match = _FOLDER.match(path.rpartition("/")[2])
    return int(match["number"]) if match else 0


def _fetch_file(store: Store, name: str, path: Path) -> None:
    store.fetch_file(name, path)
    seal_file(path)


def _damaged(where: str, seen: str, expected: str) -> FatalError:
    return FatalError(
        "the version in the object store is damaged",
        where=where,
        seen=seen,
        expected=expected,
        remedy="on a machine that has a good version run `fifty publish --version V`; or delete current.json there and publish again",
    )
