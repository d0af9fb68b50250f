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
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version as program_version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fifty.airflow_database import dump_database, measure_database
from fifty.config import SLUG, Config
from fifty.disk import refuse_short_disk
from fifty.errors import BackupError, LandingError
from fifty.landing import list_finished_loads, sync_folder, write_atomically
from fifty.publish import connect_marts, list_versions, read_current_version
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
    target = folder / _name_backup(folder)
    copier = _Copier(target, previous, known)
    needed = _estimate_bytes(settings, slugs, copier) + (measure_database(airflow_database) if airflow_database else 0)
    refuse_short_disk({folder: needed}, settings, what="a backup", where=str(folder))
    # Salts and people are in it.
    target.mkdir(mode=0o700)
    logger.info("backup start id=%s brands=%d previous=%s", target.name, len(slugs), previous.name if previous else None)
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
    for path, relative in _list_outside(settings):
        copier.save(path, relative)
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


def _list_outside(settings: Settings) -> list[tuple[Path, str]]:
    """What is of no brand's folder: marks of brands that left, the configuration. Each with its place in the backup."""
    marks = [(path, f"data/.offboarded/{path.name}") for path in sorted((settings.data / ".offboarded").glob("*.json"))]
    brands = [(path, f"config/brands/{path.name}") for path in sorted((settings.config.parent / "brands").glob("*.yml"))]
    return [*marks, (settings.config, "config/fifty.yml"), *brands]


def _estimate_bytes(settings: Settings, slugs: list[str], copier: _Copier) -> int:
    """What will be copied, by what is there now. Of landing what was never finished counts, too: to tell, every manifest would be read twice."""
    files = _list_outside(settings)
    for slug in slugs:
        paths = BrandPaths(settings.data, slug)
        prefix = f"data/{slug}"
        # A log beside a work file is written into it first.
        work_files = [one for path in (paths.warehouse, paths.marts) for one in (path, path.with_name(path.name + ".wal"))]
        files += [(path, f"{prefix}/{path.name}") for path in (*work_files, paths.operations)]
        trees = [(paths.landing, "landing"), (paths.extracts, "extracts")]
        if current := read_current_version(paths):
            trees.append((paths.published / "versions" / current, f"published/versions/{current}"))
        files += [(path, f"{prefix}/{name}/{path.relative_to(folder)}") for folder, name in trees for path in _walk(folder)]
    return copier.estimate(files)


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
    damaged: dict[Path, LandingError] = {}
    loads = list_finished_loads(paths.data, paths.brand, damaged=damaged)
    for unreadable, error in sorted(damaged.items()):
        warnings.append(f"{error}; the load is saved as it is")
        copier.save_tree(unreadable, f"{prefix}/landing/{unreadable.relative_to(paths.landing)}")
    for load in loads:
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
        status = source.stat() if source.exists() else None
        before = self._find_same(relative, status, expected)
        if before and self._link(before, target):
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

    def estimate(self, files: list[tuple[Path, str]]) -> int:
        """Bytes that saving these files, each with its place in the backup, would copy. What goes meanwhile is not counted."""
        takes_links = self._takes_links()
        total = 0
        for source, relative in files:
            with suppress(FileNotFoundError):
                status = source.stat()
                before = self._find_same(relative, status, None) if takes_links else None
                total += 0 if before and self._find_original(before) else status.st_size
        return total

    def _find_same(self, relative: str, status: os.stat_result | None, expected: str | None) -> SavedFile | None:
        """What the backup before says of the file, where that is the content expected, or by size and time the one that is there now."""
        before = self.known.get(relative) if _UNCHANGING.match(relative) else None
        if before is None:
            return None
        is_untouched = status is not None and (before.size, before.modified_ns) == (status.st_size, status.st_mtime_ns)
        return before if is_untouched or before.sha256 == expected else None

    def _find_original(self, before: SavedFile) -> Path | None:
        """The file in the backup before; None where that is damaged."""
        assert self.previous is not None
        original = self.previous / before.path
        try:
            return original if original.stat().st_size == before.size else None
        except OSError:
            return None

    def _link(self, before: SavedFile, target: Path) -> bool:
        original = self._find_original(before)
        if original is None:
            return False
        try:
            target.hardlink_to(original)
        except OSError:
            # No links on this file system, or too many of one file.
            return False
        return True

    def _takes_links(self) -> bool:
        """Whether a file here can be shared with the backup before: the file systems of some disks and servers know no links."""
        if self.previous is None:
            return False
        probe = self.target.with_name(".link.tmp")
        probe.unlink(missing_ok=True)
        try:
            probe.hardlink_to(self.previous / MANIFEST)
        except OSError:
            return False
        probe.unlink()
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
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (path for name in sorted(names) if not name.startswith(".") and (path := Path(place, name)).is_file())
