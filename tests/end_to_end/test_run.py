"""Runs that follow a run: again, the day after with a platform down, healed, rebuilt without network, stopped by a gate, in a world that changed."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import openpyxl
import pytest
import yaml
from demo_world import ANCHOR, ROOT, DemoWorld, FinishedRun
from timeline import Truth, naive

from fifty.config import load_config
from fifty.connectors.base import discover_connectors, remote_platforms
from fifty.errors import SkippableError
from fifty.fingerprint import fingerprint_marts
from fifty.pipeline import BrandRun
from fifty.scheduling import begin_run
from fifty.settings import load_settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

DAY_AFTER = (date.fromisoformat(ANCHOR) + timedelta(days=1)).isoformat()
WITHOUT_NETWORK = Path(__file__).with_name("without_network")
# Port 9 (discard) of the loopback answers nobody.
NOWHERE = "http://127.0.0.1:9"


def read_fingerprint(world: DemoWorld, run: FinishedRun) -> str:
    """Fingerprint of what is published, computed anew."""
    done = world.run_fifty(run.data, "publish", "--fingerprint", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found[run.root.name]


def test_the_first_run_publishes_and_nothing_of_what_was_pulled_is_doubtful(first_run: FinishedRun) -> None:
    assert first_run.said.returncode == 0, first_run.said.stderr
    warnings = [line for line in first_run.said.stderr.splitlines() if line.startswith("warning:")]
    assert warnings == []
    assert [report["stage"] for report in first_run.answer["stages"]] == [
        "pull", "land", "gate_landed", "transform", "gate_marts", "publish", "extract",
    ]  # fmt: skip
    states = first_run.ask_published("select platform, stream, completeness_state, reason from ops.completeness")
    assert {state for _, _, state, _ in states} <= {"complete", "legitimately_empty"}, states
    # Accounts that are gone, or in a block with the author, stay in Bluesky's counts and are in none of its lists: no fault, but said.
    said = {(platform, stream) for platform, stream, _, reason in states if "more than it lists" in (reason or "")}
    assert {("bluesky", "likes"), ("bluesky", "followers")} <= said <= {("bluesky", stream) for stream in ("likes", "reposts", "quotes", "followers")}


def test_hostile_names_reach_the_extracts_harmless(first_run: FinishedRun) -> None:
    folder = first_run.root / "extracts" / "the_fifty" / ANCHOR
    names = {name for (name,) in first_run.ask_published("select display_name from relationships.the_fifty where display_name is not null")}
    marked, formulas, controls = (
        {name for name in names if re.search(pattern, name)} for pattern in (r"[<>]", r"^[=+@-]", "[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
    )
    assert marked | formulas and controls, "the demo's strangers are not hostile enough for this test"
    page = (folder / "the_fifty.html").read_text(encoding="utf-8")
    for name in marked:
        assert name not in page
    assert "<script" not in page
    with (folder / "the_fifty.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    book = openpyxl.load_workbook(folder / "the_fifty.xlsx")
    values = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    for name in formulas:
        assert f"'{name}" in cells
    # A number may begin with a minus; nothing else may begin as a formula does.
    assert [cell for cell in cells if re.match(r"[=+@-]", cell) and not re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", cell)] == []
    assert [cell.coordinate for cell in values if cell.data_type == "f"] == []
    for text in (page, *cells, *(str(cell.value) for cell in values)):
        assert re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text.replace("\r\n", "\n")) is None


def test_news_that_a_run_has_published_already_start_no_second_build(world: DemoWorld, first_run: FinishedRun, tmp_path: Path) -> None:
    run = first_run.copy(tmp_path / "data")
    settings = load_settings(config=world.folder / "fifty.yml", data=run.data)
    config = load_config(settings.config, platforms=remote_platforms(discover_connectors().values()))

    def begin() -> BrandRun:
        return begin_run(world.brand, settings, config, as_of=None, is_by_news=True)

    with pytest.raises(SkippableError, match="nothing has landed since the run before"):
        begin()
    # A person, or another day, is never refused.
    begin_run(world.brand, settings, config, as_of=None)
    begin_run(world.brand, settings, config, as_of="2026-02-01", is_by_news=True)
    # Published here, and the object store has not got it.
    stored = settings.model_copy(update={"published_url": "s3://bucket/fifty"})
    assert begin_run(world.brand, stored, config, as_of=None, is_by_news=True).run_id

    work_file = run.root / "warehouse.duckdb"
    for statement, undo in (
        ("update ops.loads set manifest_sha256 = 'x' || manifest_sha256", "update ops.loads set manifest_sha256 = substr(manifest_sha256, 2)"),
        (
            "update ops.loads set load_status = 'landed' where platform = 'config'",
            "update ops.loads set load_status = 'accepted' where platform = 'config'",
        ),
        ("update ops.built_loads set state = 'x' || state", "update ops.built_loads set state = substr(state, 2)"),
        ("update ops.built set as_of_date = as_of_date - 1", "update ops.built set as_of_date = as_of_date + 1"),
    ):
        with duckdb.connect(str(work_file)) as connection:
            connection.execute(statement)
        assert begin().run_id, statement
        with duckdb.connect(str(work_file)) as connection:
            connection.execute(undo)
    with pytest.raises(SkippableError):
        begin()
    # A run that died between build and publish: what readers see is that of an earlier one.
    version = (run.root / "published" / "current").resolve() / "version.json"
    version.chmod(0o644)
    version.write_text(json.dumps({**json.loads(version.read_text(encoding="utf-8")), "run_id": "20260301-earlier"}), encoding="utf-8")
    assert begin().run_id


def test_only_marts_that_the_gate_has_passed_are_published_and_only_as_those_of_their_day(
    world: DemoWorld, first_run: FinishedRun, tmp_path: Path
) -> None:
    run = first_run.copy(tmp_path / "data")
    day_before = (date.fromisoformat(world.as_of) - timedelta(days=1)).isoformat()

    def call(*command: str, day: str) -> subprocess.CompletedProcess[str]:
        return world.run_fifty(run.data, *command, "--as-of", day)

    # As after a kill between publish and extract: the verdict is still there, and the content is no new version.
    again = call("publish", day=world.as_of)
    assert (again.returncode, "nothing has changed since" in again.stdout) == (0, True), again.stdout + again.stderr
    before = (run.root / "published" / "current").readlink()
    assert call("transform", day=day_before).returncode == 0
    for command, day, words in (
        (("publish",), world.as_of, "the marts are of another day"),
        (("gate", "--marts"), world.as_of, "the marts are of another day"),
        (("publish",), day_before, "the gate has not judged these marts"),
    ):
        done = call(*command, day=day)
        assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (1, True, False), done.stdout + done.stderr
        assert "remedy" in done.stderr
    assert (run.root / "published" / "current").readlink() == before
    for command in (("gate", "--marts"), ("publish",)):
        done = call(*command, day=day_before)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (run.root / "published" / "current").readlink().name.startswith(day_before.replace("-", ""))


@dataclass(frozen=True)
class SecondRun:
    """A run of the window that was run before, with a suite that no marts can pass."""

    said: FinishedRun
    manifests: tuple[int, int]
    """Before and after, like the others."""
    current: tuple[str, str]
    fingerprint: tuple[str, str]
    rebuilt: str
    """Fingerprint of the marts that were built again and not published."""
    outcomes: list[tuple[str, str]]


@pytest.fixture(scope="module")
def second_run(world: DemoWorld, first_run: FinishedRun, data: Path, tmp_path_factory: pytest.TempPathFactory) -> SecondRun:
    run = FinishedRun(data / world.brand, first_run.said)
    suites = tmp_path_factory.mktemp("second") / "expectations"
    shutil.copytree(ROOT / "expectations", suites)
    people = suites / "marts" / "people.yml"
    text, count = re.subn(r"^least_rows: \d+$", "least_rows: 1000000", people.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert count == 1
    people.write_text(text, encoding="utf-8")

    def look() -> tuple[int, str, str]:
        manifests = list((run.root / "landing").rglob("manifest.json"))
        return len(manifests), str((run.root / "published" / "current").readlink()), read_fingerprint(world, run)

    before = look()
    done = world.run_fifty(data, "run", "--as-of", world.as_of, "--json", FIFTY_EXPECTATIONS=str(suites))
    after = look()
    outcomes = run.ask(
        "select severity, outcome from ops.gate_results where suite = 'marts/people' and expectation_id = 'mart_has_the_rows_it_must_have'"
    )
    pairs = tuple(zip(before, after, strict=True))
    rebuilt = fingerprint_marts(run.root / "marts.duckdb")
    return SecondRun(FinishedRun(run.root, done), pairs[0], pairs[1], pairs[2], rebuilt, outcomes)  # type: ignore[arg-type]


def test_a_second_run_of_the_same_window_lands_nothing_and_builds_the_same_marts(second_run: SecondRun) -> None:
    assert second_run.said.read_stage("pull")["facts"]["pulled"] == 0
    assert (second_run.said.read_stage("land")["rows"], second_run.said.read_stage("land")["facts"]["loads"]) == (0, 0)
    assert second_run.manifests[0] == second_run.manifests[1] > 0
    assert second_run.rebuilt == second_run.fingerprint[0]


def test_a_failing_mart_gate_stops_with_3_and_the_last_version_stays(second_run: SecondRun) -> None:
    said = second_run.said.said
    assert said.returncode == 3, said.stdout + said.stderr
    assert "mart_has_the_rows_it_must_have" in said.stderr
    assert "what was published before stays" in said.stderr
    assert second_run.current[0] == second_run.current[1]
    assert second_run.fingerprint[0] == second_run.fingerprint[1]
    assert ("critical", "failed") in second_run.outcomes
    assert [report["stage"] for report in second_run.said.answer["stages"]][-1] == "transform"


@dataclass(frozen=True)
class DayAfter:
    """The run of the day after: WordPress down, a cell of the business files wrong; and the run that healed it."""

    broken: FinishedRun
    published: list[tuple[str, int]]
    states: dict[str, set[str]]
    healed: FinishedRun
    config: Path


@pytest.fixture(scope="module")
def day_after(world: DemoWorld, second_run: SecondRun, data: Path, tmp_path_factory: pytest.TempPathFactory) -> DayAfter:
    # After the run that the gate stopped: the next one goes on as if nothing had been.
    folder = tmp_path_factory.mktemp("day-after")
    shutil.copytree(world.folder / "business" / world.brand, folder / "business")
    with (folder / "business" / "costs.csv").open("a", encoding="utf-8", newline="") as file:
        file.write("a-cost-that-is-none,2026-02-01T00:00:00Z,,,prize,lots,EUR,\r\n")
    good = world.change_config(folder / "fifty.yml", business_files=str(folder / "business"))
    config = yaml.safe_load(good.read_text(encoding="utf-8"))
    for account in config["brands"][world.brand]["accounts"]:
        if account["platform"] == "wordpress":
            account["base_url"] = NOWHERE
    broken_config = folder / "broken.yml"
    broken_config.write_text(yaml.safe_dump(config), encoding="utf-8")

    def run(path: Path) -> FinishedRun:
        return FinishedRun(data / world.brand, world.run_fifty(data, "run", "--as-of", DAY_AFTER, "--json", FIFTY_CONFIG=str(path)))

    broken = run(broken_config)
    published = [(str(row[0]), row[1]) for row in broken.ask_published("select platform, count(*) from engagement.posts group by all order by all")]
    states: dict[str, set[str]] = {}
    for platform, state in broken.ask_published(
        "select platform, completeness_state from ops.completeness where cast(window_end_at as date) = ?",
        date.fromisoformat(DAY_AFTER) + timedelta(days=1),
    ):
        states.setdefault(platform, set()).add(state)
    return DayAfter(broken, published, states, run(good).copy(folder), good)


def test_with_one_platform_down_the_others_are_published_and_coverage_says_so(day_after: DayAfter) -> None:
    broken = day_after.broken
    assert broken.said.returncode == 0, broken.said.stderr
    assert re.search(r"warning: .*/wordpress/", broken.said.stderr)
    assert broken.read_stage("publish")["facts"]["is_new"]
    assert {platform for platform, _ in day_after.published} == {"bluesky", "mastodon", "wordpress"}
    assert day_after.states["wordpress"] & {"partial", "failed"}, day_after.states
    for platform in ("bluesky", "mastodon"):
        assert day_after.states[platform] <= {"complete", "legitimately_empty"}, day_after.states


def test_a_later_run_heals_it(day_after: DayAfter) -> None:
    healed = day_after.healed
    assert healed.said.returncode == 0, healed.said.stderr
    assert not re.search(r"/wordpress/", healed.said.stderr), healed.said.stderr
    assert healed.ask_published("select distinct completeness_state from ops.completeness where platform = 'wordpress' order by all") in (
        [("complete",)],
        [("complete",), ("legitimately_empty",)],
    )


def test_a_bad_cell_is_quarantined_with_its_line_and_the_rest_is_landed(day_after: DayAfter) -> None:
    rows = day_after.healed.ask(
        "select platform, stream, part is not null, line is not null, path, expected, seen, reason, original"
        " from ops.quarantine where replayed_at is null"
    )
    assert len(rows) == 1
    platform, stream, has_part, has_line, path, expected, seen, reason, original = rows[0]
    assert (platform, stream, has_part, has_line, reason) == ("business", "costs", True, True, "wrong_type")
    assert "amount" in path
    assert expected
    assert "lots" in seen
    assert "a-cost-that-is-none" in original
    costs = day_after.healed.ask("select count(distinct cost_id) from staging.costs where load_id in (select load_id from ops.quarantine)")
    with (day_after.config.with_name("business") / "costs.csv").open(encoding="utf-8", newline="") as file:
        assert costs[0][0] == len(list(csv.DictReader(file))) - 1


def test_a_rebuild_from_landing_without_network_gives_the_same_fingerprint(world: DemoWorld, day_after: DayAfter, data: Path) -> None:
    before = read_fingerprint(world, day_after.healed)
    query = "select platform, stream, part, line, original from ops.quarantine order by all"
    rebuilt = FinishedRun(data / world.brand, day_after.healed.said)
    for name in ("warehouse.duckdb", "marts.duckdb"):
        (rebuilt.root / name).unlink()
        (rebuilt.root / f"{name}.wal").unlink(missing_ok=True)
    environment = {"PYTHONPATH": str(WITHOUT_NETWORK), "FIFTY_CONFIG": str(day_after.config)}
    control = subprocess.run(
        [sys.executable, "-c", f"import requests; requests.get({NOWHERE!r})"],
        env={"PYTHONPATH": str(WITHOUT_NETWORK)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "there is no network here" in control.stderr
    done = world.run_fifty(data, "replay", "--as-of", DAY_AFTER, **environment)
    assert done.returncode == 0, done.stderr
    assert read_fingerprint(world, rebuilt) == before
    assert rebuilt.ask(query) == day_after.healed.ask(query)


@dataclass(frozen=True)
class ChangedWorld:
    """A world read a week after it began, and again at its end."""

    run: FinishedRun
    truths: dict[str, Truth]
    seen_first: dict[str, dict[str, str]]
    first_at: datetime


@pytest.fixture(scope="module")
def changed_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChangedWorld]:
    folder = tmp_path_factory.mktemp("changed")
    world = DemoWorld(folder / "demo")
    # An instant at which on every platform something stands that will be deleted, and likes and follows that will be taken back.
    first_at = datetime.fromisoformat(ANCHOR) - timedelta(days=53)
    data = folder / "data"
    world.start(now=f"{first_at.isoformat()}Z")
    try:
        for command in ("pull", "land"):
            done = world.run_fifty(data, command, *(() if command == "land" else ("--as-of", (first_at - timedelta(days=1)).date().isoformat())))
            assert done.returncode == 0, done.stderr
        run = FinishedRun(data / world.brand, done)
        seen_first: dict[str, dict[str, str]] = {}
        for platform, post_id, text in run.ask("select platform, post_id, any_value(text) from staging.posts group by all"):
            seen_first.setdefault(platform, {})[post_id] = text
        world.travel(ANCHOR)
        for command in ("pull", "land", "gate", "transform"):
            done = world.run_fifty(data, command, *(() if command == "land" else ("--as-of", ANCHOR)))
            assert done.returncode == 0, done.stderr
        yield ChangedWorld(run, {platform: Truth(world, platform) for platform in ("mastodon", "bluesky", "wordpress")}, seen_first, first_at)
    finally:
        world.stop()


@pytest.mark.parametrize("platform", ["mastodon", "bluesky", "wordpress"])
def test_messages_deleted_between_two_runs_are_marked_and_no_others(changed_world: ChangedWorld, platform: str) -> None:
    truth, seen = changed_world.truths[platform], changed_world.seen_first[platform]
    deleted = {key for key, row in truth.posts.items() if key in seen and row["deleted_at"] is not None}
    assert deleted, "nothing was deleted between the two runs: the test proves nothing"
    marked = {key for (key,) in changed_world.run.ask("select post_id from intermediate.int_messages where platform = ? and is_deleted", platform)}
    assert marked == deleted


def test_edits_between_two_runs_show_the_newer_text(changed_world: ChangedWorld) -> None:
    truth, seen = changed_world.truths["mastodon"], changed_world.seen_first["mastodon"]
    edits = {key: naive(row["edited_at"]) for key, row in truth.posts.items() if key in seen and row["is_served"]}
    edited = {key for key, edited_at in edits.items() if edited_at is not None and edited_at > changed_world.first_at}
    assert edited, "nothing was edited between the two runs: the test proves nothing"
    now = dict(changed_world.run.ask("select post_id, text from intermediate.int_messages where platform = 'mastodon'"))
    assert {key for key in edited if now[key] == seen[key]} == set()


@pytest.mark.parametrize("platform", ["mastodon", "bluesky"])
@pytest.mark.parametrize("kind", ["like", "follow"])
def test_likes_and_follows_taken_back_between_two_runs_have_ended_and_no_others(changed_world: ChangedWorld, platform: str, kind: str) -> None:
    truth = changed_world.truths[platform]
    gone = {account_id for account_id, row in truth.accounts.items() if row["suspended_at"] or row["deactivated_at"]}
    now_served = {
        (row["actor_account_id"], row["post_id"] or row["target_account_id"]) for row in truth.reactions if row["is_served"] and row["kind"] == kind
    }
    ended = {
        (row["actor_account_id"], row["post_id"] or row["target_account_id"])
        for row in truth.reactions
        if row["kind"] == kind
        and row["ended_at"] is not None
        and (naive(row["occurred_at"]) or changed_world.first_at) <= changed_world.first_at < (naive(row["ended_at"]) or changed_world.first_at)
        and row["target_account_id"] == truth.brand_id
        and row["actor_account_id"] not in gone
    } - now_served
    assert ended, "nothing was taken back between the two runs: the test proves nothing"
    absent = changed_world.run.ask(
        """
        select distinct interactions.actor_account_id, coalesce(interactions.post_id, interactions.target_account_id)
        from staging.interactions as interactions
        inner join intermediate.int_interactions_absent as absent using (platform, interaction_id)
        where interactions.platform = ? and interactions.kind = ?
        """,
        platform,
        kind,
    )
    # Whom the brand blocks, or who blocks it, is in no list of Bluesky any more: nobody who reads lists can tell this from a like taken back.
    parted = {
        (row["actor_account_id"], row["post_id"] or row["target_account_id"])
        for row in truth.reactions
        if row["kind"] == kind and row["ended_at"] is None and not row["is_served"] and platform == "bluesky"
    }
    assert {pair for pair in absent if pair[0] not in gone} - parted == ended
