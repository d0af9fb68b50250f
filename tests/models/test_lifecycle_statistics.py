"""The lifecycle against what is published and what is plain: CDNOW's probabilities, and stages looked at day by day.

cdnow_customers_summary.csv of the package `lifetimes` → macro `p_alive` → published numbers; drawn lives → spans → the stage of every day
"""

from __future__ import annotations

import csv
import importlib.util
import random
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.models.conftest import Brand
from tests.models.macros import read_macros

PUBLISHED = "(select 0.243::double as bgnbd_r, 4.414::double as bgnbd_alpha, 0.793::double as bgnbd_a, 2.426::double as bgnbd_b) as parameters"


@pytest.fixture(scope="module")
def customers() -> list[tuple[int, float, float]]:
    """Repeats, last repeat and time observed of 2,357 customers, in weeks (the package's `__init__` is not run: only the file is wanted)."""
    found = importlib.util.find_spec("lifetimes")
    assert found and found.origin, "the package lifetimes, which ships the CDNOW sample, is not installed"
    text = Path(found.origin).with_name("datasets").joinpath("cdnow_customers_summary.csv").read_text(encoding="utf-8")
    rows = [(int(row["frequency"]), float(row["recency"]), float(row["T"])) for row in csv.DictReader(text.splitlines())]
    assert len(rows) == 2357
    assert sum(repeats == 0 for repeats, _, _ in rows) == 1411
    assert sum(repeats for repeats, _, _ in rows) == 2457
    return rows


def read_probabilities(rows: list[tuple[int, float, float]]) -> list[float]:
    macro = read_macros().p_alive("x", "t_x", "observed", "parameters")
    with duckdb.connect() as connection:
        connection.execute("create table customers (place bigint, x bigint, t_x double, observed double)")
        connection.executemany("insert into customers values (?, ?, ?, ?)", [(place, *row) for place, row in enumerate(rows)])
        found = connection.execute(f"select {macro} from customers cross join {PUBLISHED} order by place").fetchall()
    return [row[0] for row in found]


def test_three_customers_are_as_alive_as_published() -> None:
    assert read_probabilities([(2, 30.43, 38.86), (1, 1.71, 38.86), (7, 15, 38.86), (0, 0, 38.86)]) == pytest.approx(
        [0.726579, 0.212101, 0.030996, 1], abs=1e-6
    )


def test_of_all_customers_1917_are_expected_alive_and_393_are_rather_not(customers: list[tuple[int, float, float]]) -> None:
    alive = read_probabilities(customers)
    assert sum(alive) == pytest.approx(1917.217, abs=5e-4)
    assert sum(one < 0.5 for one in alive) == 393


WINDOW, MEMORY, DORMANT, LOYAL = 90, 14, 365, 90
FIRST = date(2024, 1, 1)


def tell_lives(count: int) -> dict[str, dict[str, list[int]]]:
    """People with days of likes, engaged events, exchanges and living times, drawn by a fixed seed."""
    draw = random.Random(20261031)
    lives = {}
    for number in range(count):
        engaged = sorted(draw.sample(range(700), draw.randint(0, 5)))
        begins = min(engaged, default=0) + draw.randint(0, 200)
        lives[f"p{number}"] = {
            "likes": sorted(draw.sample(range(700), draw.randint(0, 3))),
            "engaged": engaged,
            "exchanges": [day for day in engaged if draw.random() < 0.5],
            "living": sorted({begins, begins + draw.randint(1, 200)}) if engaged and draw.random() < 0.7 else [],
        }
    return lives


def judge_plainly(life: dict[str, list[int]], day: int) -> int | None:
    """Raw stage of one day by the words of M9.1; None before anything happened."""

    def is_recent(days: list[int], length: int) -> bool:
        return any(day - length < one <= day for one in days)

    def is_living(on: int) -> bool:
        return bool(life["living"]) and life["living"][0] <= on <= life["living"][1]

    touches = life["likes"] + life["engaged"]
    if not touches or min(touches) > day:
        return None
    if is_living(day) and is_living(day - LOYAL):
        return 2
    if is_recent(life["exchanges"], WINDOW):
        return 3
    if is_recent(life["engaged"], WINDOW):
        return 4
    if is_recent(touches, WINDOW):
        return 5
    return 6 if is_recent(touches, DORMANT) else 7


def test_spans_say_of_every_day_what_a_look_at_that_day_says(built: Brand) -> None:
    lives = {person: life for person, life in tell_lives(80).items() if life["likes"] or life["engaged"]}
    rows = [(person, "like", False, day) for person, life in lives.items() for day in life["likes"]]
    rows += [(person, "reply", True, day) for person, life in lives.items() for day in life["engaged"]]
    folder = built.paths.dbt_target / "compiled" / "fifty" / "models" / "intermediate"
    last = 720
    with duckdb.connect(":memory:") as connection:
        connection.execute("attach ':memory:' as warehouse; create schema warehouse.intermediate; use warehouse.intermediate")
        connection.execute("create table told (person_id varchar, kind varchar, is_engaged boolean, day integer)")
        connection.executemany("insert into told values (?, ?, ?, ?)", rows)
        connection.execute(
            f"create table int_interactions as select *, 'in' as direction, false as is_incentivised, false as is_deleted, false as is_automated,"
            f" date '{FIRST}' + day as event_day from told"
        )
        connection.execute(
            "create table int_persons as select person_id, cast(min(event_day) as timestamp) as first_event_at, cast(null as date) as deleted_day"
            " from int_interactions group by person_id"
        )
        connection.execute("create table int_exchanges (person_id varchar, first_day date, exchange_day date)")
        connection.execute("create table int_evangelist_spans (person_id varchar, from_day date, until_day date)")
        connection.execute("create table int_living_spans (person_id varchar, first_day date, last_day date)")
        for person, life in lives.items():
            for day in life["exchanges"]:
                connection.execute("insert into int_exchanges values (?, ?, ?)", [person, *[FIRST + timedelta(days=day)] * 2])
            if life["living"]:
                connection.execute(
                    "insert into int_living_spans values (?, ?, ?)", [person, *[FIRST + timedelta(days=day) for day in life["living"]]]
                )
        connection.execute(f"create table int_run as select date '{FIRST + timedelta(days=last)}' as as_of_date")
        connection.execute(
            f"create table int_parameters as select {WINDOW}.0 as lifecycle_window_days, {MEMORY}.0 as lifecycle_memory_days,"
            f" {DORMANT}.0 as dormant_days, {LOYAL}.0 as loyal_days"
        )
        for name in ("int_stage_windows", "int_lifecycle_spans"):
            connection.execute(f"create table {name} as {(folder / f'{name}.sql').read_text(encoding='utf-8')}")
        spans = connection.execute("select person_id, stage_number, from_day, until_day from int_lifecycle_spans").fetchall()
    found: dict[tuple[str, int], int] = {}
    for person, stage, begin, end in spans:
        for day in range((begin - FIRST).days, min((end - FIRST).days, last + 1)):
            assert (person, day) not in found
            found[person, day] = stage
    wanted = {}
    for person, life in lives.items():
        raw = [judge_plainly(life, day) for day in range(last + 1)]
        for day in range(last + 1):
            known = [one for one in raw[max(0, day - MEMORY + 1) : day + 1] if one is not None]
            if raw[day] is not None:
                wanted[person, day] = min(known)
    assert set(wanted.values()) == {2, 3, 4, 5, 6, 7}
    assert found == wanted
