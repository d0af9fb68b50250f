"""Faults, each seen by a client over HTTP: switched on by name in a file, hitting the same requests in any order, gone with the file."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from demo.__main__ import main
from demo.faults import FAULTS, Fault, is_hit, parse_faults, write_faults
from demo.model import write_atomically
from demo.platforms import PLATFORMS

from told_world import FANS, Told, serve_here, tell_world

Pages = list[list[Any]]


class Served:
    """The three platforms of the told world; ``switch`` sets their faults, ``pages`` walks a list."""

    def __init__(self, told: Told, urls: dict[str, str]) -> None:
        self.told, self.urls = told, urls

    def switch(self, name: str, rate: float = 1.0, seed: int = 0) -> None:
        """One fault on all services that can have it."""
        faults = [Fault(service, name, rate, seed) for service in PLATFORMS if name not in PLATFORMS[service].lacks]
        write_atomically(self.told.folder / "faults.json", write_faults(faults))

    def get(self, platform: str, **parameters: Any) -> requests.Response:
        """A page of a list: who likes wren's first post, or the comments of its blog."""
        first = self.told.ids[f"{platform}/first"]
        paths = {
            "mastodon": f"/api/v1/statuses/{first}/favourited_by",
            "bluesky": "/xrpc/app.bsky.feed.getLikes",
            "wordpress": "/wren/wp-json/wp/v2/comments",
        }
        size = {"wordpress": {"per_page": 100}}.get(platform, {"limit": 8})
        asked = size | ({"uri": first} if platform == "bluesky" else {}) | parameters
        return requests.get(self.urls[platform] + paths[platform], params=asked, timeout=20)

    def read(self, platform: str, response: requests.Response) -> tuple[list[Any], Any]:
        """The keys of a page and what leads to the next."""
        body = response.json()
        if platform == "mastodon":
            following = response.links.get("next", {}).get("url")
            return [row["id"] for row in body], following.split("max_id=")[1] if following else None
        if platform == "bluesky":
            return [row["actor"]["did"] for row in body["likes"]], body.get("cursor")
        return [row["id"] for row in body], response.links.get("next", {}).get("url", "page=").split("page=")[-1] or None

    def walk(self, platform: str, most: int = 40) -> Pages:
        """All pages, by the platform's own cursor; stops at a cursor that comes again."""
        pages, cursor, seen = [], None, set()
        name = {"mastodon": "max_id", "bluesky": "cursor", "wordpress": "page"}[platform]
        while len(pages) < most:
            page, cursor = self.read(platform, self.get(platform, **({name: cursor} if cursor else {})))
            pages.append(page)
            if not cursor or cursor in seen:
                break
            seen.add(cursor)
        return pages


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    told = tell_world(tmp_path_factory.mktemp("faulty"))
    with contextlib.ExitStack() as stack:
        urls = {}
        for name in ("mastodon", "bluesky", "wordpress"):
            platform = PLATFORMS[name](told.folder, "raised")
            platform.doorkeeper.planned = frozenset()  # faults alone
            urls[name] = stack.enter_context(serve_here(platform))
        yield Served(told, urls)


@pytest.fixture(autouse=True)
def without_faults_afterwards(served: Served) -> Iterator[None]:
    yield
    (served.told.folder / "faults.json").unlink(missing_ok=True)


def flatten(pages: Pages) -> list[Any]:
    """All keys of some pages."""
    return [key for page in pages for key in page]


PROBES = {"mastodon": "/api/v1/instance", "bluesky": "/xrpc/_health", "wordpress": "/wren/wp-json/"}
EVERYWHERE = pytest.mark.parametrize("platform", ["mastodon", "bluesky", "wordpress"])
# Without fan 3, who took it back, and fan 7, who left.
LIKERS = FANS - 2


def test_without_faults_every_list_comes_whole(served: Served) -> None:
    # On Bluesky the fan who blocks the author is not listed either.
    for platform, count in (("mastodon", LIKERS), ("bluesky", LIKERS - 1), ("wordpress", 1_201)):
        keys = flatten(served.walk(platform))
        assert len(keys) == len(set(keys)) == count, platform


def test_bluesky_pages_that_lost_somebody_are_short_and_not_the_last(served: Served) -> None:
    sizes = [len(page) for page in served.walk("bluesky")]
    assert min(sizes[:-1]) < max(sizes), "who is gone, or blocks the author, is taken out after the page was cut"


@EVERYWHERE
def test_a_refusal_has_the_platforms_own_style(served: Served, platform: str) -> None:
    served.switch("rate_limited")
    answers = [served.get(platform) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [429, 429]
    if platform == "mastodon":
        assert all(answer.json() == {"error": "Too many requests"} and answer.headers["X-RateLimit-Remaining"] == "0" for answer in answers)
        assert sum("Retry-After" in answer.headers for answer in answers) == 1, "every second refusal says only when the limit resets"
        reset = datetime.fromisoformat(answers[0].headers["X-RateLimit-Reset"].replace("Z", "+00:00"))
        assert -1 < (reset - datetime.now(UTC)).total_seconds() < 2
    elif platform == "bluesky":
        assert all(answer.json()["error"] == "RateLimitExceeded" and answer.headers["Retry-After"] == "1" for answer in answers)
    else:
        assert all(answer.headers["Content-Type"].startswith("text/html") and answer.headers["Retry-After"] == "1" for answer in answers)


@EVERYWHERE
def test_a_server_error_has_the_platforms_own_body_and_a_proxys_has_none(served: Served, platform: str) -> None:
    served.switch("server_error")
    answer = served.get(platform)
    assert answer.status_code == 500
    assert answer.json()[{"mastodon": "error", "bluesky": "error", "wordpress": "code"}[platform]]
    served.switch("unavailable")
    answer = served.get(platform)
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "1" and answer.text.startswith("<html>")


@EVERYWHERE
def test_a_hanging_service_answers_nothing(served: Served, platform: str) -> None:
    served.switch("hang")
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(served.urls[platform] + PROBES[platform], timeout=0.3)
    (served.told.folder / "faults.json").unlink()
    assert served.get(platform).status_code == 200, "one hanging request blocks nobody"


@EVERYWHERE
def test_a_cut_connection_is_one_and_a_truncated_body_is_none(served: Served, platform: str) -> None:
    served.switch("cut_connection")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        served.get(platform)
    served.switch("truncated")
    answer = served.get(platform)
    assert answer.status_code == 200 and len(answer.content) == int(answer.headers["Content-Length"]) > 10
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


@EVERYWHERE
def test_invalid_json_begins_with_a_warning_of_the_server(served: Served, platform: str) -> None:
    whole = served.get(platform).text
    served.switch("invalid_json")
    answer = served.get(platform)
    assert answer.status_code == 200 and answer.text.startswith("<br />") and answer.text.endswith(whole)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


@EVERYWHERE
def test_a_duplicate_page_is_the_page_before(served: Served, platform: str) -> None:
    good = served.walk(platform)
    served.switch("duplicate_page")
    pages = served.walk(platform)
    assert pages[0] == pages[1] == good[0] and pages[2] == good[1]
    assert set(flatten(good)) - set(flatten(pages)) == set(good[-1] or good[-2])


@EVERYWHERE
def test_overlapping_pages_lose_nothing_and_repeat_some(served: Served, platform: str) -> None:
    good = served.walk(platform)
    served.switch("overlapping_page")
    pages = served.walk(platform)
    assert list(dict.fromkeys(flatten(pages))) == flatten(good)
    assert pages[1][:3] == pages[0][-3:] and pages[1][3:] == good[1]


@EVERYWHERE
def test_a_repeated_cursor_leads_back_to_its_page(served: Served, platform: str) -> None:
    served.switch("repeated_cursor")
    pages = served.walk(platform)
    assert len(pages) == 2 and pages[0] == pages[1]


@pytest.mark.parametrize("platform", ["mastodon", "bluesky"])
def test_short_pages_are_not_the_last(served: Served, platform: str) -> None:
    good = served.walk(platform)
    served.switch("short_page")
    pages = served.walk(platform)
    assert flatten(pages) == flatten(good) and {len(page) for page in pages[:3]} <= {2, 3, 4} and len(pages) > len(good) + 2


def test_a_short_page_of_a_blog_hides_the_rest_and_the_total_says_so(served: Served) -> None:
    served.switch("short_page")
    answer = served.get("wordpress")
    assert (len(answer.json()), answer.headers["X-WP-Total"]) == (50, "1201")


def test_parts_of_a_bluesky_answer_can_be_errors(served: Served) -> None:
    ids, url = served.told.ids, served.urls["bluesky"] + "/xrpc/"
    thread = {"uri": ids["bluesky/long"], "depth": 3}
    batch = {"uris": [ids["bluesky/first"], ids["bluesky/long"]]}

    def read() -> tuple[list[str], int, int]:
        replies = requests.get(url + "app.bsky.feed.getPostThread", params=thread, timeout=5).json()["thread"]["replies"]
        posts = requests.get(url + "app.bsky.feed.getPosts", params=batch, timeout=5).json()["posts"]
        people = {"actors": [ids["bluesky/fan1"], ids["bluesky/fan2"], ids["bluesky/fan3"]]}
        return (
            [r["$type"] for r in replies],
            len(posts),
            len(requests.get(url + "app.bsky.actor.getProfiles", params=people, timeout=5).json()["profiles"]),
        )

    assert read() == (["app.bsky.feed.defs#threadViewPost"], 2, 3)
    served.switch("partial_error")
    assert read() == (["app.bsky.feed.defs#notFoundPost"], 1, 2)


def test_a_skewed_clock_shows_in_the_date_and_in_the_limit(served: Served) -> None:
    def read() -> tuple[float, float]:
        answer = served.get("mastodon")
        now, date = datetime.now(UTC), parsedate_to_datetime(answer.headers["Date"])
        reset = datetime.fromisoformat(answer.headers["X-RateLimit-Reset"].replace("Z", "+00:00"))
        return (date - now).total_seconds(), (reset - now).total_seconds()

    true_date, true_reset = read()
    assert abs(true_date) < 2 and 0 <= true_reset <= 300
    served.switch("clock_skew")
    date, reset = read()
    assert 119 < abs(date) < 1801 and abs((reset - true_reset) - date) < 5


@EVERYWHERE
def test_a_huge_payload_does_not_end(served: Served, platform: str) -> None:
    served.switch("huge_payload")
    size = 0
    with requests.get(served.urls[platform] + PROBES[platform], stream=True, timeout=20) as answer:
        for chunk in answer.iter_content(1 << 20):
            size += len(chunk)
            if size > 64 << 20:
                break
    assert size > 64 << 20


@pytest.mark.parametrize(("platform", "metric"), [("mastodon", "favourites_count"), ("bluesky", "likeCount"), ("wordpress", "author")])
def test_a_number_can_change_its_type_or_be_told_no_more(served: Served, platform: str, metric: str) -> None:
    ids = served.told.ids
    path, parameters = {
        "mastodon": (f"/api/v1/statuses/{ids['mastodon/first']}", {}),
        "bluesky": ("/xrpc/app.bsky.feed.getPosts", {"uris": ids["bluesky/first"]}),
        "wordpress": ("/wren/wp-json/wp/v2/posts", {}),
    }[platform]

    def read() -> Any:
        body = requests.get(served.urls[platform] + path, params=parameters, timeout=5).json()
        return {"mastodon": lambda: body, "bluesky": lambda: body["posts"][0], "wordpress": lambda: body[0]}[platform]()

    before = read()
    served.switch("changed_type")
    assert read() == before | {metric: {"value": before[metric]}}
    if platform != "wordpress":
        served.switch("dead_metric")
        assert read() == {name: value for name, value in before.items() if name != metric}


def test_which_requests_are_hit_depends_on_nothing_but_the_request_and_how_often_it_came(served: Served) -> None:
    url, numbers = served.urls["mastodon"] + "/api/v1/instance", list(range(150))

    def ask(order: list[int], seed: int = 0) -> dict[int, int]:
        served.switch("server_error", rate=0.4, seed=seed)
        with requests.Session() as session:
            return {number: session.get(url, params={"n": number, "a": 1}, timeout=5).status_code for number in order}

    first = ask(numbers)
    assert 30 < sum(status == 500 for status in first.values()) < 90
    assert ask(numbers[::-1]) == first, "another order, the same requests"
    assert ask(numbers, seed=1) != first
    served.switch("server_error", rate=0.4)
    hit = next(number for number, status in first.items() if status == 500)
    again = [requests.get(url, params={"a": 1, "n": hit}, timeout=5).status_code for _ in range(40)]
    assert again[0] == 500 and 200 in again, "who asks again is drawn again, whatever the order of the parameters"


def test_faults_are_known_by_name_and_each_service_knows_what_it_cannot_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert parse_faults("mastodon:hang, bluesky:truncated:0.25:9") == [Fault("mastodon", "hang"), Fault("bluesky", "truncated", 0.25, 9)]
    assert parse_faults("") == []
    for text, word in (
        ("mastodon", "expected"),
        ("mastodon:nonsense", "the faults are"),
        ("mastodon:hang:2", "at most 1"),
        ("mastodon:hang:often", "rate"),
        ("myspace:hang", "the services are"),
        ("mastodon:partial_error", "no partial_error"),
        ("wordpress:dead_metric", "no dead_metric"),
    ):
        assert main(["serve", "--dir", str(tmp_path), "--faults", text]) == 2
        assert word in capsys.readouterr().err, text
    assert not (tmp_path / "world.json").exists(), "nothing is made for a wrong call"
    shares = [sum(is_hit(Fault("x", name, 0.3), f"r{number}", 1) for number in range(2_000)) / 2_000 for name in FAULTS]
    assert all(0.25 < share < 0.35 for share in shares)


def test_planned_refusals_are_a_fixed_few_for_each_run(served: Served) -> None:
    service = PLATFORMS["bluesky"]
    platform = service(served.told.folder, "raised")
    assert len(service.planned) <= 4

    def count(requested: int) -> int:
        found = 0
        with serve_here(platform) as url, requests.Session() as session:
            for _ in range(requested):
                while (answer := session.get(url + "/xrpc/_health", timeout=5)).status_code == 429:
                    assert answer.headers["Retry-After"] == "1"
                    found += 1
                    time.sleep(1)
        return found

    assert count(max(service.planned[:2]) + 5) == 2
    platform.state.now = 0
    write_atomically(served.told.folder / "now.json", json.dumps({"now": "2026-02-01T00:00:00Z"}))
    try:
        assert count(service.planned[0] + 5) == 1, "another moment is another run"
    finally:
        (served.told.folder / "now.json").unlink()
