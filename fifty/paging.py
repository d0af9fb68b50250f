"""Paginators: how a platform says that there is more, and how we know that there is not.

first request → answer → next request, or None: the explicit end

Every paginator stops with PagingError when the platform sends the same cursor, address or page twice, when it sends too many empty
pages in a row, or when a scope has more pages than any scope should. Try it alone: `python -m fifty.paging` lists the paginators.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from fifty.connectors.base import find_value
from fifty.errors import PagingError
from fifty.http import Answer, Parameters
from fifty.landing import canonical_json

MOST_PAGES = 20_000
MOST_EMPTY_PAGES = 25
_LINK = re.compile(r'<([^>]*)>\s*((?:;\s*[^;,="]+(?:=(?:"[^"]*"|[^;,"]*))?\s*)*)')
_RELATION = re.compile(r'(?i)(?:^|;)\s*rel\s*=\s*"?([^";]*)"?')


@dataclass(frozen=True)
class PageRequest:
    """What to ask for the next page: the parameters; path and server stay as they are."""

    parameters: Parameters


class Paginator:
    """Walks one scope. `next_page` is called with each answer and its items, in order."""

    name: ClassVar[str] = "none"

    def __init__(self, parameters: Parameters, *, page_size: int | None = None, where: str = "") -> None:
        self.parameters = tuple(parameters)
        self.page_size = page_size
        self.where = where
        self.page = 1
        self._seen: set[str] = {self._mark(self.parameters)}
        self._empty_pages = 0
        self._last_page: str | None = None

    def first_page(self) -> PageRequest:
        """The first request."""
        return PageRequest(self.parameters)

    def next_page(self, answer: Answer, items: Sequence[Any]) -> PageRequest | None:
        """The request after `answer`, None at the end. Raises PagingError where there would be no end."""
        if answer.is_past_end:
            return None
        following = self._find_next(answer, items)
        if following is None:
            return None
        self._check_progress(following, items)
        self.page += 1
        if self.page > MOST_PAGES:
            raise self._build_error("the platform's paging does not end", seen=f"more than {MOST_PAGES} pages")
        return PageRequest(following)

    def _find_next(self, answer: Answer, items: Sequence[Any]) -> Parameters | None:
        return None

    def _check_progress(self, following: Parameters, items: Sequence[Any]) -> None:
        mark = self._mark(following)
        if mark in self._seen:
            raise self._build_error("the platform's paging goes in circles", seen=f"page {self.page} leads to a page that was read already")
        self._seen.add(mark)
        self._empty_pages = 0 if items else self._empty_pages + 1
        if self._empty_pages > MOST_EMPTY_PAGES:
            raise self._build_error("the platform's paging does not end", seen=f"{self._empty_pages} empty pages in a row, each naming a next one")

    def _check_change(self, items: Sequence[Any]) -> None:
        """For paging by number: a server that ignores the number sends the same page for ever."""
        digest = hashlib.sha256(canonical_json(list(items)).encode()).hexdigest() if items else None
        if digest is not None and digest == self._last_page:
            raise self._build_error("the platform's paging goes in circles", seen=f"page {self.page} holds exactly what the page before held")
        self._last_page = digest

    def _mark(self, parameters: Parameters) -> str:
        return hashlib.sha256(canonical_json([list(pair) for pair in parameters]).encode()).hexdigest()

    def _replace(self, **changes: str) -> Parameters:
        return (*(pair for pair in self.parameters if pair[0] not in changes), *changes.items())

    def _build_error(self, what: str, *, seen: str) -> PagingError:
        return PagingError(
            what,
            where=self.where,
            seen=seen,
            expected="a last page",
            remedy="pull again; if it stays so, the platform's paging has changed: see the connector's README",
        )


class LinkHeader(Paginator):
    """`Link: <…>; rel="next"` (Mastodon). The end is an answer without it; a short or empty page is not.

    Only the parameters of the link are followed: behind a proxy the address in it may be another, and must not choose where we go.
    """

    name = "link_header"

    def _find_next(self, answer: Answer, items: Sequence[Any]) -> Parameters | None:
        target = find_link(answer.headers.get("Link", ""), "next")
        if target is None:
            return None
        return tuple(parse_qsl(urlsplit(target).query, keep_blank_values=True))


class Cursor(Paginator):
    """`cursor` in the body (Bluesky). The end is an answer without one; a short or empty page with one is not."""

    name = "cursor"
    parameter = "cursor"
    path = "cursor"

    def _find_next(self, answer: Answer, items: Sequence[Any]) -> Parameters | None:
        cursor = find_value(answer.content, self.path)
        return self._replace(**{self.parameter: str(cursor)}) if cursor not in (None, "") else None


class PageNumber(Paginator):
    """`page` from 1 and the number of pages in X-WP-TotalPages (WordPress).

    The end is the last page by the newest header, or the platform's word that a page lies beyond it; without the header, a page that
    is not full.
    """

    name = "page_number"
    header = "X-WP-TotalPages"

    def _find_next(self, answer: Answer, items: Sequence[Any]) -> Parameters | None:
        self._check_change(items)
        total = answer.headers.get(self.header)
        if total is not None and str(total).strip().isdigit():
            is_last = self.page >= int(total)
        else:
            is_last = not items or (self.page_size is not None and len(items) < self.page_size)
        return None if is_last else self._replace(page=str(self.page + 1))


PAGINATORS: dict[str, type[Paginator]] = {kind.name: kind for kind in (Paginator, LinkHeader, Cursor, PageNumber)}


def find_link(header: str, relation: str) -> str | None:
    """Target of the link with that relation in a Link header, None where there is none."""
    for target, attributes in _LINK.findall(header):
        found = _RELATION.search(attributes)
        if found and relation in found.group(1).split():
            return str(target)
    return None


def split_batches(ids: Sequence[str], size: int) -> Iterator[list[str]]:
    """`ids` in order, each once, at most `size` at a time."""
    unique = list(dict.fromkeys(ids))
    for start in range(0, len(unique), max(size, 1)):
        yield unique[start : start + size]


if __name__ == "__main__":
    import sys

    for name, kind in PAGINATORS.items():
        sys.stdout.write(f"{name}: {(kind.__doc__ or '').splitlines()[0]}\n")
