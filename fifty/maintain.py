"""Daily care: is every landed file still what it was, and what can go?

landing, published versions, logs → verified, pruned

Loses nothing that a replay or a roll-back within the settings needs. The DAG `maintenance` calls it.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

from fifty.errors import LandingError
from fifty.landing import landing_root, list_finished_loads, verify_load
from fifty.publish import prune_versions as prune_published
from fifty.settings import Settings
from fifty.warehouse import BrandPaths

logger = logging.getLogger(__name__)

ABANDONED_AFTER_DAYS = 2.0
"""A pull lasts hours at most; what was begun longer ago and has no manifest will not be finished, and its window is pulled anew."""


def verify_landing(paths: BrandPaths) -> int:
    """Compare every landed part with its sha256; returns the loads verified. Raises LandingError naming every load that differs."""
    loads = list_finished_loads(paths.data, paths.brand)
    broken = []
    for load in loads:
        try:
            verify_load(load)
        except LandingError as error:
            broken.append(f"{error.where} ({error.seen[:12]} instead of {error.expected[:12]})")
    logger.info("verify brand=%s loads=%s broken=%s", paths.brand, len(loads), len(broken))
    if broken:
        raise LandingError(
            f"{len(broken)} of {len(loads)} landed loads are not what their manifests say",
            where=paths.brand,
            seen=", ".join(broken),
            expected="parts with the sha256 of the manifest",
            remedy="restore the files from a backup, or remove the loads' folders and pull their windows again",
        )
    return len(loads)


def prune_versions(paths: BrandPaths, settings: Settings) -> int:
    """Remove published versions beyond the number kept; never one that readers are shown. Returns how many went."""
    return len(prune_published(paths, settings)) if paths.published.is_dir() else 0


def remove_abandoned_loads(paths: BrandPaths) -> int:
    """Remove loads that were begun long ago and never finished. Returns how many went."""
    import shutil

    removed = 0
    oldest = time.time() - ABANDONED_AFTER_DAYS * 86400
    for started in landing_root(paths.data, paths.brand).glob("*/*/*/*/started.json"):
        newest = max(path.stat().st_mtime for path in started.parent.iterdir())
        if newest < oldest and not (started.parent / "manifest.json").exists():
            shutil.rmtree(started.parent)
            removed += 1
    if removed:
        logger.info("prune brand=%s abandoned_loads=%s", paths.brand, removed)
    return removed


def prune_old_files(folder: Path, days: int) -> int:
    """Remove files under `folder` last written more than `days` ago, and folders left empty. Returns how many files went."""
    oldest = time.time() - days * 86400
    removed = 0
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and not path.is_symlink() and path.stat().st_mtime < oldest:
            path.unlink()
            removed += 1
        elif path.is_dir() and not path.is_symlink() and not any(path.iterdir()) and path.stat().st_mtime < oldest:
            path.rmdir()
    return removed
