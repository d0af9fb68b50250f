"""Publish killed at any line: a plain re-run gives what an undisturbed run gives, and readers never meet a broken door.

Each kill is a real SIGKILL to a forked process, delivered when it is about to run a given line of publish.py or serving.py for the first time.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from killed_child import Line, read_lines, run_in_child
from published_marts import AS_OF, pass_marts, read_contracts, write_marts

from fifty import publish, serving
from fifty.settings import Settings
from fifty.warehouse import BrandPaths

# A few marts are as good as all of them here, and each kill costs three publishes.
_MARTS = {name: model for name, model in read_contracts().items() if name in ("engagement.posts", "relationships.people", "ops.parameters")}


def _run_in_child(task: Callable[[], object], *, kill_at: Line | None = None, record: Path | None = None) -> int:
    def hurried() -> None:
        serving.LEAD_SECONDS = serving.GRACE_SECONDS = 0.02
        task()

    return run_in_child(hurried, watched=(publish, serving), kill_at=kill_at, record=record)


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
        for word in ("new",) if is_first else ("old", "new"):
            write_marts(BrandPaths(start, "acme"), parameters_version=word, contracts=_MARTS)
            pass_marts(BrandPaths(start, "acme"), settings, run_id="run-new")
            if word == "old":
                work(start)()

    # All of DuckDB happens in children: a process that forks must not hold its threads.
    _run_in_child(prepare)
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(start, undisturbed, symlinks=True)
    record = tmp_path / "lines.txt"
    _run_in_child(work(undisturbed), record=record)
    expected = tmp_path / "expected.txt"
    _run_in_child(lambda: expected.write_text(repr(_describe(BrandPaths(undisturbed, "acme"))), encoding="utf-8"))
    lines = read_lines(record)
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
