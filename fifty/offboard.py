"""A brand leaves: what it may take along is handed out, then its folder goes, at once for every reader and for ever.

data/<brand> → (DIR/<brand>: published version, extracts, manifest.json) → mark of departure → data/.<brand>.offboarded → nothing, in object stores neither

The order lets it die at any line: the export appears whole or not; from the mark on nothing is begun for the brand; one rename hides the folder; the
object stores come last, because they may not answer; the same command removes what a killed one left. Run alone: `fifty offboard acme`.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from fifty.config import CALIBRATION_SUFFIX, SLUG, Brand
from fifty.disk import measure_tree
from fifty.errors import FatalError, RetryableError, SettingsError, StorageError, StorageRefusedError
from fifty.landing import hash_file, sync_folder
from fifty.publish import read_current_version
from fifty.settings import Settings
from fifty.state import mark_departure
from fifty.storage import AREAS, area_url, remove_brand
from fifty.warehouse import BrandPaths, hold_folder, hold_lock, lock_brand

logger = logging.getLogger(__name__)

_REMOVAL_ATTEMPTS = 5


@dataclass
class Offboarding:
    """What became of a brand that left; `left_to_do` is for hands."""

    brand: str
    removed_bytes: int = 0
    removed_objects: int = 0
    """In object stores."""
    export: Path | None = None
    left_to_do: list[str] = field(default_factory=list)


def offboard_brand(slug: str, settings: Settings, brand: Brand | None, *, export: Path | None = None, by: str | None = None) -> Offboarding:
    """Remove everything the installation holds of a brand. `brand` is its configuration, None where that is gone already.

    Raises SettingsError for a brand of which there is nothing, RetryableError while a run, a pull, a backup or another offboarding of it is under way
    (nothing is changed then), FatalError where the export cannot be made, StorageError and StorageRefusedError where all is removed but what an object
    store holds: then the same command, or the DAG `maintenance`, ends it.
    """
    if not SLUG.match(slug):
        raise SettingsError(f"{slug!r} is no brand", where="offboard", expected="lower case letters, digits, - and _", remedy="name one of fifty.yml")
    paths = BrandPaths(settings.data, slug)
    if not (paths.root.exists() or paths.tombstone.exists() or paths.departure.exists()):
        raise SettingsError(
            "there is nothing of this brand",
            where=slug,
            seen=f"no {paths.root}",
            remedy="check FIFTY_DATA; a brand without data leaves with its entry",
        )
    if export:
        _refuse_export_that_goes(paths, settings, export / slug)
    done = Offboarding(slug, left_to_do=_list_left_to_do(slug, settings, brand))
    with _lock_offboarding(paths):
        if paths.departure.exists():
            # A killed one got so far: nobody can be at work on the brand any more.
            done.export = _export_brand(paths, export) if export else None
            done.removed_bytes = _bury(paths, settings)
        else:
            # Whoever holds either lock is at work on the brand: this is no moment to leave.
            with lock_brand(paths, settings.model_copy(update={"lock_timeout_seconds": 0.0})), hold_folder(paths, alone=True):
                done.export = _export_brand(paths, export) if export else None
                mark_departure(paths, by=by)
                done.removed_bytes = _bury(paths, settings)
        logger.info("offboard brand=%s removed_bytes=%d export=%s", slug, done.removed_bytes, done.export)
        done.removed_objects = _remove_stored(slug, settings)
    return done


@contextmanager
def _lock_offboarding(paths: BrandPaths) -> Iterator[None]:
    """Be the only one who removes the brand, from the first look at its mark to the end. The lock lies beside the folder, which goes, and goes last."""
    file = paths.data / f".{paths.brand}.offboarding.lock"
    with hold_lock(
        file,
        0.0,
        what="another offboarding of this brand is under way",
        where=paths.brand,
        remedy="wait until it has ended; the lock goes with its process. If it was killed, the same command goes on",
    ):
        yield
        file.unlink(missing_ok=True)


def _bury(paths: BrandPaths, settings: Settings) -> int:
    """Hide each folder of the brand by one rename and remove it; returns the bytes that went. What a killed one left under a dotted name goes first."""
    removed = 0
    # Readers' volume first: as long as the brand's own folder is there, it tells where that is.
    for folder in _list_folders(paths, settings):
        tombstone = folder.with_name(paths.tombstone.name)
        removed += _remove_tree(tombstone)
        # Not there: removed before, or by whoever waited for a lock, made the folder anew for it, and found the mark.
        with suppress(FileNotFoundError):
            folder.rename(tombstone)
            sync_folder(folder.parent)
        removed += _remove_tree(tombstone)
    if paths.root.is_symlink():
        paths.root.unlink()
    return removed


def _list_folders(paths: BrandPaths, settings: Settings) -> list[Path]:
    """Where files of the brand lie, the brand's own folder last; where that is a link, what it leads to."""
    published = {paths.published.resolve()} if paths.published.is_symlink() else set()
    published |= {settings.published.resolve() / paths.brand} if settings.published else set()
    return [*sorted(published), paths.root.resolve() if paths.root.is_symlink() else paths.root]


def _refuse_export_that_goes(paths: BrandPaths, settings: Settings, target: Path) -> None:
    for folder in _list_folders(paths, settings):
        if target.resolve().parent.is_relative_to(folder.resolve()):
            raise SettingsError(
                "the export would be removed with the brand",
                where=str(target),
                seen=f"a folder in {folder}",
                expected="a folder outside of all that goes",
                remedy="name another folder with --export",
            )


def _remove_stored(slug: str, settings: Settings) -> int:
    try:
        return remove_brand(settings, slug)
    except (StorageError, StorageRefusedError) as error:
        raise type(error)(
            "the brand is removed here, and not yet from the object store",
            where=error.where,
            seen=f"{error.what}: {error.seen}",
            expected=error.expected,
            remedy=f"`fifty offboard {slug}` again when the store answers; the DAG `maintenance` tries it every night, too",
        ) from None


def _remove_tree(folder: Path) -> int:
    if not folder.exists():
        return 0
    size = measure_tree(folder)
    seen = ""
    for _ in range(_REMOVAL_ATTEMPTS):
        try:
            shutil.rmtree(folder)
        except OSError as error:
            # At what somebody else removed meanwhile it ends, and the rest is still there.
            seen = f"{type(error).__name__}: {error}"
        if not folder.exists():
            sync_folder(folder.parent)
            return size
    raise RetryableError(
        "what the brand has left here cannot be removed",
        where=str(folder),
        seen=seen,
        expected="a folder that this user may remove, and nobody else at work in it",
        remedy="see whose it is and who is at work in it; then the same command goes on",
    )


def _export_brand(paths: BrandPaths, folder: Path) -> Path:
    """`folder`/<brand> with the published version, the extracts and manifest.json; appears whole. One that is there is compared and kept."""
    target = folder / paths.brand
    if target.exists():
        _check_export(target)
        return target
    current = read_current_version(paths)
    if current is None and not paths.extracts.is_dir():
        raise FatalError(
            "there is nothing to export",
            where=paths.brand,
            seen="neither a published version nor extracts" if paths.root.exists() else f"no {paths.root}: it was removed already",
            remedy="offboard without --export",
        )
    temporary = folder / f".{paths.brand}.tmp"
    if temporary.exists():
        shutil.rmtree(temporary)
    temporary.mkdir(parents=True)
    if current:
        shutil.copytree(paths.published / "versions" / current, temporary / "published")
    if paths.extracts.is_dir():
        # What has a dot was being written when something was killed.
        shutil.copytree(paths.extracts, temporary / "extracts", ignore=shutil.ignore_patterns(".*"))
    files = [
        {"path": str(path.relative_to(temporary)), "sha256": hash_file(path), "size": path.stat().st_size}
        for path in sorted(temporary.rglob("*"))
        if path.is_file()
    ]
    (temporary / "manifest.json").write_text(json.dumps({"brand": paths.brand, "publish_id": current, "files": files}, indent=1), encoding="utf-8")
    # What it is a copy of goes next: first the copy must be on the disk.
    os.sync()
    temporary.rename(target)
    sync_folder(folder)
    return target


def _check_export(target: Path) -> None:
    try:
        files = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["files"]
        wrong = [one["path"] for one in files if hash_file(target / one["path"]) != one["sha256"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        wrong = [f"{type(error).__name__}: {error}"]
    if wrong:
        raise FatalError(
            "what lies where the export belongs is no whole export",
            where=str(target),
            seen=", ".join(wrong),
            expected="nothing, or the export of a command that was killed later on",
            remedy="name another folder with --export",
        )


def _list_left_to_do(slug: str, settings: Settings, brand: Brand | None) -> list[str]:
    beside = settings.config.parent / "brands"
    own = [str(path) for path in (beside / f"{slug}.yml", beside / f"{slug}{CALIBRATION_SUFFIX}") if path.exists()]
    todo = [f"take {slug} out of {settings.config}" + (f"; remove {' and '.join(own)}" if own else "")]
    credentials = sorted({account.credential for account in brand.accounts if account.credential}) if brand else []
    if credentials:
        todo.append(f"revoke these credentials with their platforms and remove their values: {', '.join(credentials)}")
    if brand and brand.business_files:
        todo.append(f"remove what was dropped in {brand.business_files}")
    if urls := sorted({url for area in AREAS if (url := area_url(settings, area))}):
        todo.append(f"on every other machine that pulls, builds or publishes it run `fifty offboard {slug}`, too: it would upload the brand again")
        todo.append(f"where the bucket keeps former versions of objects, remove those of {', '.join(f'{url}/{slug}' for url in urls)}")
    todo += [
        "remove the backups that still hold it, or let them run out: their manifest.json names the brands",
        f"airflow dags delete warehouse_{slug}; airflow dags delete extracts_{slug}; its task logs go after FIFTY_KEEP_LOG_DAYS",
        "tell who received its extracts that the copies they hold expire",
    ]
    return todo
