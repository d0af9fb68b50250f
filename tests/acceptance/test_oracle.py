"""The oracle is itself held against the worked numbers of the measurement model, and the story against its bugs.

Needs no server: the ledger is written as the platforms would write it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.acceptance.compare import Expected
from tests.acceptance.ledger import Account, Ledger, Told
from tests.acceptance.oracle import SEEDED_BUGS, Direction, Event, Oracle, Rules, World, build_world
from tests.acceptance.story import STORY, Character, check_story
from tests.acceptance.tell import write_instant

TODAY = date(2026, 11, 23)
DAY_90 = date(2000, 1, 1) + timedelta(days=89)  # the day whose end is day number 90 after the first of January


def write_ledger() -> Ledger:
    """What two obedient platforms would have made of the story."""
    ledger = Ledger(TODAY.isoformat())
    for key, character in STORY.characters.items():
        ledger.accounts[key] = Account(character.platform, key, key, character.shown_as)
    for chapter in (STORY.one, STORY.two):
        for message in chapter.messages:
            platform = STORY.characters[message.author].platform
            ledger.messages[message.key] = Told(platform, message.key, write_instant(message.moment, TODAY))
        for like in chapter.likes:
            ledger.likes[f"{like.actor}|{like.message}"] = Told("bluesky", "", write_instant(like.moment, TODAY))
        for reshare in chapter.reshares:
            told = Told("bluesky", "", write_instant(reshare.moment, TODAY))
            ledger.reshares[f"{reshare.actor}|{reshare.message}"] = told
        for follow in chapter.follows:
            ledger.follows[f"{follow.actor}|{follow.target}"] = Told("bluesky", "", write_instant(follow.moment, TODAY))
    return ledger


def ask_about(chapters: int, rules: Rules | None = None) -> Expected:
    """The oracle after so many chapters."""
    world = build_world(STORY, write_ledger(), (STORY.one, STORY.two)[:chapters])
    return Expected.ask(Oracle(world, TODAY - timedelta(days=2 - chapters), rules or Rules()))


@dataclass
class OracleOfEvents(Oracle):
    """An oracle that is told events instead of a story."""

    events: list[Event] = field(default_factory=list)

    def list_events(self) -> list[Event]:
        """Return the events it was told."""
        return sorted(self.events, key=lambda event: event.order)


def make_event(person: str, turn: str, number: int = 0, **more: object) -> Event:
    """An event in short: ``i5`` is the person's on day 5, ``o5.2`` the brand's a fifth of a day later."""
    at = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=float(turn[1:]))
    direction: Direction = "in" if turn[0] == "i" else "out"
    values: dict[str, object] = {
        "message": f"{person}-{turn}-{number}",
        "kind": "reply",
        "direction": direction,
        "person": person,
        "account": person,
        "brand_account": "brand",
        "at": at,
        "root": f"root of {person}",
        "fanout": 1,
        "is_automated": False,
        "is_incentivised": False,
        "is_deleted": False,
        **more,
    }
    return Event(**values)  # type: ignore[arg-type]


def count_living(turns: dict[str, list[Event]], rules: Rules | None = None) -> set[str]:
    """People in living relationships on day 90."""
    characters = {name: Character(name, "bluesky", name, says_it_is_a_bot=name == "ivy") for name in turns}
    world = World(characters, {}, [], [], frozenset())
    events = [event for rows in turns.values() for event in rows]
    return set(OracleOfEvents(world, DAY_90, rules or Rules(), events).list_living())


def speak(person: str, turns: str, **more: object) -> list[Event]:
    """Events of a line such as ``i5 o5.2 i40 o40.1``."""
    return [make_event(person, turn, number, **more) for number, turn in enumerate(turns.split())]


def score(*events: Event) -> float:
    """Strength at the end of day 0, events told by their age as negative days."""
    oracle = OracleOfEvents(World({}, {}, [], [], frozenset()), date(2000, 1, 1) + timedelta(days=100))
    return oracle._score(list(events)).strength


def aged(kind: str, direction: str, age: int, number: int = 0) -> Event:
    """An event of an age in days at day 100."""
    return make_event("ana", f"{direction}{100 - age}", number, kind=kind)


def test_the_story_does_not_contradict_itself() -> None:
    check_story(STORY)


@pytest.mark.parametrize("name", SEEDED_BUGS)
def test_each_seeded_bug_changes_what_must_come_out(name: str) -> None:
    rules = SEEDED_BUGS[name]
    assert any(ask_about(chapters, rules) != ask_about(chapters) for chapters in (1, 2))


def test_more_than_five_relationships_live_in_both_chapters() -> None:
    assert len(ask_about(1).living) > 5
    assert len(ask_about(2).living) > 5


def test_strength_agrees_with_the_worked_example() -> None:
    inward = [aged("reply", "i", 2), aged("reshare", "i", 10), aged("reply", "i", 45), aged("like", "i", 1), aged("like", "i", 3)]
    assert score(*inward, aged("reply", "o", 2), aged("reply", "o", 46)) == pytest.approx(42.2929, abs=5e-5)


def test_many_likes_add_at_most_the_cap() -> None:
    likes = [aged("like", "i", age) for age in range(20)]
    assert score(aged("reply", "i", 2), *likes, aged("reply", "o", 2)) == pytest.approx(35.1116, abs=5e-5)


def test_likes_alone_are_no_relationship() -> None:
    assert score(*[aged("like", "i", age) for age in range(50)]) == 0


def test_living_relationships_agree_with_the_worked_example() -> None:
    turns = {
        "ana": speak("ana", "i5 o5.2 i40 o40.1"),
        "bob": speak("bob", "i10 o10.1 i10.3 o10.4"),
        "cai": speak("cai", "i20 o20.5 i30 o30.5", is_incentivised=True),
        "dee": [make_event("dee", f"i{day}", kind="like") for day in range(50)],
        "eve": speak("eve", "i12 o13 o60 i62"),
        "gus": speak("gus", "i3 o12.5 i50 o50.1"),
        "hal": speak("hal", "i3 i40") + speak("hal", "o3.1 o40.1", is_automated=True),
        "ivy": speak("ivy", "i3 o3.5 i30 o30.1"),
    }
    assert count_living(turns) == {"ana", "eve"}


def test_who_is_real_follows_from_what_a_platform_lets_anybody_know() -> None:
    people = ask_about(1).people
    read, unread, robot = people["ana"], people["jule"], people["wetter-bot"]
    assert (round(read.p_real, 4), read.p_real_basis) == (0.9492, "rules")
    assert (round(unread.p_real, 4), unread.p_real_basis) == (0.8058, "prior")
    assert people["wanda"] == unread
    assert (robot.p_real, robot.p_real_basis) == (0.0, "stated")


def test_a_weekly_rhythm_with_one_human_reply_is_no_relationship() -> None:
    assert count_living({"jon": speak("jon", "i1 o1.75 i8.4")}) == set()


def test_a_mass_mention_answers_nobody() -> None:
    turns = [*speak("kim", "i20.1 i27.2"), make_event("kim", "o20.9", kind="mention", fanout=1000)]
    assert count_living({"kim": turns}) == set()


def test_an_exchange_that_straddles_the_window_does_not_count() -> None:
    assert count_living({"fox": speak("fox", "i-1 o1 i20 o20.1")}) == set()
    assert count_living({"fox": speak("fox", "i-1 o1 i20 o20.1 i40 o40.1")}) == {"fox"}


def test_a_deleted_reply_creates_no_new_exchange_day() -> None:
    kept = speak("lou", "i2 o2.1 i8 o9.1")
    removed = make_event("lou", "o8.2", 9, is_deleted=True)
    world = World({"lou": Character("lou", "bluesky", "Lou")}, {}, [], [], frozenset())
    days = {exchange.day for exchange in OracleOfEvents(world, DAY_90, Rules(), [*kept, removed]).list_exchanges()}
    assert days == {date(2000, 1, 3), date(2000, 1, 9)}
