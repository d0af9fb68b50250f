"""Daily care finds what was changed on disk, removes what is abandoned and old, and touches nothing else."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock

from fifty import maintain
from fifty.errors import LandingError, SettingsError
from fifty.landing import LandedLoad, LoadKey, LoadWriter, Window
from fifty.maintain import ABANDONED_AFTER_DAYS, prune_brand, prune_logs, verify_landing
from fifty.settings import Settings
from fifty.warehouse import BrandPaths

END = datetime(2026, 3, 31, tzinfo=UTC)


def make_load(data: Path, stream: str, *, is_finished: bool = True) -> tuple[LandedLoad | None, Path]:
    key = LoadKey("acme", "mastodon", "acme", stream, Window(None, END))
    with LoadWriter(data, key, kind="events") as writer:
        writer.write({"account": "acme"}, 1, [{"id": "1"}, {"id": "2"}])
        return (writer.finish(scopes=[], next_state={}) if is_finished else None), writer.folder


def age(folder: Path, days: float) -> None:
    then = time.time() - days * 86400
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (then, then))


def test_every_load_that_was_changed_on_disk_is_named_at_once(tmp_path: Path) -> None:
    paths = BrandPaths(tmp_path, "acme")
    loads = {stream: make_load(tmp_path, stream)[0] for stream in ("statuses", "followers", "favourites")}
    assert verify_landing(paths) == 3
    for stream in ("statuses", "followers"):
        load = loads[stream]
        assert load
        load.part_paths[0].write_bytes(b"something else")
    with pytest.raises(LandingError, match="2 of 3 landed loads") as caught:
        verify_landing(paths)
    assert "statuses" in caught.value.seen
    assert "followers" in caught.value.seen
    assert "favourites" not in caught.value.seen


def test_a_manifest_that_cannot_be_read_is_named_with_the_other_loads_that_were_changed(tmp_path: Path) -> None:
    _, unreadable = make_load(tmp_path, "statuses")
    _, changed = make_load(tmp_path, "followers")
    make_load(tmp_path, "favourites")
    (unreadable / "manifest.json").write_text("{", encoding="utf-8")
    (changed / "part-00000.jsonl.gz").write_bytes(b"something else")
    with pytest.raises(LandingError, match="2 of 3 landed loads") as caught:
        verify_landing(BrandPaths(tmp_path, "acme"))
    assert f"{unreadable / 'manifest.json'} (the manifest cannot be read" in caught.value.seen
    assert str(changed) in caught.value.seen
    assert "favourites" not in caught.value.seen


def test_only_loads_begun_long_ago_and_never_finished_are_removed(tmp_path: Path) -> None:
    paths = BrandPaths(tmp_path, "acme")
    _, finished = make_load(tmp_path, "statuses")
    _, fresh = make_load(tmp_path, "followers", is_finished=False)
    _, abandoned = make_load(tmp_path, "favourites", is_finished=False)
    age(finished, ABANDONED_AFTER_DAYS + 1)
    age(abandoned, ABANDONED_AFTER_DAYS + 1)
    settings = Settings(data=tmp_path, _env_file=None)
    listed = prune_brand(paths, settings, is_dry_run=True)
    assert [(one.kind, one.path) for one in listed] == [("abandoned load", str(abandoned))]
    assert abandoned.exists()
    assert prune_brand(paths, settings) == listed
    assert finished.exists()
    assert fresh.exists()
    assert not abandoned.exists()


def test_a_load_that_goes_on_after_it_was_listed_is_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = BrandPaths(tmp_path, "acme")
    folders = {stream: make_load(tmp_path, stream, is_finished=False)[1] for stream in ("statuses", "followers", "favourites")}
    for folder in folders.values():
        age(folder, ABANDONED_AFTER_DAYS + 1)
    paths.published.mkdir(parents=True)

    def wait(*_: object) -> list[str]:
        # While the writer's lock is waited for, one load is finished and one is begun again.
        make_load(tmp_path, "statuses")
        make_load(tmp_path, "followers", is_finished=False)
        return []

    monkeypatch.setattr(maintain, "prune_published", wait)
    removed = prune_brand(paths, Settings(data=tmp_path, _env_file=None))
    assert [one.path for one in removed] == [str(folders["favourites"])]
    assert {stream for stream, folder in folders.items() if folder.exists()} == {"statuses", "followers"}


def test_nothing_is_removed_of_an_account_that_is_being_pulled(tmp_path: Path) -> None:
    paths, settings = BrandPaths(tmp_path, "acme"), Settings(data=tmp_path, _env_file=None)
    _, abandoned = make_load(tmp_path, "favourites", is_finished=False)
    age(abandoned, ABANDONED_AFTER_DAYS + 1)
    with FileLock(paths.landing / "mastodon" / "acme" / ".pull.lock"):
        assert prune_brand(paths, settings) == []
        assert abandoned.exists()
    assert [one.path for one in prune_brand(paths, settings)] == [str(abandoned)]


def test_a_file_that_goes_while_abandoned_loads_are_looked_for_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, abandoned = make_load(tmp_path, "favourites", is_finished=False)
    age(abandoned, ABANDONED_AFTER_DAYS + 1)
    list_files = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: [*list_files(path), path / "part-that-went"])
    assert prune_brand(BrandPaths(tmp_path, "acme"), Settings(data=tmp_path, _env_file=None)) == []
    assert abandoned.exists()


def test_old_logs_go_and_new_ones_stay_and_a_link_is_not_followed(tmp_path: Path) -> None:
    logs, elsewhere = tmp_path / "logs", tmp_path / "elsewhere"
    for name in ("run_1/task.log", "run_2/task.log"):
        (logs / name).parent.mkdir(parents=True, exist_ok=True)
        (logs / name).write_text("line", encoding="utf-8")
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("kept", encoding="utf-8")
    age(elsewhere, 100)
    (logs / "latest").symlink_to(elsewhere)
    age(logs / "run_1", 40)
    settings = Settings(data=tmp_path / "data", keep_log_days=30, _env_file=None)
    assert prune_logs(logs, settings, is_dry_run=True) == 1
    assert (logs / "run_1" / "task.log").exists()
    assert prune_logs(logs, settings) == 1
    assert not (logs / "run_1" / "task.log").exists()
    assert (logs / "run_2" / "task.log").exists()
    assert (elsewhere / "precious").exists()


@pytest.mark.parametrize("folder", [".", "data", "data/acme", "volume", "config", "secrets"])
def test_what_is_no_log_does_not_go_with_the_logs_however_old(tmp_path: Path, folder: str) -> None:
    make_load(tmp_path / "data", "statuses")
    for name in ("volume/acme/version.json", "config/fifty.yml", "secrets/token"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
    age(tmp_path, 1000)
    before = sorted(tmp_path.rglob("*"))
    settings = Settings(
        data=tmp_path / "data", published=tmp_path / "volume", secrets=tmp_path / "secrets", config=tmp_path / "config" / "fifty.yml", _env_file=None
    )
    with pytest.raises(SettingsError, match="no folder of logs alone"):
        prune_logs(tmp_path / folder, settings)
    assert sorted(tmp_path.rglob("*")) == before
