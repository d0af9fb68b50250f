"""Versions and extracts in the store: what remote readers open, who may switch it, what is kept."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from object_store import ACCESS_KEY, SECRET_KEY, LossyLine, ObjectStoreServer
from published_marts import AS_OF
from shared_brand import MARTS, open_store, publish, see_extract, see_version, write_extract
from typer.testing import CliRunner

from fifty.cli import app
from fifty.config import Brand
from fifty.errors import FatalError, StorageError
from fifty.extract_store import count_waiting_extracts, prune_stored_extracts, push_extracts
from fifty.maintain import remove_departed, tend_stores
from fifty.offboard import offboard_brand
from fifty.publish import fingerprint_marts, list_versions, read_current_version, switch_version
from fifty.publish_store import fetch_current, is_version_stored, prune_stored_versions, push_version
from fifty.resend import resend_extract
from fifty.settings import PROJECT_ROOT, Settings
from fifty.state import mark_departure, read_state
from fifty.warehouse import BrandPaths, lock_brand

Machine = Callable[[str], tuple[BrandPaths, Settings]]


def test_a_version_is_seen_when_it_is_whole_and_costs_nothing_the_second_time(machine: Machine, line: LossyLine) -> None:
    here = machine("one")
    first = publish(here, "first")
    assert is_version_stored(*here, first.publish_id) is False
    assert push_version(*here, first.publish_id) is True
    assert see_version(here) == first.publish_id
    assert is_version_stored(*here, first.publish_id) is True
    puts = [request.path.rpartition("/")[2] for request in line.requests if request.method == "PUT"]
    assert puts[-2:] == ["version.json", "current.json"]
    assert len(puts) == len(set(puts)), "each is put once, so none of the last two was there before"
    line.forget()
    assert push_version(*here, first.publish_id) is False
    assert [request.method for request in line.requests] == ["GET"]


def test_a_new_version_keeps_the_old_one_for_who_has_it_open(machine: Machine) -> None:
    here = machine("one")
    first = publish(here, "first")
    push_version(*here, first.publish_id)
    before = set(open_store(here, "published").list("versions"))
    second = publish(here, "second")
    push_version(*here, second.publish_id)
    assert see_version(here) == second.publish_id
    assert set(open_store(here, "published").list("versions")) > before


def test_readers_with_httpfs_see_what_current_names_by_the_statements_of_the_guide(machine: Machine, server: ObjectStoreServer) -> None:
    here = machine("one")
    first = publish(here, "first")
    push_version(*here, first.publish_id)
    guide = (PROJECT_ROOT / "docs" / "analysts.md").read_text(encoding="utf-8")
    connect, follow, attach = [block.split("```")[0] for block in guide.split("## From an object store")[1].split("```sql\n")[1:4]]
    root = f"{here[1].published_url}/acme/published"
    places = {
        "s3://BUCKET/FOLDER/BRAND/published": root, "KEY_ID": ACCESS_KEY, "SECRET": SECRET_KEY, "ENDPOINT": server.endpoint.removeprefix("http://"),
        "HTTPFS": str(_find_httpfs()), "use_ssl true": "use_ssl false", "versions/VERSION": "versions/" + _read_path(here).rpartition("/")[2],
    }  # fmt: skip

    def fill(statements: str) -> str:
        for name, value in places.items():
            statements = statements.replace(name, value)
        return statements

    with duckdb.connect() as reader:
        reader.execute(fill(connect))
        ask, read = (statement.strip() for statement in fill(follow).split(";")[:2])
        reader.execute(ask)
        reader.execute(f"create view people as {read}")
        assert {row[0] for row in reader.execute("select distinct parameters_version from people").fetchall()} == {"first"}
        second = publish(here, "second")
        push_version(*here, second.publish_id)
        # The same connection goes on with the version it began with until it asks again.
        assert {row[0] for row in reader.execute("select distinct parameters_version from people").fetchall()} == {"first"}
        reader.execute(ask)
        assert {row[0] for row in reader.execute("select distinct parameters_version from people").fetchall()} == {"second"}
        reader.execute(fill(attach))
        found = reader.execute("select distinct parameters_version from fifty.relationships.people").fetchall()
        assert found == [("first",)]
        assert len(reader.execute("select * from duckdb_tables() where database_name = 'fifty' and comment is not null").fetchall()) >= len(MARTS)


def _find_httpfs() -> Path:
    spec = importlib.util.find_spec("duckdb_extension_httpfs")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return next(Path(spec.submodule_search_locations[0]).rglob("httpfs.duckdb_extension"))


def _read_path(machine: tuple[BrandPaths, Settings]) -> str:
    there = open_store(machine, "published").read("current.json")
    assert there is not None
    return str(json.loads(there[0])["path"])


def test_a_roll_back_is_seen_by_remote_readers_and_the_next_publish_goes_on(machine: Machine) -> None:
    here = machine("one")
    first, second = (publish(here, word) for word in ("first", "second"))
    push_version(*here, first.publish_id)
    push_version(*here, second.publish_id)
    switch_version(*here, first.publish_id)
    assert push_version(*here, first.publish_id, is_deliberate=True) is True
    assert see_version(here) == first.publish_id
    third = publish(here, "third")
    push_version(*here, third.publish_id)
    assert see_version(here) == third.publish_id


def test_another_machine_counts_on_from_what_remote_readers_see(machine: Machine) -> None:
    here, there = machine("one"), machine("two")
    for word in ("first", "second"):
        push_version(*here, publish(here, word).publish_id)
    assert fetch_current(*there) == read_current_version(here[0])
    assert fetch_current(*there) is None
    assert read_current_version(there[0]) == read_current_version(here[0])
    fingerprints = {fingerprint_marts(paths.published / "current" / "marts.duckdb") for paths, _ in (here, there)}
    assert len(fingerprints) == 1
    assert not [file for file in (there[0].published / "versions").rglob("*.*") if file.is_file() and file.stat().st_mode & 0o222]
    third = publish(there, "third")
    assert (list_versions(there[0])[-1].number, third.previous_publish_id) == (3, read_current_version(here[0]))
    assert [change.publish_id for change in list_versions(there[0])[-1].rule_changes] == [read_current_version(here[0]), third.publish_id]
    push_version(*there, third.publish_id)
    assert fetch_current(*here) == third.publish_id


def test_what_another_machine_rolls_back_to_is_not_fetched_where_readers_see_a_newer_one(machine: Machine, line: LossyLine) -> None:
    here, there = machine("one"), machine("two")
    first, second = (publish(here, word) for word in ("first", "second"))
    push_version(*here, second.publish_id)
    assert fetch_current(*there) == second.publish_id
    switch_version(*here, first.publish_id)
    push_version(*here, first.publish_id, is_deliberate=True)
    line.forget()
    assert fetch_current(*there) is None
    assert len(line.requests) == 1, "current.json, and nothing of the version"
    assert [one.publish_id for one in list_versions(there[0])] == [second.publish_id] == [read_current_version(there[0])]
    third = publish(there, "third")
    assert (list_versions(there[0])[-1].number, third.previous_publish_id) == (3, second.publish_id)
    push_version(*there, third.publish_id)
    assert fetch_current(*here) == third.publish_id == read_current_version(here[0])


def test_a_version_of_an_older_day_that_was_published_later_is_counted_on_from(machine: Machine) -> None:
    here, there = machine("one"), machine("two")
    first = publish(here, "first")
    push_version(*here, first.publish_id)
    fetch_current(*there)
    late = publish(here, "late", as_of=AS_OF - timedelta(days=1))
    push_version(*here, late.publish_id)
    assert fetch_current(*there) == late.publish_id
    assert read_current_version(there[0]) == first.publish_id
    publish(there, "third")
    assert list_versions(there[0])[-1].number == 3


def test_two_processes_that_fetch_one_version_fetch_it_once(machine: Machine, line: LossyLine) -> None:
    here, there = machine("one"), machine("two")
    first = publish(here, "first")
    push_version(*here, first.publish_id)
    line.forget()
    with ThreadPoolExecutor(2) as pool:
        with lock_brand(*there):
            fetches = [pool.submit(fetch_current, *there) for _ in range(2)]
            while len(line.requests) < 2:
                time.sleep(0.01)
            # Both know by now what is to be fetched; time enough to wait for the lock.
            time.sleep(0.2)
        assert {fetch.result() for fetch in fetches} == {None, first.publish_id}
    assert len([request for request in line.requests if "list-type" in request.path]) == 1
    assert read_current_version(there[0]) == first.publish_id


def test_a_version_damaged_in_the_store_is_not_taken_over(machine: Machine) -> None:
    here, there = machine("one"), machine("two")
    push_version(*here, publish(here, "first").publish_id)
    open_store(here, "published").put(f"{_read_path(here)}/marts.duckdb", b"rot")
    with pytest.raises(FatalError, match="damaged"):
        fetch_current(*there)
    assert list_versions(there[0]) == []
    open_store(here, "published").put("current.json", b'{"path": "versions/../../evil"}')
    with pytest.raises(FatalError, match=r"current\.json cannot be read"):
        fetch_current(*there)


def test_old_versions_go_and_the_one_readers_open_stays(machine: Machine) -> None:
    here = machine("one")
    settings = here[1].model_copy(update={"keep_versions": 2})
    published = [publish(here, word).publish_id for word in ("first", "second", "third", "fourth")]
    for publish_id in published:
        push_version(*here, publish_id)
    push_version(*here, published[0], is_deliberate=True)
    assert prune_stored_versions(here[0], settings) == 1
    kept = {name.split("/")[1][:-9] for name in open_store(here, "published").list("versions")}
    assert kept == {published[0], *published[2:]}
    assert see_version(here) == published[0]
    assert tend_stores(here[0], settings) == 0


def test_an_upload_that_a_later_version_overtook_is_removed(machine: Machine, line: LossyLine) -> None:
    here = machine("one")
    push_version(*here, publish(here, "first").publish_id)
    second = publish(here, "second")
    line.fault = lambda request: "drop" if request.path.endswith("version.json") else None
    with pytest.raises(StorageError):
        push_version(*here, second.publish_id)
    line.forget()
    assert any(second.publish_id in name for name in open_store(here, "published").list("versions"))
    third = publish(here, "third")
    push_version(*here, third.publish_id)
    assert not any(second.publish_id in name for name in open_store(here, "published").list("versions"))
    assert see_version(here) == third.publish_id


def test_an_extract_is_uploaded_once_and_its_rewrite_replaces_it(machine: Machine, line: LossyLine) -> None:
    here = machine("one")
    write_extract(here, "first")
    write_extract(here, "other day", day="2026-09-05")
    assert count_waiting_extracts(*here) == 2
    assert push_extracts(*here) == 2
    assert count_waiting_extracts(*here) == 0
    line.forget()
    assert push_extracts(*here) == 0
    assert line.requests == []
    write_extract(here, "second")
    assert push_extracts(*here) == 1
    assert (see_extract(here), see_extract(here, day="2026-09-05")) == ("second", "other day")
    # The files of the one before name people, and are gone.
    assert len([name for name in open_store(here, "extracts").list("weekly/2026-09-06") if name.endswith(".csv")]) == 2


def test_what_is_sent_again_is_sent_to_the_store_too(machine: Machine, line: LossyLine) -> None:
    paths, settings = machine("one")
    write_extract((paths, settings), "first")
    account = {"platform": "mastodon", "handle": "acme", "base_url": "https://social.example"}
    brand = Brand.model_validate({"name": "Acme", "accounts": [account], "extracts": [{"name": "weekly", "formats": ["csv"]}]})
    line.fault = lambda request: "refuse"
    with pytest.raises(StorageError):
        resend_extract("acme", brand, paths, settings, name="weekly", as_of=date(2026, 9, 6), by="ann", why="lost")
    assert [act.why for act in read_state(paths).acts] == ["lost"]
    line.forget()
    resend_extract("acme", brand, paths, settings, name="weekly", as_of=date(2026, 9, 6), by="ann")
    assert see_extract((paths, settings)) == "first"
    assert count_waiting_extracts(paths, settings) == 0


def test_extracts_that_could_not_be_uploaded_follow_with_the_next_run(machine: Machine, line: LossyLine) -> None:
    here = machine("one")
    write_extract(here, "first")
    line.fault = lambda request: "drop"
    with pytest.raises(StorageError):
        push_extracts(*here)
    line.forget()
    write_extract(here, "later", day="2026-09-07")
    assert push_extracts(*here) == 2
    assert (see_extract(here), see_extract(here, day="2026-09-07")) == ("first", "later")


def test_extracts_beyond_their_time_go_and_the_newest_stays(machine: Machine) -> None:
    paths, settings = machine("one")
    publish((paths, settings), "first")  # of 2026-09-06
    for day in ("2026-01-01", "2026-01-02", "2026-09-01", "2026-09-06"):
        write_extract((paths, settings), "of its day", day=day)
    push_extracts(paths, settings)
    assert prune_stored_extracts(paths, settings.model_copy(update={"keep_extract_days": 5})) == 2
    assert {name.split("/")[1] for name in open_store((paths, settings), "extracts").list()} == {"2026-09-01", "2026-09-06"}
    assert prune_stored_extracts(paths, settings.model_copy(update={"keep_extract_days": 0})) == 1
    assert see_extract((paths, settings)) == "of its day"


def test_prune_by_hand_takes_from_the_store_what_the_nightly_care_would(
    machine: Machine, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, settings = machine("one")
    publish((paths, settings), "first")  # of 2026-09-06
    for day in ("2026-01-01", "2026-09-06"):
        write_extract((paths, settings), "of its day", day=day)
    push_extracts(paths, settings)
    gone = BrandPaths(settings.data, "gone"), settings
    write_extract(gone, "of a brand that left")
    push_extracts(*gone)
    mark_departure(gone[0], by="somebody")
    config = tmp_path / "fifty.yml"
    account = {"platform": "mastodon", "handle": "acme", "base_url": "https://social.example"}
    config.write_text(yaml.safe_dump({"brands": {"acme": {"name": "Acme", "accounts": [account]}}}), encoding="utf-8")
    monkeypatch.setenv("FIFTY_EXTRACTS_URL", url)

    def prune(*options: str) -> dict[str, Any]:
        done = CliRunner().invoke(app, ["prune", "--config", str(config), "--data", str(settings.data), "--json", *options])
        assert done.exit_code == 0, done.output
        return dict(json.loads(done.stdout))

    stores = open_store((paths, settings), "extracts"), open_store(gone, "extracts")
    before = [store.list() for store in stores]
    assert prune("--dry-run")["stored_things"] == 0
    assert [store.list() for store in stores] == before
    assert prune()["stored_things"] == 1 + len(before[1])
    assert {name.split("/")[1] for name in stores[0].list()} == {"2026-09-06"}
    assert stores[1].list() == {}


def test_a_brand_that_leaves_leaves_nothing_in_the_store_though_it_did_not_answer_at_first(machine: Machine, line: LossyLine) -> None:
    paths, settings = machine("one")
    push_version(paths, settings, publish((paths, settings), "first").publish_id)
    write_extract((paths, settings), "first")
    push_extracts(paths, settings)
    near = BrandPaths(settings.data, "acme2"), settings
    write_extract(near, "of another brand")
    push_extracts(*near)
    line.fault = lambda request: "refuse"
    with pytest.raises(StorageError, match="removed here, and not yet from the object store") as caught:
        offboard_brand("acme", settings, None)
    assert "fifty offboard acme" in caught.value.remedy
    assert not paths.root.exists()
    line.forget()
    done = offboard_brand("acme", settings, None)
    assert done.removed_objects > 10
    assert any("every other machine" in item for item in done.left_to_do)
    assert [open_store((paths, settings), area).list() for area in ("published", "extracts")] == [{}, {}]
    assert see_extract(near) == "of another brand"
    assert offboard_brand("acme", settings, None).removed_objects == 0


def test_what_another_machine_uploads_of_a_brand_that_has_left_goes_with_the_next_maintenance(machine: Machine) -> None:
    paths, settings = machine("one")
    assert remove_departed(settings) == 0
    mark_departure(paths, by="somebody")
    other = machine("two")
    write_extract(other, "first")
    push_extracts(*other)
    assert remove_departed(settings) == 4
    assert open_store((paths, settings), "extracts").list() == {}
    assert remove_departed(settings) == 0


def test_nothing_is_asked_where_everything_stays_local(tmp_path: Path, line: LossyLine) -> None:
    settings = Settings(data=tmp_path / "data", _env_file=None)  # type: ignore[call-arg]
    here = BrandPaths(settings.data, "acme"), settings
    first = publish(here, "first")
    write_extract(here, "first")
    assert (push_version(*here, first.publish_id), fetch_current(*here), push_extracts(*here), tend_stores(*here)) == (False, None, 0, 0)
    assert is_version_stored(*here, first.publish_id) is None
    assert line.requests == []
    assert not (here[0].root / "stored.sqlite").exists()
