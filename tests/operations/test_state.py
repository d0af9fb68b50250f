"""Held, paused, sent again: what operators have said is asked at every door, and outlives what the work file does not."""

from __future__ import annotations

import json
import shutil
import signal
from datetime import date
from pathlib import Path

import pytest
from killed_child import read_lines, run_in_child
from operated_brand import publish_version
from published_marts import AS_OF

from fifty import extract as extract_module
from fifty import landing, state
from fifty import resend as resend_module
from fifty.backup import make_backup
from fifty.config import Brand, Config
from fifty.errors import FatalError, HeldError, PausedError, RetryableError, SettingsError
from fifty.extract import run_extracts
from fifty.extract_store import push_extracts
from fifty.pipeline import BrandRun
from fifty.resend import resend_extract
from fifty.settings import Settings
from fifty.state import read_state, record_act, refuse_held
from fifty.warehouse import BrandPaths, lock_extracts


def list_files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Name → inode and content."""
    return {str(path.relative_to(folder)): (path.stat().st_ino, path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_held_brand_gives_no_extract_until_it_is_released(filled: BrandPaths, settings: Settings, brand: Brand) -> None:
    shutil.rmtree(filled.extracts)
    record_act(filled, "hold", by="ann", why="odd numbers")
    with pytest.raises(HeldError, match="extracts are held") as caught:
        run_extracts("acme", brand, filled, settings)
    assert "by ann: odd numbers" in caught.value.seen
    assert not filled.extracts.exists()
    record_act(filled, "release")
    assert run_extracts("acme", brand, filled, settings).files


def test_a_held_brand_is_published_all_the_same(filled: BrandPaths, settings: Settings) -> None:
    from fifty.publish import read_current_version

    before = read_current_version(filled)
    record_act(filled, "hold", why="odd numbers")
    publish_version(filled, settings, marker="p2")
    assert read_current_version(filled) != before


def test_a_hold_that_comes_while_an_extract_is_written_still_stops_it(
    filled: BrandPaths, settings: Settings, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(filled.extracts)
    write_csv = extract_module.write_csv

    def write_and_hold(*arguments: object) -> None:
        write_csv(*arguments)  # type: ignore[arg-type]
        if not read_state(filled).hold:
            record_act(filled, "hold", why="just now")

    monkeypatch.setattr(extract_module, "write_csv", write_and_hold)
    with pytest.raises(HeldError):
        run_extracts("acme", brand, filled, settings)
    assert [path.name for path in filled.extracts.rglob("*") if path.is_dir() and not path.name.startswith(".")] == ["the_fifty"]


@pytest.mark.parametrize("stage", ["pull", "land", "gate_landed", "transform", "gate_marts", "publish", "extract", "replay", "run"])
def test_of_a_paused_brand_no_stage_is_begun(paths: BrandPaths, settings: Settings, brand: Brand, stage: str) -> None:
    record_act(paths, "pause", by="ann", why="contract under review")
    before = list_files(paths.root)
    with pytest.raises(PausedError, match="paused") as caught:
        getattr(BrandRun("acme", brand, settings, AS_OF), stage)()
    assert "contract under review" in caught.value.seen
    assert "--resume" in caught.value.remedy
    assert list_files(paths.root) == before


def test_the_last_word_counts_and_every_word_is_kept(paths: BrandPaths) -> None:
    for kind, why in (("hold", "a"), ("pause", "b"), ("release", ""), ("hold", "c"), ("resume", "")):
        record_act(paths, kind, by="ann", why=why)  # type: ignore[arg-type]
    found = read_state(paths)
    assert [act.kind for act in found.acts] == ["hold", "pause", "release", "hold", "resume"]
    assert (found.hold and found.hold.why, found.pause) == ("c", None)


@pytest.mark.parametrize(
    "content", ["", "{", "[1]", '{"kind": "hold"}', '[{"kind": "hold"}]', "null", '[{"kind": "Hold", "by": "ann", "at": "now"}]']
)
def test_a_state_that_cannot_be_read_stops_what_it_would_decide(paths: BrandPaths, content: str) -> None:
    paths.root.mkdir(parents=True)
    paths.operations.write_text(content, encoding="utf-8")
    with pytest.raises(FatalError, match="nobody knows"):
        refuse_held(paths)
    with pytest.raises(FatalError, match="nobody knows"):
        record_act(paths, "hold", why="x")
    assert paths.operations.read_text(encoding="utf-8") == content


def test_killed_at_any_line_an_act_is_recorded_or_not_and_can_be_said_again(paths: BrandPaths, tmp_path: Path) -> None:
    record_act(paths, "hold", by="ann", why="first")
    record = tmp_path / "lines.txt"
    assert run_in_child(lambda: record_act(paths, "release", by="bob"), watched=(state, landing), record=record) == 0
    lines = read_lines(record)
    assert len(lines) > 15
    for line in lines:
        before = read_state(paths).acts
        assert run_in_child(lambda: record_act(paths, "release", by="bob"), watched=(state, landing), kill_at=line) == signal.SIGKILL
        assert read_state(paths).acts[: len(before)] == before, line
        assert len(read_state(paths).acts) - len(before) in (0, 1), line
    record_act(paths, "hold", by="ann", why="last")
    assert [path.name for path in paths.root.iterdir() if path.name.endswith(".tmp")] == []


def test_nobody_writes_extracts_while_another_does(filled: BrandPaths, settings: Settings, brand: Brand, tmp_path: Path) -> None:
    hurried = settings.model_copy(update={"lock_timeout_seconds": 0.0, "extracts_url": "s3://bucket/fifty"})
    old = date(2026, 8, 30)
    shutil.copytree(filled.extracts / "weekly" / AS_OF.isoformat(), filled.extracts / "weekly" / old.isoformat())
    before = list_files(filled.extracts)
    for work in (
        lambda: run_extracts("acme", brand, filled, hurried),
        lambda: resend_extract("acme", brand, filled, hurried, name="weekly"),
        lambda: resend_extract("acme", brand, filled, hurried, name="weekly", as_of=old),
        lambda: push_extracts(filled, hurried),
        lambda: make_backup(hurried, Config(brands={"acme": brand}), tmp_path / "backups"),
    ):
        with lock_extracts(filled, settings), pytest.raises(RetryableError, match="at work on this brand's extracts"):
            work()
    assert list_files(filled.extracts) == before
    assert read_state(filled).acts == ()


def test_what_was_sent_is_sent_again_only_when_asked_and_that_is_recorded(filled: BrandPaths, settings: Settings, brand: Brand) -> None:
    folder = filled.extracts / "weekly" / AS_OF.isoformat()
    other = list_files(filled.extracts / "the_fifty")
    before = list_files(folder)
    assert run_extracts("acme", brand, filled, settings).extracts[0].is_new is False
    assert list_files(folder) == before
    resent = resend_extract("acme", brand, filled, settings, name="weekly", by="ann", why="lost")
    after = list_files(folder)
    assert {name: content for name, (_, content) in after.items()} == {name: content for name, (_, content) in before.items()}
    assert all(after[name][0] != before[name][0] for name in before), "nothing was written"
    assert list_files(filled.extracts / "the_fifty") == other
    (act,) = read_state(filled).acts
    assert (act.kind, act.by, act.why, act.facts["extract"], act.facts["day"]) == ("resend", "ann", "lost", "weekly", AS_OF.isoformat())
    assert resent.source.startswith("version ")


def test_a_day_whose_version_is_gone_is_sent_again_as_it_was(filled: BrandPaths, settings: Settings, brand: Brand) -> None:
    then = date(2026, 8, 30)
    folder = filled.extracts / "weekly" / then.isoformat()
    (filled.extracts / "weekly" / AS_OF.isoformat()).rename(folder)
    before = list_files(folder)
    resent = resend_extract("acme", brand, filled, settings, name="weekly", as_of=then)
    after = list_files(folder)
    assert {name: content for name, (_, content) in after.items()} == {name: content for name, (_, content) in before.items()}
    assert all(after[name][0] != before[name][0] for name in before)
    assert (resent.day, resent.source) == ("2026-08-30", "the folder as it was sent")
    (folder / "dictionary.csv").write_text("somebody's own", encoding="utf-8")
    with pytest.raises(FatalError, match="not what was sent") as caught:
        resend_extract("acme", brand, filled, settings, name="weekly", as_of=then)
    assert "dictionary.csv" in caught.value.seen
    assert len(read_state(filled).acts) == 1


def test_killed_at_any_line_a_folder_can_be_sent_again_as_it_was(filled: BrandPaths, settings: Settings, brand: Brand, tmp_path: Path) -> None:
    then = date(2026, 8, 30)
    folder = filled.extracts / "weekly" / then.isoformat()
    (filled.extracts / "weekly" / AS_OF.isoformat()).rename(folder)
    before = {name: content for name, (_, content) in list_files(folder).items()}

    def work() -> None:
        resend_extract("acme", brand, filled, settings, name="weekly", as_of=then)

    record = tmp_path / "lines.txt"
    watched = (resend_module, extract_module)
    assert run_in_child(work, watched=watched, record=record) == 0
    lines = read_lines(record)
    assert len(lines) > 25
    for line in lines:
        assert run_in_child(work, watched=watched, kill_at=line) == signal.SIGKILL, line
        work()
        assert {name: content for name, (_, content) in list_files(folder).items()} == before, line
        assert [path.name for path in folder.parent.iterdir()] == [folder.name], line


def test_a_day_of_which_nothing_is_kept_names_the_days_that_are(filled: BrandPaths, settings: Settings, brand: Brand) -> None:
    with pytest.raises(SettingsError, match="nothing of 2026-01-01 is kept") as caught:
        resend_extract("acme", brand, filled, settings, name="weekly", as_of=date(2026, 1, 1))
    assert AS_OF.isoformat() in caught.value.expected
    assert read_state(filled).acts == ()


@pytest.mark.parametrize(("kind", "error"), [("hold", HeldError), ("pause", PausedError)])
def test_nothing_is_sent_again_of_a_brand_that_is_held_or_paused(
    filled: BrandPaths, settings: Settings, brand: Brand, kind: str, error: type[Exception]
) -> None:
    record_act(filled, kind, why="wait")  # type: ignore[arg-type]
    with pytest.raises(error):
        resend_extract("acme", brand, filled, settings, name="weekly")
    assert [act.kind for act in read_state(filled).acts] == [kind]


def test_the_state_is_plain_json_that_other_programs_can_read(paths: BrandPaths) -> None:
    record_act(paths, "hold", by="ann", why="ünïcode")
    (act,) = json.loads(paths.operations.read_text(encoding="utf-8"))
    assert set(act) == {"kind", "by", "at", "why", "facts"}
    assert act["at"].endswith("Z")
