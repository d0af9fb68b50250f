"""Publishing, going back and pruning, seen through the doors that readers use."""

from __future__ import annotations

import json
import shutil
import stat
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
from published_marts import AS_OF, publish_passed, read_contracts, write_marts

from fifty import serving
from fifty.errors import FatalError, SettingsError
from fifty.fingerprint import fingerprint_marts
from fifty.publish import list_versions, open_version, prune_versions, read_current_version, switch_version
from fifty.settings import Settings
from fifty.warehouse import BrandPaths, connect, lock_brand


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LEAD_SECONDS", 0.05)
    monkeypatch.setattr(serving, "GRACE_SECONDS", 0.05)


# Some marts are as good as all of them where it is only about versions and doors.
_SOME = {
    name: model
    for name, model in read_contracts().items()
    if name in ("engagement.posts", "engagement.calendar", "relationships.people", "relationships.the_fifty", "ops.parameters")
}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> BrandPaths:
    """Every mart, published once; to be read only."""
    settings = Settings(data=tmp_path_factory.mktemp("everything"), _env_file=None)
    paths = BrandPaths(settings.data, "acme")
    write_marts(paths, parameters_version="one")
    publish_passed(paths, settings, run_id="run-one", as_of=AS_OF)
    return paths


def _publish(paths: BrandPaths, settings: Settings, marker: str, **options: object) -> str:
    write_marts(paths, parameters_version=marker, contracts=_SOME)
    return publish_passed(paths, settings, run_id=f"run-{marker}", as_of=AS_OF, **options).publish_id  # type: ignore[arg-type]


def _ask(file: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query).fetchall()


def _wait_for_views() -> None:
    import time

    time.sleep(serving.LEAD_SECONDS + 0.05)


def test_first_publish_opens_every_door(everything: BrandPaths) -> None:
    (publish_id,) = (one.publish_id for one in list_versions(everything))
    folder = everything.published / "versions" / publish_id
    assert publish_id == f"20260906-000001-{fingerprint_marts(everything.published / 'marts.duckdb')[:8]}"
    assert (everything.published / "current").resolve() == folder.resolve()
    expected = {*read_contracts(), "ops.freshness", "ops.gate_results", "ops.data_dictionary"}
    listing = "select schema_name || '.' || {0}_name from duckdb_{0}s() where schema_name in ('engagement', 'relationships', 'ops')"
    assert {row[0] for row in _ask(everything.published / "marts.duckdb", listing.format("table"))} == expected
    assert {row[0] for row in _ask(everything.published / "bi.duckdb", listing.format("view"))} == expected
    assert {f"{file.parent.name}.{file.stem}" for file in (folder / "parquet").rglob("*.parquet")} == expected
    for full_name in expected:
        query = f"select * from {full_name} order by all"
        assert _ask(everything.published / "bi.duckdb", query) == _ask(folder / "marts.duckdb", query), full_name


def test_every_published_file_is_read_only(everything: BrandPaths) -> None:
    files = [file for file in everything.published.rglob("*") if file.is_file() and not file.is_symlink()]
    assert len(files) > 20
    assert {oct(stat.S_IMODE(file.stat().st_mode)) for file in files} == {"0o444"}


def test_descriptions_are_in_both_files(everything: BrandPaths) -> None:
    query = "select comment from duckdb_columns() where schema_name = 'ops' and table_name = 'freshness' and column_name = 'publish_id'"
    for file in ("marts.duckdb", "bi.duckdb"):
        assert _ask(everything.published / file, query) == [("the published version this file is",)]


def test_dictionary_describes_every_published_column(everything: BrandPaths) -> None:
    file = everything.published / "marts.duckdb"
    described = _ask(file, "select schema_name, table_name, column_name, data_type from ops.data_dictionary order by all")
    there = _ask(
        file,
        "select schema_name, table_name, column_name, data_type from duckdb_columns()"
        " where schema_name in ('engagement', 'relationships', 'ops') order by all",
    )
    assert described == there
    assert _ask(file, "select count(*) from ops.data_dictionary where description = 'not described' or table_grain is null") == [(0,)]
    assert _ask(
        file, "select unit, table_grain, key_columns from ops.data_dictionary where table_name = 'the_fifty' and column_name = 'strength'"
    ) == [("0-100", "one row per person", "person_id")]


def test_same_content_is_no_new_version_and_says_so(paths: BrandPaths, settings: Settings) -> None:
    first = _publish(paths, settings, "one")
    write_marts(paths, parameters_version="one", contracts=_SOME)
    again = publish_passed(paths, settings, run_id="another", as_of=AS_OF)
    assert (again.publish_id, again.is_new, again.is_switched) == (first, False, False)
    assert again.message == f"nothing new: {first} has the same content and stays"
    assert [one.publish_id for one in list_versions(paths)] == [first]


def test_same_content_for_another_day_or_knowledge_is_a_version(paths: BrandPaths, settings: Settings) -> None:
    first = _publish(paths, settings, "one")
    second = _publish(paths, settings, "one", known_at=datetime(2026, 9, 6, 12))
    write_marts(paths, parameters_version="one", contracts=_SOME)
    third = publish_passed(paths, settings, run_id="x", as_of=date(2026, 9, 7)).publish_id
    assert len({first, second, third}) == 3
    assert [one.number for one in list_versions(paths)] == [1, 2, 3]


def test_new_gate_results_and_freshness_make_a_version_though_marts_are_equal(paths: BrandPaths, settings: Settings) -> None:
    first = _publish(paths, settings, "one")
    with lock_brand(paths, settings), connect(paths, settings) as connection:
        for load_id, status, observed in (("l1", "accepted", "2026-09-06 01:00:00"), ("l2", "rejected", "2026-09-07 01:00:00")):
            connection.execute(
                "insert into ops.loads by name select ? as load_id, 'mastodon' as platform, 'acme' as source_account_id, 'statuses' as stream,"
                " ? as load_status, ?::timestamp as observed_at, ?::timestamp as window_end",
                [load_id, status, observed, observed],
            )
            connection.execute(
                "insert into ops.gate_results by name select 'g-' || ? as gate_run_id, 'landed' as stage, 'posts' as suite, 'posts' as table_name,"
                " unnest(['has_rows', 'has_ids']) as expectation_id, 'critical' as severity,"
                " unnest(['passed', if(? = 'accepted', 'passed', 'failed')]) as outcome, ? as load_id, 10 as checked_count",
                [load_id, status, load_id],
            )
        connection.execute(
            "insert into ops.gate_results by name select 'run-one' as gate_run_id, 'marts' as stage, 'people' as suite,"
            " 'relationships.people' as table_name, 'has_rows' as expectation_id, 'critical' as severity, 'passed' as outcome,"
            f" date '{AS_OF}' as as_of_date"
        )
    second = _publish(paths, settings, "one")
    assert (first[-8:], first != second) == (second[-8:], True)
    file = paths.published / "marts.duckdb"
    assert _ask(
        file,
        "select newest_load_id, newest_load_status, used_load_count, rejected_load_count, age_seconds, is_behind, publish_id,"
        " newest_observed_at from ops.freshness",
    ) == [("l2", "rejected", 1, 1, 23 * 3600, True, second, datetime(2026, 9, 6, 1))]
    results = _ask(file, "select stage, expectation_id, outcome, load_id, check_count from ops.gate_results order by all nulls first")
    assert results == [
        ("landed", "has_ids", "failed", "l2", 1),
        ("landed", "has_ids", "passed", None, 1),
        ("landed", "has_rows", "passed", None, 2),
        ("marts", "has_rows", "passed", None, 1),
    ]


def test_known_at_hides_later_loads_from_freshness(paths: BrandPaths, settings: Settings) -> None:
    with lock_brand(paths, settings), connect(paths, settings) as connection:
        for load_id, observed in (("l1", "2026-09-05 01:00:00"), ("l2", "2026-09-07 01:00:00")):
            connection.execute(
                "insert into ops.loads by name select ? as load_id, 'mastodon' as platform, 'acme' as source_account_id, 'statuses' as stream,"
                " 'accepted' as load_status, ?::timestamp as observed_at, ?::timestamp as window_end",
                [load_id, observed, observed],
            )
    _publish(paths, settings, "one", known_at=datetime(2026, 9, 6))
    query = "select newest_load_id, known_at from ops.freshness"
    assert _ask(paths.published / "marts.duckdb", query) == [("l1", datetime(2026, 9, 6))]
    _publish(paths, settings, "one")
    assert _ask(paths.published / "marts.duckdb", query) == [("l2", None)]


def test_ledger_names_every_version_once_with_the_one_before(paths: BrandPaths, settings: Settings) -> None:
    ids = [_publish(paths, settings, marker) for marker in ("one", "two", "two", "three")]
    query = "select publish_id, previous_publish_id, fingerprint, parameters_version from ops.publishes order by publish_id"
    ledger = _ask(paths.warehouse, query)
    versions = list_versions(paths)
    assert ids[1] == ids[2]
    assert ledger == [(one.publish_id, one.previous_publish_id, one.fingerprint, one.parameters_version) for one in versions]
    assert [one.previous_publish_id for one in versions] == [None, ids[0], ids[1]]


def test_ledger_lost_in_a_replay_is_filled_again_and_numbers_go_on(paths: BrandPaths, settings: Settings) -> None:
    _publish(paths, settings, "one")
    _publish(paths, settings, "two")
    paths.warehouse.unlink()
    third = _publish(paths, settings, "three")
    assert third.split("-")[1] == "000003"
    assert len(_ask(paths.warehouse, "select * from ops.publishes")) == 3


def test_number_goes_on_after_pruning_everything_else(paths: BrandPaths, settings: Settings) -> None:
    for marker in ("one", "two", "three"):
        _publish(paths, settings, marker)
    prune_versions(paths, settings, keep=1)
    assert _publish(paths, settings, "four").split("-")[1] == "000004"


def test_going_back_and_on_again_switches_every_door(paths: BrandPaths, settings: Settings) -> None:
    first, second = _publish(paths, settings, "one"), _publish(paths, settings, "two")
    served = duckdb.connect(str(paths.published / "bi.duckdb"), read_only=True)
    for version, marker in ((first, "one"), (second, "two"), (first, "one")):
        result = switch_version(paths, settings, version)
        assert (result.publish_id, result.is_switched, result.is_new) == (version, True, False)
        _wait_for_views()
        query = "select distinct parameters_version from relationships.people"
        assert _ask(paths.published / "marts.duckdb", query) == [(marker,)]
        assert served.execute(query).fetchall() == [(marker,)]
        assert read_current_version(paths) == version
        assert not switch_version(paths, settings, version).is_switched
    again = publish_passed(paths, settings, run_id="x", as_of=AS_OF)
    assert (again.publish_id, again.is_new, again.is_switched) == (second, False, True)
    served.close()


def test_unknown_version_is_refused_with_the_known_ones(paths: BrandPaths, settings: Settings) -> None:
    first = _publish(paths, settings, "one")
    with pytest.raises(SettingsError, match=first):
        switch_version(paths, settings, "20260101-000009-00000000")


def test_damaged_version_is_not_switched_to(paths: BrandPaths, settings: Settings) -> None:
    first, second = _publish(paths, settings, "one"), _publish(paths, settings, "two")
    file = paths.published / "versions" / first / "marts.duckdb"
    file.chmod(0o644)
    with file.open("r+b") as handle:
        handle.seek(5000)
        handle.write(b"broken")
    with pytest.raises(FatalError, match="damaged"):
        switch_version(paths, settings, first)
    assert read_current_version(paths) == second


def test_pruning_keeps_the_newest_and_what_readers_are_shown(paths: BrandPaths, settings: Settings) -> None:
    ids = [_publish(paths, settings, marker) for marker in ("one", "two", "three", "four", "five")]
    switch_version(paths, settings, ids[0])
    shown = serving.list_served(paths.published)
    removed = prune_versions(paths, settings, keep=1)
    left = {one.publish_id for one in list_versions(paths)}
    assert left == {ids[0], ids[4], *shown}
    assert set(removed) == set(ids) - left
    assert prune_versions(paths, settings, keep=1) == []


def test_open_version_stays_itself_while_others_are_published(paths: BrandPaths, settings: Settings) -> None:
    first = _publish(paths, settings, "one")
    with open_version(paths) as (version, connection):
        _publish(paths, settings, "two")
        assert version.publish_id == first
        assert connection.execute("select distinct parameters_version from engagement.posts").fetchall() == [("one",)]
    with open_version(paths) as (_, connection):
        assert connection.execute("select distinct parameters_version from engagement.posts").fetchall() == [("two",)]


def test_nothing_published_is_said_in_words(paths: BrandPaths) -> None:
    with pytest.raises(FatalError, match="nothing is published"), open_version(paths):
        pass


def test_half_built_marts_are_never_published(paths: BrandPaths, settings: Settings) -> None:
    first = _publish(paths, settings, "one")
    write_marts(paths, parameters_version="two", contracts=_SOME)
    with duckdb.connect(str(paths.marts)) as connection:
        connection.execute("drop table relationships.the_fifty")
    with pytest.raises(FatalError, match=r"relationships\.the_fifty"):
        publish_passed(paths, settings, run_id="x", as_of=AS_OF)
    assert read_current_version(paths) == first
    paths.marts.unlink()
    with pytest.raises(FatalError, match="no finished marts"):
        publish_passed(paths, settings, run_id="x", as_of=AS_OF)
    shutil.rmtree(paths.dbt_target)
    with pytest.raises(FatalError, match=r"manifest\.json"):
        publish_passed(paths, settings, run_id="x", as_of=AS_OF)
    assert read_current_version(paths) == first


def test_a_table_of_a_model_that_is_gone_is_not_published(paths: BrandPaths, settings: Settings) -> None:
    write_marts(paths, parameters_version="one", contracts=_SOME)
    with duckdb.connect(str(paths.marts)) as connection:
        connection.execute("create table relationships.old_mart as select 1 as number")
    publish_passed(paths, settings, run_id="x", as_of=AS_OF)
    assert _ask(paths.published / "marts.duckdb", "select count(*) from duckdb_tables() where table_name = 'old_mart'") == [(0,)]


def test_views_follow_a_changed_contract_and_open_connections_go_on(paths: BrandPaths, settings: Settings) -> None:
    contracts = _SOME
    older = {name: model for name, model in contracts.items() if name != "engagement.calendar"}
    write_marts(paths, parameters_version="one", contracts=older)
    publish_passed(paths, settings, run_id="a", as_of=AS_OF)
    long_lived = duckdb.connect(str(paths.published / "bi.duckdb"), read_only=True)
    query = "select count(*), max(parameters_version), max(strength) from relationships.the_fifty"
    assert long_lived.execute(query).fetchone() == (3, "one", 1.0)
    # One mart more, one column less, one column more.
    changed = json.loads(json.dumps(contracts))
    columns = changed["relationships.the_fifty"]["columns"]
    changed["relationships.the_fifty"]["columns"] = [column for column in columns if column["name"] != "strength"]
    changed["relationships.the_fifty"]["columns"].append({"name": "news", "data_type": "string", "description": "new"})
    write_marts(paths, parameters_version="two", contracts=changed)
    publish_passed(paths, settings, run_id="b", as_of=AS_OF)
    _wait_for_views()
    assert long_lived.execute(query).fetchone() == (3, "two", None)
    long_lived.close()
    assert _ask(paths.published / "bi.duckdb", "select count(*) from engagement.calendar") == [(3,)]
    assert _ask(paths.published / "bi.duckdb", "select max(news) from relationships.the_fifty") == [("news 2",)]


def test_readers_may_see_the_folder_under_another_path(paths: BrandPaths, settings: Settings, tmp_path: Path) -> None:
    mounted = tmp_path / "mnt" / "acme's marts"
    settings.bi_root = str(mounted)
    _publish(paths, settings, "one")
    mounted.parent.mkdir()
    paths.published.rename(mounted)
    assert _ask(mounted / "bi.duckdb", "select distinct parameters_version from engagement.posts") == [("one",)]
    mounted.rename(paths.published)
    with duckdb.connect(str(paths.published / "bi.duckdb"), read_only=True) as connection:
        connection.execute(f"set variable fifty_published = '{paths.published}'")
        assert connection.execute("select distinct parameters_version from engagement.posts").fetchall() == [("one",)]


def test_readers_may_get_a_volume_of_their_own(paths: BrandPaths, settings: Settings, tmp_path: Path) -> None:
    settings.published = tmp_path / "volume"
    settings.bi_root = str(tmp_path / "volume" / "{brand}")
    _publish(paths, settings, "one")
    volume = tmp_path / "volume" / paths.brand
    assert (paths.published.is_symlink(), paths.published.resolve()) == (True, volume)
    for file in (volume / "marts.duckdb", volume / "bi.duckdb", paths.published / "marts.duckdb"):
        assert _ask(file, "select distinct parameters_version from engagement.posts") == [("one",)]
    _publish(paths, settings, "two")
    assert _ask(volume / "marts.duckdb", "select distinct parameters_version from engagement.posts") == [("two",)]
    assert not list(volume.rglob("keys.json")) and not list(volume.rglob("warehouse.duckdb"))

    settings.published = tmp_path / "another"
    with pytest.raises(SettingsError, match="lie elsewhere than FIFTY_PUBLISHED says") as refused:
        _publish(paths, settings, "three")
    assert refused.value.seen == str(volume)
    assert _ask(volume / "marts.duckdb", "select distinct parameters_version from engagement.posts") == [("two",)]


def test_an_announced_switch_far_ahead_does_not_hold_up_the_next(paths: BrandPaths, settings: Settings) -> None:
    _publish(paths, settings, "one")
    _publish(paths, settings, "two")
    newest = (paths.published / "serving" / "active.csv").read_text(encoding="utf-8").split()
    serving.replace_text(paths.published / "serving" / "active.csv", f"{newest[0]} 0\n{newest[2]} {int(newest[3]) + 86_400_000_000}\n")
    _publish(paths, settings, "three")
    _wait_for_views()
    assert _ask(paths.published / "bi.duckdb", "select distinct parameters_version from engagement.posts") == [("three",)]
