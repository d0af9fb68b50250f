"""Paging ends: on the first, the last, an empty, an exactly full page, and on servers that go in circles."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fifty.errors import PagingError
from fifty.http import Answer, Parameters, dict_of_headers
from fifty.paging import MOST_EMPTY_PAGES, PAGINATORS, find_link, split_batches

ITEMS = [{"id": number} for number in range(7)]


def answer(content: Any, headers: dict[str, str] | None = None, *, is_past_end: bool = False) -> Answer:
    return Answer(200, content, dict_of_headers(headers or {}), "http://platform.test/", is_past_end=is_past_end)


class Server:
    """Pages of a platform, given out in the platform's way; counts what it was asked."""

    def __init__(self, style: str, pages: list[list[Any]], *, announces: bool = True) -> None:
        self.style, self.pages, self.announces, self.asked = style, pages, announces, 0

    def serve(self, parameters: Parameters) -> tuple[Answer, list[Any]]:
        self.asked += 1
        asked = dict(parameters)
        if self.style == "page_number":
            number = int(asked.get("page", 1))
            items = self.pages[number - 1] if number <= len(self.pages) else []
            headers = {"X-WP-TotalPages": str(len(self.pages))} if self.announces else {}
            return answer(items, headers, is_past_end=number > max(len(self.pages), 1)), items
        number = int(asked.get("cursor" if self.style == "cursor" else "max_id", "0").removeprefix("c"))
        items = self.pages[number] if self.pages else []
        is_last = number + 1 >= len(self.pages)
        if self.style == "cursor":
            return answer({"items": items} | ({} if is_last else {"cursor": f"c{number + 1}"})), items
        link = "" if is_last else f'<http://elsewhere.test/x?{urlencode({"limit": 3, "max_id": number + 1})}>; rel="next", <http://x/>; rel="prev"'
        return answer(items, {"Link": link} if link else {}), items


def walk(style: str, server: Server, *, page_size: int | None = None) -> list[Any]:
    paginator = PAGINATORS[style]([("limit", "3")], page_size=page_size)
    request = paginator.first_page()
    found: list[Any] = []
    while True:
        got, items = server.serve(request.parameters)
        found += items
        following = paginator.next_page(got, items)
        if following is None:
            return found
        request = following


@pytest.mark.parametrize("style", ["link_header", "cursor", "page_number"])
@pytest.mark.parametrize("pages", [[ITEMS[:3], ITEMS[3:6], ITEMS[6:]], [ITEMS[:3], ITEMS[3:6]], [ITEMS[:3]], [ITEMS[:2]], []])
def test_every_item_comes_once_and_the_walk_ends(style: str, pages: list[list[Any]]) -> None:
    server = Server(style, pages)
    assert walk(style, server, page_size=3) == list(itertools.chain(*pages))
    assert server.asked <= len(pages) + 1


@given(sizes=st.lists(st.integers(0, 4), max_size=12), style=st.sampled_from(["link_header", "cursor", "page_number"]))
def test_any_split_into_pages_gives_all_items_once_and_ends(sizes: list[int], style: str) -> None:
    numbers = iter(range(1000))
    pages = [[{"id": next(numbers)} for _ in range(size)] for size in sizes]
    assert walk(style, Server(style, pages)) == list(itertools.chain(*pages))


def test_a_short_page_with_a_cursor_is_not_the_last() -> None:
    assert walk("cursor", Server("cursor", [ITEMS[:1], [], ITEMS[1:]]), page_size=100) == ITEMS


def test_the_last_page_needs_no_request_beyond_it_where_the_total_is_known() -> None:
    server = Server("page_number", [ITEMS[:3], ITEMS[3:6]])
    walk("page_number", server, page_size=3)
    assert server.asked == 2


def test_without_a_total_a_page_that_is_not_full_is_the_last() -> None:
    server = Server("page_number", [ITEMS[:3], ITEMS[3:5]], announces=False)
    assert walk("page_number", server, page_size=3) == ITEMS[:5]
    assert server.asked == 2


def test_a_page_beyond_the_last_is_an_end_and_no_error() -> None:
    server = Server("page_number", [ITEMS[:3], ITEMS[3:6]], announces=False)
    assert walk("page_number", server, page_size=3) == ITEMS[:6]
    assert server.asked == 3


def test_a_repeated_cursor_is_an_error() -> None:
    paginator = PAGINATORS["cursor"]([])
    assert paginator.next_page(answer({"cursor": "a"}), ITEMS) is not None
    assert paginator.next_page(answer({"cursor": "b"}), ITEMS) is not None
    with pytest.raises(PagingError, match="circles"):
        paginator.next_page(answer({"cursor": "a"}), ITEMS)


def test_a_link_back_to_the_first_page_is_an_error() -> None:
    paginator = PAGINATORS["link_header"]([("limit", "3")])
    with pytest.raises(PagingError):
        paginator.next_page(answer([], {"Link": '<http://x/?limit=3>; rel="next"'}), ITEMS)


def test_a_server_that_ignores_the_page_asked_for_is_an_error() -> None:
    paginator = PAGINATORS["page_number"]([], page_size=3)
    assert paginator.next_page(answer(ITEMS[:3], {"X-WP-TotalPages": "9"}), ITEMS[:3]) is not None
    with pytest.raises(PagingError):
        paginator.next_page(answer(ITEMS[:3], {"X-WP-TotalPages": "9"}), ITEMS[:3])


def test_empty_pages_that_always_name_a_next_one_are_an_error() -> None:
    paginator = PAGINATORS["cursor"]([])
    with pytest.raises(PagingError, match="does not end"):
        for number in range(MOST_EMPTY_PAGES + 2):
            paginator.next_page(answer({"cursor": f"{number}"}), [])


def test_pages_beyond_the_bound_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fifty.paging.MOST_PAGES", 5)
    paginator = PAGINATORS["cursor"]([])
    with pytest.raises(PagingError, match="5 pages"):
        for number in range(9):
            paginator.next_page(answer({"cursor": f"{number}"}), ITEMS)


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<http://a/?page=2>; rel="next"', "http://a/?page=2"),
        ('<http://a/?x=1,2&page=2>; rel="next", <http://a/>; rel="prev"', "http://a/?x=1,2&page=2"),
        ("<http://a/>; rel=next", "http://a/"),
        ('<http://a/>; title="a, b; c"; rel="last next"', "http://a/"),
        ('<http://a/>; rel="prev"', None),
        ('<http://a/>; rel="nextish"', None),
        ("", None),
        ("nonsense", None),
    ],
)
def test_link_headers_are_read_as_they_are_written(header: str, target: str | None) -> None:
    assert find_link(header, "next") == target


@given(ids=st.lists(st.text(min_size=1, max_size=3)), size=st.integers(1, 7))
def test_batches_hold_each_id_once_and_never_too_many(ids: list[str], size: int) -> None:
    batches = list(split_batches(ids, size))
    assert list(itertools.chain(*batches)) == list(dict.fromkeys(ids))
    assert all(1 <= len(batch) <= size for batch in batches)
