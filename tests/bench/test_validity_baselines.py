"""Each baseline on three people whose scores can be worked out by hand."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import duckdb
import pytest

from bench.validity_baselines import score_people

AS_OF = datetime(2026, 6, 1)


@pytest.fixture(scope="module")
def scored():
    """Ana talks both ways and likes, bob only likes, cai was only written to by an automaton and deleted what she said."""
    events = [
        # person, kind, direction, days ago, deleted, automated
        ("ana", "reply", "in", 60, False, False),
        ("ana", "reply", "out", 30, False, False),
        ("ana", "like", "in", 30, False, False),
        ("ana", "reshare", "in", 30, False, False),
        ("bob", "like", "in", 0, False, False),
        ("bob", "like", "in", 60, False, False),
        ("cai", "mention", "in", 1, True, False),
        ("cai", "reply", "out", 1, False, True),
        ("cai", "reply", "peer", 1, False, False),
    ]
    with duckdb.connect() as connection:
        for statement in (
            "attach ':memory:' as marts",
            "create schema intermediate",
            "create schema marts.relationships",
            "create table intermediate.int_interactions (person_id varchar, kind varchar, direction varchar, event_at timestamp,"
            " is_deleted boolean, is_automated boolean, is_conversational boolean, is_engaged boolean)",
            f"create table intermediate.int_run as select timestamp '{AS_OF}' as as_of_at",
            "create table intermediate.int_exchanges as select 'ana' as person_id, date '2026-05-02' as exchange_day from range(2)",
            "create table marts.relationships.people as select unnest(['ana', 'bob', 'cai']) as person_id",
            "create table marts.relationships.relationship_strength as select 'ana' as person_id, 42.0 as strength",
            "create table marts.relationships.the_fifty as select 'ana' as person_id, 1 as rank",
            "create table marts.relationships.handles as select unnest(['ana', 'ana', 'bob']) as person_id, unnest([3, 7, null]) as follower_count",
        ):
            connection.execute(statement)
        for person, kind, direction, days, deleted, automated in events:
            talk = kind in ("reply", "mention")
            row = [person, kind, direction, AS_OF - timedelta(days=days), deleted, automated, talk, talk or kind == "reshare"]
            connection.execute("insert into intermediate.int_interactions values (?, ?, ?, ?, ?, ?, ?, ?)", row)
        yield score_people(connection, half_life=30)


@pytest.mark.parametrize(
    ("name", "ana", "bob", "cai"),
    [
        ("strength", 42, 0, 0),
        ("like_count", 1, 2, 0),
        ("follower_count", 7, 0, 0),
        ("recency", -30, -math.inf, -math.inf),
        ("frequency", 2, 0, 0),
        ("exchange_days", 1, 0, 0),
        ("decayed_sum", 0.25 + 0.5, 0, 0),
        ("geometric_mean", math.sqrt(0.25 * 0.5) + 0.0075, 0, 0),
        ("orbit_love", 0.81 + 1.1 * 0.9, 0.1 + 0.081, 0),
        ("klout_like", 2.1 * math.log(8), 0, 0),
    ],
)
def test_score_by_hand(scored, name, ana, bob, cai):
    assert scored.scores[name].tolist() == pytest.approx([ana, bob, cai])


def test_the_fifty_and_who_ever_talked_are_read_by_person(scored):
    assert scored.person_ids == ("ana", "bob", "cai")
    assert scored.is_in_fifty.tolist() == [True, False, False]
    assert scored.has_talked.tolist() == [True, False, False]
