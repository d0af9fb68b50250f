"""The quarterly page: are the fifty worth more than the crowd, what became of the essays' claims, what was heard, what campaigns left.

published marts (read-only connection) → facts in plain words → fifty/templates/quarterly_verdict.html → one self-contained HTML file

Whichever verdict comes out is published with the same template. Try it alone: `fifty extract --name quarterly_verdict`.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb

from fifty.config import Brand
from fifty.pages import fetch, fetch_one, read_parameters, render, write_figure, write_money
from fifty.publish import Version

_PERIOD_DAYS = 90
_HEARD_SHOWN = 12
_CAMPAIGN_DAYS = 365

Row = dict[str, Any]

_WORDS = {
    "holds": "Yes",
    "refuted": "NO",
    "not shown": "Not shown",
    "too few": "Too few",
    "not testable": "Not testable",
    "not measurable": "Not measurable",
}


def render_quarterly_verdict(connection: duckdb.DuckDBPyConnection, version: Version, brand: Brand) -> str:
    """The page of the quarter: the verdict in large letters, what it rests on, claims, what was heard, what campaigns left."""
    as_of = date.fromisoformat(version.as_of_date)
    parameters = read_parameters(connection)
    least_members = int(parameters.get("percent_least_living", 20))
    comparisons = fetch(connection, "select * from relationships.fifty_versus_crowd order by variant, outcome, list_size")
    main = next((row for row in comparisons if row["is_primary"]), None)
    days = {
        row["as_of_date"]: row
        for row in fetch(
            connection,
            "select * from relationships.living_relationships_daily where as_of_date in ($now, $before)",
            {"now": as_of, "before": as_of - timedelta(days=_PERIOD_DAYS)},
        )
    }
    return render(
        "quarterly_verdict.html",
        version,
        brand,
        main=main,
        word=_WORDS.get(main["verdict"], main["verdict"]) if main else None,
        words=_WORDS,
        sentences=describe_verdict(main) if main else [],
        lengths=[row for row in comparisons if row["outcome"] == "value" and (row["variant"] == "list size" or row["is_primary"])],
        variations=[row for row in comparisons if row["variant"].startswith("without the largest")],
        others=[row for row in comparisons if row["variant"] == "followers" or (row["outcome"] == "clicks" and row["variant"] == "main")],
        followers=next((row for row in comparisons if row["variant"] == "followers"), None),
        secondary=[row for row in comparisons if row["variant"] == "secondary"],
        concentration={row["measure"]: row for row in fetch(connection, "select * from relationships.concentration")},
        claims=[describe_claim(row, least_members) for row in fetch(connection, "select * from relationships.claims order by claim_number")],
        heard=fetch(
            connection,
            "select * from engagement.feedback where coalesce(heard_at, said_at) >= $since order by is_done desc, said_at desc, post_key limit $shown",
            {"since": as_of - timedelta(days=_PERIOD_DAYS - 1), "shown": _HEARD_SHOWN},
        ),
        heard_counts=fetch_one(
            connection,
            """
            select
                count(*) as heard_count,
                count(distinct person_id) as person_count,
                count(*) filter (where is_done) as done_count,
            from engagement.feedback
            where coalesce(heard_at, said_at) >= $since
            """,
            {"since": as_of - timedelta(days=_PERIOD_DAYS - 1)},
        ),
        heard_yield=next(
            iter(fetch(connection, "select * from engagement.feedback_summary where period_kind = 'last_90_days' and platform = 'all'")), None
        ),
        campaigns=fetch(
            connection,
            "select * from engagement.campaigns where campaign_start_date > $since order by starts_at desc, campaign_id",
            {"since": as_of - timedelta(days=_CAMPAIGN_DAYS)},
        ),
        now=days.get(as_of),
        before=days.get(as_of - timedelta(days=_PERIOD_DAYS)),
        least_members=least_members,
        dependency_share=parameters.get("dependency_share", 0.51),
        verdict_days=int(parameters.get("verdict_days", 90)),
        expires_date=as_of + timedelta(days=int(parameters.get("list_expires_days", 30))),
    )


def describe_verdict(main: Row) -> list[str]:
    """The comparison in sentences: what each side brought, how sure the difference is, and the other claim beside it (M8.1)."""
    unit, sentences = main["outcome_unit"], []
    if main["difference"] is None:
        return []
    sentences.append(
        f"The {main['list_count']:,} on the list brought {write_money(main['list_sum'], unit)},"
        f" the {main['crowd_count']:,} of the crowd {write_money(main['crowd_sum'], unit)}: {_write_difference(main['difference'], unit)}."
    )
    if main["difference_low"] is not None and main["difference_high"] is not None:
        sentences.append(
            f"With chance taken into account the difference lies between {_write_difference(main['difference_low'], unit)}"
            f" and {_write_difference(main['difference_high'], unit)} (95 % interval)."
        )
    return sentences


def _write_difference(amount: float, unit: str) -> str:
    if amount == 0:
        return f"0 {unit}"
    return f"{write_money(abs(amount), unit)} {'more' if amount > 0 else 'less'}"


def describe_claim(claim: Row, least_members: int) -> Row:
    """A claim of the essays with its figures as they are read: shares as percentages (of enough cases only), the rest with its unit."""
    unit = claim["observed_unit"] or ""
    is_share = unit.startswith("share")
    is_shown = not (is_share and (claim["n"] or 0) < least_members)

    def write(value: float | None) -> str | None:
        if value is None or not is_shown:
            return None
        if is_share:
            return f"{value * 100:.1f} %" if value and abs(value) < 0.1 else f"{value * 100:.0f} %"
        return write_figure(value)

    return {
        **claim,
        "word": "NO" if claim["verdict"] == "refuted" else claim["verdict"],
        "observed_text": write(claim["observed"]),
        "unit_text": unit.removeprefix("share").removesuffix("0-1").strip(),
        "low_text": write(claim["low"]),
        "high_text": write(claim["high"]),
    }
