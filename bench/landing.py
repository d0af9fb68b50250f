"""Throughput of land against plain DuckDB on the same files, and the fixed cost of a small load.

200,000 statuses in gzip parts → (a) create table as select of the same fields, typed, into a fresh file, checkpoint included
                               → (b) run_land: checks, quarantine, duplicates, scopes, ledger, mapping, checkpoint

Runs alternate; the medians are compared. The statuses and the mapping are Mastodon's own. (a) reads the fields that the mapping of (b) reads and
keeps them as they are; (b) makes four tables of them, turns HTML into text and finds links and mentions.
Run alone: `python -m bench.landing [--items N] [--runs N]` writes bench/results/landing.json.
"""

from __future__ import annotations

import argparse
import random
import statistics
import string
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from bench.results import Figure, measure, print_table, write_results
from fifty import land, shapes, warehouse
from fifty.connectors.base import discover_connectors
from fifty.landing import LandedLoad, LoadKey, LoadWriter, ScopeRead, Window
from fifty.settings import Settings

PLATFORM, STREAM = "mastodon", "statuses"
SMALL_LOADS, SMALL_ITEMS = 300, 5


def make_statuses(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Statuses as a server sends them, about 1.5 KB each."""
    source = random.Random(seed)
    words = ["".join(source.choices(string.ascii_lowercase, k=source.randint(2, 9))) for _ in range(4000)]
    people = [make_person(source, words, number) for number in range(5000)]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    statuses = []
    for number in range(count):
        author, named = source.choice(people), source.choice(people)
        is_reply = source.random() < 0.5
        names = [named] if is_reply or source.random() < 0.1 else []
        lead = "".join(
            f'<span class="h-card"><a href="{one["url"]}" class="u-url mention">@<span>{one["username"]}</span></a></span> ' for one in names
        )
        link = '<a href="https://shop.example/tea?a=1&amp;b=2" rel="nofollow">shop.example</a>' if source.random() < 0.1 else ""
        statuses.append(
            {
                "id": str(113 * 10**15 + number),
                "created_at": (start + timedelta(seconds=41 * number)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "in_reply_to_id": str(113 * 10**15 + source.randrange(number + 1)) if is_reply else None,
                "in_reply_to_account_id": named["id"] if is_reply else None,
                "sensitive": False,
                "spoiler_text": "",
                "visibility": "public",
                "language": source.choice(["de", "en", None]),
                "uri": f"https://server.example/users/x/statuses/{number}",
                "url": f"https://server.example/@x/{number}",
                "replies_count": source.randrange(9),
                "reblogs_count": source.randrange(9),
                "favourites_count": source.randrange(99),
                "edited_at": None,
                "content": f"<p>{lead}{' '.join(source.choices(words, k=35))} {'&amp;' if source.random() < 0.1 else 'and'} more{link}</p>",
                "reblog": None,
                "application": {"name": "Web", "website": None},
                "account": author,
                "media_attachments": [],
                "mentions": [{key: one[key] for key in ("id", "username", "url", "acct")} for one in names],
                "tags": [{"name": "Tea", "url": "https://server.example/tags/tea"}] if source.random() < 0.2 else [],
                "emojis": [],
                "card": None,
                "poll": None,
            }
        )
    return statuses


def make_person(source: random.Random, words: list[str], number: int) -> dict[str, Any]:
    """An account as it stands in a status."""
    return {
        "id": str(10**17 + number),
        "username": f"user{number}",
        "acct": f"user{number}@host{number % 50}.example",
        "display_name": f"Üser {number}",
        "locked": False,
        "bot": False,
        "discoverable": True,
        "group": False,
        "created_at": "2022-11-01T00:00:00.000Z",
        "note": "<p>" + " ".join(source.choices(words, k=15)) + "</p>",
        "url": f"https://host{number % 50}.example/@user{number}",
        "uri": f"https://host{number % 50}.example/users/user{number}",
        "avatar": "https://files.example/a/original.png",
        "header": "https://files.example/h/original.png",
        "followers_count": source.randrange(5000),
        "following_count": source.randrange(500),
        "statuses_count": source.randrange(9000),
        "last_status_at": "2026-05-01",
        "emojis": [],
        "fields": [],
    }


def write_load(data: Path, statuses: list[dict[str, Any]], day: datetime) -> LandedLoad:
    """One finished load, twenty statuses a page."""
    key = LoadKey("bench", PLATFORM, "acme", STREAM, Window(day - timedelta(days=1), day))
    with LoadWriter(data, key, kind="events") as writer:
        for page, first in enumerate(range(0, len(statuses), 20), start=1):
            writer.write({}, page, statuses[first : first + 20])
        return writer.finish(scopes=[ScopeRead({}, "window", "posts", None, True, len(statuses))], next_state={})


def run_baseline(folder: Path, load: LandedLoad, settings: Settings) -> float:
    """Seconds of `create table as select` of the same fields, typed, into a fresh file, checkpoint included."""
    connector = discover_connectors()[PLATFORM]
    node = land.plan_stream({PLATFORM: connector}, PLATFORM, STREAM).node
    files = ", ".join(shapes.quote_text(str(path)) for path in load.part_paths)
    target = folder / "baseline.duckdb"
    target.unlink(missing_ok=True)
    started = time.perf_counter()
    with duckdb.connect(str(target), config=warehouse.duckdb_config(settings)) as connection:
        connection.execute(
            f"create table statuses as select * from read_json([{files}], format = 'newline_delimited', compression = 'gzip',"
            f" columns = {{scope: 'varchar', page: 'bigint', seq: 'bigint', item: {shapes.quote_text(shapes.typed_type(node))}}})"
        )
        connection.execute("checkpoint")
    return time.perf_counter() - started


def run_landing(settings: Settings, paths: warehouse.BrandPaths, expected: int) -> float:
    """Seconds of run_land into a fresh work file, checkpoint at closing included."""
    for remains in paths.root.glob("warehouse*"):
        remains.unlink()
    started = time.perf_counter()
    result = land.run_land(paths, settings, run_id="bench")
    seconds = time.perf_counter() - started
    if result.landed_count != expected or result.failures or result.quarantined_count:
        raise SystemExit(f"the landing went wrong: {result}")
    return seconds


def measure_landing(items: int, runs: int) -> list[Figure]:
    """The figures of the result file."""
    with tempfile.TemporaryDirectory(prefix="landing-bench-") as name:
        folder = Path(name)
        settings = Settings(data=folder / "big")
        statuses = make_statuses(items)
        load = write_load(settings.data, statuses, datetime(2026, 5, 2, tzinfo=UTC))
        paths = warehouse.BrandPaths(settings.data, "bench")
        plain, ours = [], []
        for number in range(runs):
            plain.append(run_baseline(folder, load, settings))
            ours.append(run_landing(settings, paths, items))
            print(f"run {number + 1}: plain {plain[-1]:.2f} s, land {ours[-1]:.2f} s, share {plain[-1] / ours[-1]:.2f}", flush=True)
        small = Settings(data=folder / "small")
        for number in range(SMALL_LOADS):
            day = datetime(2025, 1, 2, tzinfo=UTC) + timedelta(days=number)
            write_load(small.data, statuses[number * SMALL_ITEMS : (number + 1) * SMALL_ITEMS], day)
        fixed = run_landing(small, warehouse.BrandPaths(small.data, "bench"), SMALL_LOADS * SMALL_ITEMS)
    plain_seconds, our_seconds = statistics.median(plain), statistics.median(ours)
    share, per_load = plain_seconds / our_seconds, 1000 * fixed / SMALL_LOADS
    return [
        measure("landing throughput, share of plain DuckDB's", share, "ratio", at_least=0.5),
        measure("landing", round(items / our_seconds), "items/s"),
        measure("plain DuckDB", plain_seconds, f"s for {items:,} items"),
        measure("landing, whole", our_seconds, f"s for {items:,} items"),
        measure("a small load", per_load, f"ms a load of {SMALL_ITEMS} items", at_most=30),
    ]


def main() -> None:
    """Measure and write the result file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    figures = measure_landing(options.items, options.runs)
    write_results("landing", figures)
    print_table(figures)


if __name__ == "__main__":
    main()
