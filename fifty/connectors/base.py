"""What a connector is: a folder that declares its streams as data; everything it needs done, the runner does.

connectors/<platform>/__init__.py (CONNECTOR) → discover_connectors() → pull, land, DAGs, docs

A new platform is a new folder here; nothing else changes. Try it alone: `python -m fifty.connectors.base` lists platforms and streams.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fifty.landing import ReadKind, StreamKind

if TYPE_CHECKING:
    from fifty.config import Account, Brand
    from fifty.http import Authorization, HttpClient

Shape = Mapping[str, Any] | list[Any] | str
"""See docs/decisions/0002: a mapping of field to shape, `[shape]`, or a leaf word."""


def list_fields(**names: str) -> dict[str, Shape]:
    """Part of a shape by leaf: `list_fields(text="name url", time="created_at")`."""
    return {name: leaf for leaf, joined in names.items() for name in joined.split()}


Asked = Literal["account", "role", "term", "post", "known", "vanished", "person"]
"""What one request is about.

`account`  the configured account, once
`role`     the account and each staff, agency and automaton account of the platform, one by one (or `batch` at a time)
`term`     each of the brand's terms
`post`     each of the account's own posts that is due, one by one
`known`    every known post that is due, the account's own and others', `batch` at a time
`vanished` posts that stood in a tree and do not any more, `batch` at a time: are they gone, or only hidden below one that is?
`person`   people who are not known in full yet, and those who vanished from a complete list, `batch` at a time
"""

Intervals = tuple[tuple[timedelta, timedelta], ...]
"""(younger than, asked again after)."""

POLLING: Intervals = (
    (timedelta(days=2), timedelta(0)),
    (timedelta(days=7), timedelta(days=1)),
    (timedelta(days=30), timedelta(days=3)),
    (timedelta(days=90), timedelta(days=7)),
    (timedelta.max, timedelta(days=30)),
)
"""Where no count says whether anything changed: trees, comments, what others wrote. A post is asked about more rarely as it ages."""

LOOKUPS: Intervals = (
    (timedelta(days=2), timedelta(0)),
    (timedelta(days=90), timedelta(days=1)),
    (timedelta.max, timedelta(days=30)),
)
"""The account's own posts, looked up many at a time: their counts say which of their lists have changed."""

UNCHANGED: Intervals = (
    (timedelta(days=30), timedelta(days=7)),
    (timedelta.max, timedelta(days=30)),
)
"""A list whose count has not changed: one may have come for one that went."""


@dataclass(frozen=True)
class Following:
    """Which items of a stream stay under observation as posts; all fields are paths in the item (`a.b`; `a|b`: the first that is there)."""

    id: str
    created_at: str
    author: str | None = None
    """Id of the author; the account's own posts are those it wrote. None: all are its own."""
    parent: str | None = None
    """Id of the message it answers."""
    counts: Mapping[str, str] = field(default_factory=dict)
    """Counts the platform states, by the name under which a stream refers to them."""
    others: tuple[str, ...] = ()
    """Ids of further posts to know: the parent, the root, what is quoted or reshared."""


@dataclass(frozen=True)
class Unfolded:
    """What one answer that is not a plain list holds."""

    items: list[Any]
    again: tuple[str, ...] = ()
    """Posts whose branch was cut and that must be asked about themselves, under the same scope."""
    cut: str | None = None
    """Why more exists than can be had; the scope is then incomplete."""


@dataclass(frozen=True)
class Stream:
    """One kind of thing a platform is asked for.

    `path`, `params` and `scope` may hold `{placeholders}`: `{account_id}`, `{handle}` (of the account, of each role account, of each person),
    `{since}`, `{until}`, `{term}` (`{tag}`: as a hashtag), `{post_id}`, `{ids}` (of the batch, the parameter repeated), `{ids_joined}` (by comma).
    A parameter whose placeholder has no value is not sent; a value `a|b` is sent as two.
    """

    name: str
    kind: StreamKind
    path: str
    shape: Shape
    entity: str
    """What the items are: posts, comments, thread, quotes, likes, reshares, followers, accounts …; goes into the scopes."""
    asks: Asked = "account"
    read_kind: ReadKind = "listing"
    """A tree is read as `window`, a part: a deleted message hides what hangs below it, so that absence from it is no evidence. What
    vanished from it is looked up by a `vanished` stream."""
    items: str = "$"
    """Where the items stand in an answer: `$` (the answer is the list, or the one item), a dotted path, or several joined by `+`."""
    params: Mapping[str, str] = field(default_factory=dict)
    first_params: Mapping[str, str] = field(default_factory=dict)
    """Sent besides in a first load, before which nothing is known: what lists tell whole, and with its time, need not be read twice."""
    path_by_id: str | None = None
    """Asked instead where the account's id is configured, without parameters: handles change, ids do not."""
    credential_params: Mapping[str, str] = field(default_factory=dict)
    """Sent besides when the account has a credential."""
    paging: str = "none"
    """Name of a paginator in fifty/paging.py."""
    page_size: int | None = None
    """Items a full page holds; where the platform does not say how many pages there are, a shorter one is the last."""
    batch: int = 1
    """Ids in one request."""
    mapping: str | None = None
    """SQL file of the mapping, without `.sql`; the stream's own name where absent."""
    key: str = "id"
    """Path of an item's id: which id of a batch it answers, and how many different items came."""
    newest_first: str | None = None
    """Path of the time by which items come newest first: reading stops where all of a page is older than the window."""
    lookback: timedelta = timedelta(0)
    """How much before its window a stream reads again, because things arrive late or change."""
    scope: Mapping[str, str] = field(default_factory=dict)
    """What is asked, as it goes into each line: name to placeholder."""
    subject: str | None = None
    """Id of the post or account asked about, as staging names it: a template like a scope's value."""
    follows: Following | None = None
    """Its items are posts that stay under observation."""
    count: str | None = None
    """Name of the count (see Following) that says whether anything is there and whether it changed."""
    replies_once: bool = False
    """Ask once about the account's own replies even where the count is 0, to learn what they answer."""
    others_up_to: int | None = None
    """Ask also about others' posts that begin a thread (the brand is mentioned, quoted or answers there), where at most so many answer:
    staff answer in them from their own accounts. None: the account's own posts only."""
    touches: str | None = None
    """Path of a post's id: an item means that this post has changed, so that the streams after it ask about it."""
    person: str | None = None
    """Path of the id of the person behind an item: who vanishes from a complete list is looked up, to tell a like taken back from an
    account that is gone."""
    completes: bool = False
    """People who appear here for the first time are looked up too, because what comes with an item is not all of a profile."""
    member: str | None = None
    """Path of a post's id in a tree: a post that vanishes from it is looked up."""
    why: str | None = None
    """Path asked for each id of a batch that is not there: its refusal says why (deactivated, suspended …)."""
    expected: str | None = None
    """Number of items the platform says there are: `header:<name>`, or `profile:<name>` of `profile_counts`."""
    profile_counts: Mapping[str, str] = field(default_factory=dict)
    """On the stream that gives the account itself: name to path of its counts."""
    counts_unlisted: bool = False
    """The platform's count includes people whom its list leaves out (gone, or in a block with the author): a list that was read to its end is whole
    though it is a little shorter than its count. How much: `UNLISTED_LEAST`, `UNLISTED_SHARE` in fifty/pull.py."""
    may_be_hidden: bool = False
    """No item where some are expected means hidden, not gone."""
    needs_credential: bool = False
    server: Literal["base", "auth"] = "base"
    """`auth`: asked at the account's `auth_url`, with its session."""
    skips: frozenset[int] = frozenset()
    """HTTP statuses that mean: this scope is not for us; the load goes on."""
    is_conditional: bool = False
    """The server offers ETag or Last-Modified for it: what has not changed is landed again from the last load, not sent again."""
    unfold: Callable[[Any, bool], Unfolded] | None = None
    """Takes an answer that is a tree apart: (content, is_anonymous) → items as sent, without what is nested in them."""


@dataclass(frozen=True)
class LocalRead:
    """What a platform that is read from files holds now."""

    items: list[dict[str, Any]]
    digest: str
    """sha256 of what was read; a load is made only when it differs from the last one's."""
    scope: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Connector:
    """A platform: how it is spoken to, and its streams in the order in which they are pulled."""

    platform: str
    title: str
    streams: tuple[Stream, ...]
    authenticate: Callable[[Account, str, HttpClient], Authorization] | None = None
    """Makes the authorization of an account from its credential and a client; None: the platform is anonymous."""
    limits: Mapping[str, str] = field(default_factory=dict)
    """Names of the limit headers: `remaining`, `reset`, and `reset_as`: epoch, iso or seconds."""
    error_code: str | None = None
    """Path of the error code in the body of a refusal."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Error codes (or messages) that mean a thing is not there, whatever the status: code to reason (not_found, trashed, deactivated, suspended)."""
    past_end: frozenset[str] = frozenset()
    """Error codes of a page beyond the last."""
    expired: frozenset[str] = frozenset()
    """Error codes of a session that must be renewed."""
    read_local: Callable[[Brand, Stream], LocalRead | None] | None = None
    """For platforms that are read from files: what is there now; None: nothing is."""
    is_pulled: bool = True
    """False: its loads are made elsewhere (what was published), and pull passes it over."""
    polling: Intervals = POLLING
    lookups: Intervals = LOOKUPS
    unchanged: Intervals = UNCHANGED

    @property
    def is_remote(self) -> bool:
        """False for platforms that are read from files."""
        return self.read_local is None

    @property
    def has_session_server(self) -> bool:
        """The credential is for the session server alone; all else is asked anonymously."""
        return any(stream.server == "auth" for stream in self.streams)

    @property
    def register(self) -> Stream | None:
        """The stream that keeps the known posts."""
        return next((stream for stream in self.streams if stream.asks == "known"), None)

    @property
    def profile(self) -> Stream | None:
        """The stream that gives the account itself."""
        return next((stream for stream in self.streams if stream.profile_counts), None)

    @property
    def folder(self) -> Path:
        """The connector's folder: mappings, README, samples."""
        return Path(__file__).parent / self.platform

    def read_mapping(self, stream: Stream) -> str:
        """SQL of a stream's mapping."""
        return (self.folder / f"{stream.mapping or stream.name}.sql").read_text(encoding="utf-8")


@cache
def _split_path(path: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(alternative.split(".")) for alternative in path.split("|"))


def find_value(item: Any, path: str) -> Any:
    """Value at a dotted path; `a|b` is the first that is there; None where nothing is."""
    for parts in _split_path(path):
        value = item
        try:
            for part in parts:
                value = value.get(part)
        except AttributeError:  # no object: nothing stands below it
            continue
        if value is not None:
            return value
    return None


def find_items(content: Any, path: str) -> list[Any]:
    """Items of an answer: see Stream.items. One object counts as a list of one."""
    found: list[Any] = []
    for one in path.split("+"):
        value = content if one == "$" else find_value(content, one)
        if isinstance(value, list):
            found += value
        elif value is not None:
            found.append(value)
    return found


@cache
def discover_connectors() -> dict[str, Connector]:
    """Every platform by its short name, found by folder."""
    import fifty.connectors as package

    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        if module.ispkg:
            connector: Connector = importlib.import_module(f"fifty.connectors.{module.name}").CONNECTOR
            found[connector.platform] = connector
    return found


def remote_platforms(connectors: Iterable[Connector]) -> set[str]:
    """Platforms an account can be configured on."""
    return {connector.platform for connector in connectors if connector.is_remote}


if __name__ == "__main__":
    import sys

    for name, connector in discover_connectors().items():
        sys.stdout.write(f"{name}: {', '.join(stream.name for stream in connector.streams)}\n")
