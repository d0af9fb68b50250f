"""What was said stays as it was said: publishes remembered through landing, and what a later build appends, with its cause.

build → record_history → landing, staging → a build that knows more → restated rows
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from fifty.fingerprint import fingerprint_marts
from fifty.history import record_history
from fifty.land import run_land
from fifty.warehouse import connect, lock_brand
from tests.models.conftest import AS_OF, Brand, Stage, open_brand
from tests.models.worlds import add_account, talk

LATER = 20_000
"""Day number of loads that come after every publish of these tests, whose instant is the machine's."""
CURRENT = "select living_date, revision, living_count, restated_count, restated_cause from marts.relationships.living_relationships_history"
PERSON = """
    select history.month_start_date, history.revision, history.row_kind, history.restated_cause, history.strength, history.stage, history.is_current
    from marts.relationships.relationship_history as history inner join marts.relationships.people as people using (person_id)
    where people.handle = 'ana' order by all
"""


def tell_world(*, is_late: bool = False) -> Stage:
    """Ana lives in a relationship from day 41; a further exchange of day 20 is seen late."""
    stage = Stage()
    stage.configure()
    for name in ("brand", "ana", "bob"):
        add_account(stage, name)
    stage.post("news", "brand", 0.5)
    talk(stage, "ana", "i5 o5.2 i40 o41")
    talk(stage, "bob", "i10 o10.1")
    if is_late:
        stage.load("late", observed=LATER)
        stage.post("late-0", "ana", 20, load_id="late", mentioned_account_ids=["brand"])
        stage.post("late-1", "brand", 20.5, parent="late-0", load_id="late")
    return stage


class Teller:
    """A brand that builds, publishes and learns. Landing keeps what was said, as it does for a replay."""

    def __init__(self, brand: Brand) -> None:
        self.brand = brand
        self.said: list[str] = []

    def build(self, stage: Stage, *, as_of: date = AS_OF) -> str:
        """Rebuild from the rows and from what was published before; the marts' fingerprint."""
        with lock_brand(self.brand.paths, self.brand.settings), connect(self.brand.paths, self.brand.settings) as connection:
            stage.write(connection)
        run_land(self.brand.paths, self.brand.settings, run_id="test")
        with lock_brand(self.brand.paths, self.brand.settings), connect(self.brand.paths, self.brand.settings) as connection:
            connection.execute("update ops.loads set load_status = 'accepted'")
        self.brand.transform(as_of=as_of)
        return fingerprint_marts(self.brand.paths.marts)

    def publish(self, *, as_of: date = AS_OF) -> int:
        """Remember what is new; the number of rows."""
        self.said.append(f"{as_of:%Y%m%d}-{len(self.said) + 1:06d}-aaaaaaaa")
        return record_history(self.brand.paths, self.brand.settings, publish_id=self.said[-1], as_of=as_of, run_id="test")

    def read(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.brand.read(query)]


@pytest.fixture(scope="module")
def teller(brands: Path) -> Teller:
    return Teller(open_brand(brands, "teller"))


@pytest.fixture(scope="module")
def story(teller: Teller) -> dict[str, Any]:
    """Published on the 30th and, the next day, with more known; each step's rows."""
    day_before = AS_OF - timedelta(days=1)
    told: dict[str, Any] = {}
    first = teller.build(tell_world(), as_of=day_before)
    told["first"] = (teller.publish(as_of=day_before), teller.publish(as_of=day_before))
    told["same"] = (first, teller.build(tell_world(), as_of=day_before))
    told["ana first"] = teller.read(PERSON)
    teller.build(tell_world(is_late=True))
    told["late"] = teller.read(f"{CURRENT} order by living_date, revision")
    told["ana late"] = teller.read(PERSON)
    told["daily"] = teller.read(
        "select as_of_date, living_count, first_said_count, restated_count from marts.relationships.living_relationships_daily where restated_count <> 0"
    )
    told["published late"] = teller.publish()
    return told


def test_what_was_said_once_is_not_said_again_and_the_marts_stay_the_same(story: dict[str, Any]) -> None:
    assert story["first"][0] > 80
    assert story["first"][1] == 0
    assert story["same"][0] == story["same"][1]
    assert story["published late"] > 20


def test_late_data_append_a_row_and_leave_what_was_said(story: dict[str, Any]) -> None:
    rows = story["late"]
    restated = [row for row in rows if row[1] == 1]
    # With the exchange of day 20 ana's living time begins on day 20 (5 and 20), not on day 41: days 20 to 40 said 0.
    first_day = AS_OF - timedelta(days=89)
    assert [row[0] for row in restated if row[3]] == [first_day + timedelta(days=day) for day in range(20, 41)]
    assert {row[2:] for row in restated if row[3]} == {(1, 1, "late data")}
    said = {row[0]: row[2] for row in rows if row[1] == 0}
    assert said[first_day + timedelta(days=30)] == 0
    # The newest day is said for the first time.
    assert [row[1] for row in rows if row[0] == AS_OF] == [0]
    assert story["daily"] == [(first_day + timedelta(days=day), 1, 0, 1) for day in range(20, 41)]


def test_the_person_s_months_are_restated_too(story: dict[str, Any]) -> None:
    assert [row[:4] for row in story["ana first"]] == [(date(2026, 8, 1), 0, "first", None), (date(2026, 9, 1), 0, "first", None)]
    late = story["ana late"]
    assert [(row[0].month, row[1], row[2], row[3], row[6]) for row in late] == [
        (8, 0, "first", None, False),
        (8, 1, "restated", "late data", True),
        (9, 0, "first", None, False),
        (9, 1, "restated", "late data", True),
        (10, 0, "first", None, True),
    ]
    assert late[0][4] == story["ana first"][0][4] < late[1][4]
