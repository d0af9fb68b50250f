"""The work file: whose it is, whether it can be used, and how it becomes small again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from killed_child import read_lines, run_in_child
from published_marts import AS_OF

from fifty import compact, upgrade
from fifty.config import Brand
from fifty.errors import DiskError, FatalError, LandingError, RetryableError, SchemaError, SettingsError
from fifty.land import run_land, run_replay
from fifty.pipeline import BrandRun
from fifty.settings import Settings
from fifty.status import read_status
from fifty.upgrade import plan_upgrade, upgrade_brand
from fifty.warehouse import SCHEMA_VERSION, BrandPaths, connect, lock_brand, make_brand_keys, read_brand_keys


def change(paths: BrandPaths, *statements: str) -> None:
    with duckdb.connect(str(paths.warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)


def read_version(paths: BrandPaths) -> list[tuple[int]]:
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        return connection.execute("select version from ops.schema_version").fetchall()


def test_a_new_work_file_says_which_program_made_it(filled: BrandPaths, settings: Settings) -> None:
    assert read_version(filled) == [(SCHEMA_VERSION,)]
    assert plan_upgrade(filled, settings).action == "nothing"
    assert plan_upgrade(BrandPaths(filled.data, "nobody"), settings).action == "nothing"


def test_a_file_from_before_versions_is_migrated_where_it_lies(filled: BrandPaths, settings: Settings) -> None:
    change(filled, "drop table ops.schema_version", "drop table ops.built")
    content = filled.warehouse.read_bytes()
    plan = plan_upgrade(filled, settings)
    assert (plan.found, plan.action) == (1, "migrate")
    assert filled.warehouse.read_bytes() == content, "looking has changed the file"
    upgrade_brand(plan, filled, settings)
    assert read_version(filled) == [(SCHEMA_VERSION,)]
    assert plan_upgrade(filled, settings).action == "nothing"


def test_a_newer_file_is_refused_by_everything_that_opens_it_and_stays_as_it_is(filled: BrandPaths, settings: Settings, brand: Brand) -> None:
    change(filled, "update ops.schema_version set version = 99, made_by = '9.9'")
    content = filled.warehouse.read_bytes()
    run = BrandRun("acme", brand, settings, AS_OF)
    works = (
        run.land, run.gate_landed, run.transform, run.gate_marts, run.publish,
        lambda: read_status("acme", brand, settings), lambda: plan_upgrade(filled, settings), lambda: compact.compact_brand(filled, settings),
    )  # fmt: skip
    for work in works:
        with pytest.raises(SchemaError, match="newer version of Fifty") as caught:
            work()  # type: ignore[operator]
        assert "by fifty 9.9" in caught.value.seen
    assert filled.warehouse.read_bytes() == content


def test_an_older_file_with_other_columns_is_refused_and_rebuilt_from_landing(filled: BrandPaths, settings: Settings) -> None:
    run_land(filled, settings, run_id="r")
    with lock_brand(filled, settings), connect(filled, settings) as connection:
        before = connection.execute("select load_id, landed_count from ops.loads order by 1").fetchall()
    assert before
    change(filled, "drop table ops.schema_version", "alter table ops.loads drop column new_fields", "alter table staging.posts alter url type blob")
    with pytest.raises(SchemaError, match="older version of Fifty") as caught, lock_brand(filled, settings), connect(filled, settings):
        pass
    assert "staging.posts (url), ops.loads (new_fields)" in caught.value.seen
    assert "fifty upgrade" in caught.value.remedy
    plan = plan_upgrade(filled, settings)
    assert (plan.action, plan.load_count) == ("rebuild", len(list(filled.landing.rglob("manifest.json"))))
    assert plan.landed_bytes > 0
    assert plan.seconds > 0
    assert "seconds" in plan.message
    upgrade_brand(plan, filled, settings)
    assert plan_upgrade(filled, settings).action == "nothing"
    with lock_brand(filled, settings), connect(filled, settings) as connection:
        assert connection.execute("select load_id, landed_count from ops.loads order by 1").fetchall() == before


@pytest.mark.parametrize("step", ["alter table ops.loads drop column new_fields", "drop table ops.built"], ids=["rebuild", "migrate"])
def test_an_upgrade_killed_at_any_line_is_finished_by_the_next(filled: BrandPaths, settings: Settings, tmp_path: Path, step: str) -> None:
    def prepare() -> None:
        run_land(filled, settings, run_id="r")
        change(filled, "drop table ops.schema_version", step)

    def work() -> None:
        upgrade_brand(plan_upgrade(filled, settings), filled, settings)

    assert run_in_child(prepare, watched=()) == 0
    start, record = tmp_path / "start", tmp_path / "lines.txt"
    shutil.copytree(filled.data, start, symlinks=True)
    from fifty import land, warehouse

    watched = (upgrade, warehouse, land)
    assert run_in_child(work, watched=watched, record=record) == 0
    lines = read_lines(record)
    for line in lines[:: int(os.environ.get("FIFTY_KILL_EVERY", "60"))]:
        shutil.rmtree(filled.data)
        shutil.copytree(start, filled.data, symlinks=True)
        assert run_in_child(work, watched=watched, kill_at=line) == signal.SIGKILL, line
        assert run_in_child(work, watched=watched) == 0, line

        def look(line: tuple[str, int] = line) -> None:
            assert plan_upgrade(filled, settings).action == "nothing", line

        assert run_in_child(look, watched=()) == 0


def open_to_write(paths: BrandPaths, settings: Settings) -> None:
    with lock_brand(paths, settings), connect(paths, settings):
        pass


OPENERS = pytest.mark.parametrize("open_file", [open_to_write, plan_upgrade])
Opener = Callable[[BrandPaths, Settings], object]


@OPENERS
def test_a_work_file_that_another_program_has_open_is_named_with_its_process(filled: BrandPaths, settings: Settings, open_file: Opener) -> None:
    program = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(filled.warehouse)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(RetryableError, match="open in another process") as caught:
            open_file(filled, settings)
        assert (caught.value.where, f"PID {other.pid}" in caught.value.seen) == (str(filled.warehouse), True)
        other.communicate()
    open_file(filled, settings)


@OPENERS
@pytest.mark.parametrize(
    "damage",
    [lambda content: b"no database" * 999, lambda content: content[:5000], lambda content: content[:4096] + b"rot" * 2731 + content[12289:], None],
    ids=["another_file", "cut", "rotten", "folder"],
)
def test_a_damaged_work_file_is_told_from_one_that_is_held_and_comes_back_from_landing(
    filled: BrandPaths, settings: Settings, open_file: Opener, damage: Callable[[bytes], bytes] | None
) -> None:
    content = filled.warehouse.read_bytes()
    filled.warehouse.unlink()
    filled.warehouse.write_bytes(damage(content)) if damage else filled.warehouse.mkdir()
    with pytest.raises(FatalError, match="the work file cannot be opened") as caught:
        open_file(filled, settings)
    assert type(caught.value) is FatalError
    assert caught.value.where == str(filled.warehouse)
    assert "fifty replay" in caught.value.remedy
    if damage:
        assert filled.warehouse.read_bytes() == damage(content), "looking has changed the file"
        # What a killed run had not written into the file is of no use without it.
        filled.warehouse.with_name("warehouse.duckdb.wal").write_bytes(b"log")
        assert run_replay(filled, settings, run_id="r").load_count > 0
        assert plan_upgrade(filled, settings).action == "nothing"


@OPENERS
def test_a_work_file_of_another_duckdb_is_said_to_be_that(filled: BrandPaths, settings: Settings, open_file: Opener) -> None:
    content = bytearray(filled.warehouse.read_bytes())
    # The first header: its checksum, `DUCK`, the version of what follows.
    content[12:20] = struct.pack("<Q", 999)
    checksum = 5381
    for (word,) in struct.iter_unpack("<Q", content[8:4096]):
        checksum ^= word * 0xBF58476D1CE4E5B9 % 2**64
    content[:8] = struct.pack("<Q", checksum)
    filled.warehouse.write_bytes(content)
    with pytest.raises(SchemaError, match="another version of DuckDB") as caught:
        open_file(filled, settings)
    assert "999" in caught.value.seen
    assert filled.warehouse.read_bytes() == content


def read_known_keys(paths: BrandPaths) -> dict[str, str]:
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        return dict(connection.execute("select name, value from ops.brand_key").fetchall())


def replay(paths: BrandPaths, settings: Settings) -> None:
    run_replay(paths, settings, run_id="r")


def rebuild(paths: BrandPaths, settings: Settings) -> None:
    change(paths, "drop table ops.schema_version", "alter table ops.loads drop column new_fields")
    upgrade_brand(plan_upgrade(paths, settings), paths, settings)


WRITERS = pytest.mark.parametrize("write", [open_to_write, replay, rebuild])


@WRITERS
def test_a_lost_keys_file_comes_back_from_the_work_file(
    filled: BrandPaths, settings: Settings, write: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    open_to_write(filled, settings)
    file = filled.landing / "keys.json"
    before = json.loads(file.read_text())
    file.unlink()
    write(filled, settings)
    assert (json.loads(file.read_text()), read_known_keys(filled)) == (before, before)
    assert file.stat().st_mode & 0o777 == 0o600
    [told] = [record.getMessage() for record in caplog.records if "was lost" in record.getMessage()]
    assert str(file) in told
    assert not any(key in caplog.text for key in before.values())


@WRITERS
def test_keys_that_are_not_those_of_the_work_file_are_refused_and_nothing_is_changed(filled: BrandPaths, settings: Settings, write: Opener) -> None:
    open_to_write(filled, settings)
    file = filled.landing / "keys.json"
    before = read_known_keys(filled)
    file.write_bytes(make_brand_keys())
    other = file.read_bytes()
    with pytest.raises(FatalError, match="other keys") as caught:
        write(filled, settings)
    assert (caught.value.where, bool(caught.value.expected), "keys.json" in caught.value.remedy) == (str(file), True, True)
    assert str(filled.warehouse) in caught.value.seen
    assert not any(key in str(caught.value) for key in (*before.values(), *json.loads(other).values()))
    assert (read_known_keys(filled), file.read_bytes()) == (before, other)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"guest_key": "secret"}', b'{"guest_key": "secret", "person_salt": 1}'])
def test_a_keys_file_that_cannot_be_read_is_said_to_be_that_and_not_what_it_holds(filled: BrandPaths, settings: Settings, content: bytes) -> None:
    file = filled.landing / "keys.json"
    file.write_bytes(content)
    with pytest.raises(FatalError, match="keys cannot be read") as caught:
        open_to_write(filled, settings)
    assert caught.value.where == str(file)
    assert "secret" not in str(caught.value)
    assert file.read_bytes() == content


def test_keys_that_are_lost_with_a_damaged_work_file_are_not_made_anew_by_a_replay(filled: BrandPaths, settings: Settings) -> None:
    (filled.landing / "keys.json").unlink()
    filled.warehouse.write_bytes(b"no database")
    with pytest.raises(FatalError, match="cannot be opened"):
        replay(filled, settings)
    assert not (filled.landing / "keys.json").exists()


def test_the_keys_are_on_the_disk_before_they_are_used(paths: BrandPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, bool]] = []
    fsync = os.fsync

    def note(handle: int) -> None:
        name = Path(f"/proc/self/fd/{handle}").readlink()
        synced.append(("folder" if name.is_dir() else "file", (paths.landing / "keys.json").exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", note)
    read_brand_keys(paths)
    assert synced == [("file", False), ("folder", True)]


def damage_part(paths: BrandPaths) -> None:
    next(paths.landing.rglob("part-*.jsonl.gz")).write_bytes(b"rot")


def lose_manifest(paths: BrandPaths) -> None:
    next(paths.landing.rglob("manifest.json")).unlink()


@pytest.mark.parametrize("write", [replay, rebuild])
@pytest.mark.parametrize("damage", [damage_part, lose_manifest])
def test_a_work_file_is_not_replaced_by_one_that_lacks_loads_it_holds(
    filled: BrandPaths, settings: Settings, write: Opener, damage: Callable[[BrandPaths], None]
) -> None:
    run_land(filled, settings, run_id="r")
    kept = read_loads(filled)
    damage(filled)
    with pytest.raises(LandingError, match="cannot be landed again") as caught:
        write(filled, settings)
    assert caught.value.seen.startswith(f"1 of {len(kept)} loads: ")
    assert (caught.value.where, "backup" in caught.value.remedy, str(filled.warehouse) in caught.value.remedy) == ("acme", True, True)
    assert read_loads(filled) == kept
    assert not list(filled.root.glob("warehouse.rebuild*"))
    # Both ways that the remedy names.
    shutil.copytree(filled.root, filled.data / "twin", symlinks=True)
    shutil.rmtree(next(filled.landing.rglob("started.json")).parent)
    write(filled, settings) if write is replay else upgrade_brand(plan_upgrade(filled, settings), filled, settings)
    assert len(read_loads(filled)) == len(kept) - 1
    twin = BrandPaths(filled.data, "twin")
    twin.warehouse.unlink()
    replay(twin, settings)
    assert read_loads(twin) == []


def read_loads(paths: BrandPaths) -> list[tuple[str]]:
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        return connection.execute("select load_id from ops.loads order by 1").fetchall()


def test_an_upgrade_says_which_loads_could_not_be_landed_before_either(filled: BrandPaths, settings: Settings) -> None:
    damage_part(filled)
    run_land(filled, settings, run_id="r")
    change(filled, "drop table ops.schema_version", "alter table ops.loads drop column new_fields")
    [failure] = upgrade_brand(plan_upgrade(filled, settings), filled, settings)
    assert "not what its manifest says" in failure
    assert plan_upgrade(filled, settings).action == "nothing"


def fill_and_empty(paths: BrandPaths) -> None:
    """What years of replaced rows leave: room that nothing is in."""
    change(
        paths,
        "create table intermediate.worn as select range as number, md5(range::varchar) as text, [range, range + 1] as list from range(300000)",
        "checkpoint",
        "delete from intermediate.worn where number % 50 <> 7",
        "create view intermediate.seen as select number from warehouse.intermediate.worn where number < 1000",
        "comment on table intermediate.worn is 'worn out'",
        "checkpoint",
    )


def read_content(paths: BrandPaths) -> list[object]:
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        return [
            connection.execute("select * from intermediate.worn order by number").fetchall(),
            connection.execute("select count(*) from intermediate.seen").fetchall(),
            connection.execute("select comment from duckdb_tables() where table_name = 'worn'").fetchall(),
            connection.execute("select schema_name, table_name, column_count from duckdb_tables() order by all").fetchall(),
        ]


def test_a_worn_work_file_becomes_small_and_holds_the_same(filled: BrandPaths, settings: Settings) -> None:
    fill_and_empty(filled)
    before, size = read_content(filled), filled.warehouse.stat().st_size
    done = compact.compact_brand(filled, settings)
    assert (done.bytes_before, done.bytes_after, done.is_replaced) == (size, filled.warehouse.stat().st_size, True)
    assert done.bytes_after < size / 2
    assert read_content(filled) == before
    # It is a work file still: whatever opens it finds what it needs.
    with lock_brand(filled, settings), connect(filled, settings, attach_marts=True):
        pass
    again = compact.compact_brand(filled, settings)
    assert again.bytes_after <= done.bytes_after
    assert [path.name for path in filled.root.iterdir() if "compact" in path.name] == []


def test_a_copy_that_differs_is_removed_and_the_old_file_stays(filled: BrandPaths, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_and_empty(filled)
    before = read_content(filled)
    describe = compact._describe_database

    def lose_a_row(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, tuple[object, ...]]:
        # As a copy that a disk has spoilt would be.
        if catalog != "before":
            connection.execute(f"update {catalog}.intermediate.worn set text = 'x' where number = 7")
        return describe(connection, catalog)

    monkeypatch.setattr(compact, "_describe_database", lose_a_row)
    with pytest.raises(FatalError, match="not what was copied") as caught:
        compact.compact_brand(filled, settings)
    assert "intermediate.worn" in caught.value.seen
    assert read_content(filled) == before
    assert [path.name for path in filled.root.iterdir() if "compact" in path.name] == []


def test_a_disk_too_short_or_a_brand_without_work_file_is_said_before_anything(filled: BrandPaths, settings: Settings) -> None:
    content = filled.warehouse.read_bytes()
    with pytest.raises(DiskError, match="second work file"):
        compact.compact_brand(filled, settings.model_copy(update={"disk_reserve_gigabytes": 1e9}))
    assert filled.warehouse.read_bytes() == content
    with pytest.raises(SettingsError, match="no work file"):
        compact.compact_brand(BrandPaths(filled.data, "nobody"), settings)


def test_compacting_killed_at_any_line_loses_nothing(filled: BrandPaths, settings: Settings, tmp_path: Path) -> None:
    content, record, start = tmp_path / "content.txt", tmp_path / "lines.txt", tmp_path / "start.duckdb"
    assert run_in_child(lambda: fill_and_empty(filled), watched=()) == 0
    assert run_in_child(lambda: content.write_text(repr(read_content(filled)), encoding="utf-8"), watched=()) == 0
    shutil.copy(filled.warehouse, start)

    def work() -> None:
        compact.compact_brand(filled, settings)

    def look() -> None:
        assert repr(read_content(filled)) == content.read_text(encoding="utf-8")

    assert run_in_child(work, watched=(compact,), record=record) == 0
    lines = read_lines(record)
    assert len(lines) > 30
    for line in lines[:: int(os.environ.get("FIFTY_KILL_EVERY", "5"))]:
        shutil.copy(start, filled.warehouse)
        assert run_in_child(work, watched=(compact,), kill_at=line) == signal.SIGKILL, line
        assert run_in_child(look, watched=()) == 0, line
        assert run_in_child(work, watched=(compact,)) == 0, line
        assert run_in_child(look, watched=()) == 0, line
        assert filled.warehouse.stat().st_size < start.stat().st_size / 2, line
