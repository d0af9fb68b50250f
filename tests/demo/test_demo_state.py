"""The state as of a moment: every list and count is what a slow reading of the rows says, at any moment, forwards and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from demo.model import DAY, TABLES, format_utc, read_table
from demo.platforms import PLATFORMS, base
from demo.platforms.base import make_secret
from demo.state import Index, PlatformState

from told_world import DEEP, FANS, Told, serve_here, tell_world

#: days in an order that goes forwards and back
DAYS = (60, 2.5, 11, 4.01, 21, 9, 31, 13, 0.5, 60)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return tell_world(tmp_path_factory.mktemp("told"))


class SlowReading:
    """What is there at a moment, read off the rows one by one, as 0008 words it."""

    def __init__(self, folder: Path, platform: str, now: int) -> None:
        self.rows = {name: read_table(folder, platform, name).to_pylist() for name in TABLES}
        self.now = now
        self.gone: set[int] = set()
        for change in self.rows["changes"]:
            if change["ts"] <= now and change["kind"] in ("suspend", "deactivate"):
                self.gone.add(change["account_no"])
            elif change["ts"] <= now and change["kind"] == "return":
                self.gone.discard(change["account_no"])
        self.messages = {row["message_no"]: row for row in self.rows["messages"] if self.is_there(row, "deleted_at", "author_no")}
        self.reactions = [row for row in self.rows["reactions"] if self.is_there(row, "ended_at", "actor_no")]

    def is_there(self, row: dict[str, Any], ended: str, actor: str) -> bool:
        """Begun, not ended, by somebody who is there."""
        return row["visible_at"] <= self.now and (row[ended] is None or row[ended] > self.now) and row[actor] not in self.gone

    def count(self, kind: str, column: str, number: int) -> int:
        """Reactions of a kind on something."""
        return sum(row["kind"] == kind and row[column] == number for row in self.reactions)


@pytest.mark.parametrize("platform", ["mastodon", "bluesky", "wordpress"])
def test_lists_and_counts_are_those_of_a_slow_reading_at_any_moment(told: Told, platform: str) -> None:
    state = PlatformState(told.folder, platform, told.at(60))
    seen = set()
    for day in DAYS:
        state.now = told.at(day)
        slow = SlowReading(told.folder, platform, state.now)
        assert state.standing.nonzero()[0].tolist() == sorted(slow.messages)
        assert state.reacting.nonzero()[0].tolist() == [row["reaction_no"] for row in slow.reactions]
        assert (~state.present).nonzero()[0].tolist() == sorted(slow.gone)
        for number in range(0, state.messages.size, 7):
            assert state.like_counts[number] == slow.count("like", "message_no", number)
            assert state.reshare_counts[number] == slow.count("reshare", "message_no", number)
            children = [key for key, row in slow.messages.items() if row["parent_no"] == number]
            assert state.list_standing(state.children, number).tolist() == children and state.reply_counts[number] == len(children)
        for number in range(state.accounts.size):
            assert state.follower_counts[number] == slow.count("follow", "target_no", number)
            wrote = [row["created_at"] for row in slow.messages.values() if row["author_no"] == number]
            assert state.message_counts[number] == len(wrote) and state.last_message_at[number] == max(wrote, default=-1)
        seen.add((len(slow.messages), len(slow.reactions), len(slow.gone)))
    assert len(seen) > 4, "the moments hardly differ"


def test_names_locks_and_blocks_hold_from_their_moment_on(told: Told) -> None:
    state = PlatformState(told.folder, "bluesky")
    fan = state.account_numbers[told.ids["bluesky/fan4"]]
    for day, name, display_name in ((20, "heron", "Grey heron"), (14, "fan4", "fan4"), (16, "heron", "Grey heron")):
        state.now = told.at(day)
        account = state.account(fan)
        assert (account.username, account.display_name, account.first_username) == (name, display_name, "fan4")
        assert state.find_named(name, "bsky.example") == account
        assert (state.find_named("fan4", "bsky.example") is None) == (name == "heron"), "a name that was given up leads nowhere"
    locker = state.account_numbers[told.ids["bluesky/fan6"]]
    assert state.account(locker).is_locked and not state.blocks
    state.now = told.at(15)
    assert not state.account(locker).is_locked
    state.now = told.at(18)
    assert state.blocks == {(locker, state.account_numbers[told.ids["bluesky/wren"]])}


def test_edits_and_deletions_hold_from_their_moment_on(told: Told) -> None:
    state = PlatformState(told.folder, "mastodon")
    no = state.message_numbers[told.ids["mastodon/asked"]]
    expected = {4: ("When do you open?", None, None), 6: ("When do you open on Sundays?", told.at(5), None), 13: (None, told.at(5), told.at(12))}
    for day in (13, 4, 6):
        state.now = told.at(day)
        text, edited_at, deleted_at = expected[day]
        message = state.message(no)
        assert (message.edited_at, message.deleted_at) == (edited_at, deleted_at)
        assert (message.segments[0][1] if state.stands(no) else None) == text
        assert (state.find_message(message.post_id) is None) == (text is None)


def test_an_index_keeps_the_order_of_the_rows_and_leaves_out_what_has_no_key() -> None:
    index = Index.build(np.array([2, -1, 0, 2, 2, 0]), 4, np.array([True, True, True, False, True, True]))
    assert [index.of(key).tolist() for key in range(4)] == [[2, 5], [], [0, 4], []]


def test_a_deep_thread_is_shown_whole_with_a_token_and_cut_without(told: Told) -> None:
    platform = PLATFORMS["mastodon"](told.folder)
    platform.state.now = told.at(60)
    with serve_here(platform) as url:
        path = f"{url}/api/v1/statuses/{told.ids['mastodon/long']}/context"
        token = {"Authorization": f"Bearer {make_secret(3, 'wren', 'mastodon-token')}"}
        whole = requests.get(path, headers=token, timeout=20).json()["descendants"]
        assert [status["id"] for status in whole] == [told.ids[f"mastodon/turn{number}"] for number in range(DEEP)]
        assert len(requests.get(path, timeout=20).json()["descendants"]) == 20, "an anonymous reader sees twenty generations"
        last = f"{url}/api/v1/statuses/{told.ids[f'mastodon/turn{DEEP - 1}']}/context"
        assert len(requests.get(last, headers=token, timeout=20).json()["ancestors"]) == DEEP
        assert len(requests.get(last, timeout=20).json()["ancestors"]) == 40
        assert len({mention["id"] for status in whole for mention in status["mentions"]}) == 2, "wren and fan 8 talk with each other"


def test_a_deep_bluesky_thread_is_as_deep_as_asked_for(told: Told) -> None:
    platform = PLATFORMS["bluesky"](told.folder)
    platform.state.now = told.at(60)
    with serve_here(platform) as url:
        path = f"{url}/xrpc/app.bsky.feed.getPostThread"
        text = requests.get(path, params={"uri": told.ids["bluesky/long"], "depth": 1000}, timeout=20).text
        assert text.count("#threadViewPost") == 1001
        node, depth = json.loads(requests.get(path, params={"uri": told.ids["bluesky/long"], "depth": 100}, timeout=20).text)["thread"], 0
        while node.get("replies"):
            node, depth = node["replies"][0], depth + 1
        assert depth == 100 and node["post"]["uri"] == told.ids["bluesky/turn99"] and node["post"]["replyCount"] == 1


def test_what_arrives_late_is_seen_late_and_notified_at_its_arrival(told: Told) -> None:
    platform = PLATFORMS["mastodon"](told.folder)
    with serve_here(platform) as url:
        token = {"Authorization": f"Bearer {make_secret(3, 'wren', 'mastodon-token')}"}

        def read(day: float) -> list[dict[str, Any]]:
            platform.state.now = told.at(day)
            found: list[dict[str, Any]] = requests.get(f"{url}/api/v1/notifications", params={"types[]": "mention"}, headers=token, timeout=5).json()
            return [row for row in found if row["status"]["id"] == told.ids["mastodon/late"]]

        assert read(9.9) == []
        late = read(10.1)
        assert late[0]["created_at"] == format_utc(told.at(10)) and late[0]["status"]["created_at"] == format_utc(told.at(8))
        tagged = requests.get(f"{url}/api/v1/timelines/tag/pond", timeout=5).json()
        assert [status["id"] for status in tagged] == [told.ids["mastodon/late"]]


def test_each_brand_is_found_by_its_token_and_has_a_site_of_its_own(told: Told) -> None:
    mastodon, wordpress = PLATFORMS["mastodon"](told.folder), PLATFORMS["wordpress"](told.folder)
    with serve_here(mastodon) as url:
        for brand in ("wren", "rook"):
            token = {"Authorization": f"Bearer {make_secret(3, brand, 'mastodon-token')}"}
            own = requests.get(f"{url}/api/v1/accounts/verify_credentials", headers=token, timeout=5)
            assert own.json()["id"] == told.ids[f"mastodon/{brand}"] and own.headers["X-RateLimit-Remaining"] == "299", "each has a limit of its own"
    with serve_here(wordpress) as url:
        titles = {
            brand: [p["title"]["rendered"] for p in requests.get(f"{url}/{brand}/wp-json/wp/v2/posts", timeout=5).json()]
            for brand in ("wren", "rook")
        }
        assert titles == {"wren": ["Long", "First"], "rook": ["Rook Here"]}
        names = [user["slug"] for user in requests.get(f"{url}/rook/wp-json/wp/v2/users", timeout=5).json()]
        assert names == ["rook"]
        foreign = requests.get(f"{url}/rook/wp-json/wp/v2/comments/{told.ids['wordpress/answer']}", timeout=5)
        assert (foreign.status_code, foreign.json()["code"]) == (404, "rest_comment_invalid_id")
        assert requests.get(f"{url}/crow/wp-json/wp/v2/posts", timeout=5).json()["code"] == "rest_no_route"


def test_the_platform_of_the_readme_is_all_that_a_new_one_needs(told: Told) -> None:
    readme = (Path(__file__).resolve().parents[2] / "demo" / "README.md").read_text(encoding="utf-8")
    block = readme.split("```python\n")[1].split("```")[0]
    assert len(block.splitlines()) < 25
    names = {"Platform": base.Platform, "JSONAnswer": base.JSONAnswer, "read_integer": base.read_integer}
    exec(block, names)
    kind: type[base.Platform] = names["Pond"]
    kind.platform = "mastodon"  # whose tables there are
    platform = kind(told.folder)
    platform.state.now = told.at(5)
    with serve_here(platform) as url:
        first = requests.get(f"{url}/ripples", timeout=5)
        assert [row["id"] for row in first.json()] == [told.ids[f"mastodon/{name}"] for name in ("answer", "asked", "first")]
        assert first.json()[2]["likes"] == FANS - 1 and first.headers["Date"]
        nowhere = requests.get(f"{url}/nowhere", timeout=5)
        assert nowhere.json() == {"error": "Not Found"} and nowhere.headers["Date"]
        for _ in range(299):
            answer = requests.get(f"{url}/ripples?page=1", timeout=5)
        assert answer.json() == []
        assert requests.get(f"{url}/ripples", timeout=5).status_code == 429


def test_another_moment_costs_a_filter_not_a_start(told: Told) -> None:
    state = PlatformState(told.folder, "mastodon")
    index = state.children
    state.now = state.head.start + 3 * DAY
    assert state.children is index and state.begun < state.messages.size
