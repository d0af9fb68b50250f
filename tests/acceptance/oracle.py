"""What must come out: the measures of the story, computed in plain Python from what people did.

Story + Ledger -> World (what the platforms show after a chapter) -> Expected (posts, conversations, asks, people)

Written from the definitions of the measures alone; imports nothing of the pipeline, and reads nothing that it wrote.
Each of SEEDED_BUGS switches one rule to a plausible mistake: a comparison that stays green with one of them on proves
nothing. Definitions: `M…` in the docstrings are those of the measurement model.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from tests.acceptance.ledger import Ledger
from tests.acceptance.story import Chapter, Character, Story

Side = Literal["brand", "audience", "internal"]
Direction = Literal["in", "out", "peer"]

WEIGHTS = {"like": 0.1, "mention": 0.7, "reshare": 0.8, "reply": 1.0, "comment": 1.0, "quote": 1.0, "message": 1.5}
CONVERSATIONAL = frozenset({"mention", "comment", "reply", "quote", "message"})
ENGAGED = CONVERSATIONAL | {"reshare"}
HALF_LIFE_DAYS = 30
FAKE_PREVALENCE, FLAG_SENSITIVITY, FLAG_SPECIFICITY = 0.1942, 0.8, 0.9
LEAST_REAL = 0.5
LIKE_CAP = 0.5
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Rules:
    """The rules in force; each field but the defaults is a mistake somebody could make."""

    window_days: int = 90
    span_days: int = 7
    most_named: int = 3
    counts_automatic_replies: bool = False
    keeps_deleted: bool = False
    keeps_withdrawn_likes: bool = False
    takes_peer_for_in: bool = False
    caps_likes: bool = True
    caps_days: bool = True
    counts_mention_beside_reply: bool = False
    takes_staff_for_people: bool = False
    merges_asks: bool = True
    measures_gap_in_calendar_days: bool = False
    counts_incentivised: bool = False
    links_identities: bool = True
    takes_unseen_for_seen: bool = False


SEEDED_BUGS: dict[str, Rules] = {
    "the window of LR90 begins a day early": Rules(window_days=91),
    "six days between exchanges are enough": Rules(span_days=6),
    "the answers of the automaton count": Rules(counts_automatic_replies=True),
    "deleted messages stay": Rules(keeps_deleted=True),
    "likes that were taken back stay": Rules(keeps_withdrawn_likes=True),
    "people talking with people count as talking with the brand": Rules(takes_peer_for_in=True),
    "likes are not capped": Rules(caps_likes=False),
    "several events of a day count": Rules(caps_days=False),
    "a mention beside a reply to the same account counts as well": Rules(counts_mention_beside_reply=True),
    "staff who speak for themselves are people": Rules(takes_staff_for_people=True),
    "repeated asks are not merged": Rules(merges_asks=False),
    "the gap of an exchange is counted in calendar days": Rules(measures_gap_in_calendar_days=True),
    "contest entries count": Rules(counts_incentivised=True),
    "a mention in a crowd counts as an answer": Rules(most_named=99),
    "accounts of one person are not merged": Rules(links_identities=False),
    "a profile nobody read counts as a clean one": Rules(takes_unseen_for_seen=True),
}


# What the platforms show -----------------------------------------------------------------------------------------------


@dataclass
class Shown:
    """A message as its platform shows it; ``parent`` follows the platform where a deletion moves answers up."""

    key: str
    author: Character
    at: datetime
    kind: str
    text: str
    parent: str | None
    quoted: str | None
    root: str
    mentions: tuple[str, ...]
    is_automated: bool
    is_incentivised: bool
    is_promotional: bool = False
    is_deleted: bool = False
    is_edited: bool = False
    is_hidden: bool = False
    """The author has left, and the platform shows none of it any more; what it meant for strength stands."""


@dataclass(frozen=True)
class Reaction:
    """A like, reshare or follow that stands."""

    kind: str
    actor: str
    target: str
    message: str | None
    at: datetime


@dataclass
class World:
    """Everything around the brand after a chapter."""

    characters: Mapping[str, Character]
    messages: dict[str, Shown]
    reactions: list[Reaction]
    withdrawn: list[Reaction]
    gone: frozenset[str]


def build_world(story: Story, ledger: Ledger, chapters: Iterable[Chapter]) -> World:
    """Play the chapters that have been told and return what the platforms then show."""
    chapters = list(chapters)
    characters = story.characters
    messages: dict[str, Shown] = {}
    starts, ends = (moment.resolve(ledger.day) for moment in (story.contest.starts, story.contest.ends))
    for message in (message for chapter in chapters for message in chapter.messages):
        author, at = characters[message.author], ledger.messages[message.key].instant
        if message.answers is not None:
            # WordPress: what stands below an article is a comment, what answers a comment a reply.
            is_comment = author.platform == "wordpress" and messages[message.answers].parent is None
            kind = "comment" if is_comment else "reply"
        else:
            kind = "quote" if message.quotes is not None else "post"
        messages[message.key] = Shown(
            key=message.key,
            author=author,
            at=at,
            kind=kind,
            text=message.text,
            parent=message.answers,
            quoted=message.quotes,
            root=messages[message.answers].root if message.answers is not None else message.key,
            mentions=message.mentions,
            is_automated=author.role == "automaton" or author.says_it_is_a_bot,
            is_incentivised=story.contest.hashtag in message.hashtags and starts <= at < ends,
            is_promotional=message.key in story.promotional,
        )
    withdrawn_names = {f"{unlike.actor}|{unlike.message}" for chapter in chapters for unlike in chapter.unlikes}
    unfollowed_names = {f"{end.actor}|{end.target}" for chapter in chapters for end in chapter.unfollows}
    reactions: list[Reaction] = []
    withdrawn: list[Reaction] = []
    for chapter in chapters:
        for like in chapter.likes:
            name = f"{like.actor}|{like.message}"
            row = Reaction("like", like.actor, messages[like.message].author.key, like.message, ledger.likes[name].instant)
            (withdrawn if name in withdrawn_names else reactions).append(row)
        for reshare in chapter.reshares:
            name = f"{reshare.actor}|{reshare.message}"
            target = messages[reshare.message].author.key
            reactions.append(Reaction("reshare", reshare.actor, target, reshare.message, ledger.reshares[name].instant))
        for follow in chapter.follows:
            name = f"{follow.actor}|{follow.target}"
            row = Reaction("follow", follow.actor, follow.target, None, ledger.follows[name].instant)
            (withdrawn if name in unfollowed_names else reactions).append(row)
        for edit in chapter.edits:
            messages[edit.message].text = edit.text
            messages[edit.message].is_edited = True
        for removal in chapter.removals:
            _remove(messages, removal.message, removal.into_trash)
    gone = frozenset(leaving.character for chapter in chapters for leaving in chapter.deactivations)
    for shown in messages.values():
        shown.is_hidden = shown.author.key in gone
    # Who liked what is read for the brand's own messages: its likes on what others wrote are not looked for.
    reactions = [one for one in reactions if one.kind != "like" or characters[one.target].role == "brand"]
    return World(characters, messages, reactions, withdrawn, gone)


def _remove(messages: dict[str, Shown], key: str, into_trash: bool) -> None:
    removed = messages[key]
    removed.is_deleted = True
    if removed.author.platform == "wordpress" and not into_trash:
        # WordPress hangs the answers of a comment deleted for good on the message above it.
        for message in messages.values():
            if message.parent == key:
                message.parent, message.kind = removed.parent, removed.kind


# Events ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """One act towards one account, with the brand's side in view."""

    message: str | None
    kind: str
    direction: Direction
    person: str
    account: str
    brand_account: str
    at: datetime
    root: str | None
    fanout: int
    is_automated: bool
    is_incentivised: bool
    is_deleted: bool
    other: str | None = None
    """The account spoken to where people talk among themselves."""

    @property
    def order(self) -> tuple[datetime, str]:
        """Events in time; the story tells no two of a pair at one instant."""
        return (self.at, self.message or "")


@dataclass(frozen=True)
class Exchange:
    """A two-way exchange (M4.1), dated by its second message."""

    person: str
    pair: tuple[str, str]
    first_at: datetime
    second_at: datetime
    in_message: str
    out_message: str
    roots: frozenset[str]

    @property
    def day(self) -> date:
        """The UTC day of the second message."""
        return self.second_at.date()


@dataclass
class Oracle:
    """The measures of one world as of the end of one UTC day."""

    world: World
    as_of: date
    rules: Rules = field(default_factory=Rules)

    @property
    def as_of_instant(self) -> datetime:
        """The first instant that no longer counts."""
        return datetime.combine(self.as_of, time(), tzinfo=UTC) + DAY

    def find_side(self, name: str) -> Side:
        """Return the side of a character: brand accounts and those who answer for it, people, or neither."""
        character = self.world.characters[name]
        if character.role == "brand" or character.answers_for_brand:
            return "brand"
        if character.role in ("staff", "agency"):
            return "audience" if self.rules.takes_staff_for_people and character.role == "staff" else "internal"
        return "audience"

    def find_person(self, name: str) -> str | None:
        """Return the person behind an account; None where the platform does not say who it is."""
        character = self.world.characters[name]
        if character.standing == "nameless":
            return None
        if self.rules.links_identities and character.same_person_as is not None:
            return character.same_person_as
        return name

    def list_accounts(self, person: str) -> list[str]:
        """Return the accounts of a person."""
        return [name for name in self.world.characters if self.find_person(name) == person]

    def is_real(self, person: str) -> bool:
        """Say whether somebody is more likely a real person than not (M6.4)."""
        return self.judge_reality(person).p_real >= LEAST_REAL

    def judge_reality(self, person: str) -> ExpectedReality:
        """Weigh how real a person is (M6.4), from what each platform lets anybody know of an account.

        Everybody of the story has a young account with few followers, follows few and has posted: whoever's whole profile is read breaks no rule.
        Bluesky gives the whole profile of those who write around the brand: counts, picture and words make four rules observable. Of those who
        only like, share or follow, and of everybody on the blog, too few can be seen: the prior holds.
        """
        accounts = [self.world.characters[name] for name in self.list_accounts(person)]
        if any(account.says_it_is_a_bot or account.role == "automaton" for account in accounts):
            return ExpectedReality(0.0, "stated")
        fake, genuine = FAKE_PREVALENCE, 1 - FAKE_PREVALENCE
        if not self.rules.takes_unseen_for_seen and not self._is_profile_read(self._find_main_account(person)):
            return ExpectedReality(genuine, "prior")
        unflagged = genuine * FLAG_SPECIFICITY
        return ExpectedReality(unflagged / (unflagged + fake * (1 - FLAG_SENSITIVITY)), "rules")

    def _is_profile_read(self, name: str) -> bool:
        is_author = any(message.author.key == name and not message.is_deleted for message in self.list_messages())
        return self.world.characters[name].platform == "bluesky" and is_author

    def _find_main_account(self, person: str) -> str:
        """Return the account that stands for a person: still there, with most talk with the brand, then with most events."""
        names = self.list_accounts(person)
        events = [event for event in self.list_events() if event.person == person and not event.is_deleted]

        def rank(name: str) -> tuple[bool, int, int]:
            own = [event for event in events if event.account == name]
            return (name in self.world.gone, -sum(event.kind in CONVERSATIONAL and event.direction != "peer" for event in own), -len(own))

        return min(names, key=rank)

    def is_gone(self, person: str) -> bool:
        """Say whether every account of a person has left."""
        return all(name in self.world.gone for name in self.list_accounts(person))

    def list_messages(self) -> list[Shown]:
        """Return every message before the as-of instant."""
        shown = self.world.messages.values()
        kept = [replace(message, is_deleted=message.is_deleted and not self.rules.keeps_deleted) for message in shown]
        return sorted((message for message in kept if message.at < self.as_of_instant), key=lambda item: item.at)

    def list_events(self) -> list[Event]:
        """Derive the events of messages and reactions, deleted ones marked; those of identified people only."""
        events: list[Event] = []
        messages = {message.key: message for message in self.list_messages()}
        for message in messages.values():
            above = messages.get(message.parent or "") or messages.get(message.quoted or "")
            main = above.author.key if above is not None else None
            if main is not None:
                events += self._make(message, message.kind, main, 1)
            named = [name for name in message.mentions if self.find_side(name) != "internal"]
            for name in message.mentions:
                if name != main or self.rules.counts_mention_beside_reply:
                    events += self._make(message, "mention", name, len(named))
        standing = self.world.reactions + (self.world.withdrawn if self.rules.keeps_withdrawn_likes else [])
        for reaction in standing:
            about = messages.get(reaction.message or "")
            if reaction.at < self.as_of_instant and not (about is not None and about.is_deleted):
                events += self._make_reaction(reaction)
        return sorted(events, key=lambda event: event.order)

    def _make(self, message: Shown, kind: str, target: str, fanout: int) -> list[Event]:
        placed = self._place(message.author.key, target)
        if placed is None:
            return []
        direction, account, brand_account = placed
        person = self.find_person(account)
        if person is None:
            return []
        return [
            Event(
                message=message.key,
                kind=kind,
                direction=direction,
                person=person,
                account=account,
                brand_account=brand_account,
                at=message.at,
                root=message.root,
                fanout=fanout,
                is_automated=message.is_automated and not self.rules.counts_automatic_replies,
                is_incentivised=message.is_incentivised and not self.rules.counts_incentivised,
                is_deleted=message.is_deleted,
                other=target if direction == "peer" else None,
            )
        ]

    def _make_reaction(self, reaction: Reaction) -> list[Event]:
        placed = self._place(reaction.actor, reaction.target)
        if placed is None:
            return []
        direction, account, brand_account = placed
        person = self.find_person(account)
        if person is None:
            return []
        actor = self.world.characters[reaction.actor]
        return [
            Event(
                message=reaction.message,
                kind=reaction.kind,
                direction=direction,
                person=person,
                account=account,
                brand_account=brand_account,
                at=reaction.at,
                root=None,
                fanout=1,
                is_automated=actor.role == "automaton" or actor.says_it_is_a_bot,
                is_incentivised=False,
                is_deleted=False,
                other=reaction.target if direction == "peer" else None,
            )
        ]

    def _place(self, actor: str, target: str) -> tuple[Direction, str, str] | None:
        sides = (self.find_side(actor), self.find_side(target))
        if actor == target or "internal" in sides or sides == ("brand", "brand"):
            return None
        if sides == ("audience", "brand"):
            return ("in", actor, self._speak_for(target))
        if sides == ("brand", "audience"):
            return ("out", target, self._speak_for(actor))
        if self.rules.takes_peer_for_in:
            return ("in", actor, self._speak_for(actor))
        return ("peer", actor, target)

    def _speak_for(self, name: str) -> str:
        """Return the brand account for which somebody speaks: the one on the same platform."""
        platform = self.world.characters[name].platform
        accounts = self.world.characters.values()
        return next(one.key for one in accounts if one.role == "brand" and one.platform == platform)

    def list_posts(self) -> dict[str, ExpectedPost]:
        """Return every message that the platforms have shown, deleted ones included."""
        found = {}
        for message in self.list_messages():
            is_own = message.author.role == "brand" and message.author.platform == "bluesky"
            likes = self._count_reactions("like", message.key)
            found[message.key] = ExpectedPost(
                kind=message.kind,
                author=message.author.key if self.find_side(message.author.key) != "internal" else None,
                author_side=self._name_author_side(message.author),
                at=message.at,
                parent=message.parent,
                root=message.root,
                quoted=message.quoted,
                text=message.text,
                is_deleted=message.is_deleted or message.is_hidden,
                is_automated=message.is_automated,
                is_incentivised=message.is_incentivised,
                is_promotional=message.is_promotional,
                is_nameless=message.author.standing == "nameless",
                like_count=likes if is_own and not message.is_deleted else None,
                reshare_count=self._count_reactions("reshare", message.key) if is_own else None,
            )
        return found

    def _name_author_side(self, author: Character) -> str:
        return "unidentified" if author.standing == "nameless" else self.find_side(author.key)

    def _count_reactions(self, kind: str, key: str) -> int:
        # Likes and reshares by the house say nothing about the audience; those of people who left are gone with them.
        standing = self.world.reactions + (self.world.withdrawn if self.rules.keeps_withdrawn_likes else [])
        return sum(
            row.kind == kind
            and row.message == key
            and row.at < self.as_of_instant
            and row.actor not in self.world.gone
            and self.find_side(row.actor) == "audience"
            for row in standing
        )

    def list_people(self) -> set[str]:
        """Return everybody who did something towards the brand or another person, or was spoken to, and still shows."""
        people = set()
        for event in self.list_events():
            if not event.is_deleted:
                people.add(event.person)
                other = self.find_person(event.other) if event.other is not None else None
                people |= {other} if other is not None else set()
        return people

    # M4.1, M11

    def list_exchanges(self) -> list[Exchange]:
        """Pair consecutive messages of opposite direction, with and without the deleted ones, over all history."""
        counted = [
            event
            for event in self.list_events()
            if event.kind in CONVERSATIONAL
            and event.direction in ("in", "out")
            and not event.is_automated
            and not event.is_incentivised
            and not (event.direction == "out" and event.fanout > self.rules.most_named)
        ]
        kept = self._pair([event for event in counted if not event.is_deleted])
        before = {(exchange.pair, exchange.day) for exchange in self._pair(counted)}
        return [exchange for exchange in kept if (exchange.pair, exchange.day) in before]

    def _pair(self, events: list[Event]) -> list[Exchange]:
        turns: dict[tuple[str, str], list[Event]] = defaultdict(list)
        for event in events:
            turns[(event.brand_account, event.account)].append(event)
        exchanges = []
        for pair, sequence in turns.items():
            sequence.sort(key=lambda event: event.order)
            for first, second in itertools.pairwise(sequence):
                if first.direction == second.direction or not self._is_soon_enough(first.at, second.at):
                    continue
                ask, answer = (first, second) if first.direction == "in" else (second, first)
                exchanges.append(
                    Exchange(
                        person=first.person,
                        pair=pair,
                        first_at=first.at,
                        second_at=second.at,
                        in_message=str(ask.message),
                        out_message=str(answer.message),
                        roots=frozenset({str(ask.root), str(answer.root)}),
                    )
                )
        return exchanges

    def _is_soon_enough(self, first: datetime, second: datetime) -> bool:
        if self.rules.measures_gap_in_calendar_days:
            return (second.date() - first.date()).days <= 7
        return second - first <= 7 * DAY

    def list_living(self, day: date | None = None) -> dict[str, ExpectedLiving]:
        """Return the people of LR90 at the end of a day, with what makes them count."""
        end = datetime.combine(day or self.as_of, time(), tzinfo=UTC) + DAY
        begin = end - self.rules.window_days * DAY
        inside: dict[str, list[Exchange]] = defaultdict(list)
        for exchange in self.list_exchanges():
            if exchange.first_at >= begin and exchange.second_at < end:
                inside[exchange.person].append(exchange)
        living = {}
        for person, exchanges in inside.items():
            days = {exchange.day for exchange in exchanges}
            row = ExpectedLiving(
                exchange_day_count=len(days),
                exchange_span_days=(max(days) - min(days)).days,
                person_message_count=len({exchange.in_message for exchange in exchanges}),
                brand_message_count=len({exchange.out_message for exchange in exchanges}),
            )
            enough = row.exchange_day_count >= 2 and row.exchange_span_days >= self.rules.span_days
            has_both_sides = row.person_message_count >= 2 and row.brand_message_count >= 2
            if enough and has_both_sides and self.is_real(person) and not self.is_gone(person):
                living[person] = row
        return living

    # M2.4

    def list_strengths(self) -> dict[str, ExpectedStrength]:
        """Return the strength of every person with an event to or from the brand."""
        by_person: dict[str, list[Event]] = defaultdict(list)
        for event in self.list_events():
            is_robot_answer = event.direction == "out" and event.is_automated
            if event.kind in WEIGHTS and event.direction != "peer" and not event.is_deleted and not is_robot_answer:
                by_person[event.person].append(event)
        return {person: self._score(events) for person, events in by_person.items()}

    def _score(self, events: list[Event]) -> ExpectedStrength:
        counted: dict[object, Event] = {}
        for number, event in enumerate(sorted(events, key=lambda item: item.order)):
            slot = (event.kind, event.direction, event.at.date()) if self.rules.caps_days else number
            counted.setdefault(slot, event)
        sums = {"in": 0.0, "out": 0.0, "like": 0.0}
        for event in counted.values():
            decayed = WEIGHTS[event.kind] * 2 ** (-(self.as_of - event.at.date()).days / HALF_LIFE_DAYS)
            is_capped = event.kind == "like" and event.direction == "in"
            sums["like" if is_capped else event.direction] += decayed
        inward = sums["in"] + (min(sums["like"], LIKE_CAP) if self.rules.caps_likes else sums["like"])
        outward = sums["out"]
        engaged = [event for event in counted.values() if event.direction == "in" and event.kind in ENGAGED]
        volume = inward + 0.5 * outward
        saturation = 1.5 / (1 - 2 ** (-30 / HALF_LIFE_DAYS))
        balance = 2 * min(inward, outward) / (inward + outward) if inward + outward > 0 else 0.0
        score = 100 * volume / (volume + saturation) * (0.5 + 0.5 * balance) if engaged else 0.0
        return ExpectedStrength(score, inward, outward)

    # M4.2

    def list_conversations(self) -> dict[str, ExpectedConversation]:
        """Return the shape of every tree with a message that is not deleted, by its first message."""
        messages = {message.key: message for message in self.list_messages()}
        trees: dict[str, list[Shown]] = defaultdict(list)
        for message in messages.values():
            trees[message.root].append(message)
        found = {}
        for root, members in trees.items():
            kept = [message for message in members if not message.is_deleted and not message.is_hidden]
            sides = {message.key: self.find_side(message.author.key) for message in members}
            counted = [message for message in kept if sides[message.key] != "internal"]
            if not kept:
                continue
            audience = [message for message in counted if sides[message.key] == "audience"]
            brand = [message for message in counted if sides[message.key] == "brand"]
            human = [message for message in brand if not message.is_automated or self.rules.counts_automatic_replies]
            people = {self.find_person(message.author.key) for message in audience} - {None}
            turns = [
                message
                for message in counted
                if message.parent is not None
                and not messages[message.parent].is_deleted
                and not messages[message.parent].is_hidden
                and {sides[message.key], sides[message.parent]} == {"audience", "brand"}
            ]
            first_word = min((message.at for message in audience), default=None)
            found[root] = ExpectedConversation(
                message_count=len(counted),
                brand_message_count=len(brand),
                human_brand_message_count=len(human),
                audience_message_count=len(audience),
                depth=max((self._measure_depth(messages, message) for message in counted), default=0),
                turn_count=len(turns),
                person_count=len(people),
                participant_count=len(people) + len({message.author.key for message in brand}),
                is_conversation=first_word is not None and any(message.at > first_word for message in human),
            )
        return found

    def _measure_depth(self, messages: Mapping[str, Shown], message: Shown) -> int:
        depth = 0
        while message.parent is not None:
            message = messages[message.parent]
            depth += 1
        return depth

    # M4.3

    def list_asks(self) -> dict[str, ExpectedAsk]:
        """Return every ask, by the message that asks, with its answer or the end of its observation."""
        threads: dict[tuple[str, str], list[Event]] = defaultdict(list)
        for event in self.list_events():
            if event.kind in CONVERSATIONAL and event.direction in ("in", "out") and event.root is not None:
                threads[(event.person, event.root)].append(event)
        asks: dict[str, ExpectedAsk] = {}
        for (person, _), events in threads.items():
            waiting: list[Event] = []
            for event in sorted(events, key=lambda item: item.order):
                is_answer = event.direction == "out" and not event.is_automated and not event.is_deleted
                if is_answer and waiting:
                    self._note_asks(asks, person, waiting, event)
                    waiting = []
                elif event.direction == "in" and not event.is_automated and not event.is_incentivised:
                    waiting.append(event)
            if waiting:
                self._note_asks(asks, person, waiting, None)
        return asks

    def _note_asks(self, asks: dict[str, ExpectedAsk], person: str, joined: list[Event], answer: Event | None) -> None:
        groups = [joined] if self.rules.merges_asks else [[event] for event in joined]
        for group in groups:
            # The earliest that still stands is the ask; a group that was deleted altogether keeps its first.
            ask = next((event for event in group if not event.is_deleted), group[0])
            row = ExpectedAsk(person, ask.at, joined=len(group), is_deleted=ask.is_deleted)
            if answer is not None:
                row.answer, row.seconds = answer.message, int((answer.at - ask.at).total_seconds())
            elif not ask.is_deleted:
                row.censored_seconds = int((self.as_of_instant - ask.at).total_seconds())
            asks[str(ask.message)] = row


# What must come out ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExpectedPost:
    """A message as it must be published; counts are None where nobody counts (not the brand's own, no likes there)."""

    kind: str
    author: str | None
    author_side: str
    at: datetime
    parent: str | None
    root: str
    quoted: str | None
    text: str
    is_deleted: bool
    is_automated: bool
    is_incentivised: bool
    is_promotional: bool
    is_nameless: bool
    like_count: int | None
    reshare_count: int | None


@dataclass(frozen=True)
class ExpectedLiving:
    """What makes a relationship a living one: counts over the exchanges inside the window."""

    exchange_day_count: int
    exchange_span_days: int
    person_message_count: int
    brand_message_count: int


@dataclass(frozen=True)
class ExpectedReality:
    """How likely a real person stands behind an account, and on what ground."""

    p_real: float
    p_real_basis: str


@dataclass(frozen=True)
class ExpectedStrength:
    """S with its two decayed sums."""

    strength: float
    strength_in: float
    strength_out: float


@dataclass(frozen=True)
class ExpectedConversation:
    """The shape of a tree."""

    message_count: int
    brand_message_count: int
    human_brand_message_count: int
    audience_message_count: int
    depth: int
    turn_count: int
    person_count: int
    participant_count: int
    is_conversation: bool


@dataclass
class ExpectedAsk:
    """An ask: answered after ``seconds``, open for ``censored_seconds``, or deleted."""

    person: str
    at: datetime
    answer: str | None = None
    seconds: int | None = None
    censored_seconds: int | None = None
    joined: int = 1
    is_deleted: bool = False
