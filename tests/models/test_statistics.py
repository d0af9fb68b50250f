"""The shared statistics: worked numbers of the specification and published data, through the macros that every mart uses."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import networkx
import pytest
from scipy.stats import spearmanr

from fifty import project_macros
from tests.models.macros import read_macros

MACROS = read_macros()
HOURS = "1 2 2* 4 6 8* 12 24*"
CAMPAIGN = "1 2 2 5 14 30 75* 90*"
ORGANIC = "10 40 60* 80* 90* 90*"


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set threads = 2")
        yield connection


def add_durations(database: duckdb.DuckDBPyConnection, arms: dict[str, str]) -> None:
    """Table `durations`: a star marks what was censored."""
    database.execute("create table durations (arm varchar, duration double, is_over boolean)")
    for arm, text in arms.items():
        for word in text.split():
            database.execute("insert into durations values (?, ?, ?)", [arm, float(word.rstrip("*")), not word.endswith("*")])


def read_curve(database: duckdb.DuckDBPyConnection, arm: str) -> dict[float, float]:
    sql = MACROS.survival_curve("durations", ["arm"], "duration", "is_over")
    return dict(database.execute(f"select duration, survival from ({sql}) where arm = ? order by duration", [arm]).fetchall())


def read_median(curve: dict[float, float]) -> float | None:
    return min((time for time, survival in curve.items() if survival <= 0.5), default=None)


def read_at(curve: dict[float, float], time: float) -> float:
    return min((survival for moment, survival in curve.items() if moment <= time), default=1.0)


def read_remission() -> dict[str, str]:
    """Freireich et al. 1963, 42 patients, as the package `lifelines` ships them (its `__init__` is not run: only the file is wanted)."""
    found = importlib.util.find_spec("lifelines")
    assert found is not None and found.origin is not None, "the test extra is not installed"
    text = Path(found.origin).with_name("datasets").joinpath("anderson.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines(), delimiter=" "))
    assert len(rows) == 42
    return {
        name: " ".join(row["t"] + ("" if row["status"] == "1" else "*") for row in rows if row["Rx"] == treatment)
        for name, treatment in (("6-MP", "0"), ("placebo", "1"))
    }


def test_response_curve_of_the_specification_has_its_median_at_six_hours(database: duckdb.DuckDBPyConnection) -> None:
    add_durations(database, {"asks": HOURS})
    curve = read_curve(database, "asks")
    assert [curve[time] for time in (1, 2, 4, 6, 12)] == pytest.approx([0.875, 0.75, 0.6, 0.45, 0.225], abs=1e-12)
    assert read_median(curve) == 6
    assert 1 - read_at(curve, 6) == pytest.approx(0.55)


def test_retention_of_campaign_and_organic_arms_is_that_of_the_specification(database: duckdb.DuckDBPyConnection) -> None:
    add_durations(database, {"campaign": CAMPAIGN, "organic": ORGANIC})
    campaign, organic = read_curve(database, "campaign"), read_curve(database, "organic")
    assert [read_at(campaign, day) for day in (30, 60, 90)] == [0.25, 0.25, 0.25]
    assert [read_at(organic, day) for day in (30, 60, 90)] == pytest.approx([0.8333, 0.6667, 0.6667], abs=1e-4)
    # Exactly one half at day 5, which doubles alone would miss (14).
    assert read_median(campaign) == 5
    assert campaign[5] == 0.5


def test_everybody_lapsed_means_a_survival_of_zero(database: duckdb.DuckDBPyConnection) -> None:
    add_durations(database, {"all": "1 2 3"})
    assert read_curve(database, "all")[3] == 0


def test_six_mp_survives_as_published(database: duckdb.DuckDBPyConnection) -> None:
    add_durations(database, read_remission())
    curve = read_curve(database, "6-MP")
    published = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}
    assert {week: round(curve[week], 4) for week in published} == published
    assert read_median(curve) == 23
    assert read_median(read_curve(database, "placebo")) == 8


def test_six_mp_differs_from_placebo_as_published(database: duckdb.DuckDBPyConnection) -> None:
    add_durations(database, read_remission())
    database.execute("create table trial as select 'trial' as name, arm = 'placebo' as is_placebo, duration, is_over from durations")
    sql = MACROS.log_rank("trial", ["name"], "is_placebo", "duration", "is_over")
    assert database.execute(sql).fetchall() == [
        ("trial", 21, pytest.approx(10.7495, abs=1e-4), pytest.approx(6.2570, abs=1e-4), pytest.approx(16.793, abs=1e-3))
    ]


def test_one_arm_alone_tells_no_difference(database: duckdb.DuckDBPyConnection) -> None:
    add_durations(database, {"all": HOURS})
    database.execute("create table alone as select 1 as name, true as is_first, duration, is_over from durations")
    sql = MACROS.log_rank("alone", ["name"], "is_first", "duration", "is_over")
    assert database.execute(sql).fetchall() == [(1, 5, 5.0, 0.0, None)]


def test_hash_uniform_is_the_first_52_bits_of_md5(database: duckdb.DuckDBPyConnection) -> None:
    for text in ("", "acme|2026-10-31|fifty|50|1", "ü"):
        wanted = int(hashlib.md5(text.encode()).hexdigest()[:13], 16) / 2**52
        assert database.execute(f"select {MACROS.hash_uniform('words')} from (select ? as words)", [text]).fetchone() == (wanted,)


def draw(
    database: duckdb.DuckDBPyConnection, strata: list[tuple[str, float, int]], *, seed: str = "seed", replicates: int = 2000
) -> dict[str, list[float]]:
    """Sums of every replicate, in order, per side."""
    database.execute("create or replace table strata (side varchar, value double, people_count bigint, seed varchar, replicate_count bigint)")
    database.executemany("insert into strata values (?, ?, ?, ?, ?)", [[*row, f"{seed}|{row[0]}", replicates] for row in strata])
    rows = database.execute(f"select side, drawn_sum from ({MACROS.bootstrap_sums('strata', ['side'])}) order by side, replicate_number").fetchall()
    return {side: [drawn for name, drawn in rows if name == side] for side in {name for name, _ in rows}}


def read_interval(database: duckdb.DuckDBPyConnection, values: list[float]) -> tuple[float, float]:
    sql = f"select {MACROS.percentile_low('value')}, {MACROS.percentile_high('value')} from (select unnest(?) as value)"
    low, high = database.execute(sql, [values]).fetchone() or (math.nan, math.nan)
    return low, high


def test_fifty_against_a_crowd_of_mostly_zeros_is_not_shown(database: duckdb.DuckDBPyConnection) -> None:
    drawn = draw(database, [("top", 40, 1), ("top", 0, 1), ("top", 20, 1), ("crowd", 0, 97), ("crowd", 10, 3)])
    differences = [top - crowd for top, crowd in zip(drawn["top"], drawn["crowd"], strict=True)]
    low, high = read_interval(database, differences)
    assert low in (-30, -40)
    assert high in (90, 100)
    # The exact interval is [-30, 90], the exact chance of no advantage .2283.
    assert sum(difference <= 0 for difference in differences) / 2000 == pytest.approx(0.2283, abs=0.02)


def test_draws_are_multinomial_over_the_strata(database: duckdb.DuckDBPyConnection) -> None:
    # 400 of 1,000 have a value; -5, 1, 2 and 8 for 100 people each: mean 600, variance n(E x² - (E x)²) = 1000 (9.4 - .36).
    drawn = draw(database, [("all", 0, 600), ("all", -5, 100), ("all", 1, 100), ("all", 2, 100), ("all", 8, 100)])["all"]
    mean = sum(drawn) / 2000
    variance = sum((value - mean) ** 2 for value in drawn) / 2000
    assert mean == pytest.approx(600, abs=4 * math.sqrt(9040 / 2000))
    assert variance == pytest.approx(9040, rel=0.13)


def test_number_of_people_drawn_follows_the_binomial_distribution(database: duckdb.DuckDBPyConnection) -> None:
    drawn = draw(database, [("few", 0, 97), ("few", 1, 3)], replicates=20_000)["few"]
    for wanted in range(7):
        chance = math.comb(100, wanted) * 0.03**wanted * 0.97 ** (100 - wanted)
        assert sum(value == wanted for value in drawn) / 20_000 == pytest.approx(chance, abs=4 * math.sqrt(chance * (1 - chance) / 20_000))


def test_people_of_one_value_are_one_stratum_or_many(database: duckdb.DuckDBPyConnection) -> None:
    assert draw(database, [("a", 0, 40), ("a", 2, 7)]) == draw(database, [("a", 0, 15), ("a", 2, 3), ("a", 2, 4), ("a", 0, 25)])


def test_groups_without_a_choice_are_certain(database: duckdb.DuckDBPyConnection) -> None:
    drawn = draw(database, [("zeros", 0, 50_000), ("alike", 7, 30), ("single", 3, 1)], replicates=10)
    assert drawn == {"zeros": [0.0] * 10, "alike": [210.0] * 10, "single": [3.0] * 10}


def test_replicates_depend_on_the_seed_and_on_nothing_else(database: duckdb.DuckDBPyConnection) -> None:
    strata: list[tuple[str, float, int]] = [("a", 0, 1000)] + [("a", 0.1 * number, 1) for number in range(1, 200)]
    first = draw(database, strata, replicates=50)
    database.execute("set threads = 1")
    assert draw(database, list(reversed(strata)), replicates=50) == first
    assert draw(database, strata, seed="other", replicates=50) != first


def test_counting_up_to_less_than_the_first_gives_no_row(database: duckdb.DuckDBPyConnection) -> None:
    sql = f"select {MACROS.count_up('first', 'last')} as number from (select 1 as first, 3 as last union all select 1, 0) as bounds order by number"
    assert database.execute(sql).fetchall() == [(1,), (2,), (3,)]


def read_concentration(database: duckdb.DuckDBPyConnection, values: list[float], majority: float = 0.51) -> dict[str, float | None]:
    sql = "create or replace table strata as select 'all' as name, ? as majority, unnest(?::double[]) as value, 1 as people_count"
    database.execute(sql, [majority, values])
    cursor = database.execute(MACROS.concentration("strata", ["name"]))
    row = cursor.fetchone()
    assert row is not None
    return dict(zip([column[0] for column in cursor.description], row, strict=True))


def test_gini_of_0_0_1_3_6_is_0_6(database: duckdb.DuckDBPyConnection) -> None:
    found = read_concentration(database, [6, 0, 1, 3, 0])
    assert (found["gini"], found["top_1_share"], found["zero_count"], found["majority_count"]) == (0.6, 0.6, 2, 1)
    # Lorenz: the lowest two fifths hold nothing, three fifths a tenth, half of them lies between.
    assert [found[f"lorenz_{tenth}_share"] for tenth in (40, 50, 60, 80, 90)] == [0, 0.05, 0.1, 0.4, 0.7]


def test_strata_of_equal_values_give_what_single_people_give(database: duckdb.DuckDBPyConnection) -> None:
    single = read_concentration(database, [0.0] * 40 + [2.0] * 7 + [5.0] * 3, 0.8)
    database.execute("create or replace table strata (name varchar, majority double, value double, people_count bigint)")
    database.execute("insert into strata values ('all', .8, 0, 40), ('all', .8, 2, 3), ('all', .8, 2, 4), ('all', .8, 5, 3)")
    cursor = database.execute(MACROS.concentration("strata", ["name"]))
    assert cursor.fetchone() == tuple(single.values())
    # 80 % of 29 is 23.2: three fives and five twos.
    assert single["majority_count"] == 8


def test_of_nothing_or_of_debts_there_is_no_share(database: duckdb.DuckDBPyConnection) -> None:
    for values in ([0.0, 0.0], [-1.0, 5.0]):
        found = read_concentration(database, values)
        assert found["member_count"] == 2
        assert {found[name] for name in found if name.endswith("_share")} | {found["gini"], found["majority_count"]} == {None}


def test_all_alike_is_no_concentration(database: duckdb.DuckDBPyConnection) -> None:
    found = read_concentration(database, [3.0] * 100)
    assert (found["gini"], found["top_1_share"], found["majority_count"]) == (0, 0.01, 51)


def test_karate_club_is_as_concentrated_as_published(database: duckdb.DuckDBPyConnection) -> None:
    club = networkx.karate_club_graph()
    assert (club.number_of_nodes(), club.number_of_edges(), club.size(weight="weight")) == (34, 78, 231)
    weighted = read_concentration(database, [float(degree) for _, degree in club.degree(weight="weight")])
    plain = read_concentration(database, [float(degree) for _, degree in club.degree()])
    assert weighted["gini"] == pytest.approx(0.437229, abs=5e-7)
    assert plain["gini"] == pytest.approx(0.385370, abs=5e-7)


def test_les_miserables_are_as_concentrated_as_published(database: duckdb.DuckDBPyConnection) -> None:
    novel = networkx.les_miserables_graph()
    assert (novel.number_of_nodes(), novel.size(weight="weight")) == (77, 820)
    found = read_concentration(database, [float(degree) for _, degree in novel.degree(weight="weight")])
    assert found["gini"] == pytest.approx(0.603579, abs=5e-7)
    assert found["top_10_share"] == pytest.approx(0.489634, abs=5e-7)


def test_spearman_agrees_with_scipy_also_where_there_are_ties(database: duckdb.DuckDBPyConnection) -> None:
    first = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, None, 7]
    second = [2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5, None]
    database.execute("create table pairs (name varchar, first double, second double)")
    database.executemany("insert into pairs values ('some', ?, ?)", list(zip(first, second, strict=True)))
    database.execute("insert into pairs values ('three', 1, 1), ('three', 2, 2), ('three', 3, 3)")
    database.execute("insert into pairs select 'flat', 1, number from range(9) as numbers(number)")
    database.execute("insert into pairs select 'falling', number, -number * number from range(9) as numbers(number)")
    sql = MACROS.spearman("pairs", ["name"], "first", "second")
    found = {row[0]: row[1:] for row in database.execute(f"select name, pair_count, rho, rho_low, rho_high from ({sql})").fetchall()}
    rho = spearmanr(first[:11], second[:11]).statistic
    reach = 1.959964 * math.sqrt((1 + rho * rho / 2) / 8)
    assert found["some"] == (
        11, pytest.approx(rho, abs=1e-9), pytest.approx(math.tanh(math.atanh(rho) - reach), abs=1e-8), pytest.approx(math.tanh(math.atanh(rho) + reach), abs=1e-8)
    )  # fmt: skip
    assert found["three"] == (3, None, None, None)
    assert found["flat"] == (9, None, None, None)
    pairs, falling, low, high = found["falling"]
    assert (pairs, falling, low) == (9, -1, -1)
    assert -1 < high < -0.99


def test_spearman_of_many_who_are_all_alike_is_unknown(database: duckdb.DuckDBPyConnection) -> None:
    # n · Σr² and (Σr)² are equal, but not once they are doubles: the root of their difference must not end the build.
    for count in (18, 21, 60):
        database.execute(
            f"create or replace table alike as select 'x' as name, 5.0 as first, cast(i as double) as second from range({count}) as numbers (i)"
        )
        assert database.execute(MACROS.spearman("alike", ["name"], "first", "second")).fetchall() == [("x", count, None, None, None)]


@pytest.mark.parametrize(
    ("count", "of", "low", "high"), [(12, 40, 0.1807, 0.4543), (30, 40, 0.5981, 0.8581), (20, 1000, 0.0130, 0.0307), (0, 10, 0, 0.2775)]
)
def test_wilson_intervals_are_the_worked_ones(database: duckdb.DuckDBPyConnection, count: int, of: int, low: float, high: float) -> None:
    found = database.execute(
        f"select {MACROS.wilson_low('n', 'd')}, {MACROS.wilson_high('n', 'd')} from (select ? as n, ? as d)", [count, of]
    ).fetchone()
    assert found == pytest.approx((low, high), abs=5e-5)


def test_no_denominator_has_no_interval(database: duckdb.DuckDBPyConnection) -> None:
    assert database.execute(f"select {MACROS.wilson_low('0', '0')}, {MACROS.wilson_high('0', '0')}").fetchone() == (None, None)


def add_brand_of(
    database: duckdb.DuckDBPyConnection, half_life_days: int, contact_ages: Sequence[int], *, directions: Sequence[str] = ("in", "out")
) -> Any:
    """Macros over one person with a reply at each age in days, each way."""
    database.execute(
        "create table parameters as select ?::double as strength_half_life_days, 30.0::double as saturation_contact_days, 0.5::double as like_cap,"
        " 0.5::double as out_factor, 0.5::double as balance_floor",
        [half_life_days],
    )
    database.execute("create table run as select date '2026-10-31' as as_of_date")
    database.execute("create table persons as select 'ana' as person_id, date '2026-10-31' as reference_date")
    database.execute(
        "create table days as select 'ana' as person_id, direction, 'reply' as kind, 1.0::double as weight, true as is_engaged,"
        " date '2026-10-31' - age as event_day, timestamp '2026-10-31 10:00:00' - to_days(age) as event_at"
        " from (select unnest(?::integer[]) as age) cross join (select unnest(?::varchar[]) as direction)",
        [list(contact_ages), list(directions)],
    )
    return project_macros.read_macros(
        relations={"int_parameters": "parameters", "int_run": "run", "int_persons": "persons", "int_interaction_days": "days"}
    )


@pytest.mark.parametrize(("half_life_days", "total"), [(90, 2.617696), (30, 2.102096)])
def test_three_replies_decay_to_the_worked_sums(database: duckdb.DuckDBPyConnection, half_life_days: int, total: float) -> None:
    macros = add_brand_of(database, half_life_days, [2, 10, 45], directions=["in"])
    (found,) = database.execute(f"select sum(decayed_weight) from ({macros.decayed_events()})").fetchall()
    assert found[0] == pytest.approx(total, abs=5e-7)


@pytest.mark.parametrize(
    ("half_life_days", "contact_ages", "strength"),
    [
        pytest.param(30, range(0, 30 * 1, 30), 33.33, id="after one monthly contact"),
        pytest.param(30, range(0, 30 * 2, 30), 42.86, id="after two"),
        pytest.param(30, range(0, 30 * 4, 30), 48.39, id="after four"),
        pytest.param(30, range(0, 30 * 7, 30), 49.80, id="after seven"),
        pytest.param(30, range(30, 3000, 30), 33.33, id="with infinite history, just before the next"),
        pytest.param(90, range(30, 9000, 30), 44.25, id="the same with a half-life of 90 days"),
    ],
)
def test_a_monthly_conversation_approaches_fifty(
    database: duckdb.DuckDBPyConnection, half_life_days: int, contact_ages: range, strength: float
) -> None:
    macros = add_brand_of(database, half_life_days, contact_ages)
    found = database.execute(
        f"with events as ({macros.decayed_events()}), scores as ({macros.strength_scores('events')}) select strength from scores"
    ).fetchone()
    assert found is not None and found[0] == pytest.approx(strength, abs=5e-3)


def test_the_interval_of_a_sum_in_closed_form_is_the_bootstraps(database: duckdb.DuckDBPyConnection) -> None:
    # 120 customers of skewed worth among 5,000 people.
    database.execute(
        "create table people as select number, case when number < 120 then 20 + (number * 7919) % 400 else 0 end::double as worth from range(5000) as people(number)"
    )
    database.execute(
        "create table strata as select 'all' as channel, worth as value, count(*) as people_count, 'closed form' as seed,"
        " 2000 as replicate_count from people group by worth"
    )
    drawn = database.execute(
        f"select {MACROS.percentile_low('drawn_sum')}, {MACROS.percentile_high('drawn_sum')}, stddev_pop(drawn_sum)"
        f" from ({MACROS.bootstrap_sums('strata', ['channel'])})"
    ).fetchone()
    deviation = MACROS.sum_deviation("worth")
    closed = database.execute(
        f"select {MACROS.sum_low('total', 'deviation')}, {MACROS.sum_high('total', 'deviation')}, deviation"
        f" from (select sum(worth) as total, {deviation} as deviation from people)"
    ).fetchone()
    assert drawn is not None and closed is not None
    assert closed == pytest.approx(drawn, rel=0.05)
