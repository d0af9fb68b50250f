"""Daily care: is every landed file still what it was, and what can go?

landing, published versions, extracts, logs → verified, pruned

Loses nothing that a replay or a roll-back within the settings needs. The DAG `maintenance` and `fifty prune` call it; backups are theirs who make them.
"""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from fifty.disk import measure_tree
from fifty.errors import LandingError, SettingsError
from fifty.landing import landing_root, list_finished_loads, verify_load
from fifty.publish import list_prunable_versions, list_versions, read_current_version
from fifty.publish import prune_versions as prune_published
from fifty.settings import Settings
from fifty.warehouse import BrandPaths

logger = logging.getLogger(__name__)

ABANDONED_AFTER_DAYS = 2.0
"""A pull lasts hours at most; what was begun longer ago and has no manifest will not be finished, and its window is pulled anew."""


def verify_landing(paths: BrandPaths) -> int:
    """Compare every landed part with its sha256; returns the loads verified.

    Raises LandingError naming every load that differs or whose manifest cannot be read.
    """
    damaged: dict[Path, LandingError] = {}
    loads = list_finished_loads(paths.data, paths.brand, damaged=damaged)
    broken = [f"{error.where} ({error.what}: {error.seen})" for _, error in sorted(damaged.items())]
    found = len(loads) + len(damaged)
    for load in loads:
        try:
            verify_load(load)
        except LandingError as error:
            broken.append(f"{error.where} ({error.seen[:12]} instead of {error.expected[:12]})")
    logger.info("verify brand=%s loads=%s broken=%s", paths.brand, found, len(broken))
    if broken:
        raise LandingError(
            f"{len(broken)} of {found} landed loads are not what their manifests say",
            where=paths.brand,
            seen=", ".join(broken),
            expected="manifests as pull wrote them, and parts with their sha256",
            remedy="restore the files from a backup, or remove the loads' folders and pull their windows again",
        )
    return len(loads)


@dataclass(frozen=True)
class Removal:
    """Something that goes, or would. `size` in bytes; of a version that is also what readers' hard link holds, less may become free."""

    brand: str
    kind: Literal["version", "abandoned load", "extract"]
    path: str
    size: int


def prune_brand(paths: BrandPaths, settings: Settings, *, is_dry_run: bool = False) -> list[Removal]:
    """Remove what is beyond its time: published versions, loads never finished, extracts. Returns what went, or with `is_dry_run` what would.

    Abandoned loads of an account that is being pulled stay until the next time.
    """
    removals = _list_versions(paths, settings) + _list_abandoned_loads(paths) + _list_old_extracts(paths, settings)
    if is_dry_run:
        return removals
    if paths.published.is_dir():
        gone = set(prune_published(paths, settings))
        # The list was made without the lock: what has been shown to readers since stays.
        removals = [one for one in removals if one.kind != "version" or Path(one.path).name in gone]
    for leftover in paths.extracts.glob("*/.removed-*"):
        shutil.rmtree(leftover)
    removals = [one for one in removals if one.kind != "abandoned load" or _remove_abandoned_load(Path(one.path))]
    for one in removals:
        path = Path(one.path)
        if one.kind == "extract":
            # Renamed first: a folder under its own name is complete, whatever happens meanwhile.
            hidden = path.with_name(f".removed-{path.name}")
            path.rename(hidden)
            shutil.rmtree(hidden)
    if removals:
        logger.info("prune brand=%s removed=%d bytes=%d", paths.brand, len(removals), sum(one.size for one in removals))
    return removals


def _list_versions(paths: BrandPaths, settings: Settings) -> list[Removal]:
    if not paths.published.is_dir():
        return []
    folders = [paths.published / "versions" / one for one in list_prunable_versions(paths, settings)]
    return [Removal(paths.brand, "version", str(folder), measure_tree(folder)) for folder in folders]


def _list_abandoned_loads(paths: BrandPaths) -> list[Removal]:
    """Loads that were begun long ago and never finished."""
    started = sorted(landing_root(paths.data, paths.brand).glob("*/*/*/*/started.json"))
    folders = [one.parent for one in started if _is_abandoned(one.parent)]
    return [Removal(paths.brand, "abandoned load", str(folder), measure_tree(folder)) for folder in folders]


def _is_abandoned(folder: Path) -> bool:
    """Whether nothing in a load's folder was written for long and it has no manifest."""
    try:
        newest = max((path.stat().st_mtime for path in folder.iterdir()), default=None)
    except FileNotFoundError:
        return False  # a file went meanwhile: somebody is at work here
    is_old = newest is not None and newest < time.time() - ABANDONED_AFTER_DAYS * 86400
    return is_old and not (folder / "manifest.json").exists()


def _remove_abandoned_load(folder: Path) -> bool:
    """Remove a load where it is still abandoned; false where it was finished since it was listed, or where its account is being pulled."""
    try:
        # The lock that a pull holds: nobody begins or finishes the load between the look and the removal.
        with FileLock(folder.parents[1] / ".pull.lock", timeout=0):
            if not _is_abandoned(folder):
                return False
            shutil.rmtree(folder)
            return True
    except Timeout:
        return False


def _list_old_extracts(paths: BrandPaths, settings: Settings) -> list[Removal]:
    """Extracts of days long before the day published. The newest of each name stays: it says that this quarter has had its own."""
    current = next((one for one in list_versions(paths) if one.publish_id == read_current_version(paths)), None)
    if current is None:
        return []
    oldest = date.fromisoformat(current.as_of_date) - timedelta(days=settings.keep_extract_days)
    found = []
    for folder in sorted(paths.extracts.glob("*")):
        days = sorted(path for path in folder.glob("????-??-??") if (path / "manifest.json").is_file())
        found += [Removal(paths.brand, "extract", str(path), measure_tree(path)) for path in days[:-1] if date.fromisoformat(path.name) < oldest]
    return found


def prune_logs(folder: Path, settings: Settings, *, is_dry_run: bool = False) -> int:
    """Remove files under `folder` last written longer ago than logs are kept, and folders left empty. Returns how many files went, or would.

    Raises SettingsError for a folder that holds, or lies in, what is no log: by age alone landing is the first to go.
    """
    root = folder.resolve()
    trees = [one.resolve() for one in (settings.data, settings.published, settings.secrets) if one]
    precious = [one for one in (*trees, settings.config.resolve()) if one.is_relative_to(root)] + [one for one in trees if root.is_relative_to(one)]
    if precious:
        raise SettingsError(
            "this is no folder of logs alone",
            where=str(folder),
            seen=", ".join(str(one) for one in dict.fromkeys(precious)),
            expected="Airflow's log folder, apart from data, configuration and secrets",
            remedy="name the folder that `airflow config get-value logging base_log_folder` says",
        )
    oldest = time.time() - settings.keep_log_days * 86400
    removed = 0
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and not path.is_symlink() and path.stat().st_mtime < oldest:
            removed += 1
            if not is_dry_run:
                path.unlink()
        elif not is_dry_run and path.is_dir() and not path.is_symlink() and not any(path.iterdir()) and path.stat().st_mtime < oldest:
            path.rmdir()
    return removed


def tend_stores(paths: BrandPaths, settings: Settings) -> int:
    """Remove from the object stores what is beyond its time by the same settings: versions, extracts, what was begun long ago and never finished.

    Returns how many versions, extracts and other objects went.
    """
    from fifty.extract_store import prune_stored_extracts
    from fifty.landing_store import LandingStore
    from fifty.publish_store import prune_stored_versions

    removed = prune_stored_versions(paths, settings) + prune_stored_extracts(paths, settings)
    if landing := LandingStore.open(paths, settings):
        removed += landing.remove_abandoned(after=timedelta(days=ABANDONED_AFTER_DAYS))
    return removed


def remove_departed(settings: Settings) -> int:
    """Remove from the object stores what came there of brands that have left, from machines that did not know it yet. Returns the objects that went."""
    from fifty.storage import remove_brand

    return sum(remove_brand(settings, mark.stem) for mark in sorted((settings.data / ".offboarded").glob("*.json")))
