"""A build on top of the one before and a build from nothing give the same tables, day by day, over a past that changes (decision 0011).

Longer than the tests do: `python -m tests.models.test_keeping_up DIR [days] [seed]`.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from fifty import building, transform
from fifty.building import Footing, find_footing, record_build
from fifty.transform import EVERYTHING_KNOWN
from fifty.warehouse import connect, lock_brand
from tests.models.changing_world import ChangingWorld, add_rows
from tests.models.conftest import START, Brand, open_brand

DAYS = 8
#: days whose events make a build one from nothing: the first, and a load landed again
FROM_NOTHING = (0, 6)
KEPT_UP = ("config.materialized:kept_up", "int_listing_reads")


@dataclass
class Kept:
    """A brand whose tables that are kept up are built alone, without the models above them."""

    brand: Brand

    def find_footing(self, known_at: str = EVERYTHING_KNOWN) -> Footing:
        """What the next build may stand on."""
        with connect(self.brand.paths, self.brand.settings) as connection:
            return find_footing(connection, self.brand.settings.dbt_project, known_at)

    def build(self, footing: Footing, day: int, *, select: tuple[str, ...] = KEPT_UP) -> None:
        """Build them."""
        paths, settings = self.brand.paths, self.brand.settings
        environment = transform._make_environment(paths, settings, (START + timedelta(days=day)).date(), None, footing.build)
        with connect(paths, settings):
            transform._build(paths, settings, environment, *select)

    def record(self, footing: Footing | None = None, *, known_at: str = EVERYTHING_KNOWN) -> Footing:
        """Write down a build, as a transform does at its end."""
        footing = footing or self.find_footing(known_at)
        with connect(self.brand.paths, self.brand.settings) as connection:
            record_build(connection, footing, as_of=START.date(), known_at=known_at)
        return footing

    def build_and_record(self, day: int) -> Footing:
        """Build them as a transform does."""
        footing = self.find_footing()
        self.build(footing, day)
        return self.record(footing)

    def count_records(self) -> int:
        """Finished builds that are recorded: one, or none since one began."""
        with duckdb.connect(str(self.brand.paths.warehouse), read_only=True) as connection:
            return len(connection.execute("select * from ops.built").fetchall())

    def read_tables(self) -> dict[str, list[str]]:
        """Every row of every table, as text, in order."""
        with duckdb.connect(str(self.brand.paths.warehouse), read_only=True) as connection:
            names = [
                row[0]
                for row in connection.execute("select table_name from duckdb_tables() where schema_name = 'intermediate' order by 1").fetchall()
            ]
            return {
                name: [row[0] for row in connection.execute(f"select cast(rows as varchar) from intermediate.{name} as rows order by 1").fetchall()]
                for name in names
            }

    def read_from_nothing(self, day: int) -> dict[str, list[str]]:
        """The same tables built from nothing, in a copy of the work file."""
        twin = Kept(open_brand(self.brand.paths.data, "twin"))
        twin.brand.paths.landing.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.brand.paths.warehouse, twin.brand.paths.warehouse)
        shutil.copy(self.brand.paths.landing / "keys.json", twin.brand.paths.landing)
        with duckdb.connect(str(twin.brand.paths.warehouse)) as connection:
            connection.execute("drop schema intermediate cascade")
        twin.build(Footing(False, "it is asked for", ""), day)
        return twin.read_tables()


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(open_brand(tmp_path, "kept"))


def tell(kept: Kept, world: ChangingWorld, day: int) -> None:
    with lock_brand(kept.brand.paths, kept.brand.settings), connect(kept.brand.paths, kept.brand.settings) as connection:
        add_rows(connection, world.tell(day))
        world.disturb(connection, day)


def differing(left: dict[str, list[str]], right: dict[str, list[str]]) -> list[str]:
    assert left.keys() == right.keys()
    return [f"{name}: {sorted(set(left[name]) ^ set(right[name]))[:4] or 'rows twice'}" for name in left if left[name] != right[name]]


@pytest.fixture(autouse=True)
def a_day_may_be_most_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """In so short a history a day is a large share."""
    monkeypatch.setattr(building, "MOST_ADDED_SHARE", 1.0)


@pytest.mark.slow
def test_each_day_built_on_the_day_before_equals_the_day_built_from_nothing(kept: Kept) -> None:
    assert compare_days(kept, seed=11, days=DAYS) == [day for day in range(DAYS) if day not in FROM_NOTHING]
    # Each of them has something to get wrong.
    tables = kept.read_tables()
    assert all(tables[name] for name in ("int_posts_absent", "int_interactions_absent", "int_person_facts_absent", "stg_post_metrics"))


def compare_days(kept: Kept, seed: int, days: int) -> list[int]:
    """Build each day on the one before and from nothing; the days that stood on the one before. Raises AssertionError where the tables differ."""
    world = ChangingWorld(seed)
    standing = []
    for day in range(days):
        tell(kept, world, day)
        footing = kept.build_and_record(day)
        standing += [day] if footing.is_kept else []
        assert differing(kept.read_tables(), kept.read_from_nothing(day)) == [], f"day {day}: {footing.message}"
    return standing


@pytest.mark.slow
def test_what_is_not_certain_is_built_from_nothing(kept: Kept) -> None:
    """One after the other: each time the reason is said, and without one the build stands on the one before."""
    world = ChangingWorld(seed=5)
    for day in range(3):
        tell(kept, world, day)
    early = (START + timedelta(days=1, hours=12)).strftime("%Y-%m-%d %H:%M:%S.%f")

    def run(statement: str) -> None:
        with connect(kept.brand.paths, kept.brand.settings) as connection:
            connection.execute(statement)

    assert kept.record(known_at=early).why == "there is no finished build to stand on"
    assert kept.record().why == "known_at is not that of the build before"
    assert kept.record().is_kept

    # A line that comes out of quarantine makes a listing evidence again, a rewrite takes rows away, a load is rejected after all.
    run("insert into ops.quarantine by name select 'followers-1' as load_id, 1 as seq")
    assert kept.record().why == "load followers-1 is not as the build before read it"
    run("update ops.quarantine set replayed_at = timestamp '2026-08-06 00:00:00'")
    assert kept.record().why == "load followers-1 is not as the build before read it"
    run("update ops.loads set load_status = 'rejected' where load_id = 'likes-1'")
    assert kept.record().why == "load likes-1 is not as the build before read it"
    run("delete from staging.accounts where load_id = 'followers-0' and seq % 2 = 0")
    assert kept.record().why == "rows of loads that the build before read came or went"
    run("update ops.built set project_hash = 'other models'")
    assert kept.record().why == "the models are not those of the build before"
    # A work file that was landed anew holds no record.
    run("delete from ops.built")
    assert kept.record().why == "there is no finished build to stand on"
    assert kept.record().message == "built on the build before, 0 loads added with 0 lines"

    # A build that ends between two of its tables leaves no record: what it has done to the first is done again.
    kept.build(Footing(False, "it is asked for", ""), 2)
    kept.record()
    tell(kept, world, 3)
    footing = kept.find_footing()
    assert footing.is_kept
    assert kept.count_records() == 0
    kept.build(footing, 3, select=("stg_posts", "stg_interactions"))
    assert kept.build_and_record(3).why == "there is no finished build to stand on"
    assert differing(kept.read_tables(), kept.read_from_nothing(3)) == []
    assert kept.build_and_record(3).is_kept


@pytest.mark.parametrize(("share", "is_kept"), [(0.2, False), (0.6, True)])
def test_news_of_more_than_its_share_are_built_from_nothing(kept: Kept, monkeypatch: pytest.MonkeyPatch, share: float, is_kept: bool) -> None:
    world = ChangingWorld(seed=5)
    for day in range(2):
        tell(kept, world, day)
        # The world leaves the ledger's counts open: ten lines a load.
        with connect(kept.brand.paths, kept.brand.settings) as connection:
            connection.execute("update ops.loads set accepted_count = 10 where accepted_count is null")
            added, total = building._count_lines(connection)
        if day == 0:
            kept.record()
    assert 0.2 < added / total < 0.6
    monkeypatch.setattr(building, "MOST_ADDED_SHARE", share)
    footing = kept.find_footing()
    assert footing.is_kept == is_kept
    assert (footing.why == f"{added:,} of {total:,} lines are new") == (not is_kept)


def test_the_project_is_everything_that_makes_tables(tmp_path: Path) -> None:
    for part in ("models", "macros", "seeds"):
        (tmp_path / part / "below").mkdir(parents=True)
        (tmp_path / part / "below" / "one.sql").write_text("select 1", encoding="utf-8")
    (tmp_path / "dbt_project.yml").write_text("name: some", encoding="utf-8")
    hashes = {building.hash_project(tmp_path)}
    for changed in ("models/below/one.sql", "macros/below/one.sql", "seeds/below/one.sql", "dbt_project.yml"):
        (tmp_path / changed).write_text("select 2", encoding="utf-8")
        hashes.add(building.hash_project(tmp_path))
    (tmp_path / "models/below/one.sql").rename(tmp_path / "models/below/two.sql")
    hashes.add(building.hash_project(tmp_path))
    assert len(hashes) == 6


def test_work_by_hand_leaves_no_build_to_stand_on(kept: Kept) -> None:
    kept.record()
    assert kept.count_records() == 1
    kept.build(Footing(False, "by hand", ""), 0, select=("stg_deletions",))
    assert kept.count_records() == 0


if __name__ == "__main__":
    folder = sys.argv[1]
    wanted_days, wanted_seed = (int(number) for number in [*sys.argv[2:], *("30", "11")[len(sys.argv) - 2 :]])
    building.MOST_ADDED_SHARE = 1.0
    stood = compare_days(Kept(open_brand(Path(folder), "kept")), wanted_seed, wanted_days)
    sys.stdout.write(f"{wanted_days} days equal, {len(stood)} of them built on the day before\n")
