"""The comparison of counts, findings and truth: each figure against a truth and marts of a dozen rows, written by hand."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import duckdb
import pytest
from demo.__main__ import main
from demo.comparison import Row, compare, describe_row
from demo.model import WorldHead, write_head

# The truth ends at 00:00 of 2026-03-05, a Thursday: the last whole week begins on 2026-02-23.
TRUTH = {
    "accounts": """
        select * from (values
            ('bluesky', 'brand', null, null, 'brand'),
            ('bluesky', 'ann', 'p1', 'converser', 'person'), ('mastodon', 'ann-too', 'p1', 'converser', 'person'),
            ('bluesky', 'bob', 'p2', 'like_only', 'person'), ('bluesky', 'robot', 'p3', 'bot', 'person'), ('bluesky', 'eve', 'p4', 'contest_hunter', 'person'),
            ('bluesky', 'may', 'p5', 'converser', 'person')
        ) as accounts(platform, account_id, person_id, type, role)
    """,
    "posts": """
        select platform, post_id, author, ['in'] as directions, created_at::timestamptz as created_at, null::timestamptz as deleted_at,
            false as is_automated, is_incentivised, author = 'brand' as is_by_brand_side, author as author_account_id
        from (values
            ('bluesky', 'b1', 'brand', '2026-01-01 12:00:00+00', false), ('bluesky', 'c1', 'ann', '2026-02-24 12:00:00+00', false),
            ('mastodon', 'c2', 'ann-too', '2026-02-24 13:00:00+00', false), ('bluesky', 'c3', 'robot', '2026-02-24 14:00:00+00', false),
            ('bluesky', 'c4', 'eve', '2026-02-24 15:00:00+00', true), ('bluesky', 'c5', 'bob', '2025-10-01 12:00:00+00', false),
            ('bluesky', 'c6', 'may', '2026-03-03 12:00:00+00', false)
        ) as posts(platform, post_id, author, created_at, is_incentivised)
    """,
    "reactions": """
        select 'bluesky' as platform, kind, actor as actor_account_id, post_id, 'brand' as target_account_id, acted_at::timestamptz as acted_at,
            is_served
        from (values
            ('like', 'bob', 'b1', '2026-02-25 12:00:00+00', true), ('follow', 'ann', null, '2025-06-01 00:00:00+00', true),
            ('follow', 'bob', null, '2026-01-05 00:00:00+00', true), ('follow', 'robot', null, '2026-01-05 00:00:00+00', true),
            ('follow', 'eve', null, '2026-01-05 00:00:00+00', false)
        ) as reactions(kind, actor, post_id, acted_at, is_served)
    """,
    "asks": """
        select * from (values (timestamptz '2026-02-24 12:00:00+00', timestamptz '2026-02-24 13:00:00+00'),
            (timestamptz '2026-02-24 13:00:00+00', null), (timestamptz '2025-10-01 12:00:00+00', null)) as asks(asked_at, answered_at)
    """,
    "living": """
        select * from (values ('person', true), ('person', false), ('account', true), ('account', true)) as living(level, is_living)
    """,
    "campaign_effect": """
        select * from (values ('tagged', 7, 70), ('untagged', 5, 5), ('unpaid', 5, 5)) as effect(campaign_id, newcomers_caused_seen_after_60, newcomers_caused)
    """,
}
MARTS = {
    "relationships.funnel": "select 'claimed' as stage, 900 as person_count",
    "engagement.posts": """
        select * from (values ('brand', 100, 20, false), ('brand', 50, null, true), ('audience', 3, 3, true), ('audience', 3, 3, false))
        as posts(author_side, stated_like_count, stated_reply_count, is_incentivised)
    """,
    "engagement.reach_weekly": """
        select * from (values (date '2026-03-02', 'all', 1, 1), (date '2026-02-23', 'all', 4000, 4), (date '2026-02-23', 'bluesky', 2, 2))
        as weeks(week_start_date, platform, potential_reach_count, acting_person_count)
    """,
    "relationships.living_relationships_daily": """
        select * from (values (date '2026-03-03', 9, 9), (date '2026-03-04', 2, 3), (date '2026-03-05', 8, 8))
        as days(as_of_date, living_count, engaged_count)
    """,
    "relationships.audience_quality": """
        select * from (values ('all', 'followers', 0.75), ('all', 'engaged', 0.1), ('bluesky', 'followers', 0.2)) as quality(platform, population, real_share)
    """,
    "engagement.response_summary": """
        select * from (values ('all', 'last_90_days', 0.4, date '2025-12-05'), ('all', 'last_7_days', 0.1, date '2026-02-26'))
        as summary(platform, period_kind, answered_rate, period_start_date)
    """,
    "engagement.campaign_retention": """
        select * from (values
            ('tagged', 'campaign', true, 80, 0.15), ('tagged', 'organic', true, 10, 1.0), ('untagged', 'campaign', true, 0, null),
            ('unpaid', 'campaign', false, 10, 1.0)
        ) as arms(campaign_id, arm, is_incentivised, newcomer_count, stayed_60_share)
    """,
    "relationships.fifty_versus_crowd": """
        select * from (values (true, 50, 400, 'EUR', 1000.0, 20.0), (false, 1, 1, 'EUR', 1.0, 1.0))
        as verdict(is_primary, list_count, crowd_count, outcome_unit, list_sum, crowd_sum)
    """,
}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    head = WorldHead("small", 7, date(2026, 3, 5), 400, "true", "mixed", 0, {}, {"acme": {}})
    write_head(tmp_path, head)
    truth = tmp_path / "truth" / "acme"
    truth.mkdir(parents=True)
    value = {"fifty": {"people": 50, "value": 800.0}, "crowd": {"people": 300, "value": 25.0}}
    (truth / "summary.json").write_text(json.dumps({"now": "2026-03-05T00:00:00.000Z", "value": value}), encoding="utf-8")
    with duckdb.connect() as database:
        for name, query in TRUTH.items():
            database.execute(f"copy ({query}) to '{truth / name}.parquet' (format parquet)")
    with duckdb.connect(str(tmp_path / "marts.duckdb")) as database:
        for name, query in MARTS.items():
            database.execute(f"create schema if not exists {name.split('.')[0]}")
            database.execute(f"create table {name} as {query}")
    return tmp_path


def test_each_figure_is_the_count_the_finding_and_the_truth(world: Path) -> None:
    rows = compare(world, "acme", world / "marts.duckdb")
    assert [(row.count, row.found, row.true) for row in rows] == [
        (150, 2, 1),  # likes of the brand's posts; living people, not accounts
        (900, 75.0, pytest.approx(200 / 3)),  # of three followers who still follow one is a robot
        (4000, 4, 3),  # the last whole week: Ann on two networks is one, Bob liked, Eve entered; the robot is nobody, May came later
        (20, 3, 2),  # Ann and May: an entry to a contest is no engagement, Bob spoke too long ago
        (None, 40.0, 50.0),  # of the questions inside the marts' own window
        (1, 15.0, 10.0),  # what the audience entered; newcomers kept by the one contest of which data tell them
        (400, 20.0, 25.0),
        (50, 1000.0, 800.0),
    ]


def test_a_line_says_how_far_off_in_the_unit_of_the_figure() -> None:
    assert describe_row(Row(1234, "likes", "people", 231, 222)).split() == ["1,234", "likes", "people", "231", "222", "+4.1", "%"]
    assert describe_row(Row(None, "", "real", 86.0, 92.5, "%")).endswith("86.0 %      92.5 %   -6.5 points")
    assert describe_row(Row(1, "entries", "kept", None, 7)).split() == ["1", "entries", "kept", "not", "told", "7"]
    assert describe_row(Row(1, "entries", "kept", 3, 0)).endswith("+3")


def test_the_command_prints_the_table_and_says_what_is_missing(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["compare", "--dir", str(world), "--marts"]
    assert main([*where, str(world / "marts.duckdb")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("150 likes" in line and "+100.0 %" in line for line in lines)
    assert max(len(line) for line in lines) <= 150
    assert main([*where, str(world / "none.duckdb")]) == 2
    assert "nothing published yet" in capsys.readouterr().err
    assert main([*where, str(world / "marts.duckdb"), "--brand", "other"]) == 2
    assert "no brand other" in capsys.readouterr().err


def test_the_comparison_leaves_the_marts_as_they_were(world: Path) -> None:
    before = (world / "marts.duckdb").read_bytes()
    compare(world, "acme", world / "marts.duckdb")
    assert (world / "marts.duckdb").read_bytes() == before
