"""T11 and every attack on it, from events to the number, through the very SQL of the models.

events → int_exchanges → int_living_segments → int_living_spans → living_relationships_daily → LR90

The models' compiled SQL runs over tables in memory: fifty thousand likes and a thousand bots cost milliseconds, not a build each.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.models.conftest import AS_OF, START, Brand

CHAIN = (
    ("intermediate", "int_exchanges"),
    ("intermediate", "int_living_segments"),
    ("intermediate", "int_living_spans"),
    ("intermediate", "int_window_days"),
    ("intermediate", "int_exchange_surges"),
    ("relationships", "living_relationships_daily"),
)
T11 = {
    "ana": "i5 o5.2 i40 o41",
    "bob": "i10 o10.1 i10.3 o10.4",
    "cai": "i20$ o20.5$ i30$ o30.5$",
    "eve": "i12 o13 o60 i62",
    "gus": "i3 o12.5 i50 o50.1",
    "hal": "i6 a6.1 i44 a44.1",
    "ivy": "i3 o3.5 i30 o31",
}
P_REAL = {"eve": 0.9, "ivy": 0.3}
Event = tuple[str, str, float, str, int, bool, bool, bool]


def tell(person: str, turns: str, *, kind: str = "reply", fanout: int = 1) -> list[Event]:
    """Events of a person: `i` in, `o` out, `a` automatic out, `p` peer; a trailing `$` is incentivised, `x` deleted."""
    events = []
    for turn in turns.split():
        direction = {"i": "in", "o": "out", "a": "out", "p": "peer"}[turn[0]]
        day = float(turn[1:].rstrip("$x"))
        events.append((person, direction, day, kind, fanout if direction == "out" else 1, turn[0] == "a", "$" in turn, "x" in turn))
    return events


def crowd(count: int, name: str, turns: str, *, kind: str = "comment", fanout: int = 1) -> list[Event]:
    """The same events for many people."""
    return [event for number in range(count) for event in tell(f"{name}{number}", turns, kind=kind, fanout=fanout)]


class Chain:
    """The models of the one indicator over events given by hand."""

    def __init__(self, compiled: dict[str, str]) -> None:
        self.compiled = compiled

    def measure(self, events: Iterable[Event], *, p_real: dict[str, float] | None = None, **parameters: float) -> tuple[int, float]:
        """LR90 and LR90w at the end of day 89."""
        rows = list(events)
        real = P_REAL | (p_real or {})
        with duckdb.connect(":memory:") as connection:
            connection.execute("set timezone = 'UTC'")
            for database, schema in (("warehouse", "intermediate"), ("marts", "relationships")):
                connection.execute(f"attach ':memory:' as {database}")
                connection.execute(f"create schema {database}.{schema}")
            connection.execute(
                "create table told (person varchar, direction varchar, day double, kind varchar, fanout bigint, is_automated boolean,"
                " is_incentivised boolean, is_deleted boolean)"
            )
            names = ("person", "direction", "day", "kind", "fanout", "is_automated", "is_incentivised", "is_deleted")
            connection.register("arrow_rows", pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)}))
            connection.execute("insert into told select * from arrow_rows")
            connection.execute(
                """
                create table warehouse.intermediate.int_interactions as
                select 'bluesky' as platform, person || '-' || direction || '-' || lpad(cast(day as varchar), 12, '0') as event_id, kind, direction,
                    case when direction <> 'peer' then 'bluesky:brand' end as brand_account_key, 'bluesky:' || person as account_key,
                    person as person_id, person || '-' || direction || day as post_key, person as root_post_key, 'sam' as responder_id, fanout,
                    kind in ('mention', 'comment', 'reply', 'quote', 'message') as is_conversational, kind <> 'like' as is_engaged,
                    is_automated, is_incentivised, is_deleted,
                    cast(? as timestamp) + to_microseconds(cast(round(day * 86400000000) as bigint)) as event_at,
                    cast(event_at as date) as event_day
                from told
                """,
                [START],
            )
            connection.execute(
                "create table warehouse.intermediate.int_persons as"
                " select distinct person as person_id, 1.0::double as p_real, null::date as deleted_day from told"
            )
            for person, value in real.items():
                connection.execute("update warehouse.intermediate.int_persons set p_real = ? where person_id = ?", [value, person])
            values = {
                "exchange_gap_days": 7,
                "exchange_most_named": 3,
                "living_window_days": 90,
                "living_least_exchange_days": 2,
                "living_least_span_days": 7,
                "living_least_messages": 2,
                "least_p_real": 0.5,
                "least_denominator": 10,
                "surge_window_days": 90,
                "surge_least_days": 28,
                "surge_deviations": 3,
                "surge_least_excess": 5,
            } | parameters
            columns = ", ".join(f"{value}::double as {name}" for name, value in values.items())
            connection.execute(f"create table warehouse.intermediate.int_parameters as select {columns}")
            connection.execute(
                "create table warehouse.intermediate.int_run as"
                " select ?::date as as_of_date, 'v' as parameters_version, 1::bigint as pulled_load_count",
                [AS_OF],
            )
            connection.execute(
                "create table warehouse.intermediate.stg_published_history (history varchar, series varchar, period_date date, revision bigint, living_count bigint)"
            )
            connection.execute("create table warehouse.intermediate.int_messages (post_key varchar, campaign_id varchar)")
            for schema, model in CHAIN:
                database = "warehouse" if schema == "intermediate" else "marts"
                connection.execute(f"create table {database}.{schema}.{model} as {self.compiled[model]}")
            found = connection.execute(
                "select living_count, living_weighted from marts.relationships.living_relationships_daily order by as_of_date desc limit 1"
            ).fetchone()
            assert found is not None
            return found


def list_t11() -> list[Event]:
    events = [event for person, turns in T11.items() for event in tell(person, turns)]
    return events + [("dee", "in", number + 0.5, "like", 1, False, False, False) for number in range(50)]


@pytest.fixture(scope="module")
def chain(built: Brand) -> Chain:
    folder = built.paths.dbt_target / "compiled" / "fifty" / "models"
    return Chain({path.stem: path.read_text(encoding="utf-8") for path in Path(folder).rglob("*.sql")})


def test_t11_is_two_and_weighs_one_point_nine(chain: Chain) -> None:
    assert chain.measure(list_t11()) == (2, 1.9)


@pytest.mark.parametrize(
    ("attack", "p_real"),
    [
        pytest.param(crowd(50_000, "fan", "i10", kind="like"), {}, id="fifty thousand likes"),
        pytest.param(crowd(1000, "entrant", "i20$ o20.5$ i30$ o30.5$"), {}, id="a thousand contest entrants, each answered"),
        pytest.param(crowd(1000, "entrant", "i20 o20.5"), {}, id="a thousand untagged entrants, one comment and one human reply each"),
        pytest.param(crowd(1000, "stranger", "o20 o30 o40", kind="message"), {}, id="a thousand cold messages"),
        pytest.param(
            crowd(1000, "bot", "i20 a20.1 i40 a40.1"), {f"bot{number}": 0.05 for number in range(1000)}, id="a thousand bots with automatic replies"
        ),
        pytest.param(tell("max", "i1.4 o1.75 i8.4"), {}, id="one human reply in a weekly rhythm"),
        pytest.param(crowd(1000, "named", "i20.1 o20.9 i27.2", kind="mention", fanout=1000), {}, id="one mass mention between two comments"),
        pytest.param(crowd(1000, "named", "i20 o20.5 i30 o30.5", kind="mention", fanout=1000), {}, id="two mass mentions"),
        pytest.param(crowd(1000, "peer", "p20 p20.1 p40 p40.1") + crowd(1000, "peer", "i20.1 i40.1"), {}, id="peers with a silent brand"),
        pytest.param(tell("eda", "i10 a10.1 i11 i40 a40.1 i41"), {}, id="automatic answers are no answers"),
        pytest.param(tell("fox", "i-1 o1 i20 o20.1"), {}, id="the first exchange straddles the begin of the window"),
        pytest.param(tell("kim", "i2 o2.1 i8 o8.2x o9.1"), {}, id="a deletion dates no new exchange"),
    ],
)
def test_the_number_does_not_move(chain: Chain, attack: list[Event], p_real: dict[str, float]) -> None:
    assert chain.measure(list_t11() + attack, p_real=p_real) == (2, 1.9)


@pytest.mark.parametrize(
    "honest",
    [
        pytest.param(tell("fox", "i-1 o1 i20 o20.1 i40 o40.1"), id="two exchanges lie wholly inside the window"),
        pytest.param(tell("max", "i1.4 o1.75 o1.8 i8.4"), id="four hand-made messages, both of the brand on one day"),
        pytest.param(tell("pat", "i1 o1.1 i8 o8.1"), id="exchanges exactly a week apart"),
    ],
)
def test_an_honest_relationship_moves_it_by_one(chain: Chain, honest: list[Event]) -> None:
    assert chain.measure(list_t11() + honest) == (3, 2.9)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"living_window_days": 60}, (0, 0.0)),
        ({"exchange_gap_days": 14}, (3, 2.9)),
        ({"living_least_span_days": 0}, (2, 1.9)),
        ({"living_least_span_days": 30}, (2, 1.9)),
        ({"living_least_exchange_days": 3}, (0, 0.0)),
        ({"least_p_real": 0.2}, (3, 2.2)),
    ],
)
def test_sensitivity_is_that_of_the_specification(chain: Chain, parameters: dict[str, float], expected: tuple[int, float]) -> None:
    assert chain.measure(list_t11(), **parameters) == expected


@pytest.mark.parametrize("p_real", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("gap", [3, 7, 14])
@pytest.mark.parametrize("window", [60, 90, 120])
def test_the_grid_of_twenty_seven_cells_is_that_of_the_specification(chain: Chain, window: int, gap: int, p_real: float) -> None:
    expected = 0 if window == 60 else 3 if p_real == 0.3 else 2
    assert chain.measure(list_t11(), living_window_days=window, living_least_span_days=gap, least_p_real=p_real)[0] == expected


def test_every_day_of_the_history_equals_a_count_of_that_day_alone(chain: Chain) -> None:
    # The mart sweeps over days; the definition looks at one. A plain count in Python must agree on each of them.
    events = (
        list_t11()
        + tell("fox", "i-1 o1 i20 o20.1 i40 o40.1")
        + tell("rex", "i2 o2.5 i9 o9.5 i70 o70.5 i78 o79")
        + tell("max", "i1.4 o1.75 o1.8 i8.4")
    )
    by_day = {}
    for day in range(20, 90, 7):
        shifted = [(person, direction, at + 89 - day, *rest) for person, direction, at, *rest in events if at < day + 1]
        by_day[day] = chain.measure(shifted)[0]
    compiled = chain.measure(events)
    assert by_day[83] == count_plainly(events, 83)
    assert {day: count_plainly(events, day) for day in by_day} == by_day
    assert compiled[0] == count_plainly(events, 89)


def count_plainly(events: list[Event], day: int) -> int:
    """LR90 at the end of a day by the definition: for worlds without deletions."""
    per_person: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda item: item[2]):
        person, direction, _, kind, fanout, automated, incentivised, _ = event
        if kind != "like" and not automated and not incentivised and direction in ("in", "out") and not (direction == "out" and fanout > 3):
            per_person.setdefault(person, []).append(event)
    count = 0
    for person, told in per_person.items():
        pairs = [
            (one, two)
            for one, two in itertools.pairwise(told)
            if one[1] != two[1] and two[2] - one[2] <= 7 and one[2] >= day - 89 and two[2] < day + 1
        ]
        days = {int(two[2] // 1) for _, two in pairs}
        said = {(event[1], event[2]) for pair in pairs for event in pair}
        sides = [sum(direction == side for direction, _ in said) for side in ("in", "out")]
        if len(days) >= 2 and max(days) - min(days) >= 7 and min(sides) >= 2 and P_REAL.get(person, 1) >= 0.5:
            count += 1
    return count


def test_the_day_zero_of_these_tests_opens_the_window() -> None:
    assert START.date() == AS_OF - timedelta(days=89)
    assert date(2026, 8, 3).weekday() == 0
