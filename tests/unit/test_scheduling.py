"""Windows, batches, days and verdicts that the scheduler asks for, without a scheduler."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from fifty.config import Config
from fifty.connectors.base import discover_connectors
from fifty.errors import CredentialError, FatalError, FiftyError, GateFailed, LandingError, RetryableError, SettingsError, SkippableError
from fifty.landing import LoadKey, LoadWriter, Window
from fifty.pipeline import end_of_day, find_as_of, name_run
from fifty.reports import find_worst
from fifty.scheduling import PullWindow, begin_run, check_freshness, find_window, label_outcome, plan_batches
from fifty.settings import load_settings
from fifty.status import read_status

NINE, TEN = datetime(2026, 3, 31, 9, tzinfo=UTC), datetime(2026, 3, 31, 10, tzinfo=UTC)


def window(params: dict[str, Any] | None = None, *, is_backfill: bool = False, interval: tuple[Any, Any] = (NINE, TEN)) -> PullWindow:
    return find_window(params or {}, interval=interval, is_backfill=is_backfill, run_after=datetime(2026, 3, 31, 10, 7, 30, tzinfo=UTC))


def make_config(accounts: int) -> Config:
    listed = [{"platform": "mastodon", "handle": f"a{number}", "base_url": "https://m.example"} for number in range(accounts)]
    paused = {"platform": "mastodon", "handle": "paused", "base_url": "https://m.example", "is_paused": True}
    other = {"platform": "bluesky", "handle": "elsewhere", "base_url": "https://b.example"}
    return Config.model_validate({"brands": {"acme": {"name": "Acme", "accounts": [*listed, paused, other]}}})


def test_a_scheduled_run_ends_at_its_interval_and_begins_where_the_last_load_ended() -> None:
    assert window() == PullWindow(TEN)


def test_a_backfill_asks_for_exactly_its_interval() -> None:
    assert window(is_backfill=True) == PullWindow(TEN, NINE, True)


def test_a_day_given_by_hand_is_pulled_to_its_end() -> None:
    assert window({"as_of": "2026-03-30"}, interval=(None, None)) == PullWindow(datetime(2026, 3, 31, tzinfo=UTC))


def test_since_given_by_hand_makes_a_backfill() -> None:
    asked = {"since": "2026-01-01", "until": "2026-02-01T12:00:00+01:00"}
    found = window(asked)
    assert found.since == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.until == datetime(2026, 2, 1, 11, tzinfo=UTC)
    assert found.is_backfill


def test_a_run_without_interval_ends_at_the_whole_minute_it_was_due() -> None:
    assert window(interval=(None, None)).until == datetime(2026, 3, 31, 10, 7, tzinfo=UTC)


def test_an_instant_that_is_none_is_a_mistake_in_words() -> None:
    with pytest.raises(SettingsError, match="since is no instant"):
        window({"since": "last week"})


def test_few_accounts_are_one_batch_each_and_a_paused_one_is_left_out() -> None:
    batches = plan_batches(make_config(3), discover_connectors()["mastodon"], brand=None, largest_count=200)
    assert [batch["label"] for batch in batches] == ["acme/a0", "acme/a1", "acme/a2"]


@pytest.mark.parametrize("accounts", [199, 200, 201, 400, 401, 999])
def test_no_map_grows_beyond_its_bound_and_no_account_is_lost(accounts: int) -> None:
    batches = plan_batches(make_config(accounts), discover_connectors()["mastodon"], brand="acme", largest_count=200)
    assert len(batches) <= 200
    assert [account for batch in batches for _, account in batch["accounts"]] == [f"a{number}" for number in range(accounts)]


def test_a_platform_read_from_files_is_planned_by_brand() -> None:
    batches = plan_batches(make_config(2), discover_connectors()["business"], brand=None, largest_count=200)
    assert batches == [{"label": "acme", "accounts": [["acme", None]]}]


def test_a_platform_nobody_uses_gives_no_batch() -> None:
    assert plan_batches(make_config(1), discover_connectors()["wordpress"], brand=None, largest_count=200) == []


def test_the_grid_names_account_and_where_it_failed_the_stream() -> None:
    batch = {"label": "acme/a0", "accounts": [["acme", "a0"]]}
    assert label_outcome(batch, None) == "acme/a0"
    assert label_outcome(batch, RetryableError("busy", where="acme/mastodon/a0/likes")) == "acme/a0/likes"
    assert label_outcome(batch, RetryableError("busy", where="acme/mastodon/a0/likes/load-1")) == "acme/a0/likes"
    assert label_outcome(batch, SettingsError("no", where="/srv/acme/drops/x.csv")) == "acme/a0"


def test_the_worst_error_decides() -> None:
    errors: list[FiftyError] = [SkippableError("s"), RetryableError("r"), CredentialError("c"), RetryableError("r")]
    assert isinstance(find_worst(errors), CredentialError)
    assert isinstance(find_worst([*errors, GateFailed("g")]), GateFailed)
    assert find_worst([]) is None


def test_the_day_comes_from_the_newest_finished_window_and_from_no_clock(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    with pytest.raises(SettingsError, match="nothing was pulled yet"):
        find_as_of(settings, "acme")
    for end, is_backfill in ((datetime(2026, 3, 31, tzinfo=UTC), False), (TEN, False), (datetime(2027, 1, 1, tzinfo=UTC), True)):
        key = LoadKey("acme", "mastodon", "acme", "statuses", Window(None, end))
        with LoadWriter(tmp_path, key, kind="events", is_backfill=is_backfill) as writer:
            writer.finish(scopes=[], next_state={})
    # An hour of the 31st is there, so the last complete day is the 30th; the backfill does not count.
    assert find_as_of(settings, "acme") == date(2026, 3, 30)
    assert name_run(settings, "acme", date(2026, 3, 30)) == "20260330-20260331T100000Z"
    assert end_of_day(date(2026, 3, 30)) == datetime(2026, 3, 31, tzinfo=UTC)


def test_a_warehouse_run_before_the_configuration_has_landed_is_too_early(tmp_path: Path) -> None:
    settings, config = load_settings(data=tmp_path), make_config(1)
    for platform, is_early in (("mastodon", True), ("config", False)):
        with LoadWriter(tmp_path, LoadKey("acme", platform, platform, "stream", Window(None, TEN)), kind="state") as writer:
            writer.finish(scopes=[], next_state={})
        if is_early:
            with pytest.raises(SkippableError, match="configuration has not landed"):
                begin_run("acme", settings, config, as_of=None)
    assert begin_run("acme", settings, config, as_of=None).as_of == date(2026, 3, 30)


def test_a_manifest_that_cannot_be_read_stops_neither_status_nor_run(tmp_path: Path) -> None:
    settings, config = load_settings(data=tmp_path), make_config(1)
    folders = {}
    for platform in ("config", "mastodon"):
        for stream in ("one", "two"):
            with LoadWriter(tmp_path, LoadKey("acme", platform, "a0", stream, Window(None, TEN)), kind="state") as writer:
                writer.finish(scopes=[], next_state={})
                folders[platform, stream] = writer.folder
    damaged = [folders["config", "one"] / "manifest.json", folders["mastodon", "one"] / "manifest.json"]
    for path in damaged:
        path.write_text("{", encoding="utf-8")
    status = read_status("acme", config.brands["acme"], settings)
    assert status.finished_loads == 2
    for path, note in zip(damaged, status.notes, strict=False):
        assert str(path) in note and "seen" in note and "expected" in note and "remedy" in note
    assert begin_run("acme", settings, config, as_of=None).as_of == date(2026, 3, 30)
    # Nothing else tells of the account or the configuration: the account was pulled nevertheless, and without the configuration nothing is built.
    shutil.rmtree(folders["mastodon", "two"])
    assert "mastodon/a0" not in read_status("acme", config.brands["acme"], settings).never_pulled
    shutil.rmtree(folders["config", "two"])
    with pytest.raises(LandingError, match="the manifest cannot be read"):
        begin_run("acme", settings, config, as_of="2026-03-30")


def test_before_the_first_publish_the_clock_skips_extracts_and_a_person_is_told(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    with pytest.raises(SkippableError, match="nothing is published yet"):
        check_freshness("acme", settings, at=TEN, is_by_clock=True)
    with pytest.raises(FatalError, match="run `fifty publish` first"):
        check_freshness("acme", settings, at=TEN, is_by_clock=False)
