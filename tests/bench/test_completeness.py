"""What counts as an interaction, as seen in time, as un-like seen, and as a naive request: on a world of a dozen things, by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from bench.completeness import score_landed
from bench.completeness_truth import count_naive, load_truth
from demo.model import DAY, HOUR, WorldBuilder
from fifty.warehouse import create_tables

ANCHOR = date(2026, 3, 2)
END = datetime(2026, 3, 2, tzinfo=UTC)
PULLS = [END - timedelta(days=days) for days in range(40, -1, -1)]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """One brand on Mastodon and its site; day n is n days after the first pull."""
    world = WorldBuilder(ANCHOR, 60)
    world.add_brand("tea", name="Tea")
    begin = world.end - 40 * DAY
    add = world.add_account
    brand, staff, ana, bob = (
        add("mastodon", "1", "tea", role="brand", brand="tea"),
        add("mastodon", "2", "sam", role="staff", brand="tea"),
        add("mastodon", "3", "ana"),
        add("mastodon", "4", "bob"),
    )

    def say(post_id: str, author: int, day: float, **columns: object) -> int:
        return world.add_message("mastodon", post_id, author, begin + round(day * DAY), [["t", post_id]], **columns)

    post = say("post", brand, 1.5)
    ask = say("ask", ana, 2.5, parent=post)
    say("answer", staff, 2.6, parent=ask)
    say("peer", bob, 20.5, parent=ask)
    say("elsewhere", bob, 3.5)
    say("brief", bob, 3.1, parent=post, deleted_at=begin + round(3.2 * DAY))
    late = begin + round(5.5 * DAY)
    say("late", bob, 3.5, parent=post, visible_at=late)
    for actor, day, ended in ((ana, 1.6, 10.5), (bob, 1.7, 10.5), (staff, 1.8, None)):
        world.add_reaction("mastodon", "like", actor, begin + round(day * DAY), message=post, ended_at=ended and begin + round(ended * DAY))
    world.add_reaction("mastodon", "follow", bob, begin + 2 * DAY + HOUR, target=brand)
    site = add("wordpress", "1", "tea", role="brand", brand="tea")
    guest = add("wordpress", "g", "gus")
    entry = world.add_message("wordpress", "post:1", site, begin + DAY, [["t", "x"]], site="tea")
    world.add_message("wordpress", "7", guest, begin + 2 * DAY, [["t", "x"]], parent=entry, site="tea")
    world.write(tmp_path)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        load_truth(connection, tmp_path, "tea", [("mastodon", "2")])
        yield connection


def test_an_interaction_is_what_concerns_the_brand(connection):
    found = connection.execute("select kind, interaction_id from truth.interactions where platform = 'mastodon' order by shown_at").fetchall()
    assert found == [
        ("own_message", "post"),
        ("like", "like|3|post"),
        ("like", "like|4|post"),
        ("like", "like|2|post"),
        ("follow", "follow|4|1"),
        ("reply", "ask"),
        ("own_message", "answer"),
        ("reply", "brief"),
        ("reply", "late"),
        ("reply", "peer"),
    ]


def test_naive_asks_for_every_list_of_every_message_of_the_last_sixty_days(connection):
    # Mastodon: listing, followers; likes, reshares, quotes and context of `post`. Its staff's messages are not the brand's. Site: listing, comments.
    assert count_naive(connection, [END.replace(tzinfo=None)]) == 6 + 2
    assert count_naive(connection, [(END - timedelta(days=39, hours=23)).replace(tzinfo=None)]) == 0 + 1 + 0
    assert count_naive(connection, [pull.replace(tzinfo=None) for pull in PULLS[-3:]]) == 3 * 8


def test_naive_reads_every_page_of_a_long_list(connection):
    connection.execute(
        "insert into truth.reactions select 'mastodon', 'like', 'x' || range, (select message_no from truth.messages where post_id = 'post'),"
        " null, timestamp '2026-02-01', null from range(160)"
    )
    assert count_naive(connection, [END.replace(tzinfo=None)]) == 8 + 2


def land(connection: duckdb.DuckDBPyConnection, day: int, posts: list[str], interactions: list[str]) -> None:
    """What the pull of a day brought."""
    end = PULLS[day].replace(tzinfo=None)
    connection.execute(
        "insert into ops.loads by name select ? as load_id, 'mastodon' as platform, ? as window_end, ? as observed_at", [f"load-{day}", end, end]
    )
    for table, column, ids in (("posts", "post_id", posts), ("interactions", "interaction_id", interactions)):
        for one in ids:
            connection.execute(
                f"insert into staging.{table} by name select ? as load_id, 'mastodon' as platform, ? as {column}, ? as observed_at",
                [f"load-{day}", one, end],
            )


def test_shares_count_what_came_in_time(connection):
    create_tables(connection)
    connection.execute("create table intermediate.int_interactions_absent (platform varchar, interaction_id varchar, ended_at timestamp)")
    land(connection, 2, ["post"], ["like|3|post", "like|4|post", "like|2|post"])
    land(connection, 3, ["ask", "answer"], ["follow|4|1"])
    land(connection, 7, ["late"], [])
    land(connection, 21, ["peer"], [])
    # Both took their like back on day 10.5: one was found on day 11, the other on day 19, a day too late.
    for actor, day in ((3, 11), (4, 19)):
        land(connection, day, [], [])
        connection.execute(
            "insert into intermediate.int_interactions_absent values ('mastodon', ?, ?)", [f"like|{actor}|post", PULLS[day].replace(tzinfo=None)]
        )
    shares, missed = score_landed(connection, PULLS)
    # `brief` came and went between two pulls; `late` came with the pull after the one that could have had it; the site was never pulled.
    assert shares["captured_within_24_hours"] == (8, 11)
    assert shares["captured_within_24_hours_with_what_nobody_could_see"] == (8, 12)
    assert shares["captured_within_24_hours_on_posts_older_than_14_days"] == (1, 1)
    assert shares["unlikes_and_unfollows_seen_within_7_days"] == (1, 2)
    assert missed == [
        ("mastodon", "reply", False, "late", 1),
        ("wordpress", "comment", False, "never", 1),
        ("wordpress", "own_message", False, "never", 1),
    ]
