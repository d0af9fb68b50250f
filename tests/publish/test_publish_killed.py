"""Publish killed at any line: a plain re-run gives what an undisturbed run gives, and readers never meet a broken door.

Each kill is a real SIGKILL to a forked process, delivered when it is about to run a given line of publish.py or serving.py for the first time.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import duckdb
import pytest
from published_marts import AS_OF, read_contracts, write_marts

from fifty import publish, serving
from fifty.settings import Settings
from fifty.warehouse import BrandPaths

Line = tuple[str, int]
# A few marts are as good as all of them here, and each kill costs three publishes.
_MARTS = {name: model for name, model in read_contracts().items() if name in ("engagement.posts", "relationships.people", "ops.parameters")}
_WATCHED = {str(Path(module.__file__ or "")) for module in (publish, serving)}


def _run_in_child(task: Callable[[], object], *, kill_at: Line | None = None, record: Path | None = None) -> int:
    """Run `task` in a fork, killed at a line or recording the lines it runs; returns the signal that ended it, 0 when it ended well."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child failed"
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    seen: dict[Line, None] = {}

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in _WATCHED:
            return None
        if event == "line":
            line = (frame.f_code.co_filename, frame.f_lineno)
            if line == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            seen.setdefault(line)
        return trace

    try:
        serving.LEAD_SECONDS = serving.GRACE_SECONDS = 0.02
        sys.settrace(trace)
        task()
        sys.settrace(None)
        if record:
            record.write_text("\n".join(f"{file}\t{number}" for file, number in seen), encoding="utf-8")
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _check_doors(paths: BrandPaths, allowed: set[str]) -> None:
    current = publish.read_current_version(paths)
    if current is not None:
        assert (paths.published / "current" / "version.json").exists()
    for name in ("marts.duckdb", "bi.duckdb"):
        file = paths.published / name
        if file.exists():
            with duckdb.connect(str(file), read_only=True) as connection:
                query = "select people.parameters_version, posts.parameters_version from relationships.people, engagement.posts"
                found = set(connection.execute(query).fetchall())
            assert len(found) == 1
            assert {value for row in found for value in row} <= allowed


def _describe(paths: BrandPaths) -> tuple[object, ...]:
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        ledger = connection.execute("select publish_id, previous_publish_id, fingerprint from ops.publishes order by all").fetchall()
    names = sorted(str(file.relative_to(paths.published)) for file in paths.published.rglob("*"))
    return (
        [(one.publish_id, one.content, dict(one.tables)) for one in publish.list_versions(paths)],
        publish.read_current_version(paths),
        serving.read_served_version(paths.published),
        ledger,
        names,
        publish.fingerprint_marts(paths.published / "marts.duckdb"),
    )


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("is_first", [True, False], ids=["the_first_publish", "a_later_publish"])
def test_killed_at_any_line_a_rerun_gives_the_undisturbed_state(tmp_path: Path, is_first: bool) -> None:
    start = tmp_path / "start"
    settings = Settings(data=start, _env_file=None)

    def work(data: Path) -> Callable[[], object]:
        return lambda: publish.run_publish(BrandPaths(data, "acme"), settings, run_id="run-new", as_of=AS_OF)

    def prepare() -> None:
        if not is_first:
            write_marts(BrandPaths(start, "acme"), parameters_version="old", contracts=_MARTS)
            work(start)()
        write_marts(BrandPaths(start, "acme"), parameters_version="new", contracts=_MARTS)

    # All of DuckDB happens in children: a process that forks must not hold its threads.
    _run_in_child(prepare)
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(start, undisturbed, symlinks=True)
    record = tmp_path / "lines.txt"
    _run_in_child(work(undisturbed), record=record)
    expected = tmp_path / "expected.txt"
    _run_in_child(lambda: expected.write_text(repr(_describe(BrandPaths(undisturbed, "acme"))), encoding="utf-8"))
    lines = [(file, int(number)) for file, number in (line.split("\t") for line in record.read_text(encoding="utf-8").splitlines())]
    assert len(lines) > 100
    # Every line with FIFTY_KILL_EVERY=1; each thirtieth by default, so that the suite stays quick.
    step = int(os.environ.get("FIFTY_KILL_EVERY", "30"))
    for number, line in enumerate(lines[::step]):
        data = tmp_path / f"killed-{number}"
        shutil.copytree(start, data, symlinks=True)
        paths = BrandPaths(data, "acme")
        assert _run_in_child(work(data), kill_at=line) == signal.SIGKILL, line

        def compare(paths: BrandPaths = paths, line: Line = line) -> None:
            _check_doors(paths, {"old", "new"})
            publish.run_publish(paths, settings, run_id="run-new", as_of=AS_OF)
            _check_doors(paths, {"new"})
            assert repr(_describe(paths)) == expected.read_text(encoding="utf-8"), line

        assert _run_in_child(compare) == 0, line
        shutil.rmtree(data)
