"""How XRPC reads parameters: what each method takes, and in which words a server refuses what does not fit.

Data flow: query string + ``Method`` (as its lexicon says) -> values by name, or the message of an InvalidRequest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import QueryParams

_HANDLE = re.compile(r"([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?")
_DID = re.compile(r"did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]")
_ADDRESS = re.compile(r"at://([^/?#]+)(/[a-zA-Z0-9.-]+(/[a-zA-Z0-9._~:@!$&%')(*+,;=-]+)?)?")


class Refused(Exception):
    """A parameter does not fit; the message says how, in the server's words."""


@dataclass(frozen=True)
class Text:
    """A text; ``form`` is what it must look like."""

    form: str | None = None
    is_required: bool = False
    default: str | None = None

    def read(self, text: str) -> str:
        """The value. Raises Refused when it has another form."""
        if self.form == "at-identifier" and not (_DID.fullmatch(text) or _HANDLE.fullmatch(text)):
            raise Refused(f'Invalid AT identifier (got "{text}")')
        if self.form == "handle" and not _HANDLE.fullmatch(text):
            raise Refused(f'Invalid handle (got "{text}")')
        if self.form == "at-uri" and not is_address(text):
            raise Refused(f'Invalid at-uri (got "{text}")')
        return text


@dataclass(frozen=True)
class Number:
    """An integer within its bounds."""

    low: int
    high: int
    default: int
    is_required: bool = False

    def read(self, text: str) -> int:
        """The value; nothing at all stands for the default. Raises Refused when it is no integer or out of bounds."""
        if not text:
            return self.default
        if not re.fullmatch(r"-?\d+", text):
            raise Refused(f'Expected integer value type (got "{text}")')
        value = int(text)
        if value < self.low:
            raise Refused(f"integer too small (minimum {self.low}, got {value})")
        if value > self.high:
            raise Refused(f"integer too big (maximum {self.high}, got {value})")
        return value


@dataclass(frozen=True)
class Several:
    """A parameter that may come several times."""

    of: Text
    most: int | None = None
    is_required: bool = False
    default: None = None


@dataclass(frozen=True)
class Method:
    """A query method and its parameters."""

    name: str
    parameters: Mapping[str, Text | Number | Several] = field(default_factory=dict)

    def read(self, query: QueryParams) -> dict[str, Any]:
        """The values of all parameters, with None or the default for what did not come. Raises Refused, for the first that does not fit."""
        values: dict[str, Any] = {}
        for name, kind in self.parameters.items():
            texts = query.getlist(name)
            if not texts:
                if kind.is_required:
                    raise Refused(f'Invalid {self.name} params: Missing required key "{name}"')
                values[name] = [] if isinstance(kind, Several) else kind.default
                continue
            try:
                values[name] = self._read_one(kind, texts)
            except Refused as error:
                raise Refused(f"Invalid {self.name} params: {error}") from error
        return values

    def _read_one(self, kind: Text | Number | Several, texts: list[str]) -> Any:
        if not isinstance(kind, Several):
            return kind.read(texts[0])
        if kind.most is not None and len(texts) > kind.most:
            raise Refused(f"array too big (maximum {kind.most}, got {len(texts)})")
        return [kind.of.read(text) for text in texts]


def is_address(text: str) -> bool:
    """Whether a text is an at:// address of a repository, or of something in one."""
    found = _ADDRESS.fullmatch(text)
    return found is not None and bool(_DID.fullmatch(found.group(1)) or _HANDLE.fullmatch(found.group(1)))


_ACTOR = Text("at-identifier", is_required=True)
_POST = Text("at-uri", is_required=True)
_PAGE: dict[str, Text | Number | Several] = {"limit": Number(1, 100, 50), "cursor": Text()}

METHODS = {
    method.name: method
    for method in (
        Method("app.bsky.actor.getProfile", {"actor": _ACTOR}),
        Method("app.bsky.actor.getProfiles", {"actors": Several(Text("at-identifier"), 25, is_required=True)}),
        Method("app.bsky.feed.getAuthorFeed", {"actor": _ACTOR, **_PAGE, "filter": Text(default="posts_with_replies")}),
        Method("app.bsky.feed.getPostThread", {"uri": _POST, "depth": Number(0, 1000, 6), "parentHeight": Number(0, 1000, 80)}),
        Method("app.bsky.feed.getPosts", {"uris": Several(Text("at-uri"), 25, is_required=True)}),
        Method("app.bsky.feed.getLikes", {"uri": _POST, **_PAGE}),
        Method("app.bsky.feed.getRepostedBy", {"uri": _POST, **_PAGE}),
        Method("app.bsky.feed.getQuotes", {"uri": _POST, **_PAGE}),
        Method(
            "app.bsky.feed.searchPosts",
            {
                "q": Text(is_required=True),
                "sort": Text(default="latest"),
                "since": Text(),
                "until": Text(),
                "mentions": Text("at-identifier"),
                "author": Text("at-identifier"),
                "lang": Text(),
                "tag": Several(Text()),
                "limit": Number(1, 100, 25),
                "cursor": Text(),
            },
        ),
        Method("app.bsky.graph.getFollowers", {"actor": _ACTOR, **_PAGE}),
        Method("app.bsky.graph.getFollows", {"actor": _ACTOR, **_PAGE}),
        Method("app.bsky.notification.listNotifications", {"reasons": Several(Text()), **_PAGE, "seenAt": Text()}),
        Method("com.atproto.identity.resolveHandle", {"handle": Text("handle", is_required=True)}),
    )
}
