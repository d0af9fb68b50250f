"""Extracts in an object store: the files under a name of their own, then the manifest that names them.

extracts/<name>/<day>/ → <FIFTY_EXTRACTS_URL>/<brand>/extracts/<name>/<day>/<sha256 of the manifest, 16>/files, then <day>/manifest.json

`manifest.json` is the local one with `folder`, where its files lie; it is put last, in one put, on the condition that nobody else did. Who fetches an
extract reads it first. A rewritten extract never mixes with the one before; that one's files are then deleted, because they name people.

Called by fifty/pipeline.py, fifty/maintain.py and fifty/status.py; see docs/decisions/0013.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from fifty.publish import list_versions, read_current_version
from fifty.settings import Settings
from fifty.storage import Store, StoredObject, open_area
from fifty.stored import StoredNote, StoredNotes
from fifty.warehouse import BrandPaths, lock_extracts

log = logging.getLogger(__name__)

_DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")


def push_extracts(paths: BrandPaths, settings: Settings) -> int:
    """Upload every extract of this machine that the store has not got as it is here, also those an earlier run could not; returns how many.

    Does nothing where extracts are local only. Raises StorageError and StorageRefusedError.
    """
    store = open_area(settings, paths.brand, "extracts")
    if store is None or not paths.extracts.is_dir():
        return 0
    notes = StoredNotes(paths, store.url)
    # What is uploaded must not be rewritten meanwhile.
    with lock_extracts(paths, settings):
        waiting = _list_waiting(paths, notes)
        listed = store.list() if waiting else {}
        store.run_all([partial(_push, store, notes, paths.extracts / path, path, _pick(listed, path)) for path in waiting])
    if waiting:
        log.info("store brand=%s extracts=%d", paths.brand, len(waiting))
    return len(waiting)


def prune_stored_extracts(paths: BrandPaths, settings: Settings) -> int:
    """Delete from the store extracts of days long before the day published, but for the newest of each name, as `fifty prune` does here.

    Returns how many went. They name people, and nobody but us takes them away.
    """
    store = open_area(settings, paths.brand, "extracts")
    current = next((one for one in list_versions(paths) if one.publish_id == read_current_version(paths)), None)
    if store is None or current is None:
        return 0
    oldest = (date.fromisoformat(current.as_of_date) - timedelta(days=settings.keep_extract_days)).isoformat()
    days: dict[str, dict[str, list[str]]] = {}
    for name in store.list():
        parts = name.split("/")
        if len(parts) > 2 and _DAY.match(parts[1]):
            days.setdefault(parts[0], {}).setdefault(parts[1], []).append(name)
    going = [names for of_name in days.values() for day, names in of_name.items() if day < oldest and day != max(of_name)]
    for names in going:
        # First the manifest: half an extract never looks like one.
        store.delete(name for name in names if name.endswith("/manifest.json"))
        store.delete(names)
    return len(going)


def count_waiting_extracts(paths: BrandPaths, settings: Settings) -> int:
    """Extracts of this machine that are not known to be in the store as they are here. Asks nothing."""
    store = open_area(settings, paths.brand, "extracts")
    return len(_list_waiting(paths, StoredNotes(paths, store.url))) if store else 0


def _list_waiting(paths: BrandPaths, notes: StoredNotes) -> list[str]:
    known = notes.read()
    waiting = []
    for manifest in sorted(paths.extracts.glob("*/????-??-??/manifest.json")):
        path = manifest.parent.relative_to(paths.extracts).as_posix()
        if path not in known or known[path].sha256 != _hash(manifest.read_bytes()):
            waiting.append(path)
    return waiting


def _pick(listed: Mapping[str, StoredObject], path: str) -> dict[str, StoredObject]:
    return {name: one for name, one in listed.items() if name.startswith(f"{path}/")}


def _push(store: Store, notes: StoredNotes, folder: Path, path: str, listed: Mapping[str, StoredObject]) -> None:
    local = (folder / "manifest.json").read_bytes()
    facts = json.loads(local)
    own = _hash(local)[:16]
    for file in facts["files"]:
        name = f"{path}/{own}/{file['name']}"
        if name not in listed or listed[name].byte_count != file["byte_count"]:
            store.put_file(name, folder / file["name"])
    content = (json.dumps({**facts, "folder": own}, indent=2, ensure_ascii=False) + "\n").encode()
    name = f"{path}/manifest.json"
    before = store.read(name) if name in listed else None
    while (e_tag := store.replace(name, content, before[1]) if before else store.create(name, content)) is None:
        before = store.read(name)
    # Older than the manifest that was replaced: its own files, and what never came to have one. Newer: another machine at work.
    replaced = listed.get(name)
    if replaced:
        store.delete(
            one.name
            for one in listed.values()
            if one.name != name and not one.name.startswith(f"{path}/{own}/") and one.modified_at <= replaced.modified_at
        )
    # Last: killed before, the next run comes here again and cleans.
    notes.write(StoredNote(path, _hash(local), e_tag, own))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
