"""Worlds for benches: made once, kept, and landed by the fast path as of a moment.

plan → demo's generator and business files → a world folder → bench.fast_landing → a data directory as a first pull would leave it

Run alone: `python -m bench.worlds --dir DIR --preset run --interactions 1000000 --days 40` makes a world and its business files, without the truth.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bench.stages import Spent, measure_command
from demo.business import write_business
from demo.model import read_head
from demo.serve import write_moment
from demo.world.generate import generate_world
from demo.world.presets import make_plan

#: any day in the past: the same worlds whenever a bench runs
ANCHOR = date(2026, 6, 1)
SEED = 7


def end_of_world(days_before: int = 0) -> datetime:
    """The instant at which bench worlds end, or some days before."""
    return datetime.combine(ANCHOR, datetime.min.time(), UTC) - timedelta(days=days_before)


def make_world(folder: Path, preset: str, *, interactions: int | None = None, days: int | None = None, moment: datetime | None = None) -> None:
    """Have a world in `folder`, with the business files of a moment (default: its end); one that is there stays."""
    if not (folder / "world.json").exists():
        generate_world(make_plan(preset, SEED, ANCHOR, interactions=interactions, days=days), folder)
    now = round((moment or end_of_world()).timestamp() * 1000)
    write_business(folder, now)
    write_moment(folder, now)


def make_world_apart(folder: Path, preset: str, *, interactions: int | None = None, days: int | None = None, moment: datetime | None = None) -> Spent:
    """The same in a process of its own, measured; what it takes is given back."""
    command = [sys.executable, "-m", "bench.worlds", "--dir", str(folder), "--preset", preset]
    for name, value in (("--interactions", interactions), ("--days", days), ("--now", moment and moment.isoformat())):
        command += [name, str(value)] if value is not None else []
    return measure_command(command)


def count_rows(folder: Path) -> dict[str, int]:
    """Messages and reactions of a world over its platforms, and the sum as `interactions`."""
    counts = read_head(folder).counts.values()
    found = {name: sum(tables[name] for tables in counts) for name in ("messages", "reactions", "accounts")}
    return found | {"interactions": found["messages"] + found["reactions"]}


def main() -> None:
    """Make a world."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--preset", default="run")
    parser.add_argument("--interactions", type=int)
    parser.add_argument("--days", type=int)
    parser.add_argument("--now", type=datetime.fromisoformat, help="moment of the business files [default: the end of the world]")
    options = parser.parse_args()
    make_world(options.dir, options.preset, interactions=options.interactions, days=options.days, moment=options.now)
    print(count_rows(options.dir))


if __name__ == "__main__":
    main()
