"""How steadily people of our worlds keep talking, beside real people: whether a simple count, recency or a decayed count tells best who writes again.

demo worlds (messages of people, contests and bots aside), real messages → talk before a cut → AUC for "writes again within 90 days", and how long talk lasts

Strength is asked in these worlds whether it beats counts (bench/validity.py). Where everybody keeps one pace for ever, the longest count must win, and where
everybody is gone tomorrow, recency. So the worlds' pace is set by what was measured elsewhere: in six real temporal networks (specification, M2.4) recency
tells more than frequency by .007 and a count with a half-life of 30 days by .036, against one of 90 days by .008. Neither strength nor any other part of the
product is looked at here. The one real network at hand is shown beside; it was a campus that emptied for the summer.
Run alone: ``python -m bench.steadiness`` writes bench/results/steadiness.json.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from bench.results import Figure, measure, print_table, write_results
from bench.validity_network import EGOS, choose_egos, find_messages, load_messages
from bench.validity_scoring import compute_auc
from demo.model import DAY, PLATFORM_NAMES
from demo.world.generate import generate_world
from demo.world.presets import make_plan

SEEDS = (1, 2, 3, 6, 8, 9, 10, 11, 12, 13)
"""Mixed worlds among those that strength is tuned on."""
INTERACTIONS, DAYS, HORIZON_DAYS = 40_000, 400, 90
WINDOW_DAYS = 30
PUBLISHED = {"recency over frequency": 0.007, "half-life 30 over frequency": 0.036, "half-life 30 over half-life 90": 0.008}
"""Differences of AUC in six real networks, mean of 15 cuts (specification, M2.4)."""
TOLERANCE = 0.02
CUT = datetime(2004, 6, 15)


@dataclass(frozen=True)
class Talk:
    """Messages of people, a row each: who (0, 1, …) and when, in days; `cut` is the day that parts past and future."""

    person: NDArray[np.int64]
    day: NDArray[np.float64]
    cut: float


def read_world(seed: int) -> Talk:
    """What people of a world say around its brand, what contests brought aside."""
    with tempfile.TemporaryDirectory(prefix="steadiness-") as name, duckdb.connect() as connection:
        folder = Path(name)
        plan = make_plan("run", seed, date(2026, 6, 1), interactions=INTERACTIONS, days=DAYS)
        generate_world(plan, folder)
        said = " union all ".join(
            f"""
            select members.person_no, messages.created_at
            from read_parquet('{folder}/world/{platform}/messages.parquet') as messages
            inner join read_parquet('{folder}/hidden/{platform}/messages.parquet') as hidden using (message_no)
            inner join read_parquet('{folder}/hidden/members.parquet') as members on messages.author_no = members.{platform}_no
            where hidden.campaign_no < 0 and members.type not in ('bot', 'spam_ring', 'contest_hunter', 'paid_promoter')
            """
            for platform in PLATFORM_NAMES
        )
        rows = connection.execute(f"select person_no as person, (created_at - {plan.start}) / {DAY} as day from ({said})").fetchnumpy()
    return Talk(rows["person"], rows["day"], DAYS - HORIZON_DAYS)


def read_network() -> Talk:
    """What people write to the hundred students with the most counterparts; each pair is a person."""
    with duckdb.connect() as connection:
        load_messages(connection, find_messages())
        choose_egos(connection, CUT, EGOS)
        rows = connection.execute(
            "select dense_rank() over (order by ego, person) - 1 as person, date_diff('second', $cut, sent_at) / 86400.0 as day from dyads where not is_out",
            {"cut": CUT},
        ).fetchnumpy()
    return Talk(rows["person"], rows["day"], 0.0)


def score_talk(talk: Talk) -> dict[str, float]:
    """AUC of frequency, recency and decayed counts for writing again within the horizon, among those who had written."""
    count = int(talk.person.max()) + 1
    is_past = talk.day < talk.cut
    returns = np.bincount(talk.person[~is_past & (talk.day < talk.cut + HORIZON_DAYS)], minlength=count) > 0
    person, age = talk.person[is_past], talk.cut - talk.day[is_past]
    frequency = np.bincount(person, minlength=count)
    newest = np.full(count, np.inf)
    np.minimum.at(newest, person, age)
    known = frequency > 0
    scores = {"frequency": frequency, "recency": -newest} | {
        f"half-life {days}": np.bincount(person, weights=0.5 ** (age / days), minlength=count) for days in (30, 90)
    }
    return {name: compute_auc(values[known], returns[known]) for name, values in scores.items()}


def measure_lasting(talk: Talk, lag: int) -> float:
    """Of those who write in a window of 30 days, the share who write in that which comes `lag` later; mean over windows with at least twenty."""
    window = np.floor((talk.day - talk.day.min()) / WINDOW_DAYS).astype(int)
    active = np.zeros((int(talk.person.max()) + 1, window.max() + 1), dtype=bool)
    active[talk.person, window] = True
    shares = [active[active[:, place], place + lag].mean() for place in range(active.shape[1] - lag) if active[:, place].sum() >= 20]
    return float(np.mean(shares))


def describe(name: str, talks: list[Talk], *, is_aimed: bool) -> list[Figure]:
    """Means over worlds; the differences of AUC beside the published ones."""
    scored = [score_talk(talk) for talk in talks]
    mean = {score: float(np.mean([one[score] for one in scored])) for score in scored[0]}
    figures = [measure(f"{name}: AUC of {score}", value, "AUC") for score, value in mean.items()]
    for label, published in PUBLISHED.items():
        first, second = label.split(" over ")
        value = mean[first] - mean[second]
        aim = f"{published:+.3f} ± {TOLERANCE}"
        is_met = abs(value - published) <= TOLERANCE
        figures.append(Figure(f"{name}: {label}", round(value, 4), "AUC", *((aim, is_met) if is_aimed else (None, None))))
    return figures + [
        measure(f"{name}: who writes in a month, writes {lag} later", float(np.mean([measure_lasting(talk, lag) for talk in talks])), "share")
        for lag in (1, 2, 3)
    ]


def main() -> int:
    """Measure worlds and the real network. Returns the exit code."""
    figures = describe("worlds", [read_world(seed) for seed in SEEDS], is_aimed=True) + describe("real network", [read_network()], is_aimed=False)
    write_results("steadiness", figures)
    print_table(figures)
    return 1 if any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    raise SystemExit(main())
