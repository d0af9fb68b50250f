"""Is there room? Asked before something begins, because a full disk in the middle costs a run and stops every brand on it.

sizes of work file, marts and last version → bytes needed on each file system → nothing, or DiskError

Asked by runs, compact, backup and restore. Try it alone: `python -m fifty.disk data/<brand>`.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from fifty.errors import DiskError
from fifty.settings import Settings
from fifty.warehouse import BrandPaths

GROWTH_SHARE = 0.25
"""By how much of its size a run may let the work file grow: it keeps up tables in place and frees what they were only at the next checkpoint."""

FIRST_TIMES, FIRST_VERSION_TIMES, FIRST_LEAST = 5.0, 2.5, 100_000_000
"""Work file and marts, and one version, as multiples of the landed (compressed) bytes; no file is smaller, however little is in it. A million interactions: 340 MB
landed, 1.7 GB beside it, 0.8 GB published."""


def measure_tree(folder: Path) -> int:
    """Bytes of the files under `folder`; a link counts for nothing, what goes meanwhile neither."""
    total = 0
    # Not rglob: before Python 3.13 it fails at a folder that goes.
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                status = Path(place, name).lstat()
                total += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return total


def estimate_run(paths: BrandPaths) -> dict[Path, int]:
    """Bytes that a run may need, by the folder where: marts built beside the old ones, growth of the work file; one more version.

    Before the first build it is estimated by what is landed; 0 where nothing is."""
    marts, work_file = _measure_file(paths.marts), _measure_file(paths.warehouse)
    if not marts:
        landed = measure_tree(paths.landing)
        return {
            paths.root: max(round(FIRST_TIMES * landed) + FIRST_LEAST - work_file, 0) if landed else 0,
            paths.published: round(FIRST_VERSION_TIMES * landed),
        }
    version = paths.published / "current"
    return {
        paths.root: marts + round(GROWTH_SHARE * work_file),
        paths.published: max(marts, measure_tree(version.resolve()) if version.exists() else 0),
    }


def refuse_short_disk(needs: Mapping[Path, int], settings: Settings, *, what: str, where: str) -> None:
    """Raise DiskError where a file system has less than the bytes needed on it and the reserve."""
    by_device: dict[int, tuple[Path, int]] = {}
    for folder, needed in needs.items():
        existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        device = existing.stat().st_dev
        first, sum_needed = by_device.get(device, (existing, 0))
        by_device[device] = (first, sum_needed + needed)
    reserve = round(settings.disk_reserve_gigabytes * 1e9)
    for folder, needed in by_device.values():
        free = shutil.disk_usage(folder).free
        if free < needed + reserve:
            raise DiskError(
                f"there is no room for {what}",
                where=where,
                seen=f"{free / 1e9:.2f} GB free under {folder}",
                expected=f"{needed / 1e9:.2f} GB for it and {reserve / 1e9:.2f} GB of reserve (FIFTY_DISK_RESERVE_GIGABYTES)",
                remedy="`fifty prune --dry-run` lists what can go, `fifty compact BRAND` makes a work file smaller; or make the disk larger",
            )


def refuse_run(paths: BrandPaths, settings: Settings) -> None:
    """Raise DiskError where a run of the brand may not find room for what it makes."""
    refuse_short_disk(estimate_run(paths), settings, what="a run", where=paths.brand)


def refuse_replay(paths: BrandPaths, settings: Settings) -> None:
    """Raise DiskError where a second work file and what a run makes may not find room."""
    needs = estimate_run(paths)
    needs[paths.root] += _measure_file(paths.warehouse)
    refuse_short_disk(needs, settings, what="a replay", where=paths.brand)


def _measure_file(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


if __name__ == "__main__":
    import sys

    target = Path(sys.argv[1])
    for place, size in estimate_run(BrandPaths(target.parent, target.name)).items():
        sys.stdout.write(f"{place}: {size:,} bytes\n")
