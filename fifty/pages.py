"""The pages that managers read: the fifty people, and the week.

published marts (read-only connection) → facts in plain words → Jinja2 templates (fifty/templates/) → one self-contained HTML file

Everything shown is escaped by the templates; text of strangers is cleaned of control characters and isolated (`<bdi>`), addresses become
links only when they are plain http(s). No script, no external resource. Try it alone: `fifty extract --name weekly`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import jinja2

from fifty.config import Brand
from fifty.connectors.base import discover_connectors
from fifty.publish import Version
from fifty.spreadsheets import clean_text, find_safe_url

TEMPLATES = Path(__file__).with_name("templates")
_WAITING_SHOWN = 12
_CHANGES_NAMED = 20
_SLIPPING_SHOWN = 12
_WEEKS_SHOWN = 26
_WEEKS_ON_A_PHONE = 8
_TALK_DAYS = 28
_TEXT_SHOWN = 320

Row = dict[str, Any]


def render_the_fifty(connection: duckdb.DuckDBPyConnection, version: Version, brand: Brand) -> str:
    """The page of the people worth most: why, what was last said, what to do next."""
    people = fetch(connection, "select * from relationships.the_fifty order by rank")
    parameters = read_parameters(connection)
    return render(
        "the_fifty.html",
        version,
        brand,
        people=people,
        list_size=int(parameters.get("list_size", 50)),
        left_out=fetch_one(
            connection,
            """
            select
                count(*) as person_count,
                count(*) filter (where strengths.strength > 0) as related_count,
                count(*) filter (where coalesce(strengths.strength, 0) = 0) as silent_count,
                count(*) filter (where strengths.strength > 0 and people.p_real < $least_p_real) as unreal_count,
                count(*) filter (where strengths.strength > 0 and people.p_real >= $least_p_real and people.is_deleted) as deleted_count,
                count(*) filter (where strengths.strength > 0 and people.p_real >= $least_p_real and not people.is_deleted and people.has_objected)
                    as objected_count,
            from relationships.people as people
            left join relationships.relationship_strength as strengths on people.person_id = strengths.person_id
            """,
            {"least_p_real": parameters.get("least_p_real", 0.5)},
        ),
        waiting_count=_count(connection, "select count(*) from engagement.response_times where is_waiting"),
        expires_date=date.fromisoformat(version.as_of_date) + timedelta(days=int(parameters.get("list_expires_days", 30))),
        window_days=int(parameters.get("living_window_days", 90)),
        history_weeks=int(parameters.get("list_history_weeks", 13)),
        unseen_count=sum(person["p_real_basis"] == "prior" for person in people),
    )


def render_weekly(connection: duckdb.DuckDBPyConnection, version: Version, brand: Brand) -> str:
    """The page of the week: the one number and why it moved, who waits, who slips, who joined the list, what made people talk, what to disbelieve."""
    as_of = date.fromisoformat(version.as_of_date)
    parameters = read_parameters(connection)
    week_days = int(parameters.get("flow_days", 7))
    expires_days = int(parameters.get("list_expires_days", 30))
    days = {row["as_of_date"]: row for row in fetch(connection, "select * from relationships.living_relationships_daily")}
    flows: dict[str, list[Row]] = {flow: [] for flow in ("new", "reactivated", "lapsed", "kept")}
    for person in fetch(connection, "select * from relationships.living_people order by display_name, person_id"):
        flows.setdefault(person["flow"], []).append(person)
    weeks = _read_weeks(days, as_of, _find_gaps(connection, as_of))
    today = days.get(as_of)
    return render(
        "weekly.html",
        version,
        brand,
        today=today,
        last_week=days.get(as_of - timedelta(days=week_days)),
        chance=_find_chance(connection),
        week_days=week_days,
        window_days=int(parameters.get("living_window_days", 90)),
        flows=flows,
        is_small=is_small(today, parameters),
        named_limit=_CHANGES_NAMED,
        chart=draw_chart(weeks),
        short_chart=draw_chart(weeks[-_WEEKS_ON_A_PHONE:]),
        has_gaps=any(week.is_doubtful for week in weeks),
        waiting_limit_days=int(parameters.get("waiting_limit_days", 90)),
        summaries=fetch(
            connection,
            "select * from engagement.response_summary where platform = 'all' and period_kind in ('last_7_days', 'last_28_days', 'last_90_days')"
            " order by case period_kind when 'last_7_days' then 1 when 'last_28_days' then 2 else 3 end",
        ),
        **_find_waiting(connection, parameters),
        **_find_slipping(connection, parameters),
        list_changes=_find_list_changes(connection),
        talk=_find_talk(connection, as_of, parameters),
        campaigns=_find_campaigns(connection, as_of, parameters),
        doubts=_find_doubts(connection, version, parameters, expires_days),
        expires_date=as_of + timedelta(days=expires_days),
    )


def _find_chance(connection: duckdb.DuckDBPyConnection) -> Row | None:
    """The interval of the number's change over the week, and whether it excludes no change; None where nobody lived at either date."""
    return next(
        (
            row
            for row in fetch(
                connection,
                """
                select
                    max(value) filter (node = 'low') as low,
                    max(value) filter (node = 'high') as high,
                    coalesce(low > 0 or high < 0, false) as is_real
                from relationships.living_relationships_tree
                where branch = 'change'
                """,
            )
            if row["low"] is not None
        ),
        None,
    )


def is_small(today: Mapping[str, Any] | None, parameters: Mapping[str, float]) -> bool:
    """Whether there are so few living relationships that names say more than percentages."""
    return ((today or {}).get("living_count") or 0) < parameters.get("percent_least_living", 20)


def _find_waiting(connection: duckdb.DuckDBPyConnection, parameters: Mapping[str, float]) -> dict[str, Any]:
    """Open questions, the longest wait first; those of accounts that are probably not people are counted, and not shown."""
    asks = fetch(
        connection,
        """
        select
            asks.*,
            coalesce(living.is_living, false) as is_living,
            listed.rank as list_rank,
            coalesce(asks.p_real < $least_p_real, false) as is_unreal,
        from engagement.response_times as asks
        left join relationships.living_people as living on asks.person_id = living.person_id
        left join relationships.the_fifty as listed on asks.person_id = listed.person_id
        where asks.is_waiting
        order by asks.asked_at, asks.ask_post_key
        """,
        {"least_p_real": parameters.get("least_p_real", 0.5)},
    )
    people = [ask for ask in asks if not ask["is_unreal"]]
    return {"waiting": people[:_WAITING_SHOWN], "waiting_count": len(people), "unreal_waiting_count": len(asks) - len(people)}


def _find_slipping(connection: duckdb.DuckDBPyConnection, parameters: Mapping[str, float]) -> dict[str, Any]:
    """Relationships about to be lost (M9.3), the closest first, with the last thing each person said.

    Shown are those that a word can still keep alive: whose last exchange lies within the window of the one number. Older ones are counted.
    """
    limits = {"least_p_real": parameters.get("least_p_real", 0.5), "window": parameters.get("living_window_days", 90)}
    people = fetch(
        connection,
        """
        with shown as (
            select *
            from relationships.lifecycle
            where is_at_risk and p_real >= $least_p_real and days_since_last_exchange <= $window
            order by risk_rank
            limit $shown
        ),

        last_words as (
            select posts.author_person_id as person_id, max_by(posts.url, (posts.published_at, posts.post_key)) as last_in_url
            from engagement.posts as posts
            semi join shown on posts.author_person_id = shown.person_id
            where posts.url is not null and not posts.is_deleted
            group by posts.author_person_id
        )

        select shown.*, people.handle, last_words.last_in_url
        from shown
        left join relationships.people as people on shown.person_id = people.person_id
        left join last_words on shown.person_id = last_words.person_id
        order by shown.risk_rank
        """,
        {**limits, "shown": _SLIPPING_SHOWN},
    )
    counts = fetch_one(
        connection,
        """
        select
            count(*) filter (where days_since_last_exchange <= $window) as slipping_count,
            count(*) filter (where days_since_last_exchange > $window) as long_silent_count,
        from relationships.lifecycle
        where is_at_risk and p_real >= $least_p_real
        """,
        limits,
    )
    return {"slipping": people, **counts}


def _find_list_changes(connection: duckdb.DuckDBPyConnection) -> dict[str, list[Row]]:
    changes = fetch(connection, "select * from relationships.the_fifty_changes order by coalesce(rank, previous_rank), person_id")
    return {change: [one for one in changes if one["change"] == change] for change in ("joined", "left")}


def _find_talk(connection: duckdb.DuckDBPyConnection, as_of: date, parameters: Mapping[str, float]) -> dict[str, Row | None]:
    """The settled post of the last four weeks that made most people talk, and a comparable one that made fewest.

    Comparable is the same platform and, where there is one, the same kind of media; of several the one with fewest people, then the nearest in
    time. Posts that reward answering are left out: what they draw is paid for.
    """
    settled_end = as_of - timedelta(days=int(parameters.get("settled_post_days", 7)))
    posts = fetch(
        connection,
        """
        with candidates as (
            select post_key, platform, media_type, text, url, published_at
            from engagement.posts
            where author_side = 'brand' and kind = 'post' and is_settled and not is_deleted and not coalesce(is_incentivised, false)
                and not coalesce(is_time_observed, false)
                and cast(published_at as date) > $since and cast(published_at as date) <= $until
        ),

        talkers as (
            select answers.root_post_key as post_key, count(distinct answers.author_person_id) as person_count
            from engagement.posts as answers
            semi join candidates on answers.root_post_key = candidates.post_key
            inner join relationships.people as people on answers.author_person_id = people.person_id and people.p_real >= $least_p_real
            where answers.author_side = 'audience' and not answers.is_deleted
            group by answers.root_post_key
        )

        select candidates.*, coalesce(talkers.person_count, 0) as person_count
        from candidates
        left join talkers on candidates.post_key = talkers.post_key
        order by person_count desc, published_at desc, post_key
        """,
        {
            "since": settled_end - timedelta(days=_TALK_DAYS),
            "until": settled_end,
            "least_p_real": parameters.get("least_p_real", 0.5),
        },
    )
    if not posts or not posts[0]["person_count"]:
        return {"best": None, "other": None, "post_count": len(posts)}  # type: ignore[dict-item]
    best = posts[0]
    others = [one for one in posts if one["platform"] == best["platform"] and one["person_count"] < best["person_count"]]
    others = [one for one in others if one["media_type"] == best["media_type"]] or others
    other = min(others, key=lambda one: (one["person_count"], abs(one["published_at"] - best["published_at"]), one["post_key"]), default=None)
    return {"best": best, "other": other, "post_count": len(posts)}  # type: ignore[dict-item]


def _find_campaigns(connection: duckdb.DuckDBPyConnection, as_of: date, parameters: Mapping[str, float]) -> list[Row]:
    """Campaigns that still concern somebody: running, not yet judged, judged of late, or with people about to lapse."""
    campaigns = fetch(
        connection,
        """
        select campaigns.*
        from engagement.campaigns as campaigns
        where campaigns.campaign_state <> 'settled'
            or campaigns.campaign_start_date + cast($settled_days as integer) > $since
            or exists (
                select 1 from engagement.campaign_entrants as entrants
                where entrants.campaign_id = campaigns.campaign_id and entrants.state = 'about to lapse'
            )
        order by campaigns.starts_at desc, campaigns.campaign_id
        """,
        {"settled_days": int(parameters.get("campaign_settled_days", 90)), "since": as_of - timedelta(days=_TALK_DAYS)},
    )
    lapsing = fetch(
        connection, "select * from engagement.campaign_entrants where state = 'about to lapse' order by days_left, display_name, person_id"
    )
    return [{**one, "lapsing": [person for person in lapsing if person["campaign_id"] == one["campaign_id"]]} for one in campaigns]


@dataclass(frozen=True)
class Week:
    """One week of the chart: the number at its end and who came and went within it; NULL where the day is not known."""

    day: date
    value: int | None
    up_count: int
    down_count: int
    is_doubtful: bool


def _read_weeks(days: Mapping[date, Row], as_of: date, gaps: Iterable[tuple[date, date]]) -> list[Week]:
    spans = list(gaps)
    weeks = []
    for back in reversed(range(_WEEKS_SHOWN)):
        end = as_of - timedelta(days=7 * back)
        within = [row for count in range(7) if (row := days.get(end - timedelta(days=count)))]
        weeks.append(
            Week(
                end,
                days[end]["living_count"] if end in days else None,
                sum((row["new_count"] or 0) + (row["reactivated_count"] or 0) for row in within),
                sum(row["lapsed_count"] or 0 for row in within),
                any(first <= end and last > end - timedelta(days=7) for first, last in spans),
            )
        )
    return weeks


def _find_gaps(connection: duckdb.DuckDBPyConnection, as_of: date) -> list[tuple[date, date]]:
    """Days of which some messages may be missing: a read of events came in part, failed or was refused, and no later one made up for it.

    Only streams of events count: what they miss is gone from its week. Lists as they stand now (who follows, who likes) are never whole
    where people hide, and the number does not rest on them.
    """
    streams = [
        (connector.platform, stream.name) for connector in discover_connectors().values() for stream in connector.streams if stream.kind == "events"
    ]
    rows = fetch(
        connection,
        """
        select bad.platform, bad.stream, bad.window_start_date, bad.window_end_date
        from ops.completeness as bad
        where (bad.completeness_state in ('partial', 'failed') or bad.load_status = 'rejected')
            and not exists (
                select 1 from ops.completeness as later
                where later.is_believable
                    and (later.platform, later.source_account_id, later.stream) = (bad.platform, bad.source_account_id, bad.stream)
                    and coalesce(later.window_start_at <= bad.window_start_at, later.window_start_at is null)
                    and coalesce(later.window_end_at >= bad.window_end_at, later.window_end_at is null)
            )
        """,
    )
    return [(row["window_start_date"] or date.min, row["window_end_date"] or as_of) for row in rows if (row["platform"], row["stream"]) in streams]


def _find_doubts(connection: duckdb.DuckDBPyConnection, version: Version, parameters: Mapping[str, float], expires_days: int) -> dict[str, Any]:
    """What the reader must not believe this week: gaps in the data, checks that complained, rules that changed, people of whom little is known."""
    as_of = date.fromisoformat(version.as_of_date)
    return {
        # The newest word on each stream, and only where it is not good.
        "gaps": fetch(
            connection,
            """
            with newest as (
                select *
                from ops.completeness
                where window_end_date is null or window_end_date > $since or completeness_state = 'failed'
                qualify row_number() over (
                    partition by platform, source_account_id, stream order by window_end_at desc nulls first, completeness_key
                ) = 1
            )
            select platform, source_account_id, stream, completeness_state, load_status, reason, got_count, expected_count, window_end_date
            from newest
            where not coalesce(is_believable, false)
            order by all
            """,
            {"since": as_of - timedelta(days=8)},
        ),
        "behind": fetch(
            connection,
            "select platform, source_account_id, stream, age_seconds, newest_window_end_at from ops.freshness where is_behind order by all",
        ),
        "checks": fetch(
            connection,
            """
            select table_name, expectation_id, severity, outcome, count(*) as load_count, max(detail) as detail,
                sum(unexpected_count) as unexpected_count
            from ops.gate_results
            where outcome <> 'passed'
            group by all
            order by severity, table_name, expectation_id, outcome
            """,
        ),
        # Many who talk for the first time on one day came by something; if no campaign names it, the number counts them as come by themselves.
        "surges": fetch(
            connection,
            """
            select as_of_date, untagged_first_exchange_count, most_usual_first_exchange_count
            from relationships.living_relationships_daily
            where is_untagged_surge and as_of_date > $since
            order by as_of_date
            """,
            {"since": as_of - timedelta(days=7)},
        ),
        # Until the data are as old as the window, the number rises by that alone.
        "is_young": fetch_one(
            connection,
            """
            select
                min(as_of_date) filter (where living_reason is null) as first_date,
                first_date + cast($window as integer) as full_date,
                coalesce(full_date > $as_of, false) as is_young,
            from relationships.living_relationships_daily
            """,
            {"window": int(parameters.get("living_window_days", 90)), "as_of": as_of},
        ),
        # Older pages must not be used longer than that, so a change before it concerns nobody.
        "rule_changes": [
            {"day": day, "parameters": one.parameters}
            for one in version.rule_changes
            if as_of - timedelta(days=expires_days) < (day := date.fromisoformat(one.as_of_date)) <= as_of
        ],
        "changed_parameters": fetch(connection, "select parameter_name, value, default_value from ops.parameters where is_overridden order by 1"),
        "people": fetch_one(
            connection,
            """
            select
                count(*) as person_count,
                count(*) filter (where p_real_basis = 'prior') as unseen_count,
                count(*) filter (where p_real < $least_p_real) as unreal_count,
            from relationships.people
            """,
            {"least_p_real": parameters.get("least_p_real", 0.5)},
        ),
    }


@dataclass(frozen=True)
class Mark:
    """What is drawn of one week, in the units of the drawing; `y` NULL where the number is not known."""

    week: Week
    x: float
    y: float | None
    up_height: float
    down_height: float
    is_labelled: bool
    is_dated: bool


@dataclass(frozen=True)
class Chart:
    """A line over weeks with bars of who came and went under it, drawn by the template as SVG."""

    marks: tuple[Mark, ...]
    lines: tuple[str, ...]
    width: float
    height: float
    step: float
    floor: float
    axis: float


def draw_chart(weeks: Sequence[Week]) -> Chart:
    """Places of a line and its bars; both axes begin at 0, because a cut axis makes small changes look big."""
    step = 44.0
    top, line_height, gap, bar_height = 26.0, 130.0, 34.0, 44.0
    floor, axis = top + line_height, top + line_height + gap + bar_height
    most = max([week.value for week in weeks if week.value is not None] or [0]) or 1
    most_moved = max([max(week.up_count, week.down_count) for week in weeks] or [0]) or 1
    known = [index for index, week in enumerate(weeks) if week.value is not None]
    # Every number where there is room for it; of many weeks the ends and the extremes.
    ends = {known[0], known[-1]} if known else set()
    if known:
        values = [weeks[index].value or 0 for index in known]
        ends |= {known[values.index(max(values))], known[values.index(min(values))]}
    is_short = len(weeks) <= _WEEKS_ON_A_PHONE
    marks = tuple(
        Mark(
            week,
            index * step + step / 2,
            None if week.value is None else floor - line_height * week.value / most,
            bar_height * week.up_count / most_moved,
            bar_height * week.down_count / most_moved,
            week.value is not None and (is_short or index in ends),
            (len(weeks) - 1 - index) % (2 if is_short else 5) == 0,
        )
        for index, week in enumerate(weeks)
    )
    lines: list[list[str]] = [[]]
    for mark in marks:
        if mark.y is None:
            lines.append([])
        else:
            lines[-1].append(f"{mark.x:.1f},{mark.y:.1f}")
    return Chart(marks, tuple(" ".join(one) for one in lines if len(one) > 1), step * max(len(weeks), 1), axis + bar_height + 40, step, floor, axis)


def render(name: str, version: Version, brand: Brand, **facts: Any) -> str:
    """A template with its facts; `local` turns UTC into the brand's clock."""
    zone = ZoneInfo(brand.timezone)
    environment = _open_templates()
    return environment.get_template(name).render(
        brand=brand,
        version=version,
        as_of=date.fromisoformat(version.as_of_date),
        local=lambda moment: _to_local(moment, zone),
        **facts,
    )


@cache
def _open_templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        clean=_clean,
        shorten=_shorten,
        safe_url=find_safe_url,
        day=write_day,
        moment=lambda value: f"{write_day(value)}, {value:%H:%M}" if value else "",
        duration=write_duration,
        duration_hours=write_hours,
        percent=lambda value: "unknown" if value is None else f"{value * 100:.0f} %",
        money=write_money,
        figure=write_figure,
        parameter=lambda value: "none" if value is None else f"{value:g}",
        number=lambda value: "unknown" if value is None else f"{value:,.0f}",
        plural=_write_plural,
        signed=lambda value: f"{value:+,.0f}".replace("-", "−"),
        strength_words=describe_strength,
        balance_words=describe_balance,
        how=_describe_kind,
        stream_words=lambda value: str(value).replace("_", " "),
    )
    return environment


def fetch(connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
    """Rows of a query by the names of their columns."""
    result = connection.execute(query, dict(parameters or {}))
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def fetch_one(connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any] | None = None) -> Row:
    """The one row of a query."""
    return fetch(connection, query, parameters)[0]


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def read_parameters(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """Parameters in force, by name."""
    return {name: value for name, value in connection.execute("select parameter_name, value from ops.parameters").fetchall() if value is not None}


def _to_local(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    return moment.replace(tzinfo=UTC).astimezone(zone) if moment else None


def _clean(value: object) -> str:
    return "" if value is None else " ".join(clean_text(str(value)).split())


def _shorten(value: object, length: int = _TEXT_SHOWN) -> str:
    text = _clean(value)
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def write_day(value: date | datetime | None) -> str:
    """A day as people write it: 3 September 2026."""
    return f"{value.day} {value:%B %Y}" if value else ""


def write_duration(seconds: float | None) -> str:
    """A time span in two units at most: `4 days 3 hours`."""
    if seconds is None:
        return "unknown"
    minutes = int(seconds) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return _write_plural(days, "day") + (f" {_write_plural(hours, 'hour')}" if hours and days < 14 else "")
    if hours:
        return _write_plural(hours, "hour") + (f" {_write_plural(minutes, 'minute')}" if minutes and hours < 6 else "")
    return _write_plural(minutes, "minute") if minutes else "less than a minute"


def write_hours(seconds: float | None) -> str:
    """Working time: hours and minutes, because a working day is no unit of 24 hours."""
    if seconds is None:
        return "unknown"
    hours, minutes = int(seconds) // 3600, int(seconds) // 60 % 60
    if not hours:
        return _write_plural(minutes, "minute")
    return _write_plural(hours, "hour") + (f" {_write_plural(minutes, 'minute')}" if minutes and hours < 6 else "")


def write_money(amount: float | None, currency: str | None) -> str:
    """An amount with its currency: whole from 100 on, because cents of a large sum say nothing."""
    if amount is None:
        return "unknown"
    text = f"{amount:,.0f}" if abs(amount) >= 100 or amount == 0 else f"{amount:,.2f}"
    return f"{text} {currency}".replace("-", "−")


def write_figure(value: float | None) -> str:
    """A figure as short as it may be: one decimal below 100, whole numbers as they are."""
    if value is None:
        return "unknown"
    text = f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 1 else f"{value:.2g}"
    return text.replace("-", "−")


def _write_plural(count: int | None, word: str, many: str | None = None) -> str:
    number = int(count or 0)
    return f"{number:,} {word if number == 1 else many or word + 's'}"


def describe_strength(strength: float | None) -> str:
    """What a strength of 0 to 100 means (M2.4): 50 is a steady monthly two-way conversation just after contact."""
    if strength is None:
        return "not known"
    for least, words in (
        (60, "closer than a steady monthly conversation"),
        (40, "about as close as a steady monthly conversation"),
        (20, "an occasional conversation"),
        (5, "a loose contact, or one that is fading"),
    ):
        if strength >= least:
            return words
    return "a first or a far-away contact"


def describe_balance(balance: float | None, in_count: int | None, out_count: int | None) -> str:
    """Who gives more, in words (M2.2)."""
    if balance is None:
        return "not known who writes more"
    if balance >= 0.67:
        return "give and take are about even"
    if (in_count or 0) >= (out_count or 0):
        return "they write more than you do"
    return "you write more than they do"


def _describe_kind(kind: str | None) -> str:
    return {
        "reply": "in a reply",
        "comment": "in a comment",
        "quote": "in a quote",
        "mention": "in a mention",
        "message": "in a private message",
        "reshare": "by sharing your post",
        "like": "with a like",
    }.get(kind or "", "")
