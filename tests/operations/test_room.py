"""Room on the disk: a run that would not fit is not begun; what is beyond its time goes, and nothing else."""

from __future__ import annotations

import os
from collections import namedtuple
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from operated_brand import publish_version
from published_marts import AS_OF

from fifty.config import Brand, Config
from fifty.disk import estimate_run, measure_tree
from fifty.errors import DiskError
from fifty.maintain import prune_brand
from fifty.pipeline import BrandRun
from fifty.publish import list_versions
from fifty.scheduling import begin_run
from fifty.settings import Settings
from fifty.warehouse import BrandPaths


def set_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    """Let every file system have this many bytes free, as the system would say it."""
    real = os.statvfs
    Answer = namedtuple("Answer", "f_blocks f_bfree f_bavail f_frsize f_bsize")

    def answer(path: Any) -> Any:
        real(path)
        return Answer(10**9, free, free, 1, 1)

    monkeypatch.setattr(os, "statvfs", answer)


@pytest.mark.parametrize("work", ["run", "pull", "replay"])
def test_a_run_for_which_there_is_no_room_is_not_begun(
    filled: BrandPaths, settings: Settings, brand: Brand, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    set_free(monkeypatch, 10**6)
    before = {path: path.stat().st_mtime_ns for path in filled.root.rglob("*") if path.is_file() and path.suffix != ".lock"}
    run = BrandRun("acme", brand, settings, AS_OF)
    with pytest.raises(DiskError, match="there is no room for") as caught:
        getattr(run, work)()
    assert "0.00 GB free" in caught.value.seen
    assert "FIFTY_DISK_RESERVE_GIGABYTES" in caught.value.expected
    assert run.done == []
    assert {path: path.stat().st_mtime_ns for path in filled.root.rglob("*") if path.is_file() and path.suffix != ".lock"} == before


def test_a_scheduled_run_is_refused_at_its_first_task(filled: BrandPaths, settings: Settings, brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    set_free(monkeypatch, 10**6)
    with pytest.raises(DiskError):
        begin_run("acme", settings, Config(brands={"acme": brand}), as_of=AS_OF.isoformat())


def test_what_a_run_needs_follows_from_marts_version_and_work_file(
    filled: BrandPaths, settings: Settings, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = sum(estimate_run(filled).values())
    version = measure_tree((filled.published / "current").resolve())
    assert needed == filled.marts.stat().st_size + round(0.25 * filled.warehouse.stat().st_size) + version > 10**6
    tight = settings.model_copy(update={"disk_reserve_gigabytes": 0.0})
    config = Config(brands={"acme": brand})
    set_free(monkeypatch, needed - 1)
    with pytest.raises(DiskError):
        begin_run("acme", tight, config, as_of=AS_OF.isoformat())
    set_free(monkeypatch, needed)
    with pytest.raises(Exception, match="configuration has not landed"):
        begin_run("acme", tight, config, as_of=AS_OF.isoformat())
    assert sum(estimate_run(BrandPaths(filled.data, "new")).values()) == 0


def test_what_a_first_build_needs_is_estimated_by_what_is_landed(
    tmp_path: Path, settings: Settings, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = BrandPaths(tmp_path, "new")
    part = paths.landing / "wordpress" / "acme" / "posts" / "beginning" / "part-00001.jsonl.gz"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1_000_000)
    assert estimate_run(paths) == {paths.root: 105_000_000, paths.published: 2_500_000}
    tight = settings.model_copy(update={"data": tmp_path, "disk_reserve_gigabytes": 0.0})
    config = Config(brands={"new": brand})
    set_free(monkeypatch, 107_499_999)
    with pytest.raises(DiskError):
        begin_run("new", tight, config, as_of=AS_OF.isoformat())
    set_free(monkeypatch, 107_500_000)
    with pytest.raises(Exception, match="configuration has not landed"):
        begin_run("new", tight, config, as_of=AS_OF.isoformat())
    # What is brought into the work file already has its room.
    paths.warehouse.write_bytes(b"x" * 80_000_000)
    assert estimate_run(paths)[paths.root] == 25_000_000


def make_extracts(paths: BrandPaths, name: str, *days: date) -> None:
    for day in days:
        folder = paths.extracts / name / day.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manifest.json").write_text("{}", encoding="utf-8")


def test_old_extracts_go_and_the_newest_of_each_and_what_is_somebodys_own_stays(filled: BrandPaths, settings: Settings) -> None:
    old, older, young = (AS_OF - timedelta(days=number) for number in (91, 300, 90))
    make_extracts(filled, "weekly", old, older, young)
    make_extracts(filled, "quarterly_verdict", older, old)
    own = filled.extracts / "weekly" / "2020-01-01"
    own.mkdir()
    (own / "notes.txt").write_text("mine", encoding="utf-8")
    listed = prune_brand(filled, settings, is_dry_run=True)
    paths = {Path(one.path).relative_to(filled.extracts) for one in listed}
    assert paths == {Path("weekly") / str(old), Path("weekly") / str(older), Path("quarterly_verdict") / str(older)}
    assert all((filled.extracts / path).is_dir() for path in paths), "listing has removed something"
    assert prune_brand(filled, settings) == listed
    assert not any((filled.extracts / path).exists() for path in paths)
    assert (filled.extracts / "weekly" / str(young)).is_dir()
    assert (filled.extracts / "quarterly_verdict" / str(old)).is_dir()
    assert (own / "notes.txt").is_file()
    assert prune_brand(filled, settings) == []


def test_what_a_killed_one_left_goes_with_the_next(filled: BrandPaths, settings: Settings) -> None:
    make_extracts(filled, "weekly", AS_OF - timedelta(days=300))
    folder = filled.extracts / "weekly" / (AS_OF - timedelta(days=300)).isoformat()
    folder.rename(folder.with_name(f".removed-{folder.name}"))
    assert prune_brand(filled, settings) == []
    assert [path.name for path in (filled.extracts / "weekly").iterdir()] == [AS_OF.isoformat()]


def test_versions_beyond_the_number_kept_are_listed_and_removed(filled: BrandPaths, settings: Settings) -> None:
    for marker in ("p2", "p3", "p4"):
        publish_version(filled, settings, marker=marker)
    few = settings.model_copy(update={"keep_versions": 1})
    before = [one.publish_id for one in list_versions(filled)]
    listed = prune_brand(filled, few, is_dry_run=True)
    assert [(one.kind, Path(one.path).name) for one in listed] == [("version", one) for one in before[:2]]
    assert [one.publish_id for one in list_versions(filled)] == before
    prune_brand(filled, few)
    # The newest, and the one that the other slot of bi.duckdb still shows.
    assert [one.publish_id for one in list_versions(filled)] == before[2:]


def test_a_brand_of_which_there_is_nothing_has_nothing_to_prune(settings: Settings, tmp_path: Path) -> None:
    assert prune_brand(BrandPaths(tmp_path, "nobody"), settings) == []
    assert not (tmp_path / "nobody").exists()
