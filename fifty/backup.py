"""Back up an installation: one folder a backup, complete when its manifest.json is there.

data/<brand>, fifty.yml, brands/*, Airflow's database → DIR/<backup_id>/{data, config, airflow}/… → manifest.json, last

Work files are copied under the brand's lock after a checkpoint; landing after them and without it: it only grows, so the copy holds every load that the
work file knows. What never changes is a hard link to the backup before. Values of credentials are not in it, their names are (decision 0012).
Run alone: `fifty backup DIR`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version as program_version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fifty.airflow_database import dump_database
from fifty.config import SLUG, Config
from fifty.disk import measure_tree, refuse_short_disk
from fifty.errors import BackupError
from fifty.landing import list_finished_loads, write_atomically
from fifty.publish import connect_marts, list_versions, read_current_version
from fifty.serving import sync_folder
from fifty.settings import Settings
from fifty.warehouse import SCHEMA_VERSION, BrandPaths, connect, hold_folder, lock_brand, lock_extracts, refuse_departed

logger = logging.getLogger(__name__)

FORMAT = 1
MANIFEST = "manifest.json"
_ID = re.compile(r"^[0-9]{8}T[0-9]{6}Z(-[0-9]+)?$")
_UNCHANGING = re.compile(r"^data/[^/]+/(landing|published/versions|extracts)/")
"""Files that are replaced, never written into; where size and time are those of the backup before, so is the content."""
_CHUNK = 1 << 20


@dataclass(frozen=True)
class SavedFile:
    """One file of a backup; `path` is relative to its folder, `modified_ns` what the file system said of the original."""

    path: str
    size: int
    sha256: str
    mode: int
    modified_ns: int


@dataclass(frozen=True)
class SavedBrand:
    """A brand of a backup; `publish_id` and `fingerprint` are those of what readers saw."""

    publish_id: str | None
    fingerprint: str | None


@dataclass
class Manifest:
    """What a backup holds. `credentials` and `airflow_connections` are names whose values have to come from elsewhere."""

    backup_id: str
    versions: dict[str, str]
    schema_version: int
    brands: dict[str, SavedBrand]
    credentials: list[str]
    airflow: str | None = None
    airflow_connections: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    files: list[SavedFile] = field(default_factory=list)
    format: int = FORMAT


@dataclass(frozen=True)
class BackupResult:
    """A finished backup; `linked_count` files are hard links to the one before."""

    folder: Path
    manifest: Manifest
    copied_bytes: int
    linked_count: int


def list_backups(folder: Path) -> list[str]:
    """Ids of the complete backups in `folder`, oldest first."""
    return sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}") if _ID.match(path.parent.name))


def read_backup(folder: Path) -> Manifest:
    """The manifest of one backup. Raises BackupError for one that is not complete, cannot be read, or belongs to a newer program."""
    path = folder / MANIFEST
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if raw["format"] > FORMAT:
            raise BackupError(
                "the backup was made by a newer version of Fifty",
                where=str(folder),
                seen=f"format {raw['format']}, by fifty {raw['versions'].get('fifty')}",
                expected=f"format {FORMAT} or older",
                remedy="install that version to restore it",
            )
        raw["files"] = [SavedFile(**one) for one in raw["files"]]
        raw["brands"] = {slug: SavedBrand(**one) for slug, one in raw["brands"].items()}
        return Manifest(**raw)
    except FileNotFoundError:
        raise BackupError(
            "this is no backup, or one that was never finished",
            where=str(folder),
            seen=f"no {path}",
            expected="the folder of one backup",
            remedy="name another, or make a new one",
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(
            "the manifest of the backup cannot be read",
            where=str(path),
            seen=f"{type(error).__name__}: {' '.join(str(error).split())}",
            expected="what `fifty backup` wrote",
            remedy="use another backup",
        ) from None


def make_backup(settings: Settings, config: Config, folder: Path, *, airflow_database: str | None = None) -> BackupResult:
    """Back up every brand of the data directory, the configuration, and Airflow's database where its address is given.

    Raises BackupError where another backup into `folder` is under way or Airflow's database cannot be read, DiskError where there is no room,
    RetryableError where a brand is being written for longer than the setting allows. A damaged landed file is a warning: the rest is saved.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".backup.lock", timeout=0):
            return _make_backup(settings, config, folder.resolve(), airflow_database)
    except Timeout:
        raise BackupError(
            "another backup into this folder is under way",
            where=str(folder),
            seen=f"{folder / '.backup.lock'} is held",
            remedy="wait until it has ended; the lock goes with its process",
        ) from None


def _make_backup(settings: Settings, config: Config, folder: Path, airflow_database: str | None) -> BackupResult:
    if folder.is_relative_to(settings.data.resolve()):
        raise BackupError(
            "a backup does not belong into what it is of", where=str(folder), expected=f"a folder outside {settings.data}", remedy="name another"
        )
    for path in folder.iterdir():
        # Begun and never finished: no backup, and of no use.
        if _ID.match(path.name) and not (path / MANIFEST).exists():
            shutil.rmtree(path)
    warnings: list[str] = []
    previous, known = _find_previous(folder, warnings)
    slugs = sorted(path.name for path in settings.data.glob("*") if path.is_dir() and SLUG.match(path.name)) if settings.data.is_dir() else []
    refuse_short_disk(_estimate_room(settings, folder, slugs, is_first=previous is None), settings, what="a backup", where=str(folder))
    target = folder / _name_backup(folder)
    # Salts and people are in it.
    target.mkdir(mode=0o700)
    logger.info("backup start id=%s brands=%d previous=%s", target.name, len(slugs), previous.name if previous else None)
    copier = _Copier(target, previous, known)
    manifest = Manifest(
        backup_id=target.name,
        versions={name: program_version(name) for name in ("fifty", "duckdb", "apache-airflow")},
        schema_version=SCHEMA_VERSION,
        brands={},
        credentials=sorted({one.credential for brand in config.brands.values() for one in brand.accounts if one.credential}),
        warnings=warnings,
    )
    for slug in slugs:
        paths = BrandPaths(settings.data, slug)
        manifest.brands[slug] = _save_brand(paths, settings, copier, manifest.warnings)
    for mark in sorted((settings.data / ".offboarded").glob("*.json")):
        copier.save(mark, f"data/.offboarded/{mark.name}")
    copier.save(settings.config, "config/fifty.yml")
    for path in sorted((settings.config.parent / "brands").glob("*.yml")):
        copier.save(path, f"config/brands/{path.name}")
    if airflow_database:
        dump = dump_database(airflow_database, target / "airflow")
        manifest.airflow, manifest.airflow_connections = dump.kind, dump.connections
        copier.note(f"airflow/{dump.file.name}")
    manifest.files = copier.files
    # One call for all files and folders: of thousands of small ones each would wait for itself.
    os.sync()
    write_atomically(target / MANIFEST, (json.dumps(asdict(manifest), indent=1) + "\n").encode())
    sync_folder(folder)
    logger.info("backup end id=%s files=%d copied_bytes=%d linked=%d", target.name, len(copier.files), copier.copied_bytes, copier.linked_count)
    return BackupResult(target, manifest, copier.copied_bytes, copier.linked_count)


def _find_previous(folder: Path, warnings: list[str]) -> tuple[Path | None, list[SavedFile]]:
    """The newest backup whose manifest can be read, and its files. One that cannot must not stand in the way of every later one."""
    for name in reversed(list_backups(folder)):
        try:
            return folder / name, read_backup(folder / name).files
        except BackupError as error:
            warnings.append(str(error))
    return None, []


def _name_backup(folder: Path) -> str:
    stem = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = [stem, *(f"{stem}-{number}" for number in range(1, 10))]
    return next(name for name in names if not (folder / name).exists())


def _estimate_room(settings: Settings, folder: Path, slugs: list[str], *, is_first: bool) -> dict[Path, int]:
    needed = 0
    for slug in slugs:
        paths = BrandPaths(settings.data, slug)
        needed += sum(path.stat().st_size for path in (paths.warehouse, paths.marts) if path.exists())
        needed += measure_tree(paths.landing) if is_first else 0
    return {folder: needed}


def _save_brand(paths: BrandPaths, settings: Settings, copier: _Copier, warnings: list[str]) -> SavedBrand:
    prefix = f"data/{paths.brand}"
    # Nobody moves the folder while it is read.
    with hold_folder(paths):
        with lock_brand(paths, settings):
            _checkpoint(paths, settings)
            for path in (paths.warehouse, paths.marts, paths.operations):
                if path.exists():
                    copier.save(path, f"{prefix}/{path.name}")
            current = read_current_version(paths)
            if current:
                copier.save_tree(paths.published / "versions" / current, f"{prefix}/published/versions/{current}")
        # Extracts appear whole, under names without a dot, and none is rewritten while it is copied.
        with lock_extracts(paths, settings):
            copier.save_tree(paths.extracts, f"{prefix}/extracts")
        _save_landing(paths, copier, prefix, warnings)
    version = next((one for one in list_versions(paths) if one.publish_id == current), None)
    return SavedBrand(current, version.fingerprint if version else None)


def _checkpoint(paths: BrandPaths, settings: Settings) -> None:
    """Have everything in the files themselves, nothing in a log beside them."""
    refuse_departed(paths)
    if paths.warehouse.exists():
        with connect(paths, settings) as connection:
            connection.execute("checkpoint")
    if paths.marts.with_name(paths.marts.name + ".wal").exists():
        with connect_marts(paths, settings) as connection:
            connection.execute("checkpoint")
    logs = [path for path in (paths.warehouse, paths.marts) if path.with_name(path.name + ".wal").exists()]
    if logs:
        raise BackupError(
            "a work file could not be written out",
            where=paths.brand,
            seen=", ".join(f"{path.name}.wal is still there" for path in logs),
            remedy="run the command again in a new process",
        )


def _save_landing(paths: BrandPaths, copier: _Copier, prefix: str, warnings: list[str]) -> None:
    keys = paths.landing / "keys.json"
    if keys.exists():
        copier.save(keys, f"{prefix}/landing/keys.json")
    for load in list_finished_loads(paths.data, paths.brand):
        folder = f"{prefix}/landing/{load.folder.relative_to(paths.landing)}"
        for part in load.manifest.parts:
            saved = copier.save(load.folder / part.name, f"{folder}/{part.name}", expected=part.sha256)
            if saved is None or saved.sha256 != part.sha256:
                warnings.append(f"{load.folder / part.name} is {'missing' if saved is None else 'not what its manifest says'}, and is saved as it is")
        for name in ("started.json", MANIFEST):
            copier.save(load.folder / name, f"{folder}/{name}")


class _Copier:
    """Copies files into a backup and hashes them on the way, or links them to the backup before where that one has the same."""

    def __init__(self, target: Path, previous: Path | None, known: list[SavedFile]) -> None:
        self.target = target
        self.previous = previous
        self.known = {one.path: one for one in known}
        self.files: list[SavedFile] = []
        self.copied_bytes = 0
        self.linked_count = 0

    def save_tree(self, folder: Path, relative: str) -> None:
        """Every file under `folder` but those below a name with a dot."""
        for path in _walk(folder):
            self.save(path, f"{relative}/{path.relative_to(folder)}")

    def save(self, source: Path, relative: str, *, expected: str | None = None) -> SavedFile | None:
        """Save one file; None where it is not there. What the backup before has of it in the `expected` content is preferred to what is there now."""
        target = self.target / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        before = self.known.get(relative) if _UNCHANGING.match(relative) else None
        status = source.stat() if source.exists() else None
        is_same = before is not None and (
            before.sha256 == expected or (status is not None and (before.size, before.modified_ns) == (status.st_size, status.st_mtime_ns))
        )
        if before and is_same and self._link(before, target):
            self.linked_count += 1
            saved = before
        elif status is None:
            return None
        else:
            digest = copy_hashed(source, target)
            target.chmod(status.st_mode & 0o777)
            os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
            saved = SavedFile(relative, target.stat().st_size, digest, status.st_mode & 0o777, status.st_mtime_ns)
            self.copied_bytes += saved.size
        self.files.append(saved)
        return saved

    def note(self, relative: str) -> None:
        """Name a file in the manifest that is there already."""
        path = self.target / relative
        status = path.stat()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.files.append(SavedFile(relative, status.st_size, digest, status.st_mode & 0o777, status.st_mtime_ns))
        self.copied_bytes += status.st_size

    def _link(self, before: SavedFile, target: Path) -> bool:
        assert self.previous is not None
        original = self.previous / before.path
        try:
            if original.stat().st_size != before.size:
                return False
            target.hardlink_to(original)
        except OSError:
            # No links on this file system, too many of one file, or the backup before is damaged.
            return False
        return True


def copy_hashed(source: Path, target: Path) -> str:
    """Copy a file and return the sha256 of what was read, so that the copy and its hash are of one reading."""
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("wb") as written:
        while chunk := read.read(_CHUNK):
            digest.update(chunk)
            written.write(chunk)
    return digest.hexdigest()


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*")):
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        elif path.is_file():
            yield path
