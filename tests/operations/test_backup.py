"""What is saved comes back the same, on a machine that has nothing; a damaged or half-made backup is never taken for a whole one."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from killed_child import read_lines, run_in_child
from operated_brand import fill_brand, make_brand, publish_version
from test_room import set_free

from fifty import airflow_database, backup, restore, serving
from fifty.backup import list_backups, make_backup, read_backup
from fifty.config import Config, load_config
from fifty.disk import measure_tree
from fifty.errors import BackupError, DiskError, HeldError, SchemaError
from fifty.extract import run_extracts
from fifty.landing import hash_file
from fifty.publish import fingerprint_marts, read_current_version
from fifty.restore import restore_backup
from fifty.settings import Settings
from fifty.state import record_act
from fifty.warehouse import BrandPaths

SECRET = "tok-4f9a-not-to-be-saved"


@pytest.fixture
def config(settings: Settings, filled: BrandPaths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Config:
    brand = make_brand().model_dump(mode="json", exclude_unset=True)
    settings.config.write_text(yaml.safe_dump({"brands": {"acme": brand}}), encoding="utf-8")
    (settings.config.parent / "brands").mkdir()
    (settings.config.parent / "brands" / "acme.calibration.yml").write_text("as_of: 2026-09-06\n", encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "acme-mastodon").write_text(SECRET, encoding="utf-8")
    monkeypatch.setenv("ACME_MASTODON", SECRET)
    return load_config(settings.config)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Settings:
    """Another machine: nothing is there."""
    return Settings(data=tmp_path / "new" / "data", config=tmp_path / "new" / "fifty.yml", _env_file=None)


def describe(data: Path) -> dict[str, str]:
    """Every file that a backup is about, with its sha256; what is made anew or is a lock is left out."""
    kept = [
        path
        for path in data.rglob("*")
        if path.is_file() and "serving" not in path.parts and path.name not in ("bi.duckdb", "manifest.json.tmp") and path.suffix != ".lock"
    ]
    return {str(path.relative_to(data)): hash_file(path) for path in kept if "dbt_target" not in path.parts}


def test_what_was_saved_comes_back_the_same_and_is_open_to_readers(
    settings: Settings, config: Config, filled: BrandPaths, elsewhere: Settings, tmp_path: Path
) -> None:
    record_act(filled, "hold", by="ann", why="odd numbers")
    before = describe(filled.data)
    done = make_backup(settings, config, tmp_path / "backups")
    result = restore_backup(elsewhere, tmp_path / "backups")
    paths = BrandPaths(elsewhere.data, "acme")
    after = describe(elsewhere.data)
    # A checkpoint may write the work file anew; its content is compared in tests/end_to_end.
    assert {name: digest for name, digest in after.items() if name != "acme/warehouse.duckdb"} == {
        name: digest for name, digest in before.items() if name != "acme/warehouse.duckdb"
    }
    assert result.fingerprints == {"acme": fingerprint_marts(filled.published / "marts.duckdb")}
    assert read_current_version(paths) == read_current_version(filled) == done.manifest.brands["acme"].publish_id
    with duckdb.connect(str(paths.published / "bi.duckdb"), read_only=True) as reader:
        assert reader.execute("select count(*) from engagement.posts").fetchone() == (1,)
    assert (paths.landing / "keys.json").stat().st_mode & 0o777 == 0o600
    assert elsewhere.config.read_bytes() == settings.config.read_bytes()
    assert (elsewhere.config.parent / "brands" / "acme.calibration.yml").is_file()
    with pytest.raises(HeldError):
        run_extracts("acme", make_brand(), paths, elsewhere)


def test_values_of_credentials_are_named_and_not_saved(settings: Settings, config: Config, tmp_path: Path) -> None:
    done = make_backup(settings, config, tmp_path / "backups")
    assert done.manifest.credentials == ["acme-mastodon"]
    for path in done.folder.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert done.folder.stat().st_mode & 0o777 == 0o700


def test_the_manifest_names_every_file_and_is_written_by_versions_it_states(settings: Settings, config: Config, tmp_path: Path) -> None:
    done = make_backup(settings, config, tmp_path / "backups")
    manifest = read_backup(done.folder)
    assert {one.path for one in manifest.files} == {
        str(path.relative_to(done.folder)) for path in done.folder.rglob("*") if path.is_file()
    } - {"manifest.json"}  # fmt: skip
    assert all(hash_file(done.folder / one.path) == one.sha256 and (done.folder / one.path).stat().st_size == one.size for one in manifest.files)
    assert set(manifest.versions) == {"fifty", "duckdb", "apache-airflow"}


def test_a_second_backup_shares_what_never_changes_and_the_first_can_be_removed(
    settings: Settings, config: Config, filled: BrandPaths, elsewhere: Settings, tmp_path: Path
) -> None:
    first = make_backup(settings, config, tmp_path / "backups")
    publish_version(filled, settings, marker="p2")
    second = make_backup(settings, config, tmp_path / "backups")
    shared = [path for path in second.folder.rglob("*") if path.is_file() and path.stat().st_nlink > 1]
    assert second.linked_count == len(shared) > 0
    # A work file is written into, and the keys are what nobody wants to lose with another file: neither is shared with the live ones.
    assert {path.name for path in shared} >= {"part-00000.jsonl.gz", "keys.json"}
    assert not any(path.samefile(live) for path in shared for live in filled.root.rglob(path.name) if live.is_file())
    assert (second.folder / "data/acme/warehouse.duckdb").stat().st_nlink == 1
    shutil.rmtree(first.folder)
    assert restore_backup(elsewhere, tmp_path / "backups").fingerprints == {"acme": fingerprint_marts(filled.published / "marts.duckdb")}


def test_a_landed_file_that_is_damaged_is_taken_from_the_backup_before(
    settings: Settings, config: Config, filled: BrandPaths, tmp_path: Path
) -> None:
    (part,) = filled.landing.rglob("part-*")
    digest = hash_file(part)
    make_backup(settings, config, tmp_path / "backups")
    part.write_bytes(b"broken")
    second = make_backup(settings, config, tmp_path / "backups")
    saved = second.folder / "data" / part.relative_to(filled.data)
    assert (hash_file(saved), second.manifest.warnings) == (digest, [])
    shutil.rmtree(tmp_path / "backups")
    third = make_backup(settings, config, tmp_path / "backups")
    assert str(part) in third.manifest.warnings[0]


def test_a_landed_manifest_that_cannot_be_read_is_saved_as_it_is_with_a_warning(
    settings: Settings, config: Config, filled: BrandPaths, elsewhere: Settings, tmp_path: Path
) -> None:
    (path,) = filled.landing.rglob("manifest.json")
    path.write_bytes(b"{")
    made = make_backup(settings, config, tmp_path / "backups")
    [warning] = made.manifest.warnings
    assert str(path) in warning and "seen" in warning and "expected" in warning and "remedy" in warning
    restore_backup(elsewhere, tmp_path / "backups")
    assert describe(elsewhere.data) == describe(settings.data)


@pytest.mark.parametrize("content", ['{"format": 1', '{"format": 99, "versions": {}}'], ids=["cut", "newer"])
def test_a_manifest_that_cannot_be_read_does_not_stand_in_the_way_of_later_backups(
    settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path, content: str
) -> None:
    first, second = (make_backup(settings, config, tmp_path / "backups") for _ in range(2))
    (second.folder / "manifest.json").write_text(content, encoding="utf-8")
    third = make_backup(settings, config, tmp_path / "backups")
    assert second.folder.name in third.manifest.warnings[0]
    assert third.linked_count == second.linked_count > 0
    assert first.folder.is_dir()
    assert restore_backup(elsewhere, tmp_path / "backups").backup_id == third.folder.name


def test_a_brand_of_which_nothing_was_finished_yet_does_not_stand_in_the_way_of_the_others(
    settings: Settings, config: Config, filled: BrandPaths, elsewhere: Settings, tmp_path: Path
) -> None:
    # As the first pull leaves it, when the platform refuses the credential.
    begun = filled.data / "aaa" / "landing" / "mastodon" / "aaa" / "statuses" / "one"
    begun.mkdir(parents=True)
    (begun / "started.json").write_text("{}", encoding="utf-8")
    done = make_backup(settings, config, tmp_path / "backups")
    assert set(done.manifest.brands) == {"aaa", "acme"}
    result = restore_backup(elsewhere, tmp_path / "backups")
    assert set(result.fingerprints) == {"aaa", "acme"}
    assert result.fingerprints["acme"]
    assert restore_backup(elsewhere, tmp_path / "backups").unchanged == ["aaa", "acme"]


@pytest.mark.parametrize("victim", ["data/acme/landing/keys.json", "data/acme/warehouse.duckdb", "config/fifty.yml"])
@pytest.mark.parametrize("is_missing", [True, False], ids=["missing", "changed"])
def test_a_damaged_backup_restores_nothing(
    settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path, victim: str, is_missing: bool
) -> None:
    done = make_backup(settings, config, tmp_path / "backups")
    file = done.folder / victim
    file.unlink() if is_missing else file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(BackupError, match="not what its manifest says") as caught:
        restore_backup(elsewhere, tmp_path / "backups")
    assert victim in caught.value.where
    assert list(elsewhere.data.iterdir()) == []
    assert not elsewhere.config.exists()


def test_a_folder_without_a_manifest_is_no_backup_and_goes_with_the_next(
    settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path
) -> None:
    first = make_backup(settings, config, tmp_path / "backups")
    unfinished = tmp_path / "backups" / "20990101T000000Z"
    shutil.copytree(first.folder, unfinished)
    (unfinished / "manifest.json").unlink()
    assert list_backups(tmp_path / "backups") == [first.folder.name]
    with pytest.raises(BackupError, match="never finished"):
        restore_backup(elsewhere, tmp_path / "backups", backup_id=unfinished.name)
    (tmp_path / "backups" / "notes").mkdir()
    make_backup(settings, config, tmp_path / "backups")
    assert not unfinished.exists()
    assert (tmp_path / "backups" / "notes").is_dir()
    with pytest.raises(BackupError, match="no complete backup"):
        restore_backup(elsewhere, tmp_path / "new")


def test_nothing_is_restored_over_something_else_and_everything_that_is_there_is_named(
    settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path
) -> None:
    make_backup(settings, config, tmp_path / "backups")
    (elsewhere.data / "other").mkdir(parents=True)
    (elsewhere.data / "acme" / "landing").mkdir(parents=True)
    elsewhere.config.write_text("brands: {}", encoding="utf-8")
    before = sorted(elsewhere.data.rglob("*"))
    with pytest.raises(BackupError, match="something else is there already") as caught:
        restore_backup(elsewhere, tmp_path / "backups")
    for word in ("other is not in the backup", "acme", "fifty.yml is another one"):
        assert word in caught.value.seen
    assert sorted(elsewhere.data.rglob("*")) == before
    assert elsewhere.config.read_text(encoding="utf-8") == "brands: {}"


# What stops root, too: a file where a folder belongs, and a folder of the system in which nobody makes files.
@pytest.mark.parametrize("place", ["new/file/fifty.yml", "new/file/deeper/fifty.yml", "/proc/fifty/fifty.yml"])
def test_a_configuration_that_cannot_be_written_is_found_out_before_anything_is_in_place(
    settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path, place: str
) -> None:
    make_backup(settings, config, tmp_path / "backups")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "file").write_text("somebody's", encoding="utf-8")
    before = sorted((tmp_path / "new").rglob("*"))
    wrong = elsewhere.model_copy(update={"config": tmp_path / place})
    with pytest.raises(BackupError, match="cannot be written where it belongs") as caught:
        restore_backup(wrong, tmp_path / "backups")
    assert caught.value.where == f"{wrong.config.parent}, {wrong.config.parent / 'brands'}"
    assert str(Path("/proc") if place.startswith("/proc") else tmp_path / "new" / "file") in caught.value.seen
    assert "--config" in caught.value.remedy
    assert sorted((tmp_path / "new").rglob("*")) == before
    assert restore_backup(elsewhere, tmp_path / "backups").fingerprints["acme"]


@pytest.mark.parametrize("area", ["data", "published"])
def test_so_is_a_data_directory_or_a_readers_volume(settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path, area: str) -> None:
    make_backup(settings, config, tmp_path / "backups")
    (tmp_path / "file").touch()
    wrong = elsewhere.model_copy(update={area: tmp_path / "file" / area})
    with pytest.raises(BackupError, match="cannot be written where it belongs") as caught:
        restore_backup(wrong, tmp_path / "backups")
    assert str(tmp_path / "file" / area) in caught.value.where
    assert not (tmp_path / "new").exists()


def test_a_configuration_that_is_there_need_not_be_written_and_a_folder_in_its_place_is_another_one(
    settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path
) -> None:
    shutil.rmtree(settings.config.parent / "brands")
    make_backup(settings, config, tmp_path / "backups")
    # The same file behind a folder in which nobody can make another.
    handle = os.open(settings.config, os.O_RDONLY)
    mounted = elsewhere.model_copy(update={"config": Path(f"/proc/self/fd/{handle}")})
    assert restore_backup(mounted, tmp_path / "backups").fingerprints["acme"]
    os.close(handle)
    # As a container's mount makes it of a file that is not there.
    shutil.rmtree(elsewhere.data)
    elsewhere.config.mkdir()
    with pytest.raises(BackupError, match="something else is there already") as caught:
        restore_backup(elsewhere, tmp_path / "backups")
    assert f"{elsewhere.config} is another one" in caught.value.seen
    assert list(elsewhere.data.iterdir()) == []


def test_a_second_restore_of_the_same_finds_it_in_place_until_it_has_moved_on(
    settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path
) -> None:
    make_backup(settings, config, tmp_path / "backups")
    restore_backup(elsewhere, tmp_path / "backups")
    assert restore_backup(elsewhere, tmp_path / "backups").unchanged == ["acme"]
    (elsewhere.data / "acme" / "landing" / "more").write_text("landed since", encoding="utf-8")
    with pytest.raises(BackupError, match="something else"):
        restore_backup(elsewhere, tmp_path / "backups")


def test_two_restores_at_once_are_refused_and_the_first_goes_on(
    settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_backup(settings, config, tmp_path / "backups")
    stage, refused = restore._stage, []

    def stage_and_meet_another(*arguments: Any) -> None:
        stage(*arguments)
        if not refused:
            with pytest.raises(BackupError, match="another restore") as caught:
                restore_backup(elsewhere, tmp_path / "backups")
            refused.append(caught.value)

    monkeypatch.setattr(restore, "_stage", stage_and_meet_another)
    assert restore_backup(elsewhere, tmp_path / "backups").fingerprints["acme"]
    assert refused


def test_readers_with_a_volume_of_their_own_get_the_version_there(settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path) -> None:
    make_backup(settings, config, tmp_path / "backups")
    volume = tmp_path / "volume"
    with_volume = elsewhere.model_copy(update={"published": volume})
    result = restore_backup(with_volume, tmp_path / "backups")
    assert fingerprint_marts(volume / "acme" / "marts.duckdb") == result.fingerprints["acme"]
    assert (elsewhere.data / "acme" / "published").is_symlink()
    assert restore_backup(with_volume, tmp_path / "backups").unchanged == ["acme"]


@pytest.mark.parametrize(("change", "error"), [({"format": 99}, BackupError), ({"schema_version": 99}, SchemaError)])
def test_a_backup_of_a_newer_program_is_refused(
    settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path, change: dict[str, int], error: type[Exception]
) -> None:
    done = make_backup(settings, config, tmp_path / "backups")
    path = done.folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    with pytest.raises(error, match="newer version"):
        restore_backup(elsewhere, tmp_path / "backups")


@pytest.mark.parametrize("place", ["../escaped", "/tmp/escaped", "data/../../escaped", "elsewhere/file"])
def test_a_manifest_cannot_lead_out_of_where_things_belong(
    settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path, place: str
) -> None:
    done = make_backup(settings, config, tmp_path / "backups")
    path = done.folder / "manifest.json"
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    manifest["files"][0]["path"] = place
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BackupError, match="outside of the backup"):
        restore_backup(elsewhere, tmp_path / "backups")
    assert not elsewhere.data.exists()


@pytest.mark.parametrize("slug", ["../acme", "/tmp/acme", ".", ""])
def test_a_brand_of_a_manifest_cannot_lead_out_either(settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path, slug: str) -> None:
    done = make_backup(settings, config, tmp_path / "backups")
    path = done.folder / "manifest.json"
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    manifest["brands"][slug] = manifest["brands"]["acme"]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BackupError, match="a brand that can be none"):
        restore_backup(elsewhere, tmp_path / "backups")
    assert not elsewhere.data.exists()


def test_a_disk_too_short_for_a_backup_is_said_before_one_is_begun(settings: Settings, config: Config, tmp_path: Path) -> None:
    vast = settings.model_copy(update={"disk_reserve_gigabytes": 1e9})
    with pytest.raises(DiskError, match="no room for a backup"):
        make_backup(vast, config, tmp_path / "backups")
    assert [path for path in (tmp_path / "backups").iterdir() if path.is_dir()] == []


def test_room_is_asked_for_what_will_be_copied_and_none_for_what_is_shared(
    settings: Settings, config: Config, filled: BrandPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tight = settings.model_copy(update={"disk_reserve_gigabytes": 0.0})
    record_act(filled, "pause", by="ann", why="odd numbers")

    def refuse_and_make(folder: Path, needed: int) -> None:
        before = sorted(folder.rglob("*")) if folder.exists() else []
        with monkeypatch.context() as disk:
            set_free(disk, needed - 1)
            with pytest.raises(DiskError, match="no room for a backup"):
                make_backup(tight, config, folder)
            assert [path for path in sorted(folder.rglob("*")) if path.suffix != ".lock"] == [path for path in before if path.suffix != ".lock"]
            set_free(disk, needed)
            assert make_backup(tight, config, folder).copied_bytes == needed

    # Written out, so that none of the backups finds a work file larger than the next.
    make_backup(settings, config, tmp_path / "any")
    first = make_backup(settings, config, tmp_path / "known")
    version = measure_tree((filled.published / "current").resolve())
    assert first.copied_bytes > filled.warehouse.stat().st_size + filled.marts.stat().st_size + version + measure_tree(filled.extracts)
    refuse_and_make(tmp_path / "first", first.copied_bytes)
    publish_version(filled, settings, marker="p2")
    second = make_backup(settings, config, tmp_path / "known")
    assert second.linked_count
    refuse_and_make(tmp_path / "first", second.copied_bytes)
    third = make_backup(settings, config, tmp_path / "known")
    assert third.copied_bytes < second.copied_bytes
    refuse_and_make(tmp_path / "first", third.copied_bytes)


def test_where_no_file_can_be_shared_room_is_asked_for_all(
    settings: Settings, config: Config, filled: BrandPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_backup(settings, config, tmp_path / "backups")

    def refuse(*_: object, **__: object) -> None:
        # What a disk says that is formatted for cameras.
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    set_free(monkeypatch, first.copied_bytes - 1)
    tight = settings.model_copy(update={"disk_reserve_gigabytes": 0.0})
    with pytest.raises(DiskError, match="no room for a backup"):
        make_backup(tight, config, tmp_path / "backups")
    set_free(monkeypatch, first.copied_bytes)
    second = make_backup(tight, config, tmp_path / "backups")
    assert (second.copied_bytes, second.linked_count) == (first.copied_bytes, 0)


def test_room_is_asked_for_airflows_database_too(settings: Settings, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = tmp_path / "airflow.db"
    with closing(sqlite3.connect(live)) as writer:
        writer.executescript("create table dag_run (run_id text); insert into dag_run values (hex(randomblob(1000000)))")
    alone = make_backup(settings, config, tmp_path / "backups").copied_bytes
    set_free(monkeypatch, alone + 1_000_000)
    tight = settings.model_copy(update={"disk_reserve_gigabytes": 0.0})
    with pytest.raises(DiskError, match="no room for a backup"):
        make_backup(tight, config, tmp_path / "others", airflow_database=f"sqlite:///{live}")


def test_airflows_database_is_saved_while_it_is_written_and_without_what_is_secret_in_it(
    settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path
) -> None:
    live = tmp_path / "airflow.db"
    with closing(sqlite3.connect(live)) as writer:
        writer.executescript(
            "pragma journal_mode = wal; create table dag_run (run_id text); create table connection (conn_id text, password text);"
            " create table variable (key text, val text); insert into dag_run values ('first'), ('second');"
            f" insert into connection values ('acme_smtp', '{SECRET}'); insert into variable values ('key', '{SECRET}');"
        )
        done = make_backup(settings, config, tmp_path / "backups", airflow_database=f"sqlite:///{live}")
    assert (done.manifest.airflow, done.manifest.airflow_connections) == ("sqlite", ["acme_smtp", "key"])
    assert SECRET.encode() not in (done.folder / "airflow" / "airflow.db").read_bytes()
    target = tmp_path / "new" / "airflow" / "airflow.db"
    restore_backup(elsewhere, tmp_path / "backups", airflow_database=f"sqlite:///{target}")
    with closing(sqlite3.connect(target)) as reader:
        assert reader.execute("select run_id from dag_run order by 1").fetchall() == [("first",), ("second",)]
        assert reader.execute("select count(*) from connection").fetchall() == [(0,)]
    assert "the same" in restore_backup(elsewhere, tmp_path / "backups", airflow_database=f"sqlite:///{target}").airflow


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mysql://root:hush@db/airflow", "is not known here"),
        ("nonsense", "cannot be read"),
        ("sqlite:////nowhere/airflow.db", "is not there"),
        ("postgresql://airflow:hush@127.0.0.1:9/airflow", "pg_dump"),
    ],
)
def test_a_database_that_cannot_be_saved_is_said_without_its_password(
    settings: Settings, config: Config, tmp_path: Path, address: str, words: str
) -> None:
    with pytest.raises(BackupError, match=words) as caught:
        make_backup(settings, config, tmp_path / "backups", airflow_database=address)
    assert "hush" not in str(caught.value)
    assert list_backups(tmp_path / "backups") == []


def test_without_pg_dump_the_error_says_what_to_install(settings: Settings, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="pg_dump is not installed") as caught:
        make_backup(settings, config, tmp_path / "backups", airflow_database="postgresql+psycopg2://airflow:hush@127.0.0.1:9/airflow")
    assert "install PostgreSQL's client programs" in caught.value.remedy


WATCHED = (backup, restore, airflow_database)


def test_a_backup_killed_at_any_line_leaves_none_and_the_next_is_whole(
    settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path
) -> None:
    def work() -> None:
        make_backup(settings, config, tmp_path / "backups")

    record = tmp_path / "lines.txt"
    assert run_in_child(work, watched=WATCHED, record=record) == 0
    (first,) = list_backups(tmp_path / "backups")
    expected = [(one.path, one.sha256) for one in read_backup(tmp_path / "backups" / first).files]
    lines = read_lines(record)
    assert len(lines) > 80
    for line in lines[:: int(os.environ.get("FIFTY_KILL_EVERY", "9"))]:
        shutil.rmtree(tmp_path / "backups")
        assert run_in_child(work, watched=WATCHED, kill_at=line) == signal.SIGKILL, line
        assert run_in_child(work, watched=WATCHED) == 0
        complete = list_backups(tmp_path / "backups")
        # One, or two where the kill came after the manifest; every one of them whole.
        assert len(complete) in (1, 2), line
        assert [(one.path, one.sha256) for one in read_backup(tmp_path / "backups" / complete[-1]).files] == expected, line
        assert sorted(path.name for path in (tmp_path / "backups").iterdir() if path.is_dir()) == complete, line


@pytest.mark.parametrize("has_volume", [False, True], ids=["one_disk", "readers_volume"])
def test_a_restore_killed_at_any_line_is_finished_by_the_next(
    settings: Settings, config: Config, elsewhere: Settings, tmp_path: Path, has_volume: bool
) -> None:
    live = tmp_path / "airflow.db"
    with closing(sqlite3.connect(live)) as writer:
        writer.executescript("create table dag_run (run_id text); insert into dag_run values ('first')")
    target = elsewhere.model_copy(update={"published": tmp_path / "new" / "volume"}) if has_volume else elsewhere
    other = BrandPaths(settings.data, "other")

    def prepare() -> None:
        serving.LEAD_SECONDS = serving.GRACE_SECONDS = 0.02
        fill_brand(other, settings, make_brand())
        make_backup(settings, config, tmp_path / "backups", airflow_database=f"sqlite:///{live}")

    def work() -> None:
        serving.LEAD_SECONDS = serving.GRACE_SECONDS = 0.02
        restore_backup(target, tmp_path / "backups", airflow_database=f"sqlite:///{tmp_path}/new/airflow.db")

    assert run_in_child(prepare, watched=()) == 0
    record = tmp_path / "lines.txt"
    assert run_in_child(work, watched=WATCHED, record=record) == 0
    expected = describe(tmp_path / "new")
    assert len(expected) > 50
    lines = read_lines(record)
    assert len(lines) > 80
    for line in lines[:: int(os.environ.get("FIFTY_KILL_EVERY", "9"))]:
        shutil.rmtree(tmp_path / "new")
        assert run_in_child(work, watched=WATCHED, kill_at=line) == signal.SIGKILL, line
        assert run_in_child(work, watched=WATCHED) == 0, line
        assert describe(tmp_path / "new") == expected, line
        assert not list((tmp_path / "new").rglob(".restore-*")), line
