"""The work file: whose it is, whether it can be used, and how it becomes small again."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import duckdb
import pytest
from killed_child import read_lines, run_in_child
from published_marts import AS_OF

from fifty import compact, upgrade
from fifty.config import Brand
from fifty.errors import DiskError, FatalError, SchemaError, SettingsError
from fifty.land import run_land
from fifty.pipeline import BrandRun
from fifty.settings import Settings
from fifty.status import read_status
from fifty.upgrade import plan_upgrade, upgrade_brand
from fifty.warehouse import SCHEMA_VERSION, BrandPaths, connect, lock_brand


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
