"""What a run found, in a few lines: the one number, the head of the list, who waits, what to disbelieve, where everything is.

data/<brand>/landing, data/<brand>/published/marts.duckdb → lines of text

Reads only what anybody may read. Try it alone: `python -m scheduler.summary data BRAND`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

from fifty.console import strip_controls
from fifty.landing import list_finished_loads


@dataclass(frozen=True)
class LoadCount:
    """Finished loads of a brand and the items in them."""

    loads: int
    items: int


def count_loads(data: Path, brand: str) -> LoadCount:
    """How much is landed."""
    loads = list_finished_loads(data, brand)
    return LoadCount(len(loads), sum(load.manifest.item_count for load in loads))


def describe_published(data: Path, brand: str) -> list[str]:
    """The summary. Says so where nothing is published."""
    path = data / brand / "published" / "marts.duckdb"
    if not path.exists():
        return [f"Nothing is published for {brand} yet."]
    with duckdb.connect(str(path.resolve()), read_only=True) as reader:

        def ask(query: str) -> list[tuple[object, ...]]:
            return reader.execute(query).fetchall()

        lines = []
        newest = ask("""
            select as_of_date, living_count, previous_count, engaged_count, living_reason
            from relationships.living_relationships_daily order by as_of_date desc limit 1
        """)
        for as_of, living, previous, engaged, reason in newest:
            number = f"{living} people" if living is not None else f"unknown ({reason})"
            lines.append(f"Living relationships on {as_of} (LR90): {number}; the day before {previous}; {engaged} engaged in 90 days.")
        lines.append("The strongest relationships:")
        for rank, name, platform, strength, why in ask("""
            select rank, coalesce(display_name, handle), platform, strength, reason_text from relationships.the_fifty order by rank limit 5
        """):
            lines.append(f"  {rank}. {strip_controls(str(name))} ({platform}, strength {strength:.2f}): {strip_controls(str(why))}")
        waiting = ask("select count(*), max(waiting_seconds) from engagement.response_times where is_waiting")[0]
        oldest = f"; the longest for {int(waiting[1]) / 86400:.0f} days" if waiting[1] is not None else ""  # type: ignore[call-overload]
        lines.append(f"Waiting for an answer: {waiting[0]} people's questions{oldest}.")
        states = ask("select completeness_state, count(*) from ops.completeness group by all order by all")
        lines.append("Coverage: " + ", ".join(f"{count} loads {str(state).replace('_', ' ')}" for state, count in states) + ".")
    root = data.resolve() / brand
    lines += ["Where it is:", f"  analysts open {root / 'published' / 'marts.duckdb'} (read-only; begin with ops.start_here)"]
    for name in sorted(folder.name for folder in (root / "extracts").glob("*") if folder.is_dir()):
        newest_folder = max((folder for folder in (root / "extracts" / name).iterdir() if folder.is_dir()), default=None)
        if newest_folder:
            files = ", ".join(sorted(file.name for file in newest_folder.iterdir()))
            lines.append(f"  people read   {newest_folder}: {files}")
    return lines


if __name__ == "__main__":
    print("\n".join(describe_published(Path(sys.argv[1]), sys.argv[2])))
