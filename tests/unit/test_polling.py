"""When a post is asked about again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fifty.connectors.base import LOOKUPS, POLLING, UNCHANGED, Connector, Following, Intervals, Stream, Unfolded
from fifty.landing import format_instant
from fifty.polling import KnownPost, Polled, Register, choose_people, choose_posts, is_due, observe_items, read_count, read_time

CLOCK = datetime(2026, 11, 23, tzinfo=UTC)
CONNECTOR = Connector(platform="toy", title="Toy", streams=())
STREAM = Stream(name="likes", kind="state", path="x", shape={}, entity="likes", count="likes")
HOUR = timedelta(hours=1)


def post(age_days: float, **facts: object) -> KnownPost:
    return KnownPost(created_at=format_instant(CLOCK - timedelta(days=age_days)), is_own=True, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("age_days", "since_last", "due"),
    [
        (1, HOUR, True),
        (2, HOUR, False),
        (6, timedelta(hours=23), False),
        (6, timedelta(hours=24), True),
        (8, timedelta(days=2), False),
        (8, timedelta(days=3), True),
        (31, timedelta(days=6), False),
        (31, timedelta(days=7), True),
        (400, timedelta(days=29), False),
        (400, timedelta(days=30), True),
        (-1, HOUR, True),
    ],
)
def test_a_post_is_polled_more_rarely_as_it_ages(age_days: float, since_last: timedelta, due: bool) -> None:
    assert is_due(POLLING, post(age_days), CLOCK - since_last, CLOCK) is due


@given(intervals=st.sampled_from([POLLING, LOOKUPS, UNCHANGED]), age_days=st.floats(0, 4000), hours=st.floats(0, 24 * 365))
def test_a_post_is_never_due_twice_at_one_clock_and_always_within_thirty_days(intervals: Intervals, age_days: float, hours: float) -> None:
    last = CLOCK - timedelta(hours=hours)
    assert not is_due(intervals, post(age_days), CLOCK, CLOCK, reread_all=True)
    if hours >= 30 * 24:
        assert is_due(intervals, post(age_days), last, CLOCK)


@pytest.mark.parametrize(
    ("is_own", "age_days", "hours", "due"), [(True, 1, 1, True), (True, 80, 24, True), (True, 91, 24, False), (False, 80, 24, False)]
)
def test_own_posts_are_looked_up_daily_for_a_quarter_because_their_counts_tell_what_changed(
    is_own: bool, age_days: float, hours: int, due: bool
) -> None:
    known = post(age_days, checked_at=format_instant(CLOCK - hours * HOUR))
    known.is_own = is_own
    assert Register({"x": known}).list_due(CONNECTOR, CLOCK) == (["x"] if due else [])


@pytest.mark.parametrize(("age_days", "days", "chosen"), [(1, 6, False), (8, 7, True), (40, 29, False), (40, 30, True)])
def test_a_list_whose_count_stands_still_is_read_again_after_a_week_then_after_a_month(age_days: float, days: int, chosen: bool) -> None:
    register = Register({"x": post(age_days, counts={"likes": 2})})
    polled = {"x": Polled(format_instant(CLOCK - timedelta(days=days)), 2)}
    assert choose_posts(STREAM, CONNECTOR, register, polled, set(), CLOCK) == (["x"] if chosen else [])


@pytest.mark.parametrize(
    ("count", "last", "chosen"),
    [
        (0, None, False),
        (3, None, True),
        (None, None, True),
        (0, 0, False),
        (0, 2, True),
        (3, 2, True),
        (2, 2, False),
        (None, None, True),
    ],
)
def test_counts_decide_about_an_old_post(count: int | None, last: int | None, chosen: bool) -> None:
    register = Register({"x": post(200, counts={} if count is None else {"likes": count})})
    polled = {} if last is None else {"x": Polled(format_instant(CLOCK - HOUR), last)}
    assert choose_posts(STREAM, CONNECTOR, register, polled, set(), CLOCK) == (["x"] if chosen else [])


def test_a_touched_post_is_asked_about_at_once() -> None:
    register = Register({"x": post(200, counts={"likes": 2})})
    polled = {"x": Polled(format_instant(CLOCK - HOUR), 2)}
    assert choose_posts(STREAM, CONNECTOR, register, polled, {"x"}, CLOCK) == ["x"]


def test_others_posts_and_gone_ones_are_not_asked_about() -> None:
    theirs = post(1, counts={"likes": 2})
    theirs.is_own = False
    assert choose_posts(STREAM, CONNECTOR, Register({"x": theirs, "y": post(1, is_gone=True)}), {}, set(), CLOCK) == []


def test_others_threads_are_read_where_the_stream_says_so_and_they_are_no_crowd() -> None:
    stream = Stream(name="threads", kind="state", path="x", shape={}, entity="thread", count="replies", others_up_to=200)
    register = Register({name: post(1, counts={"replies": count}) for name, count in (("few", 3), ("none", 0), ("crowd", 201), ("within", 3))})
    for one in register.posts.values():
        one.is_own = False
    register.posts["within"].is_reply = True
    assert choose_posts(stream, CONNECTOR, register, {}, set(), CLOCK) == ["few"]


def test_own_replies_are_asked_about_once_where_the_stream_wants_to_know_what_they_answer() -> None:
    stream = Stream(name="contexts", kind="state", path="x", shape={}, entity="thread", count="replies", replies_once=True)
    register = Register({"answer": post(100, counts={"replies": 0}, is_reply=True), "post": post(100, counts={"replies": 0})})
    assert choose_posts(stream, CONNECTOR, register, {}, set(), CLOCK) == ["answer"]
    polled = {"answer": Polled(format_instant(CLOCK - timedelta(days=99)), 0)}
    assert choose_posts(stream, CONNECTOR, register, polled, set(), CLOCK) == []


TREES = Stream(
    name="threads",
    kind="state",
    path="x",
    shape={},
    entity="thread",
    count="replies",
    others_up_to=200,
    unfold=lambda content, _: Unfolded(content),
)


def tree(**changes: KnownPost) -> Register:
    """brand's `post` ← somebody's `ask` ← brand's `answer` ← somebody's `thanks`."""
    register = Register({name: post(40, counts={"replies": 1}) for name in ("post", "ask", "answer", "thanks")} | changes)
    for name, parent in (("ask", "post"), ("answer", "ask"), ("thanks", "answer")):
        register.posts[name].parent, register.posts[name].is_reply = parent, True
        register.posts[name].is_own = name == "answer"
    register.posts["thanks"].counts = {"replies": 0}
    return register


def test_a_message_in_a_tree_that_is_read_from_its_first_one_is_not_asked_about_itself() -> None:
    assert choose_posts(TREES, CONNECTOR, tree(), {}, set(), CLOCK) == ["post"]


def test_a_tree_is_read_again_when_a_message_deep_in_it_was_answered() -> None:
    register = tree()
    polled = {"post": Polled(format_instant(CLOCK - HOUR), register.count(TREES)["post"])}
    assert choose_posts(TREES, CONNECTOR, register, polled, set(), CLOCK) == []
    register.posts["thanks"].counts = {"replies": 1}
    assert choose_posts(TREES, CONNECTOR, register, polled, set(), CLOCK) == ["post"]


@pytest.mark.parametrize(("is_own", "chosen"), [(True, ["post"]), (False, [])])
def test_a_thread_that_somebody_else_began_is_read_again_only_when_its_counts_move(is_own: bool, chosen: list[str]) -> None:
    first = post(3, counts={"replies": 2})
    first.is_own = is_own
    register = Register({"post": first})
    assert choose_posts(TREES, CONNECTOR, register, {"post": Polled(format_instant(CLOCK - timedelta(days=2)), 2)}, set(), CLOCK) == chosen
    assert choose_posts(TREES, CONNECTOR, register, {"post": Polled(format_instant(CLOCK - timedelta(days=2)), 1)}, set(), CLOCK) == ["post"]


def test_what_hangs_below_a_gone_message_is_asked_about_itself() -> None:
    assert choose_posts(TREES, CONNECTOR, tree(ask=post(40, is_gone=True)), {}, set(), CLOCK) == ["answer", "post"]


def test_an_answer_in_a_thread_that_is_not_read_is_asked_about_itself() -> None:
    crowd = post(40, counts={"replies": 201})
    crowd.is_own = False
    assert choose_posts(TREES, CONNECTOR, tree(post=crowd), {}, set(), CLOCK) == ["answer"]
    never_seen = KnownPost(created_at=format_instant(CLOCK))
    assert choose_posts(TREES, CONNECTOR, tree(post=never_seen), {}, set(), CLOCK) == ["answer"]


def test_messages_that_answer_each_other_in_a_circle_end_nothing() -> None:
    register = tree()
    register.posts["post"].parent = "thanks"
    assert register.find_root("ask") in register.posts


FOLLOWING = Following(
    id="post.id", created_at="post.at", author="post.by", parent="post.up", counts={"likes": "post.likes"}, others=("post.up", "post.quoted")
)


def test_items_tell_of_posts_and_of_those_they_name() -> None:
    items = [
        {"post": {"id": 1, "at": "2026-11-20T10:00:00+02:00", "by": "77", "likes": "12"}},
        {"post": {"id": 2, "at": "nonsense", "by": "88", "up": 1, "quoted": 9}},
        {"post": None},
    ]
    seen = observe_items(items, FOLLOWING, account_id="77", clock=CLOCK, seen_at=CLOCK).posts
    assert seen["1"] == KnownPost("2026-11-20T08:00:00.000000Z", True, False, {"likes": 12}, format_instant(CLOCK))
    assert (seen["2"].is_own, seen["2"].is_reply, seen["2"].parent, seen["2"].created_at) == (False, True, "1", format_instant(CLOCK))
    assert KnownPost.load(seen["2"].dump()) == seen["2"]
    assert seen["9"].checked_at is None
    assert sorted(seen) == ["1", "2", "9"]


def test_merging_again_changes_nothing_and_a_name_never_overwrites_a_sighting() -> None:
    register = Register({"1": post(3, counts={"likes": 1}, checked_at=format_instant(CLOCK))})
    before = register.dump()
    register.merge(Register({"1": KnownPost(created_at=format_instant(CLOCK))}))
    assert register.dump() == before
    register.merge(Register.load(before))
    assert register.dump() == before
    older = KnownPost(created_at=format_instant(CLOCK), counts={"likes": 0}, checked_at=format_instant(CLOCK - HOUR))
    register.merge(Register({"1": older}))
    assert register.dump() == before


def test_a_post_that_is_only_named_is_due_at_once() -> None:
    register = Register()
    register.merge(Register({"1": KnownPost(created_at=format_instant(CLOCK - timedelta(days=900)))}))
    assert register.list_due(CONNECTOR, CLOCK) == ["1"]


def test_a_post_seen_again_is_no_longer_gone() -> None:
    register = Register({"1": post(3, checked_at=format_instant(CLOCK - HOUR), is_gone=True)})
    register.merge(Register({"1": KnownPost(created_at=format_instant(CLOCK))}))
    assert register.posts["1"].is_gone
    register.merge(Register({"1": post(3, checked_at=format_instant(CLOCK))}))
    assert not register.posts["1"].is_gone


def test_people_are_completed_when_new_and_once_a_month() -> None:
    known = {"ana": format_instant(CLOCK - timedelta(days=29)), "bob": format_instant(CLOCK - timedelta(days=30))}
    assert choose_people(["ana", "bob", "cai", "cai"], [], known, CLOCK) == ["bob", "cai"]
    assert choose_people([], ["ana", "dee"], known, CLOCK) == ["ana", "dee"]
    assert choose_people([], [], known, CLOCK, reread_all=True) == ["ana", "bob"]


@given(st.one_of(st.none(), st.text(), st.integers(), st.booleans(), st.lists(st.integers()), st.dictionaries(st.text(), st.integers())))
def test_wild_values_are_no_time_and_no_count_rather_than_an_error(value: object) -> None:
    moment = read_time(value)
    assert moment is None or moment.tzinfo is not None
    count = read_count(value)
    assert count is None or isinstance(count, int)
