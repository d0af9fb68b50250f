"""How much of what really happened a daily pull catches, how soon, and at how many requests.

python -m demo serve, travel day by day → run_pull (real HTTP, the shipped polling) → land → gate → transform → against the world's own columns

Protocol:
- A world of 120 days. The first pull comes after 60 and fetches what there is; then one pull a day for 60 days, each at 00:00 UTC, window by window.
  Measured are the interactions (see bench/completeness_truth.py) that the platforms began to show in those 60 days.
- *Captured within 24 hours*: the end of the window of the first load that holds it, less the moment the platform began to show it, is at most 24 hours.
  The wall clock of the bench means nothing. What was taken back before any daily pull could see it is told apart and left out: nobody could.
- *On an old post*: the first message of the tree, or the message liked, was older than 14 days then.
- *Un-likes*: likes, reshares and follows that had stood at a daily pull, were in staging, and were taken back at least 7 days before the last pull; seen
  within 7 days when int_interactions_absent dates their end, by the window of the read that no longer held them, at most 7 days after.
- Requests: all that run_pull sent on the 60 days, sessions, repeats and profiles included, against *naive* on the same days (`count_naive`).
Run alone: `python -m bench.completeness [--interactions N] [--seed N] [--dir DIR]` writes bench/results/completeness.json.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from bench.completeness_truth import count_naive, load_truth
from bench.results import Figure, print_table, write_results
from bench.results import measure as measure_figure
from fifty.config import Brand, load_config
from fifty.demo import write_setup
from fifty.gate import gate_landed
from fifty.land import run_land
from fifty.pull import run_pull
from fifty.settings import PROJECT_ROOT, Settings, load_settings
from fifty.transform import run_transform
from fifty.warehouse import BrandPaths, connect

ANCHOR = date(2026, 3, 2)
HISTORY_DAYS, MEASURED_DAYS = 60, 60
AIMS = {
    "captured_within_24_hours": 0.995,
    "captured_within_24_hours_on_posts_older_than_14_days": 0.98,
    "unlikes_and_unfollows_seen_within_7_days": 0.95,
}
CALLS_AIM = 10.0
OLD_POST_DAYS, ENDED_DAYS, CAPTURED_HOURS = 14, 7, 24
START_SECONDS = 120.0


@dataclass
class Completeness:
    """What was measured; shares are of `counted` things, None where there is nothing to count."""

    pulls: list[datetime]
    requests: list[int]
    first_requests: int
    naive: int
    naive_roots: int
    seconds: float
    shares: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Name to (found, counted)."""
    missed: list[tuple[Any, ...]] = field(default_factory=list)
    """(platform, kind, on an old post, never or late, count)."""
    by_stream: list[tuple[Any, ...]] = field(default_factory=list)
    """(platform, stream, requests) of the measured days."""


class ServedWorld:
    """The demo platforms over one world folder, at a moment that can be moved."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, now: datetime) -> None:
        """Serve as of a moment; returns when the services answer. Raises SystemExit when they do not."""
        (self.folder / "addresses.json").unlink(missing_ok=True)
        with (self.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "demo", "serve", "--dir", str(self.folder), "--limits", "raised", "--now", format_moment(now)],
                cwd=PROJECT_ROOT,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not (self.folder / "addresses.json").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the demo did not come up: see {self.folder / 'serve.log'}")
            time.sleep(0.1)

    def travel(self, now: datetime) -> None:
        """Let all services answer as of another moment."""
        subprocess.run(
            [sys.executable, "-m", "demo", "travel", "--dir", str(self.folder), "--now", format_moment(now)],
            cwd=PROJECT_ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """End the services."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)


def format_moment(moment: datetime) -> str:
    """An instant as the demo reads it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pull_days(world: ServedWorld, slug: str, brand: Brand, settings: Settings, pulls: Sequence[datetime]) -> tuple[list[int], list[tuple[Any, ...]]]:
    """One pull at each moment; returns requests by pull, and by (platform, stream) of all but the first."""
    requests: list[int] = []
    by_stream: dict[tuple[str, str], int] = {}
    for number, moment in enumerate(pulls):
        if number:
            world.travel(moment)
        result = run_pull(slug, brand, settings, until=moment)
        if result.errors:
            raise SystemExit(f"the pull of {moment:%Y-%m-%d} failed: {result.errors[0]}")
        requests.append(result.request_count)
        if number:
            for load in result.loads:
                key = (load.platform, load.stream)
                by_stream[key] = by_stream.get(key, 0) + load.request_count
        if number % 10 == 0:
            print(f"{moment:%Y-%m-%d}: {result.request_count} requests, {result.item_count} items", flush=True)
    return requests, [(*key, count) for key, count in sorted(by_stream.items(), key=lambda pair: -pair[1])]


def score_landed(connection: duckdb.DuckDBPyConnection, pulls: Sequence[datetime]) -> tuple[dict[str, tuple[int, int]], list[tuple[Any, ...]]]:
    """Shares and what was missed, from staging, int_interactions_absent and `truth`, all in one connection. The first pull only opens the time measured."""
    connection.execute("create or replace temporary table moments (pull_at timestamp)")
    connection.executemany("insert into moments values (?)", [[pull.replace(tzinfo=None)] for pull in pulls])
    connection.execute(_CAPTURED, {"opened": pulls[0].replace(tzinfo=None), "closed": pulls[-1].replace(tzinfo=None), "old_days": OLD_POST_DAYS})
    shares = {}
    for name, condition in (
        ("captured_within_24_hours", "is_seeable"),
        ("captured_within_24_hours_on_posts_older_than_14_days", "is_seeable and is_old"),
        ("captured_within_24_hours_with_what_nobody_could_see", "true"),
    ):
        found = connection.execute(
            f"select count(*) filter (captured_at <= shown_at + to_hours({CAPTURED_HOURS})), count(*) from scored where {condition}"
        ).fetchone()
        assert found is not None
        shares[name] = (int(found[0]), int(found[1]))
    found = connection.execute(
        _ENDED, {"opened": pulls[0].replace(tzinfo=None), "closed": pulls[-1].replace(tzinfo=None), "days": ENDED_DAYS}
    ).fetchone()
    assert found is not None
    shares["unlikes_and_unfollows_seen_within_7_days"] = (int(found[0]), int(found[1]))
    missed = connection.execute(
        f"select platform, kind, is_old, if(captured_at is null, 'never', 'late'), count(*) from scored"
        f" where is_seeable and coalesce(captured_at, timestamp '9999-01-01') > shown_at + to_hours({CAPTURED_HOURS}) group by all order by all"
    ).fetchall()
    return shares, missed


_CAPTURED = """
create or replace temporary table scored as
with held as (
    select staged.platform, staged.post_id as interaction_id, min(loads.window_end) as captured_at
    from staging.posts as staged inner join ops.loads as loads on staged.load_id = loads.load_id
    group by all
    union all
    select staged.platform, staged.interaction_id, min(loads.window_end)
    from staging.interactions as staged inner join ops.loads as loads on staged.load_id = loads.load_id
    group by all
),

shown as (
    select interactions.*, (select min(pull_at) from moments where pull_at > interactions.shown_at) as next_pull_at
    from truth.interactions as interactions
    where interactions.shown_at >= $opened and interactions.shown_at < $closed
)

select
    shown.*,
    held.captured_at,
    shown.is_on_post and shown.subject_created_at < shown.shown_at - to_days($old_days) as is_old,
    coalesce(shown.ended_at, timestamp '9999-01-01') > shown.next_pull_at as is_seeable
from shown
left join held on shown.platform = held.platform and shown.interaction_id = held.interaction_id
"""

# The end of an interaction is dated by the start of the read that no longer held it; that read's window says when it was in the world.
_ENDED = """
with read_moments as (
    select platform, observed_at, max(window_end) as window_end from ops.loads group by all
),

held as (
    select staged.platform, staged.interaction_id, min(loads.window_end) as captured_at
    from staging.interactions as staged inner join ops.loads as loads on staged.load_id = loads.load_id
    group by all
),

ended as (
    select interactions.*, read_moments.window_end as found_at
    from truth.interactions as interactions
    inner join held on interactions.platform = held.platform and interactions.interaction_id = held.interaction_id
    left join intermediate.int_interactions_absent as absent
        on interactions.platform = absent.platform and interactions.interaction_id = absent.interaction_id
    left join read_moments on absent.platform = read_moments.platform and absent.ended_at = read_moments.observed_at
    where interactions.kind in ('like', 'reshare', 'follow') and held.captured_at < interactions.ended_at
        and interactions.ended_at >= $opened and interactions.ended_at < $closed - to_days($days)
)

select count(*) filter (found_at <= ended_at + to_days($days)), count(*) from ended
"""


def measure(folder: Path, interactions: int, seed: int) -> Completeness:
    """Make the world, pull it day by day, score it."""
    end = datetime(ANCHOR.year, ANCHOR.month, ANCHOR.day, tzinfo=UTC)
    pulls = [end - timedelta(days=day) for day in range(MEASURED_DAYS, -1, -1)]
    options = ["--preset", "small", "--days", str(HISTORY_DAYS + MEASURED_DAYS), "--interactions", str(interactions)]
    subprocess.run(
        [sys.executable, "-m", "demo", "world", "--dir", str(folder), "--seed", str(seed), "--anchor", ANCHOR.isoformat(), *options],
        cwd=PROJECT_ROOT,
        check=True,
    )
    world = ServedWorld(folder)
    started = time.monotonic()
    try:
        world.start(pulls[0])
        setup = write_setup(folder)
        settings = load_settings(data=folder / "data", secrets=setup.secrets)
        brand = load_config(setup.config).brands[setup.brand]
        requests, by_stream = pull_days(world, setup.brand, brand, settings, pulls)
    finally:
        world.stop()
    return score_world(folder, settings, setup.brand, brand, pulls, requests, by_stream, time.monotonic() - started)


def score_world(
    folder: Path,
    settings: Settings,
    slug: str,
    brand: Brand,
    pulls: Sequence[datetime],
    requests: Sequence[int],
    by_stream: Sequence[tuple[Any, ...]],
    seconds: float,
) -> Completeness:
    """Land, gate and transform what was pulled, and hold it against the world."""
    paths = BrandPaths(settings.data, slug)
    run_land(paths, settings, run_id="bench")
    gate_landed(paths, settings, run_id="bench")
    run_transform(paths, settings, as_of=(pulls[-1] - timedelta(days=1)).date(), run_id="bench")
    responders = [(one.platform, one.id) for one in (*brand.staff, *brand.agency, *brand.automatons) if one.answers_for_brand and one.id]
    with connect(paths, settings) as connection:
        load_truth(connection, folder, slug, responders)
        shares, missed = score_landed(connection, pulls)
        days = [pull.replace(tzinfo=None) for pull in pulls[1:]]
        naive, naive_roots = count_naive(connection, days), count_naive(connection, days, only_roots=True)
    return Completeness(list(pulls[1:]), list(requests[1:]), requests[0], naive, naive_roots, seconds, shares, missed, list(by_stream))


def describe(result: Completeness) -> list[Figure]:
    """The figures of the result file."""
    figures = []
    for name, (found, counted) in result.shares.items():
        figures.append(measure_figure(name, found / counted if counted else None, f"share of {counted:,}", at_least=AIMS.get(name)))
    spent = sum(result.requests)
    figures += [
        measure_figure("naive_requests_per_request", result.naive / spent, f"{result.naive:,} / {spent:,}", at_least=CALLS_AIM),
        measure_figure("naive_requests_per_request_threads_only", result.naive_roots / spent, f"{result.naive_roots:,} / {spent:,}"),
        measure_figure("requests_per_day", spent / len(result.requests), "requests"),
        measure_figure("first_pull_requests", result.first_requests, "requests"),
        measure_figure("pull_seconds", result.seconds, "s, all days"),
    ]
    return figures


def main() -> None:
    """Measure, print and write the result file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--interactions", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--dir", type=Path, help="keep the world and the landed loads here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="completeness-bench-") as name:
        result = measure(options.dir or Path(name), options.interactions, options.seed)
    figures = describe(result)
    print_table(figures)
    print_missed(result)
    write_results("completeness", figures)


def print_missed(result: Completeness) -> None:
    """What was missed, and where the requests went."""
    print("\nMissed (platform, kind, on an old post, how, count):")
    for row in result.missed:
        print("  " + "  ".join(str(value) for value in row))
    print("\nRequests (platform, stream, count):")
    for row in result.by_stream:
        print("  " + "  ".join(str(value) for value in row))


if __name__ == "__main__":
    main()
