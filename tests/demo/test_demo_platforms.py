"""The three platforms: every timeline equals the truth id by id, and the oddities of the real thing are there."""

from __future__ import annotations

import re
import time
from typing import Any

import requests
from demo.platforms.base import Doorkeeper, Limit

from demo_reader import Reader, Truth, read_wait


def own(addresses: dict[str, Any], platform: str) -> str:
    """The brand's account id."""
    return str(addresses["platforms"][platform]["did" if platform == "bluesky" else "account_id"])


# -- Mastodon ----------------------------------------------------------------------------------------------------------


def test_mastodon_timeline_equals_the_truth_id_by_id(reader: Reader, addresses: dict[str, Any], truth: Truth) -> None:
    brand = own(addresses, "mastodon")
    statuses = reader.walk_mastodon(f"/api/v1/accounts/{brand}/statuses", limit=17)
    posts = truth.read("posts", platform="mastodon", author_account_id=brand, is_served=True)
    reshares = truth.read("reactions", platform="mastodon", kind="reshare", actor_account_id=brand, is_served=True)
    assert len(statuses) == len({s["id"] for s in statuses})
    assert {s["id"] for s in statuses if not s["reblog"]} == {p["post_id"] for p in posts}
    assert {s["reblog"]["id"] for s in statuses if s["reblog"]} == {r["post_id"] for r in reshares}
    assert [int(s["id"]) for s in statuses] == sorted((int(s["id"]) for s in statuses), reverse=True)
    edited = {p["post_id"]: p["edited_at"] for p in posts if p["edited_at"]}
    assert {s["id"] for s in statuses if not s["reblog"] and s["edited_at"]} == set(edited)


def test_mastodon_people_behind_likes_and_boosts_equal_the_truth(reader: Reader, addresses: dict[str, Any], truth: Truth) -> None:
    brand, reactions = own(addresses, "mastodon"), truth.read("reactions", platform="mastodon", is_served=True)
    for status in reader.walk_mastodon(f"/api/v1/accounts/{brand}/statuses", limit=40, exclude_replies="true", exclude_reblogs="true"):
        for path, kind, count in (("favourited_by", "like", "favourites_count"), ("reblogged_by", "reshare", "reblogs_count")):
            people = [a["id"] for a in reader.walk_mastodon(f"/api/v1/statuses/{status['id']}/{path}", limit=20)]
            expected = {r["actor_account_id"] for r in reactions if r["kind"] == kind and r["post_id"] == status["id"]}
            assert len(people) == len(expected) == status[count] and set(people) == expected
    followers = {a["id"] for a in reader.walk_mastodon(f"/api/v1/accounts/{brand}/followers", limit=20)}
    assert followers == {r["actor_account_id"] for r in reactions if r["kind"] == "follow" and r["target_account_id"] == brand}


def test_mastodon_people_lists_page_by_internal_ids_and_lose_hidden_people(reader: Reader, addresses: dict[str, Any], truth: Truth) -> None:
    brand = own(addresses, "mastodon")
    accounts = {a["account_id"] for a in truth.read("accounts", platform="mastodon")}
    response, sizes = reader.mastodon(f"/api/v1/accounts/{brand}/followers", limit=10), []
    while True:
        sizes.append(len(response.json()))
        if "next" not in response.links:
            break
        cursor = response.links["next"]["url"].split("max_id=")[1]
        assert cursor not in accounts
        response = reader.mastodon(response.links["next"]["url"])
    assert any(size < 10 for size in sizes[:-1]), "the suspended follower leaves a page short"


def test_mastodon_threads_equal_the_truth_and_anonymous_readers_see_less(reader: Reader, addresses: dict[str, Any], truth: Truth) -> None:
    brand, posts = own(addresses, "mastodon"), truth.read("posts", platform="mastodon")
    for root in [p for p in posts if p["author_account_id"] == brand and p["parent_post_id"] is None and p["is_served"]]:
        seen = {s["id"] for s in reader.mastodon(f"/api/v1/statuses/{root['post_id']}/context").json()["descendants"]}
        assert seen == {p["post_id"] for p in posts if p["root_post_id"] == root["post_id"] and p["parent_post_id"] and p["is_reachable_from_root"]}
    sizes = {p["root_post_id"]: sum(q["root_post_id"] == p["root_post_id"] and q["is_reachable_from_root"] for q in posts) for p in posts}
    largest = max(sizes, key=lambda post_id: sizes[post_id])
    assert len(reader.get("mastodon", f"/api/v1/statuses/{largest}/context").json()["descendants"]) <= 60


def test_mastodon_replies_still_name_a_deleted_parent(reader: Reader, truth: Truth) -> None:
    posts = {p["post_id"]: p for p in truth.read("posts", platform="mastodon")}
    orphans = [p for p in posts.values() if p["is_served"] and p["parent_post_id"] and posts[p["parent_post_id"]]["deleted_at"]]
    for orphan in orphans[:3]:
        assert reader.mastodon(f"/api/v1/statuses/{orphan['post_id']}").json()["in_reply_to_id"] == orphan["parent_post_id"]
        missing = reader.mastodon(f"/api/v1/statuses/{orphan['parent_post_id']}")
        assert (missing.status_code, missing.json()) == (404, {"error": "Record not found"})
    assert orphans


def test_mastodon_notifications_need_the_token_and_hold_the_times_of_likes(reader: Reader, addresses: dict[str, Any], truth: Truth) -> None:
    assert reader.get("mastodon", "/api/v1/notifications").status_code == 401
    wrong = reader.get("mastodon", "/api/v1/notifications", headers={"Authorization": "Bearer wrong"})
    assert (wrong.status_code, wrong.json()) == (401, {"error": "The access token is invalid"})
    brand = own(addresses, "mastodon")
    found = reader.walk_mastodon("/api/v1/notifications", **{"types[]": "favourite", "limit": 80})
    likes = [r for r in truth.read("reactions", platform="mastodon", kind="like", is_served=True) if r["target_account_id"] == brand]
    times = {(n["account"]["id"], n["status"]["id"], n["created_at"]) for n in found}
    assert times == {(r["actor_account_id"], r["post_id"], r["occurred_at"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z") for r in likes}
    mentions = {n["status"]["id"] for n in reader.walk_mastodon("/api/v1/notifications", **{"types[]": "mention", "limit": 80})}
    by_hand = [
        p for p in truth.read("posts", platform="mastodon", is_served=True) if brand in p["mentioned_by_hand"] and p["author_account_id"] != brand
    ]
    assert {p["post_id"] for p in by_hand} <= mentions
    orphans = {p["post_id"] for p in truth.read("posts", platform="mastodon", is_served=True, is_reachable_from_root=False)}
    assert orphans & mentions, "what hangs below a deleted message is still notified"


def test_mastodon_mentions_are_inserted_into_replies(reader: Reader, addresses: dict[str, Any], truth: Truth) -> None:
    brand = own(addresses, "mastodon")
    reply = next(
        p for p in truth.read("posts", platform="mastodon", intent="question", is_served=True) if p["kind"] == "reply" and not p["mentioned_by_hand"]
    )
    status = reader.mastodon(f"/api/v1/statuses/{reply['post_id']}").json()
    assert brand in {m["id"] for m in status["mentions"]}
    assert status["content"].startswith('<p><span class="h-card"')


def test_mastodon_shapes_have_their_oddities(reader: Reader, addresses: dict[str, Any], truth: Truth) -> None:
    rows = [a for a in truth.read("accounts", platform="mastodon") if a["role"] == "person"]
    odd = [a for a in rows if a["is_bot_by_platform"] or a["is_locked"] or a["suspended_at"]]
    seen = [reader.mastodon(f"/api/v1/accounts/{a['account_id']}").json() for a in rows[:45] + odd]
    assert all(a["created_at"].endswith("T00:00:00.000Z") for a in seen)
    assert {"str", "int"} == {type(a["followers_count"]).__name__ for a in seen}
    pictures = [a["avatar"].endswith("/missing.png") for a in seen]
    assert any(pictures) and sum(pictures) < 0.4 * len(pictures), "most people have a picture"
    assert any(a["bot"] for a in seen) and any(a["locked"] for a in seen) and any(a.get("suspended") for a in seen)
    remote = [a for a in seen if "@" in a["acct"]]
    assert remote and all(a["acct"].split("@")[1] in a["url"] for a in remote)
    context = [
        reader.mastodon(f"/api/v1/statuses/{p['post_id']}").json()
        for p in truth.read("posts", platform="mastodon", intent="question", is_served=True)[:40]
    ]
    assert None in {s["language"] for s in context} and None in {s["application"] and "x" for s in context}


def test_mastodon_edits_have_a_history_and_quotes_a_list(reader: Reader, truth: Truth) -> None:
    edited = next(p for p in truth.read("posts", platform="mastodon", is_served=True) if p["edited_at"])
    versions = reader.mastodon(f"/api/v1/statuses/{edited['post_id']}/history").json()
    assert len(versions) == 2 and versions[0]["content"] != versions[1]["content"]
    quoted = next(p for p in truth.read("posts", platform="mastodon", kind="quote", is_served=True))
    quotes = reader.walk_mastodon(f"/api/v1/statuses/{quoted['quoted_post_id']}/quotes")
    assert quoted["post_id"] in {q["id"] for q in quotes}
    assert {q["quote"]["quoted_status"]["id"] for q in quotes} == {quoted["quoted_post_id"]}


def test_mastodon_caps_limits_and_answers_unchanged_lists_with_304(reader: Reader, addresses: dict[str, Any]) -> None:
    path = f"/api/v1/accounts/{own(addresses, 'mastodon')}/statuses"
    first = reader.mastodon(path, limit=500)
    assert len(first.json()) == 40
    again = reader.get(
        "mastodon",
        path,
        params={"limit": 500},
        headers={"Authorization": first.request.headers["Authorization"], "If-None-Match": first.headers["ETag"]},
    )
    assert again.status_code == 304 and not again.content
    assert reader.mastodon("/api/v1/accounts/lookup", acct="nobody").json() == {"error": "Record not found"}
    assert reader.get("mastodon", "/api/v1/statuses", params=[("id[]", "1")] * 21).status_code in (200, 422)


# -- Bluesky -----------------------------------------------------------------------------------------------------------


def test_bluesky_timeline_equals_the_truth_id_by_id(reader: Reader, addresses: dict[str, Any], truth: Truth) -> None:
    brand = own(addresses, "bluesky")
    feed = reader.walk_bluesky("app.bsky.feed.getAuthorFeed", "feed", actor=addresses["platforms"]["bluesky"]["handle"], limit=30)
    posts = truth.read("posts", platform="bluesky", author_account_id=brand, is_served=True)
    reshares = truth.read("reactions", platform="bluesky", kind="reshare", actor_account_id=brand, is_served=True)
    plain = [item["post"]["uri"] for item in feed if "reason" not in item]
    assert len(plain) == len(set(plain)) and set(plain) == {p["post_id"] for p in posts}
    assert {item["post"]["uri"] for item in feed if "reason" in item} == {r["post_id"] for r in reshares}


def test_bluesky_people_behind_likes_and_reposts_equal_the_truth(reader: Reader, addresses: dict[str, Any], truth: Truth) -> None:
    brand, reactions = own(addresses, "bluesky"), truth.read("reactions", platform="bluesky", is_served=True)
    for item in reader.walk_bluesky("app.bsky.feed.getAuthorFeed", "feed", actor=brand, limit=100, filter="posts_no_replies"):
        if "reason" in item:
            continue
        post = item["post"]
        likes = [like["actor"]["did"] for like in reader.walk_bluesky("app.bsky.feed.getLikes", "likes", uri=post["uri"], limit=20)]
        expected = {r["actor_account_id"] for r in reactions if r["kind"] == "like" and r["post_id"] == post["uri"]}
        assert len(likes) == len(expected) <= post["likeCount"] and set(likes) == expected, "who is gone or blocks is counted, but not listed"
        reposts = [actor["did"] for actor in reader.walk_bluesky("app.bsky.feed.getRepostedBy", "repostedBy", uri=post["uri"], limit=100)]
        assert set(reposts) == {r["actor_account_id"] for r in reactions if r["kind"] == "reshare" and r["post_id"] == post["uri"]}
        assert len(reposts) <= post["repostCount"]
    followers = {a["did"] for a in reader.walk_bluesky("app.bsky.graph.getFollowers", "followers", actor=brand, limit=25)}
    assert followers == {r["actor_account_id"] for r in reactions if r["kind"] == "follow" and r["target_account_id"] == brand}


def list_thread(node: dict[str, Any]) -> list[dict[str, Any]]:
    """All nodes of a thread below the root."""
    return [found for reply in node.get("replies", []) for found in [reply, *list_thread(reply)]]


def test_bluesky_threads_equal_the_truth(reader: Reader, addresses: dict[str, Any], truth: Truth) -> None:
    brand, posts = own(addresses, "bluesky"), truth.read("posts", platform="bluesky")
    hidden: set[str] = set()
    for root in [p for p in posts if p["author_account_id"] == brand and p["parent_post_id"] is None and p["is_served"]]:
        thread = reader.bluesky("app.bsky.feed.getPostThread", uri=root["post_id"], depth=1000).json()["thread"]
        seen = {node["post"]["uri"] for node in list_thread(thread)}
        expected = {p["post_id"] for p in posts if p["root_post_id"] == root["post_id"] and p["parent_post_id"] and p["is_reachable_from_root"]}
        assert seen == expected
        hidden |= {p["post_id"] for p in posts if p["root_post_id"] == root["post_id"] and p["is_served"]} - seen
    shown_alone = [reader.bluesky("app.bsky.feed.getPostThread", uri=uri).json()["thread"] for uri in sorted(hidden)]
    parents = [thread.get("parent", {}).get("$type", "") for thread in shown_alone]
    assert any(kind.endswith("#blockedPost") for kind in parents), "nobody who blocks the brand ever wrote below its posts"


def test_bluesky_cursors_name_a_row_and_a_bad_one_is_a_failure(reader: Reader, addresses: dict[str, Any]) -> None:
    brand = own(addresses, "bluesky")
    cursor = reader.bluesky("app.bsky.graph.getFollowers", actor=brand, limit=10).json()["cursor"]
    assert re.fullmatch(r"\d{13}__baf[a-z2-7]+", cursor)
    strange = reader.bluesky("app.bsky.graph.getFollowers", actor=brand, cursor="nonsense")
    assert (strange.status_code, strange.json()["error"]) == (500, "InternalServerError")
    feed = reader.bluesky("app.bsky.feed.getAuthorFeed", actor=brand, filter="posts_no_replies", limit=10).json()["feed"]
    post = next(item["post"]["uri"] for item in feed if item["post"]["likeCount"] > 0)
    page = reader.bluesky("app.bsky.feed.getLikes", uri=post, limit=100).json()
    while "cursor" in page:
        page = reader.bluesky("app.bsky.feed.getLikes", uri=post, limit=100, cursor=page["cursor"]).json()
    assert page["likes"], "the last page says that it is the last; none comes empty"


def test_bluesky_answers_errors_with_400_and_a_code(reader: Reader, addresses: dict[str, Any], truth: Truth) -> None:
    brand = own(addresses, "bluesky")
    gone = next(p for p in truth.read("posts", platform="bluesky") if p["deleted_at"])
    suspended = next(a for a in truth.read("accounts", platform="bluesky") if a["suspended_at"])
    left = next(a for a in truth.read("accounts", platform="bluesky") if a["deactivated_at"])
    expected = [
        ("app.bsky.feed.getAuthorFeed", {"actor": brand, "limit": 101}, "InvalidRequest"),
        ("app.bsky.actor.getProfile", {"actor": "nobody.example"}, "InvalidRequest"),
        ("app.bsky.actor.getProfile", {"actor": "nobody"}, "InvalidRequest"),
        ("app.bsky.actor.getProfile", {}, "InvalidRequest"),
        ("app.bsky.actor.getProfile", {"actor": suspended["account_id"]}, "AccountTakedown"),
        ("app.bsky.actor.getProfile", {"actor": left["account_id"]}, "AccountDeactivated"),
        ("app.bsky.feed.getPostThread", {"uri": gone["post_id"]}, "NotFound"),
    ]
    for method, parameters, code in expected:
        answer = reader.bluesky(method, **parameters)
        assert (answer.status_code, answer.json()["error"]) == (400, code), method
    assert reader.bluesky("app.bsky.actor.getProfile", actor="nobody.example").json()["message"] == "Profile not found"
    assert reader.bluesky("app.bsky.feed.getPosts", uris=gone["post_id"]).json() == {"posts": []}
    assert reader.bluesky("app.bsky.no.such").status_code == 501


def test_bluesky_facets_count_bytes_and_times_come_in_four_formats(reader: Reader, addresses: dict[str, Any], truth: Truth) -> None:
    brand = own(addresses, "bluesky")
    found = reader.walk_bluesky("app.bsky.feed.searchPosts", "posts", q="*", mentions=brand, limit=25)
    assert {p["uri"] for p in found} == {
        p["post_id"] for p in truth.read("posts", platform="bluesky", is_served=True) if brand in p["mentioned_by_hand"]
    }
    for post in found:
        text = post["record"]["text"].encode("utf-8")
        shown = [
            text[f["index"]["byteStart"] : f["index"]["byteEnd"]].decode() for f in post["record"]["facets"] if f["features"][0].get("did") == brand
        ]
        assert shown == ["@" + addresses["platforms"]["bluesky"]["handle"]]
    everything = reader.walk_bluesky("app.bsky.feed.searchPosts", "posts", q="*", limit=100)
    after_wide = 0
    for post in everything:
        text = post["record"]["text"].encode("utf-8")
        for facet in post["record"].get("facets", []):
            start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
            after_wide += not text[:start].isascii()
            if "tag" in facet["features"][0]:
                assert text[start:end].decode() == "#" + facet["features"][0]["tag"]
    assert after_wide, "no facet comes after a character of several bytes"
    shapes = {"".join("d" if c.isdigit() else c for c in p["record"]["createdAt"]) for p in everything}
    assert shapes == {"dddd-dd-ddTdd:dd:dd.dddZ", "dddd-dd-ddTdd:dd:dd.ddddddZ", "dddd-dd-ddTdd:dd:ddZ", "dddd-dd-ddTdd:dd:dd.ddd+dd:dd"}
    assert any(p["indexedAt"] < p["record"]["createdAt"] for p in everything)
    assert any("displayName" not in p["author"] or not p["author"]["displayName"] for p in everything)


def test_bluesky_sessions_open_notifications_and_are_limited(addresses: dict[str, Any], reader: Reader) -> None:
    own_row = addresses["platforms"]["bluesky"]
    base = own_row["pds_url"] + "/xrpc/"
    login = {"identifier": own_row["handle"], "password": own_row["app_password"]}

    def post(method: str, **named: Any) -> requests.Response:
        for _ in range(5):
            answer = requests.post(base + method, timeout=5, **named)
            if answer.status_code != 429 or float(answer.headers.get("Retry-After", "0")) > 5:
                return answer
            time.sleep(read_wait(answer))
        raise AssertionError("refused five times")

    session = post("com.atproto.server.createSession", json=login).json()
    assert session["did"] == own_row["did"]
    wrong = post("com.atproto.server.createSession", json=login | {"password": "wrong"})
    assert (wrong.status_code, wrong.json()["error"]) == (401, "AuthenticationRequired")
    fresh = post("com.atproto.server.refreshSession", headers={"Authorization": f"Bearer {session['refreshJwt']}"}).json()
    path = "/xrpc/app.bsky.notification.listNotifications"
    anonymous = reader.get("bluesky", path, key="pds_url")
    assert (anonymous.status_code, anonymous.json()["error"]) == (401, "AuthMissing")
    bad = reader.get("bluesky", path, key="pds_url", headers={"Authorization": "Bearer a.b.c"})
    assert (bad.status_code, bad.json()["error"]) == (400, "InvalidToken")
    good = reader.get("bluesky", path, key="pds_url", headers={"Authorization": f"Bearer {fresh['accessJwt']}"})
    assert {n["reason"] for n in good.json()["notifications"]} <= {"like", "repost", "follow", "mention", "reply", "quote"}
    assert float(good.headers["RateLimit-Reset"]) > time.time() and good.headers["RateLimit-Policy"].endswith(";w=300")
    assert not any(name.lower().startswith("ratelimit") for name in reader.bluesky("_health").headers)
    for _ in range(60):
        answer = post("com.atproto.server.createSession", json=login)
        if answer.status_code == 429:
            break
    assert answer.status_code == 429 and answer.json()["error"] == "RateLimitExceeded"


def test_what_a_gone_account_did_is_hidden(reader: Reader, addresses: dict[str, Any], truth: Truth) -> None:
    for platform in ("mastodon", "bluesky"):
        gone = {a["account_id"] for a in truth.read("accounts", platform=platform) if a["suspended_at"] or a["deactivated_at"]}
        likes = [r for r in truth.read("reactions", platform=platform, kind="like") if r["actor_account_id"] in gone and not r["ended_at"]]
        assert gone and likes, f"{platform}: nobody who left had liked anything"
        post_id = likes[0]["post_id"]
        if platform == "mastodon":
            people = {a["id"] for a in reader.walk_mastodon(f"/api/v1/statuses/{post_id}/favourited_by", limit=80)}
        else:
            people = {like["actor"]["did"] for like in reader.walk_bluesky("app.bsky.feed.getLikes", "likes", uri=post_id, limit=100)}
            written = [p for p in truth.read("posts", platform=platform) if p["author_account_id"] in gone and not p["deleted_at"]]
            found = reader.walk_bluesky("app.bsky.feed.searchPosts", "posts", q="*", limit=100)
            assert written and not gone & {p["author"]["did"] for p in found}
        assert people and not gone & people


# -- WordPress ---------------------------------------------------------------------------------------------------------


def test_wordpress_timeline_equals_the_truth_id_by_id(reader: Reader, truth: Truth) -> None:
    posts = truth.read("posts", platform="wordpress", is_served=True)
    shown = reader.walk_wordpress("/posts", per_page=7)
    assert {str(p["id"]) for p in shown} == {p["post_id"] for p in posts if p["kind"] == "post"}
    comments = reader.walk_wordpress("/comments", per_page=33, orderby="id", order="asc")
    assert [c["id"] for c in comments] == sorted({c["id"] for c in comments})
    assert {str(c["id"]) for c in comments} == {p["post_id"] for p in posts if p["kind"] == "comment"}
    one = shown[3]["id"]
    below = reader.walk_wordpress("/comments", post=one, per_page=100)
    assert {str(c["id"]) for c in below} == {p["post_id"] for p in posts if p["kind"] == "comment" and p["root_post_id"] == str(one)}


def test_wordpress_windows_cut_by_date_and_modification(reader: Reader, truth: Truth) -> None:
    posts = [p for p in truth.read("posts", platform="wordpress", is_served=True) if p["kind"] == "comment"]
    middle = sorted(p["created_at"] for p in posts)[len(posts) // 2].replace(microsecond=0)
    later = reader.walk_wordpress("/comments", after=middle.strftime("%Y-%m-%dT%H:%M:%SZ"), per_page=100)
    assert {str(c["id"]) for c in later} == {p["post_id"] for p in posts if p["created_at"] > middle}
    edited = [p for p in truth.read("posts", platform="wordpress", kind="post") if p["edited_at"]]
    if edited:
        moment = edited[0]["edited_at"]
        found = reader.walk_wordpress("/posts", modified_after=moment.replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%SZ"))
        assert edited[0]["post_id"] in {str(p["id"]) for p in found}


def test_wordpress_paging_has_its_traps(reader: Reader) -> None:
    too_many = reader.wordpress("/comments", per_page=101)
    assert (too_many.status_code, too_many.json()["code"]) == (400, "rest_invalid_param")
    past = reader.wordpress("/posts", page=99)
    assert (past.status_code, past.json()["code"]) == (400, "rest_post_invalid_page_number")
    offset = reader.wordpress("/comments", offset=9999)
    assert (offset.status_code, offset.json()) == (200, []) and "next" in offset.links
    assert reader.wordpress("/posts", offset=9999).headers["X-WP-Total"] == "0"
    nowhere = reader.get("wordpress", "/wp-json/wp/v2/nothing")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "rest_no_route")


def test_wordpress_shows_the_email_to_an_administrator_only(reader: Reader, truth: Truth) -> None:
    refused = reader.wordpress("/comments", context="edit")
    assert (refused.status_code, refused.json()["code"]) == (401, "rest_forbidden_context")
    assert reader.wordpress("/users/me").json()["code"] == "rest_not_logged_in"
    assert reader.wordpress("/users/me", is_administrator=True).json()["slug"] == "moorhen"
    wrong = reader.get("wordpress", "/wp-json/wp/v2/users/me", auth=("moorhen", "wrong"))
    assert (wrong.status_code, wrong.json()["code"]) == (401, "rest_not_logged_in"), "a wrong password is none"
    comments = reader.wordpress("/comments", is_administrator=True, context="edit", per_page=100).json()
    guests = [c for c in comments if c["author"] == 0]
    assert guests and all("@mail.example" in c["author_email"] or not c["author_email"] for c in guests)
    public = reader.wordpress("/comments", per_page=100).json()
    assert all("author_email" not in c and len(c["date_gmt"]) == 19 for c in public)
    hashless = [c for c in reader.walk_wordpress("/comments", per_page=100) if "/avatar/?" in c["author_avatar_urls"]["24"]]
    assert hashless and all(c["author"] == 0 for c in hashless)


def test_wordpress_tells_trashed_from_deleted(reader: Reader, truth: Truth) -> None:
    rows = truth.read("posts", platform="wordpress", kind="comment")
    trashed = next(p for p in rows if p["delete_mode"] == "trash")
    deleted = next(p for p in rows if p["delete_mode"] == "author")
    first, second = reader.wordpress(f"/comments/{trashed['post_id']}"), reader.wordpress(f"/comments/{deleted['post_id']}")
    assert (first.status_code, first.json()["code"]) == (401, "rest_cannot_read")
    assert (second.status_code, second.json()["code"]) == (404, "rest_comment_invalid_id")
    assert reader.wordpress(f"/comments/{trashed['post_id']}", is_administrator=True).json()["status"] == "trash"
    orphan = next(p for p in rows if p["is_served"] and any(q["post_id"] == p["parent_post_id"] and q["delete_mode"] == "author" for q in rows))
    assert str(reader.wordpress(f"/comments/{orphan['post_id']}").json()["parent"]) != orphan["parent_post_id"]


# -- all ---------------------------------------------------------------------------------------------------------------


def test_limits_count_each_caller_in_windows_and_close_for_a_moment_when_planned() -> None:
    now = [1000.0]
    keeper = Doorkeeper(Limit(3, 300), clock=lambda: now[0])
    assert [keeper.count_request("one").is_refused for _ in range(4)] == [False, False, False, True]
    assert not keeper.count_request("another").is_refused, "callers are counted apart"
    assert keeper.count_request("one").reset == 1200
    now[0] = 1200
    assert not keeper.count_request("one").is_refused
    planned = Doorkeeper(Limit(100, 300), planned=(2, 5), clock=lambda: now[0])
    assert [planned.count_request("one").is_refused for _ in range(3)] == [False, True, True], "the door stays closed until the second is over"
    now[0] += 1.0
    assert [planned.count_request("one").is_refused for _ in range(3)] == [False, False, True]
    now[0] += 1.0
    assert not any(planned.count_request("one").is_refused for _ in range(60)), "a fixed few, however long the run"


def test_no_platform_serves_the_truth(addresses: dict[str, Any], reader: Reader) -> None:
    paths = (
        "/truth/people.parquet",
        "/../truth/people.parquet",
        "/world/hidden.json",
        "/%2e%2e/truth/summary.json",
        "/addresses.json",
        "/world.json",
        "/docs",
        "/openapi.json",
    )
    for platform in ("mastodon", "bluesky", "wordpress"):
        for path in paths:
            assert reader.get(platform, path).status_code in (404, 501), f"{platform} {path}"
    brand = own(addresses, "mastodon")
    texts = reader.mastodon(f"/api/v1/accounts/{brand}/statuses", limit=40).text + reader.bluesky("app.bsky.feed.searchPosts", q="*", limit=100).text
    texts += reader.wordpress("/comments", is_administrator=True, context="edit", per_page=100).text
    for word in ("person-0", "person_id", "evangelist", "converser", "like_only", "contest_hunter", "intent", "is_incentivised", "crm:"):
        assert word not in texts, f"{word} shows"
