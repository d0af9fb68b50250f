"""Killed at any moment, land and replay leave whole loads or nothing, and a plain second run ends where an undisturbed one does."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from test_land import make_item
from workshop import Workshop

from fifty import land, warehouse

KILLED = """
import os, signal, sys
sys.path.insert(0, {here!r})
from pathlib import Path
import duckdb
from workshop import Workshop, make_connector
from fifty import land, warehouse

connector = make_connector(Path({folder!r}))
land.discover_connectors = lambda: {{"plain": connector}}
land.BATCH_LOADS = 2
reached = 0


class Deadly:
    def __init__(self, connection):
        self._connection = connection

    def execute(self, sql, *values):
        global reached
        self.stop(sql, "before")
        result = self._connection.execute(sql, *values)
        self.stop(sql, "after")
        return result

    def stop(self, sql, moment):
        global reached
        if moment == {moment!r} and {words!r} in sql:
            reached += 1
            if reached == {nth}:
                os.kill(os.getpid(), signal.SIGKILL)

    def __getattr__(self, name):
        return getattr(self._connection, name)


real_land = land._land_into
real_connect = warehouse.connect

from contextlib import contextmanager

@contextmanager
def connect(*values, **options):
    with real_connect(*values, **options) as connection:
        yield Deadly(connection)
    Deadly(None).stop("closed", "after")

warehouse.connect = connect
if {moment!r} == "replace":
    Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)
workshop = Workshop(Path({data!r}))
land.{call}(workshop.paths, workshop.settings, run_id="killed")
raise SystemExit("it was to be killed")
"""


def kill_in(workshop: Workshop, folder: Path, *, call: str = "run_land", words: str = "", moment: str = "before", nth: int = 1) -> None:
    script = KILLED.format(
        here=str(Path(__file__).parent), folder=str(folder), data=str(workshop.data), words=words, moment=moment, nth=nth, call=call
    )
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2], check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


def fill(workshop: Workshop) -> None:
    warehouse.read_brand_keys(workshop.paths)
    for day in range(1, 6):
        workshop.write([make_item(number, likes="many" if number == day else number) for number in range(1, 8)], day=day)


@pytest.fixture
def undisturbed(workshop: Workshop, tmp_path: Path) -> dict[str, list[tuple[object, ...]]]:
    """The tables as an undisturbed run leaves them, for the same landed loads."""
    fill(workshop)
    copy = Workshop(tmp_path / "copy")
    shutil.copytree(workshop.data, copy.data)
    copy.land()
    return copy.dump()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "moment", "nth"),
    [
        ("insert into staging.posts", "after", 2),
        ("insert into ops.loads", "after", 1),
        ("commit", "before", 2),
        ("commit", "after", 2),
        ("closed", "after", 1),
    ],
)
def test_a_killed_land_is_completed_by_the_next_run(
    workshop: Workshop, undisturbed: dict[str, list[tuple[object, ...]]], tmp_path: Path, words: str, moment: str, nth: int
) -> None:
    kill_in(workshop, tmp_path / "connector", words=words, moment=moment, nth=nth)
    workshop.land("after the kill")
    assert workshop.dump() == undisturbed
    [(loads, lines)] = workshop.read("select count(*), sum(landed_count - accepted_count - quarantined_count - duplicate_count) from ops.loads")
    assert (loads, lines) == (5, 0)


def test_replay_rebuilds_the_same_tables_from_landing_alone(workshop: Workshop, undisturbed: dict[str, list[tuple[object, ...]]]) -> None:
    workshop.land()
    (workshop.paths.warehouse).write_bytes(b"this is no database")
    result = land.run_replay(workshop.paths, workshop.settings, run_id="replay")
    assert result.load_count == 5
    assert workshop.dump() == undisturbed
    assert not list(workshop.paths.root.glob("warehouse.rebuild*"))


@pytest.mark.slow
@pytest.mark.parametrize(("words", "moment"), [("insert into ops.loads", "after"), ("", "replace")])
def test_a_killed_replay_leaves_the_old_work_file(
    workshop: Workshop, undisturbed: dict[str, list[tuple[object, ...]]], tmp_path: Path, words: str, moment: str
) -> None:
    workshop.land()
    before = workshop.paths.warehouse.stat().st_ino
    kill_in(workshop, tmp_path / "connector", call="run_replay", words=words, moment=moment)
    assert workshop.paths.warehouse.stat().st_ino == before
    assert workshop.dump() == undisturbed
    land.run_replay(workshop.paths, workshop.settings, run_id="again")
    assert workshop.dump() == undisturbed


def test_replay_does_not_take_the_old_log_for_its_own(workshop: Workshop) -> None:
    fill(workshop)
    workshop.land()
    log = workshop.paths.warehouse.with_name("warehouse.duckdb.wal")
    log.write_bytes(b"what an older file left behind")
    land.run_replay(workshop.paths, workshop.settings, run_id="replay")
    assert not log.exists()
    assert workshop.read("select count(*) from ops.loads") == [(5,)]
