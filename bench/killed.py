"""A stage of Fifty that is killed with SIGKILL at a chosen call; the product itself knows nothing of it.

environment (BENCH_KILL_AT=<place>:<n>, BENCH_COUNT_CALLS=<file>, BENCH_CLOCK=<instant>) + arguments of `fifty` → fifty.cli.main()

Places are calls of the operating system or of DuckDB that begin or end something: a rename, a link, a written line, a statement, a commit,
a close. Without a place nothing is changed; with BENCH_COUNT_CALLS it is counted how often an undisturbed stage passes each.
BENCH_CLOCK fixes the one clock of the pipeline (when a load was started), so that two pulls can be compared byte by byte.
Run alone: `BENCH_KILL_AT=after_commit:3 python -m bench.killed land --brand moorhen`.
"""

from __future__ import annotations

import atexit
import collections
import functools
import gzip
import json
import os
import signal
import threading
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, ClassVar

import duckdb

_LOCK = threading.Lock()
_COUNTS: collections.Counter[str] = collections.Counter()


def pass_place(place: str) -> None:
    """Count that a place was passed; at the chosen one the process ends here and now, with nothing flushed or closed."""
    with _LOCK:
        _COUNTS[place] += 1
        if os.environ.get("BENCH_KILL_AT") == f"{place}:{_COUNTS[place]}":
            os.kill(os.getpid(), signal.SIGKILL)


def surround(owner: Any, name: str, before: str | None, after: str | None) -> None:
    """Replace a function or method by one that passes a place before and after each call."""
    real = getattr(owner, name)

    @functools.wraps(real)
    def surrounded(*arguments: Any, **named: Any) -> Any:
        if before:
            pass_place(before)
        answer = real(*arguments, **named)
        if after:
            pass_place(after)
        return answer

    setattr(owner, name, surrounded)


def surround_statements() -> None:
    """Places around DuckDB's statements: every statement, and commits apart. Between a commit and the close lies the checkpoint."""
    real: Callable[..., Any] = duckdb.DuckDBPyConnection.execute

    @functools.wraps(real)
    def execute(connection: Any, query: Any, *arguments: Any, **named: Any) -> Any:
        is_commit = isinstance(query, str) and query.strip().rstrip(";").lower() == "commit"
        pass_place("before_commit" if is_commit else "before_statement")
        answer = real(connection, query, *arguments, **named)
        if is_commit:
            pass_place("after_commit")
        return answer

    duckdb.DuckDBPyConnection.execute = execute  # type: ignore[assignment, method-assign]
    surround(duckdb.DuckDBPyConnection, "close", "before_close", "after_close")


class FixedClock(datetime):
    """A datetime whose now() stands still."""

    instant: ClassVar[datetime]

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """The fixed instant."""
        return cls.instant.astimezone(tz)


def main() -> None:
    """Put the places in, then be the command line."""
    for name in ("replace", "rename"):
        surround(os, name, "before_rename", "after_rename")
    surround(os, "link", "before_link", "after_link")
    surround(os, "symlink", "before_symlink", "after_symlink")
    surround(gzip.GzipFile, "write", "before_line", None)
    surround(os, "fsync", "before_sync", None)
    surround_statements()
    if clock := os.environ.get("BENCH_CLOCK"):
        from fifty import landing

        FixedClock.instant = datetime.fromisoformat(clock)
        landing.datetime = FixedClock  # type: ignore[misc]
    if counts := os.environ.get("BENCH_COUNT_CALLS"):
        atexit.register(lambda: Path(counts).write_text(json.dumps(_COUNTS), encoding="utf-8"))
    from fifty.cli import main as run_command_line

    run_command_line()


if __name__ == "__main__":
    main()
