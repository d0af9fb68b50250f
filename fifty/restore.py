"""Bring a backup back, on a machine that has nothing yet.

DIR/<backup_id> → data/.restore-<id> (every sha256 compared) → data/<brand>, one rename each → doors for readers → fifty.yml

Before the first rename nothing is in place; after the last everything is. A killed one is finished by the next: what is in place and identical is passed over.
Run alone: `fifty restore DIR`.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

from fifty.airflow_database import restore_database
from fifty.backup import MANIFEST, Manifest, SavedFile, copy_hashed, list_backups, read_backup
from fifty.config import SLUG
from fifty.disk import refuse_short_disk
from fifty.errors import BackupError, SchemaError
from fifty.landing import hash_file, sync_folder, write_atomically
from fifty.publish import fingerprint_marts, prepare_folder, switch_version
from fifty.settings import Settings
from fifty.warehouse import SCHEMA_VERSION, BrandPaths

logger = logging.getLogger(__name__)

_PUBLISHED_ASIDE = ".published.restored"


@dataclass
class RestoreResult:
    """What came back: brands with the fingerprint of what is published now; names whose values have to be set again."""

    backup_id: str
    file_count: int
    fingerprints: dict[str, str | None] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)
    airflow: str = ""
    airflow_connections: list[str] = field(default_factory=list)


def restore_backup(settings: Settings, folder: Path, *, backup_id: str | None = None, airflow_database: str | None = None) -> RestoreResult:
    """Restore the newest complete backup in `folder`, or the one named; `folder` may be that of one backup, too.

    Raises BackupError for a backup that is not complete or not what its manifest says, where the data directory or the configuration hold something
    else or cannot be written, and while another restore is under way; SchemaError for one of a newer program; DiskError where there is no room. Nothing is
    in place then that was not before.
    """
    source = _choose(folder, backup_id)
    manifest = read_backup(source)
    if manifest.schema_version > SCHEMA_VERSION:
        raise SchemaError(
            "the backup was made by a newer version of Fifty",
            where=str(source),
            seen=f"schema {manifest.schema_version}, by fifty {manifest.versions.get('fifty')}",
            expected=f"schema {SCHEMA_VERSION} or older",
            remedy="install that version to restore it",
        )
    if airflow_database and not manifest.airflow:
        raise BackupError(
            "Airflow's database is not in this backup",
            where=str(source),
            remedy="leave --airflow-database away; `airflow db migrate` makes an empty one",
        )
    _check_places(source, manifest)
    _refuse_unwritable(settings, manifest)
    with _hold_data(settings.data):
        return _restore(settings, source, manifest, airflow_database)


@contextmanager
def _hold_data(folder: Path) -> Iterator[None]:
    """One restore at a time: another one would take the waiting copy of this one for what a killed one left."""
    folder.mkdir(parents=True, exist_ok=True)
    # The folder itself is the lock, for nothing may be added to it before everything is known to be right.
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(
                "another restore into this data directory is under way",
                where=str(folder),
                seen="the folder is held",
                expected="one restore at a time",
                remedy="wait until it has ended; the lock goes with its process",
            ) from None
        yield
    finally:
        os.close(handle)


def _restore(settings: Settings, source: Path, manifest: Manifest, airflow_database: str | None) -> RestoreResult:
    unchanged = _check_target(settings, manifest)
    result = RestoreResult(manifest.backup_id, len(manifest.files), credentials=manifest.credentials, unchanged=unchanged)
    waiting = [slug for slug in manifest.brands if slug not in unchanged]
    staging = settings.data / f".restore-{manifest.backup_id}"
    logger.info("restore start id=%s brands=%s", manifest.backup_id, ",".join(waiting))
    for leftover in settings.data.glob(".restore-*"):
        shutil.rmtree(leftover)
    files = [one for one in manifest.files if _find_brand(one) not in unchanged]
    refuse_short_disk({settings.data: sum(one.size for one in files)}, settings, what="the backup", where=str(settings.data))
    staging.mkdir(parents=True, mode=0o700)
    try:
        for one in files:
            _stage(source, one, staging)
    except BackupError:
        shutil.rmtree(staging)
        raise
    os.sync()
    for slug in waiting:
        restored = staging / "data" / slug
        # Of a brand whose first pull never ended there was nothing to save.
        restored.mkdir(parents=True, exist_ok=True)
        restored.rename(settings.data / slug)
        sync_folder(settings.data)
    for slug, saved in manifest.brands.items():
        result.fingerprints[slug] = _open_doors(BrandPaths(settings.data, slug), settings, saved.publish_id, saved.fingerprint)
    for one in files:
        place = _place_outside(one, settings)
        if place and not place.exists():
            write_atomically(place, (staging / one.path).read_bytes())
    if airflow_database:
        (saved_database,) = (staging / one.path for one in files if one.path.startswith("airflow/"))
        result.airflow = restore_database(airflow_database, saved_database)
        result.airflow_connections = manifest.airflow_connections
    shutil.rmtree(staging)
    logger.info("restore end id=%s files=%d", manifest.backup_id, len(files))
    return result


def _choose(folder: Path, backup_id: str | None) -> Path:
    if backup_id:
        return folder / backup_id
    if (folder / MANIFEST).is_file():
        return folder
    known = list_backups(folder)
    if not known:
        raise BackupError(
            "there is no complete backup",
            where=str(folder),
            expected=f"a folder with {MANIFEST}",
            remedy="name the folder that `fifty backup` was given",
        )
    return folder / known[-1]


def _check_places(source: Path, manifest: Manifest) -> None:
    # A manifest may come from anywhere: no name in it may lead out of where it belongs.
    for one in manifest.files:
        parts = Path(one.path).parts
        if Path(one.path).is_absolute() or ".." in parts or parts[0] not in ("data", "config", "airflow"):
            raise BackupError("the manifest names a place outside of the backup", where=str(source), seen=one.path, remedy="do not use this backup")
    for slug in manifest.brands:
        if not SLUG.match(slug):
            raise BackupError("the manifest names a brand that can be none", where=str(source), seen=slug, remedy="do not use this backup")


def _refuse_unwritable(settings: Settings, manifest: Manifest) -> None:
    """Raise BackupError, naming all of it, where a folder that will be needed cannot be made or written in. Leaves nothing behind."""
    places = [_place_outside(one, settings) for one in manifest.files]
    # A file that is there already is compared, not written: a configuration may be mounted read-only.
    folders = {settings.data, *(place.parent for place in places if place and not place.exists())}
    if settings.published:
        folders |= {settings.published / slug for slug, saved in manifest.brands.items() if saved.publish_id}
    objections = {folder: seen for folder in sorted(folders) if (seen := _try_folder(folder))}
    if objections:
        raise BackupError(
            "what is in the backup cannot be written where it belongs, nothing was restored",
            where=", ".join(str(folder) for folder in objections),
            seen="; ".join(dict.fromkeys(objections.values())),
            expected="folders that are there or can be made, and can be written in",
            remedy="name other places with --data and --config, with FIFTY_PUBLISHED for readers' files; or see what lies there and whose it is",
        )


def _try_folder(folder: Path) -> str | None:
    """Why no file can be made in `folder`, or where it would be made; None where one can."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(path))
    try:
        # Nameless where the system can: nothing is left of it, even killed.
        with TemporaryFile(dir=existing):
            return None
    except OSError as error:
        return f"{existing}: {error.strerror}"


def _find_brand(one: SavedFile) -> str | None:
    parts = Path(one.path).parts
    return parts[1] if parts[0] == "data" and not parts[1].startswith(".") else None


def _place_outside(one: SavedFile, settings: Settings) -> Path | None:
    """Where a file belongs that is of no brand's folder: the configuration, marks of brands that left."""
    if one.path == "config/fifty.yml":
        return settings.config
    if one.path.startswith("config/"):
        return settings.config.parent / Path(one.path).relative_to("config")
    if one.path.startswith("data/."):
        return settings.data / Path(one.path).relative_to("data")
    return None


def _check_target(settings: Settings, manifest: Manifest) -> list[str]:
    """Brands that are in place and identical. Raises BackupError where anything else is there, naming all of it."""
    objections = []
    unchanged = []
    for path in sorted(settings.data.glob("*")) if settings.data.is_dir() else []:
        if path.name.startswith("."):
            continue
        if path.name not in manifest.brands:
            objections.append(f"{path} is not in the backup")
        elif difference := _find_difference(path, [one for one in manifest.files if _find_brand(one) == path.name]):
            objections.append(difference)
        else:
            unchanged.append(path.name)
    for slug in manifest.brands:
        if BrandPaths(settings.data, slug).departure.exists():
            objections.append(f"{slug} has left this installation ({BrandPaths(settings.data, slug).departure})")
        readers = settings.published / slug if settings.published else None
        if slug not in unchanged and readers and readers.is_dir() and any(readers.iterdir()):
            objections.append(f"{readers} is not empty")
    for one in manifest.files:
        place = _place_outside(one, settings)
        if place and place.exists() and not (place.is_file() and hash_file(place) == one.sha256):
            objections.append(f"{place} is another one")
    if objections:
        shown = "; ".join(objections[:5]) + (f"; and {len(objections) - 5} more" if len(objections) > 5 else "")
        raise BackupError(
            "something else is there already, nothing was restored",
            where=str(settings.data),
            seen=shown,
            expected="an empty data directory and no fifty.yml, or exactly what is in the backup",
            remedy="name other places with --data and --config, or move what is there away",
        )
    return unchanged


def _find_difference(folder: Path, files: list[SavedFile]) -> str | None:
    known = {Path(one.path).relative_to("data", folder.name): one for one in files}
    for relative, one in known.items():
        path = folder / relative
        if relative.parts[0] == "published" and not path.exists():
            # A killed one was bringing it to the readers' volume.
            path = folder / _PUBLISHED_ASIDE / relative.relative_to("published")
        if not path.is_file() or path.stat().st_size != one.size or hash_file(path) != one.sha256:
            return f"{path} is not as in the backup"
    for part in ("landing", "extracts"):
        for path in (folder / part).rglob("*"):
            relative = path.relative_to(folder)
            # What has a dot is a lock, or was being written when something was killed.
            if path.is_file() and relative not in known and not any(name.startswith(".") for name in relative.parts):
                return f"{path} is not in the backup"
    return None


def _stage(source: Path, one: SavedFile, staging: Path) -> None:
    target = staging / one.path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        digest = copy_hashed(source / one.path, target)
    except FileNotFoundError:
        digest = "no such file"
    if digest != one.sha256:
        raise BackupError(
            "a file of the backup is not what its manifest says, nothing was restored",
            where=str(source / one.path),
            seen=digest,
            expected=one.sha256,
            remedy="use another backup, with --backup",
        )
    target.chmod(one.mode)
    os.utime(target, ns=(one.modified_ns, one.modified_ns))


def _open_doors(paths: BrandPaths, settings: Settings, publish_id: str | None, fingerprint: str | None) -> str | None:
    """Let readers see the version: `current`, marts.duckdb, bi.duckdb, as publish makes them. Returns its fingerprint, computed anew."""
    if publish_id is None:
        return None
    _move_published(paths, settings)
    switch_version(paths, settings, publish_id)
    found = fingerprint_marts(paths.published / "marts.duckdb")
    if found != fingerprint:
        raise BackupError(
            "what is published now is not what was saved", where=paths.brand, seen=found, expected=str(fingerprint), remedy="use another backup"
        )
    return found


def _move_published(paths: BrandPaths, settings: Settings) -> None:
    """Where readers have a volume of their own (FIFTY_PUBLISHED), bring the restored version there."""
    aside = paths.root / _PUBLISHED_ASIDE
    if settings.published is None or not (aside.exists() or (paths.published.is_dir() and not paths.published.is_symlink())):
        return
    if not aside.exists():
        paths.published.rename(aside)
    prepare_folder(paths, settings)
    for version in sorted((aside / "versions").iterdir()):
        target = paths.published / "versions" / version.name
        temporary = target.with_name(f".{target.name}.tmp")
        if not target.exists():
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.copytree(version, temporary)
            temporary.rename(target)
    shutil.rmtree(aside)
