"""Read the published marts and lay them beside what the oracle expects: every difference becomes a line.

published/marts.duckdb (read-only) -> Published ; Expected + Published -> Difference…

Nothing is rounded but strengths, which must agree to 1e-9.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from tests.acceptance.ledger import Ledger
from tests.acceptance.oracle import (
    ExpectedAsk,
    ExpectedConversation,
    ExpectedLiving,
    ExpectedPost,
    ExpectedReality,
    ExpectedStrength,
    Oracle,
)

TOLERANCE = 1e-9
MEASURES = ("posts", "conversations", "asks", "LR90", "living people", "strengths", "people")


@dataclass(frozen=True)
class Difference:
    """One value that is not what it must be."""

    measure: str
    key: str
    column: str
    expected: object
    seen: object

    def describe(self) -> str:
        """Say it in one line."""
        return f"{self.measure}: {self.key} {self.column}: expected {self.expected!r}, published {self.seen!r}"


@dataclass
class Expected:
    """All that the oracle says about one day."""

    posts: dict[str, ExpectedPost]
    conversations: dict[str, ExpectedConversation]
    asks: dict[str, ExpectedAsk]
    living: dict[str, ExpectedLiving]
    strengths: dict[str, ExpectedStrength]
    people: dict[str, ExpectedReality]

    @classmethod
    def ask(cls, oracle: Oracle) -> Expected:
        """Compute everything."""
        return cls(
            oracle.list_posts(),
            oracle.list_conversations(),
            oracle.list_asks(),
            oracle.list_living(),
            oracle.list_strengths(),
            {person: oracle.judge_reality(person) for person in oracle.list_people()},
        )

    def count(self, measure: str) -> int:
        """Count the values of a measure, for the report."""
        sizes = {
            "posts": len(self.posts),
            "conversations": len(self.conversations),
            "asks": len(self.asks),
            "LR90": 1,
            "living people": len(self.living),
            "strengths": len(self.strengths),
            "people": len(self.people),
        }
        return sizes[measure]


Row = dict[str, Any]


@dataclass
class Published:
    """The rows of one published version, by the story's own names."""

    posts: dict[str, Row] = field(default_factory=dict)
    conversations: dict[str, Row] = field(default_factory=dict)
    asks: dict[str, Row] = field(default_factory=dict)
    living: dict[str, Row] = field(default_factory=dict)
    strengths: dict[str, Row] = field(default_factory=dict)
    people: dict[str, Row] = field(default_factory=dict)
    living_count: int | None = None
    as_of: str = ""


def name_messages(ledger: Ledger) -> dict[str, str]:
    """Map the keys of published messages to the story's: a WordPress article is ``post:<id>``, a comment its id."""
    names = {}
    for key, told in ledger.messages.items():
        is_article = told.platform == "wordpress" and told.is_article
        names[f"{told.platform}:{'post:' if is_article else ''}{told.message_id}"] = key
    return names


def read_published(path: Path, ledger: Ledger) -> Published:
    """Read what is published and translate its keys. An unknown key stays as it is and so becomes a difference."""
    messages = name_messages(ledger)
    accounts = {f"{one.platform}:{one.account_id}": key for key, one in ledger.accounts.items() if one.account_id}
    guests = {one.shown_as: key for key, one in ledger.accounts.items() if one.account_id is None}

    def name_account(row: Row) -> str:
        # A guest's key is a keyed hash that only the warehouse knows; the story gives each guest a name of its own.
        known = accounts.get(row["account_key"])
        return known or guests.get(row["display_name"], str(row["account_key"]))

    with duckdb.connect(str(path), read_only=True) as connection:

        def read(query: str) -> list[Row]:
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        handles = read("select account_key, person_id, display_name from relationships.handles order by account_key")
        of_person: dict[str, list[str]] = {}
        for row in handles:
            of_person.setdefault(row["person_id"], []).append(name_account(row))
        # The story calls a person of several accounts by the first of its own order.
        order = {key: number for number, key in enumerate(ledger.accounts)}
        people = {who: min(names, key=lambda name: order.get(name, len(order))) for who, names in of_person.items()}

        def name_person(person_id: str | None) -> str | None:
            return None if person_id is None else people.get(person_id, person_id)

        published = Published()
        for row in read("select * from engagement.posts"):
            row["author"] = accounts.get(row["author_account_key"]) or guests.get(row["author_display_name"])
            row["author"] = row["author"] or row["author_account_key"]
            for column in ("parent_post_key", "root_post_key", "subject_post_key"):
                row[column] = messages.get(str(row[column]), row[column])
            published.posts[messages.get(row["post_key"], str(row["post_key"]))] = row
        for row in read("select * from engagement.conversations"):
            published.conversations[messages.get(row["root_post_key"], str(row["root_post_key"]))] = row
        for row in read("select * from engagement.response_times"):
            row["person"] = name_person(row["person_id"])
            row["answer"] = messages.get(row["answer_post_key"], row["answer_post_key"])
            published.asks[messages.get(row["ask_post_key"], str(row["ask_post_key"]))] = row
        for row in read("select * from relationships.living_people where is_living"):
            published.living[str(name_person(row["person_id"]))] = row
        for row in read("select * from relationships.relationship_strength"):
            published.strengths[str(name_person(row["person_id"]))] = row
        for row in read("select * from relationships.people"):
            published.people[str(name_person(row["person_id"]))] = row
        newest = read("select * from relationships.living_relationships_daily order by as_of_date desc limit 1")
        if newest:
            published.living_count, published.as_of = newest[0]["living_count"], str(newest[0]["as_of_date"])
    return published


def compare(expected: Expected, published: Published, as_of: str) -> list[Difference]:
    """Return every difference."""
    return [
        *_compare_posts(expected, published),
        *_compare_conversations(expected, published),
        *_compare_asks(expected, published),
        *_compare_living(expected, published, as_of),
        *_compare_strengths(expected, published),
        *_compare_people(expected, published),
    ]


def count_by_measure(differences: list[Difference]) -> Counter[str]:
    """Count differences by measure."""
    return Counter(difference.measure for difference in differences)


def _compare_keys(measure: str, expected: set[str], seen: set[str]) -> Iterator[Difference]:
    for key in sorted(expected - seen):
        yield Difference(measure, key, "row", "present", "missing")
    for key in sorted(seen - expected):
        yield Difference(measure, key, "row", "absent", "extra")


def _compare_columns(measure: str, key: str, pairs: Mapping[str, tuple[object, object]]) -> Iterator[Difference]:
    for column, (expected, seen) in pairs.items():
        if expected != seen:
            yield Difference(measure, key, column, expected, seen)


def _as_utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.replace(tzinfo=UTC)


def _compare_posts(expected: Expected, published: Published) -> Iterator[Difference]:
    yield from _compare_keys("posts", set(expected.posts), set(published.posts))
    for key in sorted(set(expected.posts) & set(published.posts)):
        wanted, row = expected.posts[key], published.posts[key]
        pairs: dict[str, tuple[object, object]] = {
            "kind": (wanted.kind, row["kind"]),
            "parent": (wanted.parent, row["parent_post_key"]),
            "root": (wanted.root, row["root_post_key"]),
            "subject": (wanted.quoted, row["subject_post_key"]),
            "published_at": (wanted.at, _as_utc(row["published_at"])),
            "is_deleted": (wanted.is_deleted, row["is_deleted"]),
            "is_automated": (wanted.is_automated, row["is_automated"]),
            "is_incentivised": (wanted.is_incentivised, row["is_incentivised"]),
            "author_side": (wanted.author_side, row["author_side"]),
        }
        if not wanted.is_nameless:
            pairs["author"] = (wanted.author, row["author"])
        if wanted.is_promotional:
            pairs["is_promotional"] = (True, row["is_promotional"])
        if wanted.is_deleted:
            pairs["text"] = (None, row["text"])
        else:
            text = str(row["text"])
            pairs["text"] = (wanted.text, wanted.text if wanted.text in text else text)
        if wanted.like_count is not None:
            pairs["like_count"] = (wanted.like_count, row["like_count"])
            pairs["reshare_count"] = (wanted.reshare_count, row["reshare_count"])
        yield from _compare_columns("posts", key, pairs)


def _compare_conversations(expected: Expected, published: Published) -> Iterator[Difference]:
    yield from _compare_keys("conversations", set(expected.conversations), set(published.conversations))
    for key in sorted(set(expected.conversations) & set(published.conversations)):
        wanted, row = vars(expected.conversations[key]), published.conversations[key]
        yield from _compare_columns("conversations", key, {name: (value, row[name]) for name, value in wanted.items()})


def _compare_asks(expected: Expected, published: Published) -> Iterator[Difference]:
    yield from _compare_keys("asks", set(expected.asks), set(published.asks))
    for key in sorted(set(expected.asks) & set(published.asks)):
        wanted, row = expected.asks[key], published.asks[key]
        pairs: dict[str, tuple[object, object]] = {
            "person": (wanted.person, row["person"]),
            "asked_at": (wanted.at, _as_utc(row["asked_at"])),
            "answer": (wanted.answer, row["answer"]),
            "response_seconds": (wanted.seconds, row["response_seconds"]),
            "joined_ask_count": (wanted.joined, row["joined_ask_count"]),
            "is_answered": (wanted.answer is not None, row["is_answered"]),
        }
        if wanted.answer is not None:
            pairs["duration_seconds"] = (wanted.seconds, row["duration_seconds"])
        elif wanted.censored_seconds is not None:
            pairs["duration_seconds"] = (wanted.censored_seconds, row["duration_seconds"])
            pairs["censor_reason"] = ("open at the as-of instant", row["censor_reason"])
        else:
            pairs["censor_reason"] = ("ask deleted", row["censor_reason"])
        yield from _compare_columns("asks", key, pairs)


def _compare_living(expected: Expected, published: Published, as_of: str) -> Iterator[Difference]:
    pairs = {"as_of_date": (as_of, published.as_of), "living_count": (len(expected.living), published.living_count)}
    yield from _compare_columns("LR90", as_of, pairs)
    yield from _compare_keys("living people", set(expected.living), set(published.living))
    for key in sorted(set(expected.living) & set(published.living)):
        wanted, row = vars(expected.living[key]), published.living[key]
        yield from _compare_columns("living people", key, {name: (value, row[name]) for name, value in wanted.items()})


def _compare_people(expected: Expected, published: Published) -> Iterator[Difference]:
    yield from _compare_keys("people", set(expected.people), set(published.people))
    for key in sorted(set(expected.people) & set(published.people)):
        wanted, row = expected.people[key], published.people[key]
        if abs(row["p_real"] - wanted.p_real) > TOLERANCE:
            yield Difference("people", key, "p_real", wanted.p_real, row["p_real"])
        yield from _compare_columns("people", key, {"p_real_basis": (wanted.p_real_basis, row["p_real_basis"])})


def _compare_strengths(expected: Expected, published: Published) -> Iterator[Difference]:
    yield from _compare_keys("strengths", set(expected.strengths), set(published.strengths))
    for key in sorted(set(expected.strengths) & set(published.strengths)):
        wanted, row = vars(expected.strengths[key]), published.strengths[key]
        for name, value in wanted.items():
            if row[name] is None or abs(row[name] - value) > TOLERANCE:
                yield Difference("strengths", key, name, value, row[name])
