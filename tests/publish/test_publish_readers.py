"""Readers at all three doors while publishes go on: no error, never two versions in one answer, and open views see what is new."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest
from published_marts import AS_OF, publish_passed, read_contracts, write_marts

from fifty import serving
from fifty.settings import Settings
from fifty.warehouse import BrandPaths

# Readers are programs of their own that know nothing of Fifty: DuckDB and a path.
_READER = """
import json, pathlib, sys, time
import duckdb

door, published, stop, report = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
query = (
    "select min(people.parameters_version), max(people.parameters_version), min(posts.parameters_version), max(posts.parameters_version),"
    " min(fifty.parameters_version), max(fifty.parameters_version), count(*)"
    " from relationships.people, engagement.posts, relationships.the_fifty as fifty"
)
file = str(published / ("marts.duckdb" if door == "desktop" else "bi.duckdb"))
reads, mixed, errors, first_seen = 0, 0, [], {}
kept = None if door == "desktop" else duckdb.connect(file, read_only=True)
while not stop.exists():
    try:
        if door == "desktop":
            # Files of this process are cached by path: a new name each time stands for a new process.
            import subprocess
            code = f"import duckdb, json; print(json.dumps(duckdb.connect({file!r}, read_only=True).execute({query!r}).fetchone()))"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(done.stderr)
            row = json.loads(done.stdout)
        else:
            connection = kept.cursor() if door == "server" else kept
            row = connection.execute(query).fetchone()
        reads += 1
        if len(set(row[:6])) != 1 or row[6] != 27:
            mixed += 1
        first_seen.setdefault(row[0], time.time())
    except Exception as error:
        errors.append(repr(error))
    time.sleep(0.02)
report.write_text(json.dumps({"reads": reads, "mixed": mixed, "errors": errors, "first_seen": first_seen}))
"""


@pytest.mark.timeout(300)
def test_readers_at_every_door_during_ten_publishes(paths: BrandPaths, settings: Settings, tmp_path: Path) -> None:
    wanted = ("engagement.posts", "relationships.people", "relationships.the_fifty", "ops.parameters")
    contracts = {name: model for name, model in read_contracts().items() if name in wanted}
    write_marts(paths, parameters_version="v0", contracts=contracts)
    publish_passed(paths, settings, run_id="r0", as_of=AS_OF)
    stop, program = tmp_path / "stop", tmp_path / "reader.py"
    program.write_text(_READER, encoding="utf-8")
    readers = {
        door: subprocess.Popen([sys.executable, str(program), door, str(paths.published), str(stop), str(tmp_path / f"{door}.json")])
        for door in ("desktop", "notebook", "server")
    }
    published_at = {}
    try:
        time.sleep(1)
        for number in range(1, 11):
            write_marts(paths, parameters_version=f"v{number}", contracts=contracts)
            publish_passed(paths, settings, run_id=f"r{number}", as_of=AS_OF)
            published_at[f"v{number}"] = time.time()
        time.sleep(serving.LEAD_SECONDS + 2)
    finally:
        stop.touch()
        for reader in readers.values():
            reader.wait(timeout=30)
    for door in readers:
        report = json.loads((tmp_path / f"{door}.json").read_text(encoding="utf-8"))
        print(door, report["reads"], "reads")
        assert report["errors"] == [], door
        assert report["mixed"] == 0, door
        assert report["reads"] > 20, door
        assert "v10" in report["first_seen"], door
        if door != "desktop":
            assert set(report["first_seen"]) == {f"v{number}" for number in range(11)}
            delays = [report["first_seen"][marker] - published_at[marker] for marker in published_at]
            assert max(delays) < 60, delays


def _make_versions(published: Path, rows: int = 500) -> list[serving.ServedTable]:
    names = ("people", "posts")
    with duckdb.connect() as connection:
        for number in range(3):
            folder = published / "versions" / f"v{number}" / "parquet" / "marts"
            folder.mkdir(parents=True)
            for name in names:
                file = folder / f"{name}.parquet"
                connection.execute(f"copy (select {number} as version, range as id from range({rows})) to '{file}' (format parquet)")
                # Equal size and equal time: a cache that trusts these would show itself.
                os.utime(file, (1_000_000_000, 1_000_000_000))
    columns = (serving.ServedColumn("version", "integer", ""), serving.ServedColumn("id", "bigint", ""))
    return [serving.ServedTable("marts", name, "", columns) for name in names]


def _hammer(connection: duckdb.DuckDBPyConnection, query: str, stop: threading.Event, found: list[tuple[object, ...]]) -> None:
    while not stop.is_set():
        found.append(connection.execute(query).fetchone() or ())


def _count_mixed(found: list[tuple[object, ...]]) -> int:
    return sum(len(set(row[:4])) != 1 or row[4] != 500 for row in found)


_JOIN = (
    "select min(people.version), max(people.version), min(posts.version), max(posts.version), count(*)"
    " from {0}people as people inner join {0}posts as posts using (id)"
)


@pytest.mark.timeout(180)
def test_a_thousand_joins_during_many_switches_never_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LEAD_SECONDS", 0.3)
    monkeypatch.setattr(serving, "GRACE_SECONDS", 0.6)
    published = tmp_path / "published"
    tables = _make_versions(published)
    serving.serve_version(published, "v0", tables, bi_root=None)
    kept = duckdb.connect(str(published / "bi.duckdb"), read_only=True)
    kept.execute("set threads = 1")
    stop = threading.Event()
    found: list[list[tuple[object, ...]]] = [[], []]
    readers = [threading.Thread(target=_hammer, args=(kept.cursor(), _JOIN.format("marts."), stop, one)) for one in found]
    for reader in readers:
        reader.start()
    ends_at, number = time.time() + 120, 0
    while number < 60 or (sum(map(len, found)) <= 1000 and time.time() < ends_at):
        number += 1
        assert serving.serve_version(published, f"v{number % 3}", tables, bi_root=None)
    stop.set()
    for reader in readers:
        reader.join()
    rows = found[0] + found[1]
    changes = sum(before[0] != after[0] for before, after in zip(found[0], found[0][1:], strict=False))
    print(len(rows), "reads,", changes, "changes seen")
    assert [row for row in rows if _count_mixed([row])] == []
    assert len(rows) > 1000
    assert changes > 45


@pytest.mark.timeout(60)
def test_plain_views_over_current_do_mix_versions(tmp_path: Path) -> None:
    """Why the slots exist, and that the test above could see a mix."""
    published = tmp_path / "published"
    _make_versions(published)
    serving.replace_link(published / "current", Path("versions/v0"))
    connection = duckdb.connect()
    for name in ("people", "posts"):
        connection.execute(f"create view {name} as select * from read_parquet('{published}/current/parquet/marts/{name}.parquet')")
    stop = threading.Event()
    found: list[tuple[object, ...]] = []
    reader = threading.Thread(target=_hammer, args=(connection.cursor(), _JOIN.format(""), stop, found))
    reader.start()
    ends_at, number = time.time() + 40, 0
    while time.time() < ends_at and _count_mixed(found[-200:]) == 0:
        number += 1
        (published / "next").unlink(missing_ok=True)
        (published / "next").symlink_to(Path("versions") / f"v{number % 3}")
        (published / "next").replace(published / "current")
        time.sleep(0.005)
    stop.set()
    reader.join()
    assert _count_mixed(found) > 0
