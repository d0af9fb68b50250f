"""The pages that managers read: the fifty people, and the week.

published marts (read-only connection) → facts in plain words → Jinja2 templates (fifty/templates/) → one self-contained HTML file

Everything shown is escaped by the templates; text of strangers is cleaned of control characters and isolated (`<bdi>`), addresses become
links only when they are plain http(s). No script, no external resource. Try it alone: `fifty extract --name weekly`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import jinja2

from fifty.config import Brand
from fifty.publish import Version
from fifty.spreadsheets import clean_text, find_safe_url

TEMPLATES = Path(__file__).with_name("templates")
_WAITING_SHOWN = 25
_CHANGES_NAMED = 20
_WEEKS_SHOWN = 13
_WEEKS_ON_A_PHONE = 6
_TEXT_SHOWN = 320

Row = dict[str, Any]


def render_the_fifty(connection: duckdb.DuckDBPyConnection, version: Version, brand: Brand) -> str:
    """The page of the people worth most: why, what was last said, what to do next."""
    people = _fetch(connection, "select * from relationships.the_fifty order by rank")
    parameters = _read_parameters(connection)
    return _render(
        "the_fifty.html",
        version,
        brand,
        people=people,
        list_size=int(parameters.get("list_size", 50)),
        left_out=_fetch_one(
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
        unseen_count=sum(person["p_real_basis"] == "prior" for person in people),
    )


def render_weekly(connection: duckdb.DuckDBPyConnection, version: Version, brand: Brand) -> str:
    """The page of the week: the one number and why it moved, who waits, what to disbelieve."""
    as_of = date.fromisoformat(version.as_of_date)
    parameters = _read_parameters(connection)
    week_days = int(parameters.get("flow_days", 7))
    expires_days = int(parameters.get("list_expires_days", 30))
    days = {row["as_of_date"]: row for row in _fetch(connection, "select * from relationships.living_relationships_daily")}
    flows: dict[str, list[Row]] = {flow: [] for flow in ("new", "reactivated", "lapsed", "kept")}
    for person in _fetch(connection, "select * from relationships.living_people order by display_name, person_id"):
        flows.setdefault(person["flow"], []).append(person)
    waiting = _fetch(connection, "select * from engagement.response_times where is_waiting order by asked_at, ask_post_key")
    summaries = _fetch(
        connection,
        "select * from engagement.response_summary where platform = 'all' and period_kind in ('last_7_days', 'last_28_days', 'last_90_days')"
        " order by case period_kind when 'last_7_days' then 1 when 'last_28_days' then 2 else 3 end",
    )
    points = [(as_of - timedelta(days=week_days * back)) for back in reversed(range(_WEEKS_SHOWN))]
    series = [(day, days[day]["living_count"] if day in days else None) for day in points]
    return _render(
        "weekly.html",
        version,
        brand,
        today=days.get(as_of),
        last_week=days.get(as_of - timedelta(days=week_days)),
        week_days=week_days,
        window_days=int(parameters.get("living_window_days", 90)),
        flows=flows,
        named_limit=_CHANGES_NAMED,
        chart=draw_chart(series),
        short_chart=draw_chart(series[-_WEEKS_ON_A_PHONE:]),
        waiting=waiting[:_WAITING_SHOWN],
        waiting_count=len(waiting),
        waiting_limit_days=int(parameters.get("waiting_limit_days", 90)),
        summaries=summaries,
        doubts=_find_doubts(connection, version, parameters, expires_days),
        expires_date=as_of + timedelta(days=expires_days),
    )


def _find_doubts(connection: duckdb.DuckDBPyConnection, version: Version, parameters: Mapping[str, float], expires_days: int) -> dict[str, Any]:
    """What the reader must not believe this week: gaps in the data, checks that complained, rules that changed, people of whom little is known."""
    as_of = date.fromisoformat(version.as_of_date)
    return {
        # The newest word on each stream, and only where it is not good.
        "gaps": _fetch(
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
        "behind": _fetch(
            connection,
            "select platform, source_account_id, stream, age_seconds, newest_window_end_at from ops.freshness where is_behind order by all",
        ),
        "checks": _fetch(
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
        # Until the data are as old as the window, the number rises by that alone.
        "is_young": _fetch_one(
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
        "changed_parameters": _fetch(connection, "select parameter_name, value, default_value from ops.parameters where is_overridden order by 1"),
        "people": _fetch_one(
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
class Bar:
    """One bar of the chart, in the units of its drawing; `value` NULL where the day is not known."""

    day: date
    value: int | None
    x: float
    y: float
    height: float


@dataclass(frozen=True)
class Chart:
    """Bars over weeks, drawn by the template as SVG."""

    bars: tuple[Bar, ...]
    width: float
    height: float
    bar_width: float


def draw_chart(series: Iterable[tuple[date, int | None]]) -> Chart:
    """Places of the bars for a value a week; the axis begins at 0, because a cut axis makes small changes look big."""
    points = list(series)
    step, bar_width, top, height = 44.0, 30.0, 24.0, 120.0
    most = max([value for _, value in points if value is not None] or [0]) or 1
    bars = [
        Bar(day, value, index * step + (step - bar_width) / 2, top + height - height * (value or 0) / most, height * (value or 0) / most)
        for index, (day, value) in enumerate(points)
    ]
    return Chart(tuple(bars), step * max(len(points), 1), top + height + 24, bar_width)


def _render(name: str, version: Version, brand: Brand, **facts: Any) -> str:
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
        parameter=lambda value: "none" if value is None else f"{value:g}",
        number=lambda value: "unknown" if value is None else f"{value:,.0f}",
        plural=_write_plural,
        strength_words=describe_strength,
        balance_words=describe_balance,
        how=_describe_kind,
        stream_words=lambda value: str(value).replace("_", " "),
    )
    return environment


def _fetch(connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
    result = connection.execute(query, dict(parameters or {}))
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _fetch_one(connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any] | None = None) -> Row:
    return _fetch(connection, query, parameters)[0]


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _read_parameters(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
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
