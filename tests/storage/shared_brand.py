"""Versions and extracts of a small brand, and what somebody sees of it who has nothing but the store."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Any

from published_marts import AS_OF, publish_passed, read_contracts, write_marts

from fifty import serving
from fifty.publish import PublishResult
from fifty.settings import Settings
from fifty.storage import Store, open_area
from fifty.warehouse import BrandPaths

# A few marts are as good as all of them here.
MARTS = {name: model for name, model in read_contracts().items() if name in ("engagement.posts", "relationships.people", "ops.parameters")}


def publish(machine: tuple[BrandPaths, Settings], word: str, *, as_of: date = AS_OF) -> PublishResult:
    """A version of this machine, here only; `word` tells it from others."""
    paths, settings = machine
    # Nobody reads bi.duckdb here while it is switched.
    serving.LEAD_SECONDS = serving.GRACE_SECONDS = 0.02
    write_marts(paths, parameters_version=word, contracts=MARTS, as_of=as_of)
    return publish_passed(paths, settings, run_id=f"run-{word}", as_of=as_of)


def write_extract(machine: tuple[BrandPaths, Settings], word: str, *, day: str = "2026-09-06") -> None:
    """An extract as `fifty extract` leaves it in its folder."""
    folder = machine[0].extracts / "weekly" / day
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in ("weekly.html", "waiting.csv", "dictionary.csv"):
        content = f"{name} {word} ".encode() * 50
        (folder / name).write_bytes(content)
        files.append({"name": name, "sha256": hashlib.sha256(content).hexdigest(), "byte_count": len(content), "row_count": None})
    facts = {"extract": "weekly", "as_of_date": day, "word": word, "files": files}
    (folder / "manifest.json").write_text(json.dumps(facts), encoding="utf-8")


def see_version(machine: tuple[BrandPaths, Settings]) -> str | None:
    """The version a remote reader finds, which is then whole: every file of it is there, and the marts are those it was published with."""
    store = open_store(machine, "published")
    there = store.read("current.json")
    if there is None:
        return None
    current = json.loads(there[0])
    facts = _read(store, f"{current['path']}/version.json")
    marts = store.read(f"{current['path']}/marts.duckdb")
    assert marts is not None
    assert hashlib.sha256(marts[0]).hexdigest() == facts["marts_sha256"]
    files = {name.removeprefix(f"{current['path']}/") for name in store.list(current["path"])}
    assert files >= {"marts.duckdb", "version.json", *(f"parquet/{name.replace('.', '/')}.parquet" for name in facts["tables"])}
    assert facts["publish_id"] == current["publish_id"]
    return str(facts["publish_id"])


def see_extract(machine: tuple[BrandPaths, Settings], *, day: str = "2026-09-06") -> str | None:
    """The word of the extract a recipient finds, which is then whole."""
    store = open_store(machine, "extracts")
    there = store.read(f"weekly/{day}/manifest.json")
    if there is None:
        return None
    facts = json.loads(there[0])
    for file in facts["files"]:
        found = store.read(f"weekly/{day}/{facts['folder']}/{file['name']}")
        assert found is not None, f"{file['name']} is named and not there"
        assert hashlib.sha256(found[0]).hexdigest() == file["sha256"]
    return str(facts["word"])


def open_store(machine: tuple[BrandPaths, Settings], area: Any) -> Store:
    """The store of an area."""
    store = open_area(machine[1], machine[0].brand, area)
    assert store is not None
    return store


def _read(store: Store, name: str) -> dict[str, Any]:
    found = store.read(name)
    assert found is not None, f"{name} is not there"
    facts: dict[str, Any] = json.loads(found[0])
    return facts
