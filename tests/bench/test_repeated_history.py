"""A landed history told again: more of everything that happened, and nothing that holds for another stretch of time."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from bench.repeated_history import repeat_history
from fifty.settings import Settings
from fifty.warehouse import BrandPaths, connect

SEEN = datetime(2026, 5, 1)
PEOPLE = [f"person-{number}" for number in range(40)]


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """A brand, forty people who each liked its one message and are each named in a business file, and a listing of the likes."""
    paths = BrandPaths(tmp_path, "acme")
    with connect(paths, Settings(data=tmp_path, _env_file=None)) as connection:
        common = {"platform": "bluesky", "source_account_id": "brand", "load_id": "load", "page": 1, "observed_at": SEEN, "scope_key": "likes|post"}

        def put(table: str, **columns: object) -> None:
            row = {**(common if table.startswith("staging") else {}), **columns}
            connection.execute(f"insert into {table} ({', '.join(row)}) values ({', '.join('?' * len(row))})", list(row.values()))

        put("ops.loads", load_id="load", platform="bluesky", source_account_id="brand", load_status="accepted", observed_at=SEEN)
        put("staging.config_accounts", seq=1, account_platform="bluesky", handle="brand.example", role="brand")
        put("staging.accounts", seq=2, account_id="brand", handle="brand.example")
        put("staging.posts", seq=3, post_id="post", author_account_id="brand", created_at=SEEN)
        put("staging.scopes", seq=4, entity="likes", subject_id="post", read_kind="listing", is_complete=True)
        for number, person in enumerate(PEOPLE):
            put("staging.accounts", seq=10 + number, account_id=person, handle=f"{person}.example")
            put(
                "staging.interactions",
                seq=10 + number,
                interaction_id=f"like-{number}",
                kind="like",
                actor_account_id=person,
                post_id="post",
                occurred_at=SEEN,
            )
            put("staging.conversions", seq=10 + number, conversion_id=f"sale-{number}", person_ref=f"bluesky:{person}", occurred_at=SEEN)
    return paths.warehouse


def test_each_stretch_has_events_of_its_own_and_half_of_its_people(warehouse: Path) -> None:
    counts = repeat_history(warehouse, times=3, days=40)
    assert (counts["staging.interactions"], counts["staging.posts"], counts["ops.loads"]) == (3 * len(PEOPLE), 3, 3)
    with duckdb.connect(str(warehouse), read_only=True) as connection:

        def ask(query: str) -> list[tuple[object, ...]]:
            return connection.execute(query).fetchall()

        # Each like is on a message of the same stretch, in an accepted load and a scope of that stretch.
        joined = """
            from staging.interactions as likes inner join staging.posts as posts using (post_id)
            inner join ops.loads as loads on likes.load_id = loads.load_id and loads.load_status = 'accepted' and loads.observed_at = likes.observed_at
            inner join staging.scopes as scopes on likes.scope_key = scopes.scope_key and scopes.subject_id = likes.post_id
            where likes.occurred_at = posts.created_at
        """
        assert ask(f"select likes.occurred_at, count(*) {joined} group by all order by all") == [
            (SEEN - timedelta(days=days), len(PEOPLE)) for days in (80, 40, 0)
        ]
        assert ask("select count(distinct interaction_id) from staging.interactions") == [(3 * len(PEOPLE),)]
        # The brand is one at all times; of the people some stay and the others are new, under the same name wherever they are named.
        assert ask("select distinct author_account_id from staging.posts") == [("brand",)]
        assert ask("select count(*) from staging.config_accounts") == [(1,)]
        ((people,),) = ask("select count(distinct actor_account_id) from staging.interactions")
        assert len(PEOPLE) < int(str(people)) < 3 * len(PEOPLE)
        assert ask("select count(distinct person_ref) from staging.conversions") == [(people,)]
        strangers = "select person_ref from staging.conversions where person_ref not in (select 'bluesky:' || account_id from staging.accounts)"
        assert ask(strangers) == []
        assert ask("select actor_account_id from staging.interactions where actor_account_id not in (select account_id from staging.accounts)") == []
