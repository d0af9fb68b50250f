"""A brand leaves: whole or not at all, whatever kills it; never from under somebody's hands; and it does not come back by itself."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import traceback
from pathlib import Path

import pytest
from killed_child import read_lines, run_in_child
from published_marts import AS_OF
from visited_task import record_lines, run_visited

from fifty import disk, offboard, publish_store, state, warehouse
from fifty.config import Brand
from fifty.errors import DepartedError, FatalError, RetryableError, SettingsError
from fifty.landing import hash_file
from fifty.offboard import offboard_brand
from fifty.pipeline import BrandRun
from fifty.publish import prepare_folder
from fifty.settings import Settings
from fifty.state import record_act
from fifty.warehouse import BrandPaths, hold_folder, lock_brand


def list_everything(folder: Path) -> set[str]:
    """Every path but the locks, which are made by whoever looks."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix != ".lock"} if folder.exists() else set()


def test_everything_goes_but_the_mark_and_what_is_left_to_do_is_said(filled: BrandPaths, settings: Settings, brand: Brand) -> None:
    (filled.data / "other").mkdir()
    done = offboard_brand("acme", settings, brand)
    assert list_everything(filled.data) == {"other", ".offboarded", ".offboarded/acme.json"}
    assert set(json.loads(filled.departure.read_text(encoding="utf-8"))) == {"by", "at"}
    assert done.removed_bytes > 10_000
    text = "\n".join(done.left_to_do)
    for word in (str(settings.config), "acme-mastodon", "backups", "airflow dags delete warehouse_acme"):
        assert word in text
    again = offboard_brand("acme", settings, brand)
    assert (again.removed_bytes, list_everything(filled.data)) == (0, {"other", ".offboarded", ".offboarded/acme.json"})


def test_what_a_brand_takes_along_is_whole_and_names_its_sha256(filled: BrandPaths, settings: Settings, brand: Brand, tmp_path: Path) -> None:
    extracts = {str(path.relative_to(filled.extracts)): path.read_bytes() for path in filled.extracts.rglob("*") if path.is_file()}
    marts = (filled.published / "marts.duckdb").read_bytes()
    done = offboard_brand("acme", settings, brand, export=tmp_path / "out")
    assert done.export == tmp_path / "out" / "acme"
    files = json.loads((done.export / "manifest.json").read_text(encoding="utf-8"))["files"]
    assert {one["path"] for one in files} == {
        str(path.relative_to(done.export)) for path in done.export.rglob("*") if path.is_file()
    } - {"manifest.json"}  # fmt: skip
    assert all(hash_file(done.export / one["path"]) == one["sha256"] for one in files)
    assert (done.export / "published" / "marts.duckdb").read_bytes() == marts
    assert {name: (done.export / "extracts" / name).read_bytes() for name in extracts} == extracts
    assert list((done.export / "published" / "parquet").rglob("*.parquet"))
    assert not list(done.export.rglob("*.jsonl.gz"))


def move_to_readers_volume(filled: BrandPaths, settings: Settings, volume: Path) -> Settings:
    """The same installation, with FIFTY_PUBLISHED."""
    apart = settings.model_copy(update={"published": volume})
    aside = filled.published.rename(filled.root / "aside")
    prepare_folder(filled, apart)
    (filled.published / "versions").rmdir()
    for path in aside.iterdir():
        path.rename(filled.published / path.name)
    aside.rmdir()
    return apart


@pytest.mark.parametrize("is_set", [True, False], ids=["set", "set_once"])
def test_what_lies_on_the_readers_volume_goes_too(filled: BrandPaths, settings: Settings, brand: Brand, tmp_path: Path, is_set: bool) -> None:
    apart = move_to_readers_volume(filled, settings, tmp_path / "volume")
    (tmp_path / "volume" / "other").mkdir()
    done = offboard_brand("acme", apart if is_set else settings, brand, export=tmp_path / "out")
    assert done.export
    assert (done.export / "published" / "marts.duckdb").is_file()
    assert list_everything(tmp_path / "volume") == {"other"}
    assert list_everything(filled.data) == {".offboarded", ".offboarded/acme.json"}


def test_a_brand_whose_folder_is_a_link_goes_with_what_it_leads_to(filled: BrandPaths, settings: Settings, brand: Brand, tmp_path: Path) -> None:
    (tmp_path / "larger").mkdir()
    filled.root.rename(tmp_path / "larger" / "acme")
    filled.root.symlink_to(tmp_path / "larger" / "acme")
    assert offboard_brand("acme", settings, brand).removed_bytes > 10_000
    assert list_everything(tmp_path / "larger") == set()
    assert list_everything(filled.data) == {".offboarded", ".offboarded/acme.json"}


@pytest.mark.parametrize("place", ["data/acme", "data/acme/extracts/handover", "volume/acme", "link"])
def test_an_export_that_would_go_with_the_brand_is_refused(filled: BrandPaths, settings: Settings, brand: Brand, tmp_path: Path, place: str) -> None:
    apart = move_to_readers_volume(filled, settings, tmp_path / "volume")
    (tmp_path / "link").symlink_to(filled.root)
    before = list_everything(tmp_path)
    with pytest.raises(SettingsError, match="would be removed with the brand"):
        offboard_brand("acme", apart, brand, export=tmp_path / place)
    assert list_everything(tmp_path) == before


def test_the_export_is_on_the_disk_before_anything_is_removed(
    filled: BrandPaths, settings: Settings, brand: Brand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[set[str]] = []
    monkeypatch.setattr(os, "sync", lambda: forced.append(list_everything(tmp_path / "out")))
    done = offboard_brand("acme", settings, brand, export=tmp_path / "out")
    assert done.export
    (seen,) = forced
    assert {name.replace(".acme.tmp", "acme") for name in seen} == list_everything(tmp_path / "out")
    assert "acme" not in seen


@pytest.mark.parametrize("is_writer", [True, False], ids=["a_writer", "a_pull"])
def test_a_brand_at_which_somebody_works_does_not_leave(filled: BrandPaths, settings: Settings, brand: Brand, is_writer: bool) -> None:
    before = list_everything(filled.data)
    with lock_brand(filled, settings) if is_writer else hold_folder(filled), pytest.raises(RetryableError):
        offboard_brand("acme", settings, brand)
    assert list_everything(filled.data) == before
    offboard_brand("acme", settings, brand)


def test_what_was_begun_before_finds_the_brand_gone_and_makes_nothing(filled: BrandPaths, settings: Settings, brand: Brand) -> None:
    run = BrandRun("acme", brand, settings, AS_OF)
    offboard_brand("acme", settings, brand)
    for work in (run.pull, run.land, run.extract, run.run, run.replay, lambda: record_act(filled, "hold", why="x")):
        with pytest.raises(DepartedError, match="has left"):
            work()  # type: ignore[operator]
    with pytest.raises(DepartedError), lock_brand(filled, settings):
        pass
    assert not filled.root.exists()


@pytest.mark.parametrize("head_start", [0.0, 0.3], ids=["about_to_ask", "waiting"])
def test_whoever_waited_for_a_lock_while_the_brand_left_does_not_bring_it_back(
    filled: BrandPaths, settings: Settings, tmp_path: Path, head_start: float
) -> None:
    locked = tmp_path / "locked"
    waiting = os.fork()
    if not waiting:
        code = 1
        try:
            while not locked.exists():
                pass
            with lock_brand(filled, settings):
                code = 2
        except DepartedError:
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    with lock_brand(filled, settings):
        locked.touch()
        time.sleep(head_start)
        state.mark_departure(filled)
        filled.root.rename(filled.tombstone)
    assert os.waitstatus_to_exitcode(os.waitpid(waiting, 0)[1]) == 0
    assert not filled.root.exists()


def test_a_wrong_export_stops_it_before_anything_is_removed(filled: BrandPaths, settings: Settings, brand: Brand, tmp_path: Path) -> None:
    before = list_everything(filled.data)
    (tmp_path / "out" / "acme").mkdir(parents=True)
    with pytest.raises(FatalError, match="no whole export"):
        offboard_brand("acme", settings, brand, export=tmp_path / "out")
    assert list_everything(filled.data) == before


@pytest.mark.parametrize("slug", ["nobody", "../acme", ".offboarded", ""])
def test_a_brand_of_which_there_is_nothing_is_no_brand(filled: BrandPaths, settings: Settings, slug: str) -> None:
    before = list_everything(filled.data)
    with pytest.raises(SettingsError):
        offboard_brand(slug, settings, None)
    assert list_everything(filled.data) == before


def test_killed_at_any_line_a_second_one_ends_as_an_undisturbed_one(filled: BrandPaths, settings: Settings, brand: Brand, tmp_path: Path) -> None:
    start, out = tmp_path / "start", tmp_path / "out"
    filled.data.rename(start)

    def work() -> None:
        offboard_brand("acme", settings, brand, export=out, by="ann")

    def begin() -> None:
        for folder in (filled.data, out):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(start, filled.data, symlinks=True)

    begin()
    record = tmp_path / "lines.txt"
    assert run_in_child(work, watched=(offboard, state), record=record) == 0
    expected = (list_everything(filled.data), {path: hash_file(out / path) for path in list_everything(out) if (out / path).is_file()})
    lines = read_lines(record)
    assert len(lines) > 40
    step = int(os.environ.get("FIFTY_KILL_EVERY", "4"))
    for line in lines[::step]:
        begin()
        assert run_in_child(work, watched=(offboard, state), kill_at=line) == signal.SIGKILL, line
        # Readers see the brand whole or not at all.
        assert not filled.root.exists() or (filled.published / "marts.duckdb").exists(), line
        work()
        found = (list_everything(filled.data), {path: hash_file(out / path) for path in list_everything(out) if (out / path).is_file()})
        assert found == expected, line


def test_two_at_once_end_as_one_or_in_words_and_lose_nothing(filled: BrandPaths, settings: Settings, brand: Brand, tmp_path: Path) -> None:
    start, out = tmp_path / "start", tmp_path / "out"
    filled.data.rename(start)
    came: list[str] = []

    def begin() -> None:
        for folder in (filled.data, out):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(start, filled.data, symlinks=True)
        came.clear()

    def work() -> None:
        try:
            offboard_brand("acme", settings, brand, export=out, by="ann")
            came.append("done")
        except (RetryableError, DepartedError) as error:
            assert error.remedy
            came.append(type(error).__name__)

    begin()
    watched = (offboard, state, warehouse, disk)
    lines = record_lines(work, watched=watched)
    expected = (list_everything(filled.data), {path: hash_file(out / path) for path in list_everything(out) if (out / path).is_file()})
    assert came == ["done"]
    refused = 0
    for line in lines[:: int(os.environ.get("FIFTY_VISIT_EVERY", "3"))]:
        begin()
        run_visited(work, watched=watched, at=line, visit=work)
        assert "done" in came, line
        refused += came[0] == "RetryableError"
        found = (list_everything(filled.data), {path: hash_file(out / path) for path in list_everything(out) if (out / path).is_file()})
        assert found == expected, line
        assert [path.name for path in filled.data.iterdir()] == [".offboarded"], line
    assert refused > 15


def test_what_somebody_removes_by_hand_meanwhile_is_gone_and_no_more(filled: BrandPaths, settings: Settings, brand: Brand, tmp_path: Path) -> None:
    start = tmp_path / "start"
    filled.data.rename(start)

    def begin() -> None:
        shutil.rmtree(filled.data, ignore_errors=True)
        shutil.copytree(start, filled.data, symlinks=True)

    def work() -> None:
        offboard_brand("acme", settings, brand)

    def remove() -> None:
        # What waited for a lock does so with a folder that it made anew; a person, with either.
        if filled.departure.exists():
            for folder in (filled.root, filled.tombstone / "landing", filled.tombstone):
                shutil.rmtree(folder, ignore_errors=True)

    begin()
    watched = (offboard, disk)
    for line in record_lines(work, watched=watched):
        begin()
        run_visited(work, watched=watched, at=line, visit=remove)
        assert list_everything(filled.data) == {".offboarded", ".offboarded/acme.json"}, line


# The last here: a process that has built with DuckDB must not fork.
def test_a_brand_whose_version_is_being_uploaded_does_not_leave(
    filled: BrandPaths, settings: Settings, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def upload(*_: object) -> bool:
        with pytest.raises(RetryableError, match="under way"):
            offboard_brand("acme", settings, brand)
        return bool(seen.append("refused"))

    monkeypatch.setattr(publish_store, "push_version", upload)
    BrandRun("acme", brand, settings, AS_OF).publish()
    assert seen == ["refused"]
    offboard_brand("acme", settings, brand)
