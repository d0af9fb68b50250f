"""The examination can fail: drifts seeded into recorded answers are each seen, and nothing is tolerated that no allowance explains.

Needs no server: one answer of WordPress and one of Bluesky as they were recorded, shortened.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.contract.allowances import ALLOWANCES
from tests.acceptance.contract.answers import Answer, Question, Side, find_next_page
from tests.acceptance.contract.differences import Allowance, compare_answers, explain

COMMENTS = Question("wordpress", "comments", "wp-json/wp/v2/comments", (("per_page", "1"),), paging="page")
LIKES = Question("appview", "likes", "xrpc/app.bsky.feed.getLikes", paging="cursor")
REFUSAL = Question("wordpress", "a page size out of bounds", "wp-json/wp/v2/comments", (("per_page", "101"),))
DID = "did:plc:2fgvlc3lurqtjyelfvfaytip"
CONTENT_ID = "bafyreienp3mpgzzg2e5w6hgr6rjm2dojjnhpmiefpmd364jjgxqjwqxqia"

RECORDED: dict[str, Answer] = {
    COMMENTS.name: Answer(
        200,
        {
            "content-type": "application/json; charset=UTF-8",
            "x-wp-total": "26",
            "x-wp-totalpages": "26",
            "allow": "GET",
            "date": "Thu, 26 Nov 2026 14:27:57 GMT",
        },
        [
            {
                "id": 26,
                "post": 8,
                "parent": 20,
                "author_name": "Mara",
                "date_gmt": "2026-11-26T00:04:00",
                "content": {"rendered": "<p>Now.</p>\n"},
                "meta": [],
            }
        ],
    ),
    LIKES.name: Answer(
        200,
        {"content-type": "application/json; charset=utf-8", "etag": 'W/"302-GknAUdGidsQJBvabJdE1+Ltp/mI"', "date": "Thu, 26 Nov 2026 14:27:57 GMT"},
        {
            "uri": f"at://{DID}/app.bsky.feed.post/3n37uwvj5d22z",
            "likes": [{"actor": {"did": DID, "displayName": "", "labels": []}, "indexedAt": "2026-09-13T21:05:00.000Z"}],
            "cursor": f"1789333320000__{CONTENT_ID}",
        },
    ),
    REFUSAL.name: Answer(
        400,
        {"content-type": "application/json; charset=UTF-8", "allow": "GET", "date": "Thu, 26 Nov 2026 14:27:57 GMT"},
        {"code": "rest_invalid_param", "message": "Invalid parameter(s): per_page", "data": {"status": 400, "params": {"per_page": "…"}}},
    ),
}


def judge(question: Question, *demo: Answer) -> list[str]:
    """The places at which the demo is caught, given these answers to a recorded one."""
    return [found.place for found in explain(compare_answers(question, [RECORDED[question.name]], demo), ALLOWANCES).unexplained]


def change(question: Question, edit: Callable[[dict[str, Any]], object], status: int | None = None) -> Answer:
    """A recorded answer after an edit of its parts."""
    answer = RECORDED[question.name]
    parts: dict[str, Any] = {"headers": dict(answer.headers), "body": copy.deepcopy(answer.body)}
    edit(parts)
    return Answer(status or answer.status, parts["headers"], parts["body"])


@pytest.mark.parametrize("question", (COMMENTS, LIKES, REFUSAL), ids=lambda question: question.name)
def test_the_same_answer_is_no_difference(question: Question) -> None:
    assert judge(question, RECORDED[question.name]) == []


DRIFTS: dict[str, tuple[Question, Callable[[dict[str, Any]], object], str]] = {
    "a header is missing": (COMMENTS, lambda parts: parts["headers"].pop("x-wp-total"), "header x-wp-total"),
    "a header too many": (COMMENTS, lambda parts: parts["headers"].update(warning="199"), "header warning"),
    "another total": (COMMENTS, lambda parts: parts["headers"].update({"x-wp-total": "27"}), "header x-wp-total"),
    "another charset": (LIKES, lambda parts: parts["headers"].update({"content-type": "application/json"}), "header content-type"),
    "a field renamed": (COMMENTS, lambda parts: parts["body"][0].update(body=parts["body"][0].pop("content")), "body $[0].body"),
    "a field is null instead of absent": (
        LIKES,
        lambda parts: parts["body"]["likes"][0]["actor"].update(avatar=None),
        "body $.likes[0].actor.avatar",
    ),
    "a field is absent instead of empty": (
        LIKES,
        lambda parts: parts["body"]["likes"][0]["actor"].pop("displayName"),
        "body $.likes[0].actor.displayName",
    ),
    "a number became text": (COMMENTS, lambda parts: parts["body"][0].update(id="26"), "body $[0].id"),
    "a number became a flag": (COMMENTS, lambda parts: parts["body"][0].update(parent=True), "body $[0].parent"),
    "a list became an object": (COMMENTS, lambda parts: parts["body"][0].update(meta={}), "body $[0].meta"),
    "a time got a zone": (COMMENTS, lambda parts: parts["body"][0].update(date_gmt="2026-11-26T00:04:00Z"), "body $[0].date_gmt"),
    "an item is missing": (LIKES, lambda parts: parts["body"]["likes"].clear(), "body $.likes.length"),
    "a cursor of another make": (LIKES, lambda parts: parts["body"].update(cursor="a2V5OjE="), "body $.cursor"),
    "the last page has a cursor": (LIKES, lambda parts: parts["body"].update(cursor=None), "body $.cursor"),
    "an entity tag of another form": (LIKES, lambda parts: parts["headers"].update(etag='"302"'), "header etag"),
    "another error code": (REFUSAL, lambda parts: parts["body"].update(code="rest_invalid"), "body $.code"),
    "another error message": (REFUSAL, lambda parts: parts["body"].update(message="Invalid parameter: per_page"), "body $.message"),
    "another status in the body": (REFUSAL, lambda parts: parts["body"]["data"].update(status=422), "body $.data.status"),
    "an error is HTML": (REFUSAL, lambda parts: parts.update(body="<p>no</p>"), "body $"),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_each_drift_is_seen(name: str) -> None:
    question, edit, place = DRIFTS[name]
    assert place in judge(question, change(question, edit))


def test_another_status_is_seen() -> None:
    assert judge(REFUSAL, change(REFUSAL, lambda parts: None, status=422)) == ["status"]


def test_a_page_too_few_and_too_many_are_seen() -> None:
    assert judge(LIKES) == ["page"]
    assert judge(LIKES, RECORDED[LIKES.name], RECORDED[LIKES.name]) == ["page"]


def test_what_is_allowed_must_still_have_its_form() -> None:
    other = f"1789333320000__{CONTENT_ID[:-1]}q"
    assert judge(LIKES, change(LIKES, lambda parts: parts["body"].update(cursor=other))) == []
    assert judge(LIKES, change(LIKES, lambda parts: parts["headers"].update(date="yesterday"))) == ["header date"]


def test_an_allowance_that_explains_nothing_is_a_finding() -> None:
    idle = Allowance("wordpress", "header server", "nginx", None, "the proxy")
    assert explain([], [idle]).idle == [idle]
    assert "never met" in explain([], [idle]).describe()


def test_all_differences_are_reported_at_once() -> None:
    def spoil(parts: dict[str, Any]) -> None:
        parts["headers"].pop("allow")
        parts["body"][0].update(id=27, post=None)

    text = explain(compare_answers(COMMENTS, [RECORDED[COMMENTS.name]], [change(COMMENTS, spoil, status=500)]), ALLOWANCES).describe()
    for expected in ("status", "header allow", "body $[].id", "body $[].post", "real 8, demo null"):
        assert expected in text


def test_what_differs_by_nature_is_renamed_wherever_it_stands() -> None:
    side = Side("real", {}, {}, {"http://127.0.0.1:8080": "{wordpress}"})
    assert side.rename("<http://127.0.0.1:8080/x?y=http%3A%2F%2F127.0.0.1%3A8080>") == "<{wordpress}/x?y={wordpress}>"


def test_paging_ends_where_the_server_says_so() -> None:
    assert find_next_page(COMMENTS, RECORDED[COMMENTS.name], 25) == ("page", "26")
    assert find_next_page(COMMENTS, RECORDED[COMMENTS.name], 26) is None
    assert find_next_page(LIKES, RECORDED[LIKES.name], 1) == ("cursor", f"1789333320000__{CONTENT_ID}")
    assert find_next_page(LIKES, change(LIKES, lambda parts: parts["body"].pop("cursor")), 1) is None
    assert find_next_page(REFUSAL, RECORDED[REFUSAL.name], 1) is None
