"""What the vanity counts say, what a product made of it, and what is true, side by side.

DIR/truth/<brand>/*.parquet + published marts (read only) -> rows -> lines of text.

Only a demo can do this: nobody else knows the truth. Reads the marts as any analyst would, by their documented columns, and the truth as it stands;
computes what the truth's tables do not hold (who engaged, how many followers are real) by its own queries. Windows end where the truth ends.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from demo.model import parse_instant, read_head

DAYS = 90  # of the marts' living window
FAKE_TYPES = ("bot", "spam_ring")
# What the marts are asked; {day} is the last whole day before the moment of the truth.
_SAID = {
    "followers": "select person_count from marts.relationships.funnel where stage = 'claimed'",
    "likes": "select sum(stated_like_count) from marts.engagement.posts where author_side = 'brand'",
    "comments": "select sum(stated_reply_count) from marts.engagement.posts where author_side = 'brand'",
    "reach": "select potential_reach_count from marts.engagement.reach_weekly where platform = 'all' and week_start_date = date '{week}'",
    "entries": "select count(*) from marts.engagement.posts where is_incentivised and author_side = 'audience'",
    "crowd": "select crowd_count from marts.relationships.fifty_versus_crowd where is_primary",
    "list": "select list_count from marts.relationships.fifty_versus_crowd where is_primary",
    "currency": "select outcome_unit from marts.relationships.fifty_versus_crowd where is_primary",
}
_FOUND = {
    "living": "select living_count from marts.relationships.living_relationships_daily where as_of_date = date '{day}'",
    "real": "select 100 * real_share from marts.relationships.audience_quality where platform = 'all' and population = 'followers'",
    "acting": "select acting_person_count from marts.engagement.reach_weekly where platform = 'all' and week_start_date = date '{week}'",
    "engaged": "select engaged_count from marts.relationships.living_relationships_daily where as_of_date = date '{day}'",
    "answered": "select 100 * answered_rate from marts.engagement.response_summary where platform = 'all' and period_kind = 'last_90_days'",
    "kept": """
        select 100 * sum(round(stayed_60_share * newcomer_count)) / nullif(sum(newcomer_count), 0) from marts.engagement.campaign_retention
        where arm = 'campaign' and is_incentivised and stayed_60_share is not null
    """,
    "fifty": "select list_sum from marts.relationships.fifty_versus_crowd where is_primary",
    "likers": "select crowd_sum from marts.relationships.fifty_versus_crowd where is_primary",
}
# What is true. An event is one act of one person towards the brand's side; likes and follows are acts, but nobody is engaged by them.
_EVENTS = """
create temp table event as
select accounts.person_id, accounts.type, posts.created_at as acted_at, not posts.is_incentivised as is_engaged
from posts
inner join accounts on accounts.platform = posts.platform and accounts.account_id = posts.author_account_id
where accounts.person_id is not null and list_contains(posts.directions, 'in') and posts.deleted_at is null and not posts.is_automated
union all
select accounts.person_id, accounts.type, reactions.acted_at, reactions.kind = 'reshare' and not coalesce(subject.is_incentivised, false)
from reactions
inner join accounts on accounts.platform = reactions.platform and accounts.account_id = reactions.actor_account_id
left join posts as subject on subject.platform = reactions.platform and subject.post_id = reactions.post_id
where accounts.person_id is not null and reactions.is_served and (subject.is_by_brand_side or reactions.kind = 'follow')
"""
_TRUE = {
    "living": "select count(*) from living where level = 'person' and is_living",
    "real": f"""
        select 100.0 * count(*) filter (where accounts.type not in {FAKE_TYPES}) / nullif(count(*), 0)
        from reactions
        inner join accounts on accounts.platform = reactions.platform and accounts.account_id = reactions.actor_account_id
        where reactions.kind = 'follow' and reactions.is_served and accounts.person_id is not null
            and reactions.target_account_id in (select account_id from accounts where role = 'brand')
    """,
    "acting": f"""
        select count(distinct person_id) from event
        where type not in {FAKE_TYPES} and acted_at >= timestamptz '{{week}}' and acted_at < timestamptz '{{week}}' + interval 7 day
    """,
    "engaged": f"""
        select count(distinct person_id) from event
        where type not in {FAKE_TYPES} and is_engaged and acted_at >= timestamptz '{{now}}' - to_days({{days}})
    """,
    "answered": """
        select 100.0 * count(answered_at) / nullif(count(*), 0) from asks where asked_at >= timestamptz '{period}'
    """,
    # Of the contests whose newcomers data can tell at all: one without hashtag or post leaves no trace on them.
    "kept": """
        select 100.0 * sum(newcomers_caused_seen_after_60) / nullif(sum(newcomers_caused), 0) from campaign_effect
        where campaign_id in (
            select campaign_id from marts.engagement.campaign_retention where arm = 'campaign' and is_incentivised and stayed_60_share is not null
        )
    """,
}


@dataclass(frozen=True)
class Row:
    """One count and what stands behind it; None: nobody says, or it cannot be known."""

    count: float | None
    counted: str
    meant: str
    found: float | None
    true: float | None
    unit: str = ""
    """`%`, a currency, or nothing for a number of people."""


def compare(folder: Path, brand: str, marts: Path) -> list[Row]:
    """The rows for one brand. Raises FileNotFoundError where there is no truth or nothing is published, ValueError for a brand the world has not."""
    head = read_head(folder)
    if brand not in head.brands:
        raise ValueError(f"no brand {brand} in {folder}; there are {', '.join(head.brands)}")
    truth = folder / "truth" / brand
    for path in (truth / "summary.json", marts):
        if not path.exists():
            raise FileNotFoundError(path)
    summary = json.loads((truth / "summary.json").read_text(encoding="utf-8"))
    value = summary["value"] or {"fifty": {"value": None}, "crowd": {"value": None}}
    with duckdb.connect() as database:
        database.execute("set timezone = 'UTC'")
        for name in ("posts", "reactions", "accounts", "asks", "living", "campaign_effect"):
            database.execute(f"create view {name} as from read_parquet('{truth / name}.parquet')")
        database.execute(f"attach '{marts.resolve()}' as marts (read_only)")
        database.execute(_EVENTS)

        def ask(query: str) -> Any:
            row = database.execute(query.format(**words)).fetchone()
            return float(row[0]) if row and isinstance(row[0], Decimal) else row[0] if row else None

        words: dict[str, object] = {"now": summary["now"], "days": DAYS}
        words["day"] = database.execute(f"select cast(epoch_ms({parse_instant(summary['now'])}) as date) - 1").fetchall()[0][0]
        # The last week that lies whole before the moment.
        words["week"] = ask("select cast(date_trunc('week', date '{day}' + 1) as date) - 7")
        words["period"] = ask(
            "select period_start_date from marts.engagement.response_summary where period_kind = 'last_90_days' and platform = 'all'"
        )
        said, found = ({name: ask(query) for name, query in queries.items()} for queries in (_SAID, _FOUND))
        true = {name: ask(query) if words["period"] or name != "answered" else None for name, query in _TRUE.items()}
        unit = str(said["currency"] or "")
    return [
        Row(said["likes"], "likes", "people in a living relationship (LR90)", found["living"], true["living"]),
        Row(said["followers"], "followers", "of them real people", found["real"], true["real"], "%"),
        Row(said["reach"], "potential reach, last week", "real people who did anything that week", found["acting"], true["acting"]),
        Row(said["comments"], "comments and replies", f"real people who spoke or reshared, {DAYS} days", found["engaged"], true["engaged"]),
        Row(None, "", "of their questions answered", found["answered"], true["answered"], "%"),
        Row(said["entries"], "entries to contests", "newcomers still there 60 days later", found["kept"], true["kept"], "%"),
        Row(said["crowd"], "people who only like", f"what they were worth in {DAYS} days", found["likers"], value["crowd"]["value"], unit),
        Row(said["list"], "people on the list", f"what they were worth in {DAYS} days", found["fifty"], value["fifty"]["value"], unit),
    ]


def describe_row(row: Row) -> str:
    """One aligned line: the count, what it hides, what was found, what is true, how far off."""
    off = ""
    if row.found is not None and row.true is not None:
        if row.unit == "%":
            off = f"{row.found - row.true:+.1f} points"
        else:
            off = f"{100 * (row.found / row.true - 1):+.1f} %" if row.true else f"{row.found - row.true:+,.0f}"
    count = f"{row.count:,.0f}" if row.count is not None else ""
    cells = [_tell(number, row.unit) for number in (row.found, row.true)]
    return f"{count:>10} {row.counted:<27}{row.meant:<41}{cells[0]:>12}{cells[1]:>12}  {off:>12}".rstrip()


def _tell(number: float | None, unit: str) -> str:
    if number is None:
        return "not told"
    return f"{number:.1f} %" if unit == "%" else f"{number:,.0f} {unit}".rstrip()


def describe_comparison(rows: list[Row]) -> list[str]:
    """The table, and why its last two columns differ."""
    head = f"{'the count':>10} {'':<27}{'what it hides':<41}{'Fifty found':>12}{'true':>12}  {'off by':>12}"
    return [
        "What the counts say, what Fifty found, and what is true (a demo world knows its truth; yours does not):",
        head,
        "-" * len(head),
        *(describe_row(row) for row in rows),
        "Where they differ:",
        "  All columns end where the demo's world ends; the summary above counts to the end of its day, so its living relationships may be one or two off.",
        "  Who has accounts on several networks and never said so is one person in truth and several to Fifty: its counts of people run high.",
        "  Real is judged by rules where enough can be seen, and is a stated prior everywhere else; platforms hide much of what the rules need.",
        "  The list and the crowd are chosen by each for itself, Fifty's by what had happened before; value of people without a known link is scaled up.",
        "  A contest is told by its hashtag or post: whom one without either brought pass for newcomers of their own accord, and are in neither column.",
        "  Guests without an address are nobody in particular; who is blocked or gone is shown to nobody, though still counted.",
    ]
