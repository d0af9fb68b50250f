"""Send one extract once more, although it was sent: the same day again, or one of an older day.

the version of the day, else the folder as it was sent → extracts/<name>/<day>/ (new files, same bytes where nothing has changed) → operations.json, object store

Run alone: `fifty resend acme --name weekly --as-of 2026-03-31`.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from fifty.config import Brand
from fifty.errors import FatalError, SettingsError
from fifty.extract import mend_folder, move_in_place, run_extracts
from fifty.extract_store import push_extracts
from fifty.landing import hash_file
from fifty.publish import list_versions, read_current_version
from fifty.settings import Settings
from fifty.state import record_act, refuse_held, refuse_stopped
from fifty.warehouse import BrandPaths, hold_folder, lock_extracts

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resent:
    """An extract that was sent again; `source` is the version it was made from, or the folder it was copied from."""

    name: str
    day: str
    folder: Path
    file_count: int
    source: str


def resend_extract(
    slug: str, brand: Brand, paths: BrandPaths, settings: Settings, *, name: str, as_of: date | None = None, by: str | None = None, why: str = ""
) -> Resent:
    """Write the extract `name` again and record that. `as_of` None is the day that is published now.

    Where a version of that day is kept, it is made from that one; else the folder that was sent is compared with its manifest and written again as it is.
    Raises SettingsError for an extract that is not ordered or a day of which nothing is kept, HeldError, PausedError and DepartedError where an operator
    has said so, FatalError for a folder that is not what was sent; StorageError and StorageRefusedError where it is written and recorded here and not yet
    in the object store, to which the next extract brings it.
    """
    refuse_stopped(paths)
    refuse_held(paths)
    with hold_folder(paths):
        resent = _write_again(slug, brand, paths, settings, name, as_of)
        record_act(paths, "resend", by=by, why=why, facts={"extract": name, "day": resent.day, "source": resent.source})
        logger.info("resend brand=%s extract=%s day=%s from %s", slug, name, resent.day, resent.source)
        push_extracts(paths, settings)
    return resent


def _write_again(slug: str, brand: Brand, paths: BrandPaths, settings: Settings, name: str, as_of: date | None) -> Resent:
    publish_id = _find_version(paths, as_of)
    folder = paths.extracts / name / str(as_of)
    if publish_id or as_of is None:
        # Also where nothing is published at all: the extract stage says so.
        result = run_extracts(slug, brand, paths, settings, names=[name], publish_id=publish_id, is_again=True)
        (written,) = result.extracts
        return Resent(name, result.as_of_date.isoformat(), written.folder, len(written.files), f"version {result.publish_id}")
    if name in {order.name for order in brand.extracts}:
        with lock_extracts(paths, settings):
            # One that was killed may have left it under another name.
            mend_folder(folder)
            if (folder / "manifest.json").is_file():
                return _repeat_folder(paths, name, as_of)
    raise SettingsError(
        f"nothing of {as_of} is kept that could be sent again",
        where=f"{slug}/extract/{name}",
        seen=f"no version of that day, no folder {folder}",
        expected=", ".join(_list_days(paths, name)) or "a day that was published",
        remedy="use one of these days; `fifty run --as-of` builds any other, if landing reaches back so far",
    )


def _find_version(paths: BrandPaths, as_of: date | None) -> str | None:
    """The version that readers see where it is of that day, else the newest of that day that is kept."""
    current = read_current_version(paths)
    if as_of is None:
        return current
    of_day = [one.publish_id for one in list_versions(paths) if one.as_of_date == as_of.isoformat()]
    return current if current in of_day else of_day[-1] if of_day else None


def _list_days(paths: BrandPaths, name: str) -> list[str]:
    sent = {path.parent.name for path in (paths.extracts / name).glob("*/manifest.json") if not path.parent.name.startswith(".")}
    return sorted(sent | {one.as_of_date for one in list_versions(paths)})


def _repeat_folder(paths: BrandPaths, name: str, as_of: date) -> Resent:
    target = paths.extracts / name / as_of.isoformat()
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.copytree(target, temporary, copy_function=shutil.copyfile)
    files = json.loads((temporary / "manifest.json").read_text(encoding="utf-8"))["files"]
    # What goes out is compared, not what lies there: a file may change in between.
    wrong = [one["name"] for one in files if not (temporary / one["name"]).is_file() or hash_file(temporary / one["name"]) != one["sha256"]]
    if wrong:
        shutil.rmtree(temporary)
        raise FatalError(
            "the extract is not what was sent, nothing was written",
            where=str(target),
            seen=f"changed or missing: {', '.join(wrong)}",
            expected="files with the sha256 of manifest.json",
            remedy="restore the folder from a backup, or use another day",
        )
    refuse_held(paths)
    move_in_place(temporary, target, is_again=True)
    return Resent(name, as_of.isoformat(), target, len(files), "the folder as it was sent")
