"""The state of one platform as of a moment: columns that never change, and filters that say what of them is there.

Data flow: DIR/world/<platform>/*.parquet -> ``PlatformState`` (arrays, indexes) -> ``now`` -> accounts, messages, reactions -> the platforms' answers.
Another moment, earlier or later, costs a filter: set ``now``. Objects are made only for what is asked for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import from_json

from demo.ids import mint_content_id, mint_reaction_id, mint_tids, number_internally, spread_tail
from demo.model import Segment, read_head, read_table

#: an instant later than any other: what stands for null in a column of instants
NEVER = 1 << 62
#: objects kept at most; more than that and all are made anew
KEPT_OBJECTS = 50_000
#: texts of a column that are kept as a list at most
LISTED_TEXTS = 500_000

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Account:
    """An account as it stands; ``first_username`` is the name it had when the world began."""

    no: int
    account_id: str
    username: str
    first_username: str
    domain: str | None
    display_name: str
    bio: str
    location: str
    created_at: int
    role: str
    brand: str | None
    is_bot: bool
    email: str
    follower_count: int
    following_count: int
    post_count: int
    traits: dict[str, Any]
    is_locked: bool
    is_suspended: bool
    is_deactivated: bool

    @property
    def is_gone(self) -> bool:
        """Whether the platform hides this account and all it did."""
        return self.is_suspended or self.is_deactivated


@dataclass(frozen=True)
class Message:
    """A message as it stands, with its earlier versions and, when deleted, since when and how; ``*_no`` are −1 for none."""

    no: int
    post_id: str
    kind: str
    site: str | None
    author_no: int
    created_at: int
    visible_at: int
    versions: list[tuple[int, list[Segment]]]
    parent_no: int
    root_no: int
    quoted_no: int
    client: str | None
    has_media: bool
    title: str | None
    visibility: str
    deleted_at: int | None
    delete_mode: str | None

    @property
    def segments(self) -> list[Segment]:
        """The newest version."""
        return self.versions[-1][1]

    @property
    def edited_at(self) -> int | None:
        """When it was last edited, None when never."""
        return self.versions[-1][0] if len(self.versions) > 1 else None


@dataclass(frozen=True)
class Index:
    """Rows by a key that is a row number elsewhere: ``rows[starts[key]:starts[key + 1]]``, in the order of the rows."""

    rows: Numbers
    starts: Numbers

    @classmethod
    def build(cls, keys: npt.NDArray[Any], size: int, chosen: Flags | None = None) -> Index:
        """Index the rows (the chosen ones) whose key is not −1; keys are below ``size``."""
        is_in = keys >= 0 if chosen is None else (keys >= 0) & chosen
        rows = np.flatnonzero(is_in)
        found = keys[rows]
        order = np.argsort(found, kind="stable")
        starts = np.zeros(size + 1, dtype=np.int64)
        np.cumsum(np.bincount(found, minlength=size), out=starts[1:])
        return cls(rows[order], starts)

    def of(self, key: int) -> Numbers:
        """The rows of a key."""
        return self.rows[self.starts[key] : self.starts[key + 1]]


class Words:
    """A column of few different words as codes: comparing it with a word compares numbers."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        encoded = pc.dictionary_encode(column.combine_chunks())
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        self.words: list[str] = encoded.dictionary.to_pylist()
        self.codes: npt.NDArray[np.int32] = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)

    def are(self, *words: str) -> Flags:
        """Where the column is one of the words."""
        codes = [self.words.index(word) for word in words if word in self.words]
        if len(codes) == 1:
            return np.asarray(self.codes == codes[0])
        return np.isin(self.codes, codes)

    def __getitem__(self, row: int) -> str | None:
        code = self.codes[row]
        return None if code < 0 else self.words[code]


class Texts:
    """A column of texts: a short one becomes a list, a long one is left where it is until a text is asked for."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self.column = column.chunk(0) if column.num_chunks == 1 else column
        self._list: list[Any] | None = None

    def __getitem__(self, row: int) -> Any:
        if self._list is None:
            if len(self.column) > LISTED_TEXTS:
                return self.column[int(row)].as_py()
            self._list = self.column.to_pylist()
        return self._list[row]

    def to_integers(self) -> Numbers:
        """The texts as integers. Raises ArrowInvalid when one is none."""
        return np.asarray(pc.cast(self.column, pa.int64()).to_numpy(zero_copy_only=False) if isinstance(self.column, pa.Array) else
                          pc.cast(self.column, pa.int64()).to_numpy())  # fmt: skip

    def __iter__(self) -> Iterator[Any]:
        return iter(self.column.to_pylist())


class Columns:
    """The columns of one table as attributes: arrays of numbers and flags, ``Texts``, and ``Words`` where there are few."""

    def __init__(self, table: pa.Table, words: frozenset[str]) -> None:
        self.size = table.num_rows
        for name in table.column_names:
            column = table.column(name)
            if name in words:
                value: Any = Words(column)
            elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                value = Texts(column)
            elif pa.types.is_boolean(column.type):
                value = column.to_numpy()
            else:
                value = (pc.fill_null(column, NEVER) if column.null_count else column).to_numpy()
            setattr(self, name, value)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the table has no column {name!r}")


#: columns that hold few different words, by table
WORDS = {
    "accounts": frozenset({"role", "brand", "domain"}),
    "messages": frozenset({"kind", "site", "delete_mode", "visibility", "client"}),
    "reactions": frozenset({"kind"}),
    "changes": frozenset({"kind"}),
    "tags": frozenset({"tag"}),
}
CONDITIONS = {"return": 0, "suspend": 1, "deactivate": 2}


def as_of_now(compute: Callable[[PlatformState], Value]) -> property:
    """A property computed once for each moment and kept until ``now`` changes."""

    @functools.wraps(compute)
    def read(self: PlatformState) -> Value:
        name = compute.__name__
        if name not in self._of_moment:
            self._of_moment[name] = compute(self)
        value: Value = self._of_moment[name]
        return value

    return property(read)


class PlatformState:
    """One platform at ``now`` (milliseconds), which may be set to any moment. Rows are named by their numbers in the platform's own tables."""

    def __init__(self, folder: Path, platform: str, now: int | None = None) -> None:
        self.folder, self.platform, self.head = folder, platform, read_head(folder)
        tables = {name: Columns(read_table(folder, platform, name), WORDS.get(name, frozenset())) for name in
                  ("accounts", "messages", "mentions", "tags", "edits", "reactions", "changes")}  # fmt: skip
        self.accounts, self.messages, self.reactions = tables["accounts"], tables["messages"], tables["reactions"]
        self.mentions, self.tags, self.edits, self.changes = tables["mentions"], tables["tags"], tables["edits"], tables["changes"]
        self._of_moment: dict[str, Any] = {}
        self._accounts: dict[int, Account] = {}
        self._messages: dict[int, Message] = {}
        self._content_ids: dict[int, str] = {}
        self._now = self.head.end if now is None else now

    @property
    def now(self) -> int:
        """The moment; what the platform shows is what is true of it."""
        return self._now

    @now.setter
    def now(self, moment: int) -> None:
        if moment != self._now:
            self._now = moment
            self._of_moment, self._accounts, self._messages = {}, {}, {}

    # -- indexes, of all moments -----------------------------------------------------------------------------------

    @functools.cached_property
    def account_numbers(self) -> dict[str, int]:
        """Row numbers by account id."""
        return {account_id: number for number, account_id in enumerate(self.accounts.account_id)}

    @functools.cached_property
    def message_numbers(self) -> dict[str, int]:
        """Row numbers by message id; where each site numbers its own messages, see ``find_on_site``."""
        return {post_id: number for number, post_id in enumerate(self.messages.post_id)}

    @functools.cached_property
    def numbers_on_sites(self) -> dict[tuple[str | None, str], int]:
        """Row numbers by (site, message id)."""
        site = self.messages.site
        return {(site[number], post_id): number for number, post_id in enumerate(self.messages.post_id)}

    @functools.cached_property
    def children(self) -> Index:
        """Messages by what they answer."""
        return Index.build(self.messages.parent_no, self.messages.size)

    @functools.cached_property
    def threads(self) -> Index:
        """Messages by the first message of their thread, itself included."""
        return Index.build(self.messages.root_no, self.messages.size)

    @functools.cached_property
    def quotes(self) -> Index:
        """Messages by what they quote."""
        return Index.build(self.messages.quoted_no, self.messages.size)

    @functools.cached_property
    def by_author(self) -> Index:
        """Messages by their author."""
        return Index.build(self.messages.author_no, self.accounts.size)

    @functools.cached_property
    def likes(self) -> Index:
        """Likes by message."""
        return Index.build(self.reactions.message_no, self.messages.size, self.reactions.kind.are("like"))

    @functools.cached_property
    def reshares(self) -> Index:
        """Reshares by message."""
        return Index.build(self.reactions.message_no, self.messages.size, self.reactions.kind.are("reshare"))

    @functools.cached_property
    def reshares_by(self) -> Index:
        """Reshares by who made them."""
        return Index.build(self.reactions.actor_no, self.accounts.size, self.reactions.kind.are("reshare"))

    @functools.cached_property
    def followers(self) -> Index:
        """Follows by whom they follow."""
        return Index.build(self.reactions.target_no, self.accounts.size, self.reactions.kind.are("follow"))

    @functools.cached_property
    def following(self) -> Index:
        """Follows by who follows."""
        return Index.build(self.reactions.actor_no, self.accounts.size, self.reactions.kind.are("follow"))

    @functools.cached_property
    def named_in(self) -> Index:
        """Rows of ``mentions`` by message."""
        return Index.build(self.mentions.message_no, self.messages.size)

    @functools.cached_property
    def naming(self) -> Index:
        """Rows of ``mentions`` by the account named."""
        return Index.build(self.mentions.account_no, self.accounts.size)

    @functools.cached_property
    def tagged(self) -> dict[str, Numbers]:
        """Messages by hashtag in lower case, each once and in their order."""
        words = [tag.lower() for tag in self.tags.tag.words]
        distinct = {tag: number for number, tag in enumerate(dict.fromkeys(words))}
        keys = np.array([distinct[tag] for tag in words], dtype=np.int64)[self.tags.tag.codes]
        index = Index.build(keys, len(distinct))
        return {tag: np.unique(self.tags.message_no[index.of(number)]) for tag, number in distinct.items()}

    @functools.cached_property
    def edits_of(self) -> Index:
        """Rows of ``edits`` by message, in time order."""
        return Index.build(self.edits.message_no, self.messages.size)

    @functools.cached_property
    def changes_of(self) -> Index:
        """Rows of ``changes`` by account, in time order."""
        return Index.build(self.changes.account_no, self.accounts.size)

    def list_named(self, message_no: int) -> list[int]:
        """The accounts named by hand in a message as it was first written, in order, each once."""
        named: list[int] = self.mentions.account_no[self.named_in.of(message_no)].tolist()
        return named

    # -- what is there ----------------------------------------------------------------------------------------------

    @as_of_now
    def conditions(self) -> npt.NDArray[np.int8]:
        """Of each account: 0 there, 1 suspended, 2 deactivated."""
        conditions = np.zeros(self.accounts.size, dtype=np.int8)
        for row in np.flatnonzero((self.changes.ts <= self.now) & self.changes.kind.are(*CONDITIONS)):
            conditions[self.changes.account_no[row]] = CONDITIONS[self.changes.kind[row]]
        return conditions

    @as_of_now
    def blocks(self) -> set[tuple[int, int]]:
        """(who blocks, whom)."""
        rows = (self.changes.ts <= self.now) & self.changes.kind.are("block")
        return set(zip(self.changes.account_no[rows].tolist(), self.changes.target_no[rows].tolist(), strict=True))

    @as_of_now
    def present(self) -> Flags:
        """Of each account: whether it is there."""
        return np.asarray(self.conditions == 0)

    @as_of_now
    def begun(self) -> int:
        """How many messages had appeared, deleted ones included: those with a lower number than this."""
        return int(np.searchsorted(self.messages.visible_at, self.now, side="right"))

    @as_of_now
    def standing(self) -> Flags:
        """Of each message: whether the platform shows it, for it has appeared, is not deleted, and its author is there."""
        standing = self.present[self.messages.author_no] & (self.messages.deleted_at > self.now)
        standing[self.begun :] = False
        return np.asarray(standing)

    @as_of_now
    def reacting(self) -> Flags:
        """Of each reaction: whether it is there, for it has appeared, is not taken back, and who made it is there."""
        reacting = self.present[self.reactions.actor_no] & (self.reactions.ended_at > self.now)
        reacting[np.searchsorted(self.reactions.visible_at, self.now, side="right") :] = False
        return np.asarray(reacting)

    def list_open(self, index: Index, key: int) -> Numbers:
        """The reactions of a key that have begun and not ended, in their order, those of accounts that are gone included."""
        rows = index.of(key)
        rows = rows[: np.searchsorted(self.reactions.visible_at[rows], self.now, side="right")]
        return rows[self.reactions.ended_at[rows] > self.now]

    def list_standing(self, index: Index, key: int) -> Numbers:
        """The messages of a key that stand, in their order."""
        rows = index.of(key)
        return rows[self.standing[rows]]

    def stands(self, message_no: int) -> bool:
        """Whether there is such a message and the platform shows it."""
        return message_no >= 0 and bool(self.standing[message_no])

    # -- counts -----------------------------------------------------------------------------------------------------

    def _count_reactions(self, kind: str) -> Numbers:
        chosen = self.reacting & self.reactions.kind.are(kind)
        return np.bincount(self.reactions.message_no[chosen], minlength=self.messages.size)

    @as_of_now
    def like_counts(self) -> Numbers:
        """Likes of each message by accounts that are there."""
        return self._count_reactions("like")

    @as_of_now
    def reshare_counts(self) -> Numbers:
        """Reshares of each message by accounts that are there."""
        return self._count_reactions("reshare")

    @as_of_now
    def reply_counts(self) -> Numbers:
        """Direct replies to each message that stand."""
        chosen = self.standing & (self.messages.parent_no >= 0)
        return np.bincount(self.messages.parent_no[chosen], minlength=self.messages.size)

    @as_of_now
    def quote_counts(self) -> Numbers:
        """Quotes of each message that stand."""
        chosen = self.standing & (self.messages.quoted_no >= 0)
        return np.bincount(self.messages.quoted_no[chosen], minlength=self.messages.size)

    @as_of_now
    def follower_counts(self) -> Numbers:
        """Followers of each account that are there."""
        chosen = self.reacting & self.reactions.kind.are("follow")
        return np.bincount(self.reactions.target_no[chosen], minlength=self.accounts.size)

    @as_of_now
    def following_counts(self) -> Numbers:
        """Whom each account follows, those that are there."""
        chosen = self.reacting & self.reactions.kind.are("follow")
        chosen[chosen] = self.present[self.reactions.target_no[chosen]]
        return np.bincount(self.reactions.actor_no[chosen], minlength=self.accounts.size)

    @as_of_now
    def message_counts(self) -> Numbers:
        """Messages of each account that stand."""
        return np.bincount(self.messages.author_no[self.standing], minlength=self.accounts.size)

    @as_of_now
    def last_message_at(self) -> Numbers:
        """When each account's newest message that stands was written, −1 where there is none."""
        last = np.full(self.accounts.size, -1, dtype=np.int64)
        np.maximum.at(last, self.messages.author_no[self.standing], self.messages.created_at[self.standing])
        return last

    # -- objects ----------------------------------------------------------------------------------------------------

    def account(self, no: int) -> Account:
        """An account as it stands; gone ones, too."""
        found = self._accounts.get(no)
        if found is None:
            if len(self._accounts) > KEPT_OBJECTS:
                self._accounts = {}
            found = self._accounts[no] = self._make_account(int(no))
        return found

    def _make_account(self, no: int) -> Account:
        rows, traits = self.accounts, from_json(self.accounts.traits[no])
        names = self.read_names(no, self.now)
        first = rows.username[no]
        return Account(
            no, rows.account_id[no], names.get("username", first), first, rows.domain[no], names.get("display_name", rows.display_name[no]),
            rows.bio[no], rows.location[no], int(rows.created_at[no]), rows.role[no], rows.brand[no], bool(rows.is_bot[no]), rows.email[no],
            int(rows.follower_count[no]), int(rows.following_count[no]), int(rows.post_count[no]), traits,
            names.get("is_locked", bool(traits.get("locked"))), bool(self.conditions[no] == 1), bool(self.conditions[no] == 2),
        )  # fmt: skip

    def read_names(self, account_no: int, moment: int) -> dict[str, Any]:
        """What an account had changed of its names, and whether it was locked, by a moment; what it never changed is not in it."""
        names: dict[str, Any] = {}
        for row in self.changes_of.of(account_no):
            if self.changes.ts[row] > moment:
                break
            if self.changes.kind[row] == "rename":
                names |= from_json(self.changes.data[row])
            elif self.changes.kind[row] == "protect":
                names["is_locked"] = True
        return names

    def message(self, no: int) -> Message:
        """A message as it stands; deleted ones and those not yet there, too (see ``stands``)."""
        found = self._messages.get(no)
        if found is None:
            if len(self._messages) > KEPT_OBJECTS:
                self._messages = {}
            found = self._messages[no] = self._make_message(int(no))
        return found

    def _make_message(self, no: int) -> Message:
        rows, created_at, deleted_at = self.messages, int(self.messages.created_at[no]), int(self.messages.deleted_at[no])
        versions: list[tuple[int, list[Segment]]] = [(created_at, from_json(rows.segments[no]))]
        versions += [(int(self.edits.ts[e]), from_json(self.edits.segments[e])) for e in self.edits_of.of(no) if self.edits.ts[e] <= self.now]
        return Message(
            no, rows.post_id[no], rows.kind[no], rows.site[no], int(rows.author_no[no]), created_at, int(rows.visible_at[no]), versions,
            int(rows.parent_no[no]), int(rows.root_no[no]), int(rows.quoted_no[no]), rows.client[no], bool(rows.has_media[no]), rows.title[no],
            rows.visibility[no], *((deleted_at, rows.delete_mode[no]) if deleted_at <= self.now else (None, None)),
        )  # fmt: skip

    def find_account(self, account_id: str) -> Account | None:
        """The account with an id; gone ones, too."""
        no = self.account_numbers.get(account_id)
        return None if no is None else self.account(no)

    @functools.cached_property
    def _first_names(self) -> dict[tuple[str, str | None], int]:
        domains = self.accounts.domain
        return {(username.lower(), domains[no]): no for no, username in enumerate(self.accounts.username)}

    @as_of_now
    def _later_names(self) -> dict[tuple[str, str | None], int]:
        renamed = np.unique(self.changes.account_no[(self.changes.ts <= self.now) & self.changes.kind.are("rename")])
        return {(account.username.lower(), account.domain): account.no for account in map(self.account, renamed.tolist())}

    def find_named(self, username: str, domain: str | None) -> Account | None:
        """The account that has a name at this moment, in any case of letters; gone ones, too."""
        name = (username.lower(), domain)
        no = self._later_names.get(name, self._first_names.get(name))
        account = None if no is None else self.account(no)
        return account if account is not None and account.username.lower() == username.lower() else None

    def find_message(self, post_id: str) -> Message | None:
        """The message with an id when the platform shows it."""
        no = self.message_numbers.get(post_id, -1)
        return self.message(no) if self.stands(no) else None

    # -- identifiers ------------------------------------------------------------------------------------------------

    def read_content_id(self, no: int) -> str:
        """The content id of a message as it was first written: the one given, else one of its id and its segments."""
        found = self._content_ids.get(no)
        if found is None:
            given: str | None = self.messages.content_id[no]
            found = self._content_ids[no] = given or mint_content_id(self.messages.post_id[no], self.messages.segments[no])
        return found

    def read_reaction_ids(self, rows: Numbers) -> list[str]:
        """The platform's ids of some reactions, likes and follows or all of them reshares."""
        if self.platform == "bluesky":
            keys: list[bytes] = mint_tids(self.reactions.ts[rows] * 1000 + rows % 1000, rows // 1000).tolist()
            return [key.decode() for key in keys]
        return [mint_reaction_id(self.platform, self.reactions.kind[row], row, int(self.reactions.ts[row])) for row in rows.tolist()]

    def number_reactions(self, rows: Numbers) -> Numbers:
        """The internal numbers behind likes and follows."""
        return np.asarray(number_internally(rows))  # type: ignore[arg-type]

    def number_boosts(self, rows: Numbers) -> Numbers:
        """The status ids of Mastodon's boosts, as numbers."""
        return (self.reactions.ts[rows] << 16) | (spread_tail(rows) | 1)  # type: ignore[arg-type]
