"""Random draws for whole columns: keyed streams, waiting times, the rhythm of days and weeks, and presence in phases.

Data flow: (seed, part, brand, platform, chunk) -> a generator of its own -> columns. Parts do not stir each other; threads and order do not matter.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from demo.model import DAY, HOUR, MINUTE, SECOND

Instants = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Source = np.random.Generator

#: how much is written in each hour of a day, and on each day from Monday
HOUR_WEIGHTS = np.array([2, 1, 1, 1, 1, 2, 5, 9, 11, 10, 8, 8, 10, 9, 7, 6, 7, 9, 11, 13, 13, 11, 7, 4], dtype=float)
DAY_WEIGHTS = np.array([1.05, 1.1, 1.1, 1.05, 0.95, 0.85, 0.9])


def open_stream(seed: int, part: str, brand: str = "", platform: str = "", chunk: int = 0) -> Source:
    """The random source of one part of a world."""
    key = hashlib.sha256(f"{seed}/{part}/{brand}/{platform}/{chunk}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "big")))


def draw_lomax(source: Source, count: int, scale_hours: float, shape: float = 1.1, cap_days: float = 120.0) -> Instants:
    """How long after a post somebody meets it: a power law, never under forty seconds, cut at ``cap_days``."""
    hours = scale_hours * ((1 - source.random(count)) ** (-1 / shape) - 1)
    return (40 * SECOND + np.minimum(hours, cap_days * 24) * HOUR).astype(np.int64)


def draw_lateness(source: Source, count: int, median_hours: float | Numbers, spread: float) -> Instants:
    """Log-normal delays, never under twenty seconds."""
    return (20 * SECOND + np.minimum(median_hours * source.lognormal(0, spread, count), 24 * 365 * 3) * HOUR).astype(np.int64)


def draw_blurred(source: Source, means: Numbers, spread: float) -> Numbers:
    """Values in (0, 1) around ``means``, blurred by a normal on the logit."""
    centre = np.clip(means, 0.002, 0.998)
    return 1 / (1 + np.exp(-(np.log(centre / (1 - centre)) + spread * source.standard_normal(len(centre)))))


def choose(source: Source, weights: Numbers, count: int) -> Rows:
    """Row numbers drawn with these weights, with repetition."""
    heights = np.cumsum(weights)
    if not len(heights) or heights[-1] <= 0:
        return np.zeros(0, dtype=np.int64)
    return np.searchsorted(heights, source.random(count) * heights[-1], side="right").clip(0, len(heights) - 1)


def round_randomly(source: Source, expected: Numbers) -> Rows:
    """Whole numbers with these expectations."""
    return np.floor(expected + source.random(len(expected))).astype(np.int64)


def count_within(groups: Rows) -> Rows:
    """For sorted group numbers: how many of the same group came before."""
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]]) if len(groups) else np.zeros(0, dtype=np.int64)
    lengths = np.diff(np.r_[starts, len(groups)])
    return np.arange(len(groups)) - np.repeat(starts, lengths)


@dataclass(frozen=True)
class Clock:
    """The calendar of a brand: which weekday the world begins on, and how far its zone lies from UTC (its winter time all year, so that a world can be
    moved by whole weeks without anything else moving)."""

    first_weekday: int
    offset: int  # milliseconds
    days: int

    def tell_hour(self, ts: Instants) -> Rows:
        """The local hour."""
        return ((ts + self.offset) // HOUR) % 24

    def tell_weekday(self, ts: Instants) -> Rows:
        """The local weekday, 0 is Monday."""
        return ((ts + self.offset) // DAY + self.first_weekday) % 7

    def settle(self, source: Source, ts: Instants) -> Instants:
        """Instants moved within their day to hours at which people are awake; some go to a livelier day of the same week."""
        day = (ts + self.offset) // DAY
        weight = DAY_WEIGHTS[(day + self.first_weekday) % 7] / DAY_WEIGHTS.max()
        day = np.where(source.random(len(ts)) > weight, day - source.integers(1, 4, len(ts)), day)
        hour = choose(source, HOUR_WEIGHTS, len(ts))
        return np.asarray(day * DAY + hour * HOUR + source.integers(0, HOUR, len(ts)) - self.offset, dtype=np.int64)

    def leave_night(self, source: Source, ts: Instants) -> Instants:
        """Most of what falls between one and six at night happens in the morning instead."""
        hour = self.tell_hour(ts)
        moved = (hour >= 1) & (hour < 6) & (source.random(len(ts)) < 0.75)
        return np.asarray(np.where(moved, ts + 5 * HOUR + source.integers(0, HOUR, len(ts)), ts), dtype=np.int64)

    def wait_for_opening(self, source: Source, ts: Instants, hours: tuple[int, int], weekdays: int, share: float) -> Instants:
        """Answers that fall outside opening hours wait, most of them, for the next opening and a while longer."""
        local = ts + self.offset
        hour, weekday = self.tell_hour(ts), self.tell_weekday(ts)
        is_late = (hour >= hours[1]) | (weekday >= weekdays)
        is_closed = is_late | (hour < hours[0])
        day = local // DAY + np.where(is_late, 1, 0)
        weekday = (day + self.first_weekday) % 7
        day += np.where(weekday >= weekdays, 7 - weekday, 0)
        opened = day * DAY + hours[0] * HOUR - self.offset + draw_lateness(source, len(ts), 0.8, 0.8)
        return np.asarray(np.where(is_closed & (source.random(len(ts)) < share), opened, ts), dtype=np.int64)


class Presence:
    """When each of a crowd is there: sorted intervals per person, looked up for whole columns."""

    def __init__(self, owner: Rows, begins: Instants, ends: Instants, count: int, span: int) -> None:
        """``owner`` and ``begins`` ascending; intervals of an owner do not touch. ``span`` is longer than any instant asked for."""
        self.owner, self.begins, self.ends, self.count = owner, begins, ends, count
        self._stride = 2 * span + DAY
        edges = np.empty(2 * len(owner), dtype=np.int64)
        edges[0::2] = owner * self._stride + begins + span // 2
        edges[1::2] = owner * self._stride + ends + span // 2
        self._edges, self._shift = edges, span // 2

    def holds(self, rows: Rows, ts: Instants) -> Flags:
        """Whether each of ``rows`` is there at its instant."""
        # Instants far outside the world stay in their own person's stretch.
        place = rows.astype(np.int64) * self._stride + np.clip(ts + self._shift, 0, self._stride - 1)
        return np.asarray(np.searchsorted(self._edges, place, side="right") % 2 == 1)


def draw_phases(
    source: Source, present: Numbers, absent: Numbers, leaving: Numbers, arrival: Instants, span: int, are_bursts: Flags
) -> tuple[Rows, Instants, Instants]:
    """Phases of presence: (owner, begin, end), for each person alternating Pareto-like lengths with these scales (days) from its arrival on,
    until one was the last: ``leaving`` is the chance of each to be.

    Who was there before the world begins somewhere in the middle of a phase or of an absence. Bursts have no heavy tail: each is over after a while."""
    count = len(present)
    owners, begins, ends = [], [], []
    rows = np.arange(count, dtype=np.int64)
    now = arrival.astype(np.int64)
    before = np.flatnonzero(arrival <= 0)
    # The past of those who were there before: some hundred days, so that the first day of the world is a day like any other.
    now[before] = -(source.random(len(before)) * (present[before] + absent[before]) * 3 * DAY).astype(np.int64)
    for _ in range(200):
        length = np.maximum(_draw_length(source, present[rows], are_bursts[rows]), 6 * HOUR)
        pause = np.maximum(_draw_length(source, absent[rows], are_bursts[rows]), 6 * HOUR)
        begin, end = now[rows], now[rows] + length
        kept = (end > 0) & (begin < span)
        owners.append(rows[kept])
        begins.append(np.maximum(begin[kept], 0))
        ends.append(np.minimum(end[kept], span))
        now[rows] = end + pause
        # Who left before the world begins is not among its people.
        is_last = (end > 0) & (source.random(len(rows)) < leaving[rows])
        rows = rows[~is_last & (now[rows] < span)]
        if not len(rows):
            break
    owner, begin, end = np.concatenate(owners), np.concatenate(begins), np.concatenate(ends)
    order = np.lexsort((begin, owner))
    return owner[order], begin[order], end[order]


def _draw_length(source: Source, scale_days: Numbers, are_bursts: Flags) -> Instants:
    """Lengths with median about ``scale_days`` and a heavy tail (Lomax, shape 1.6, cut at three years), or log-normal where they are bursts."""
    days = np.where(
        are_bursts,
        scale_days * source.lognormal(0, 0.35, len(scale_days)),
        scale_days * 1.85 * ((1 - source.random(len(scale_days))) ** (-1 / 1.6) - 1),
    )
    return (np.minimum(days, 1100.0) * DAY).astype(np.int64)


def draw_contacts(source: Source, begins: Instants, ends: Instants, gaps: Numbers, spread: float) -> tuple[Rows, Instants]:
    """Contacts inside phases: (phase, instant), with log-normal gaps of median ``gaps`` (days) of each phase's own."""
    phases, instants = [], []
    rows = np.flatnonzero(np.isfinite(gaps))
    now = begins[rows] + (source.random(len(rows)) * np.minimum(gaps[rows], 400.0) * DAY).astype(np.int64)
    while len(rows):
        kept = now < ends[rows]
        rows, now = rows[kept], now[kept]
        phases.append(rows)
        instants.append(now)
        now = now + np.maximum(gaps[rows] * source.lognormal(0, spread, len(rows)) * DAY, 20 * MINUTE).astype(np.int64)
    if not phases:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate(phases), np.concatenate(instants)
