"""For each platform the whole timeline, id by id, against the recorded truth of the demo world: missing 0, extra 0. What is compared: timeline.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import duckdb
import pytest
from demo_world import DemoWorld, FinishedRun
from timeline import PLATFORMS, Difference, Truth, compare_asks, compare_exchanges, compare_living, compare_posts, compare_reactions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module", params=PLATFORMS)
def truth(request: pytest.FixtureRequest, world: DemoWorld) -> Truth:
    return Truth(world, request.param)


def test_every_message_that_can_be_seen_is_there_and_no_other(truth: Truth, first_run: FinishedRun) -> None:
    difference = compare_posts(truth, first_run)
    print(f"{truth.platform} messages: {difference}")
    assert difference.is_none, difference


@pytest.mark.parametrize("kind", ["like", "reshare", "follow"])
def test_every_like_reshare_and_follow_that_stands_is_there_and_no_other(truth: Truth, first_run: FinishedRun, kind: str) -> None:
    if truth.platform == "wordpress":
        assert not truth.reactions, "a blog knows of none"
        assert first_run.ask("select count(*) from staging.interactions where platform = 'wordpress'") == [(0,)]
        return
    difference = compare_reactions(truth, first_run, kind)
    print(f"{truth.platform} {kind}s: {difference}")
    assert difference.is_none, difference


def test_every_ask_has_its_answer(truth: Truth, first_run: FinishedRun) -> None:
    difference = compare_asks(truth, first_run)
    print(f"{truth.platform} asks: {difference}")
    assert difference.is_none, difference
    assert difference.compared > 0.8 * len(truth.asks)


def test_every_exchange_is_there_on_its_day(truth: Truth, first_run: FinishedRun) -> None:
    difference = compare_exchanges(truth, first_run)
    print(f"{truth.platform} exchanges: {difference}")
    assert difference.is_none, difference
    assert difference.compared > 0.4 * len(truth.exchanges)


def test_the_living_relationships_are_those_of_the_truth(truth: Truth, first_run: FinishedRun) -> None:
    difference = compare_living(truth, first_run)
    print(f"{truth.platform} living relationships: {difference}")
    assert difference.is_none, difference


def test_the_day_s_number_counts_the_living_people(first_run: FinishedRun) -> None:
    number = first_run.ask_published("select living_count from relationships.living_relationships_daily order by as_of_date desc limit 1")
    assert number == first_run.ask_published("select count(*) from relationships.living_people where is_living")


_LIKES, _FOLLOWS = partial(compare_reactions, kind="like"), partial(compare_reactions, kind="follow")
_NEWEST = "(select max({key}) from {table} where platform = '{platform}' and {where})"


@pytest.mark.parametrize(
    ("platform", "compare", "table", "key", "where", "change", "counts"),
    [
        ("mastodon", compare_posts, "intermediate.int_messages", "post_key", "kind = 'reply'", "delete from", (1, 0, 0)),
        (
            "bluesky",
            compare_posts,
            "intermediate.int_messages",
            "post_key",
            "kind = 'reply'",
            "published_at = published_at + interval 2 minute",
            (0, 0, 1),
        ),
        ("wordpress", compare_posts, "intermediate.int_messages", "post_key", "kind = 'reply'", "author_account_key = 'wordpress:2'", (0, 0, 1)),
        ("bluesky", _LIKES, "intermediate.stg_interactions", "interaction_id", "kind = 'like'", "delete from", (1, 0, 0)),
        ("bluesky", _FOLLOWS, "intermediate.stg_interactions", "interaction_id", "kind = 'follow'", "actor_account_id = 'did:plc:nobody'", (1, 1, 0)),
        ("mastodon", compare_asks, "intermediate.int_asks_answers", "ask_post_key", "true", "delete from", (1, 0, 0)),
    ],
)
def test_one_wrong_row_is_seen(
    world: DemoWorld,
    work_file: FinishedRun,
    platform: str,
    compare: Callable[[Truth, FinishedRun], Difference],
    table: str,
    key: str,
    where: str,
    change: str,
    counts: tuple[int, int, int],
) -> None:
    row = f"where {key} = {_NEWEST.format(key=key, table=table, platform=platform, where=where)}"
    with duckdb.connect(str(work_file.root / "warehouse.duckdb")) as writer:
        writer.execute(f"delete from {table} {row}" if change == "delete from" else f"update {table} set {change} {row}")
    difference = compare(Truth(world, platform), work_file)
    assert (len(difference.missing), len(difference.extra), len(difference.other)) == counts, difference
