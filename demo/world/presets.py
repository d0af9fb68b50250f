"""What can be chosen of a world, what is drawn once per seed, and how each hidden type is by nature.

Data flow: switches + seed -> ``Plan`` (what is wanted) and ``Priors`` (how this world happens to be) -> every other part.
The ranges are wide on purpose: a measure that only works in one of these worlds does not work.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from demo.model import DAY, to_ms
from demo.world.draws import Clock, open_stream

THESES = ("true", "false", "open")
REGIMES = ("mixed", "bursty", "celebrity")
TYPES = ("evangelist", "loyal", "converser", "lurker", "like_only", "contest_hunter", "bot", "spam_ring", "paid_promoter")
KIND = {name: code for code, name in enumerate(TYPES)}
#: who may talk for their own sake
TALKERS = tuple(KIND[name] for name in ("evangelist", "loyal", "converser", "lurker"))


@dataclass(frozen=True)
class Nature:
    """The middle of a hidden type; people are blurred around it."""

    commitment: float
    sociability: float
    like: float
    reshare: float
    prizes: float
    follow: float
    second_network: float
    customer: float  # known to the shop or to the newsletter
    layers: tuple[float, float, float, float]  # shares with a contact every few days, every week, month, season
    present: float  # days, about the median of a phase
    absent: float
    leaves: float = 0.0  # chance that a phase is the last


NATURES = {
    "evangelist": Nature(0.90, 0.75, 0.45, 0.30, 0.25, 1.00, 0.55, 0.90, (0.45, 0.40, 0.15, 0.00), 150, 14, 0.12),
    "loyal": Nature(0.75, 0.40, 0.36, 0.08, 0.20, 0.90, 0.15, 0.85, (0.05, 0.35, 0.45, 0.15), 110, 35, 0.2),
    "converser": Nature(0.45, 0.85, 0.30, 0.08, 0.20, 0.90, 0.25, 0.82, (0.30, 0.45, 0.20, 0.05), 60, 45, 0.35),
    "lurker": Nature(0.25, 0.10, 0.06, 0.01, 0.03, 0.85, 0.05, 0.75, (0.00, 0.02, 0.13, 0.85), 70, 70, 0.4),
    "like_only": Nature(0.10, 0.02, 0.50, 0.02, 0.04, 0.60, 0.03, 0.78, (0, 0, 0, 0), 80, 60),
    "contest_hunter": Nature(0.02, 0.05, 0.03, 0.01, 0.97, 0.10, 0.05, 0.30, (0, 0, 0, 0), 6, 200),
    "bot": Nature(0.01, 0.02, 0.25, 0.12, 0.02, 0.70, 0.00, 0.00, (0.00, 0.05, 0.25, 0.70), 200, 20),
    "spam_ring": Nature(0.01, 0.02, 0.03, 0.02, 0.02, 0.50, 0.00, 0.00, (0, 0, 0, 0), 200, 20),
    "paid_promoter": Nature(0.05, 0.45, 0.05, 0.02, 0.05, 0.80, 0.10, 0.20, (0, 0, 0, 0), 30, 120),
}
#: median days between two contacts in each frequency layer
LAYER_DAYS = np.array([3.0, 8.0, 28.0, 80.0])


@dataclass(frozen=True)
class Preset:
    """A kind of world; everything can be scaled but the numbers of traps, which are promised."""

    days: int
    interactions: int  # of one brand: messages, likes, reshares, follows
    brands: int = 1
    message_share: float = 0.17
    like_density: float = 0.08  # likes of a middling post by the crowd's size
    posts_a_day: float = 0.5  # of the brand, on each network
    gap_factor: float = 1.0  # short worlds need people who come more often, or nobody has time to come back
    hostile_names: int = 16
    guests_without_email: int = 1
    deleted_with_answers: int = 3  # on each platform, at least
    deletion_share: float = 0.025  # of messages nobody answered
    lookalikes: float = 0.04  # share of real people whose accounts look made up; in the small worlds none, so that all rules have one answer
    suspended: int = 1
    deactivated: int = 1
    commenters: int | None = None  # exactly as many people who say anything, each once or twice
    likes: int | None = None  # exactly as many


PRESETS = {
    "small": Preset(days=60, interactions=7_500, message_share=0.34, gap_factor=0.4, deletion_share=0.008, lookalikes=0.0, like_density=0.35),
    "run": Preset(days=400, interactions=200_000, hostile_names=32, guests_without_email=2, deleted_with_answers=8, suspended=4, deactivated=4),
    "tiny": Preset(days=90, interactions=1_100, commenters=5, likes=700, posts_a_day=0.25, hostile_names=1, guests_without_email=0,
                   deleted_with_answers=0, suspended=0, deactivated=0),
    "agency": Preset(days=60, interactions=7_500, brands=40, message_share=0.34, gap_factor=0.4, deletion_share=0.008, lookalikes=0.0, like_density=0.35),
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What is wanted, in one place."""

    preset: str
    seed: int
    anchor: date
    thesis: str
    regime: str
    days: int
    interactions: int  # of one brand
    brands: int
    shape: Preset

    @property
    def span(self) -> int:
        """Length of the world in milliseconds."""
        return self.days * DAY

    @property
    def start(self) -> int:
        """The world's first instant, milliseconds since 1970 UTC."""
        return to_ms(datetime.combine(self.anchor, datetime.min.time(), UTC)) - self.span

    @property
    def posts_a_day(self) -> float:
        """A brand with more of an audience posts more, though not in proportion."""
        usual = self.shape.interactions / self.shape.days
        return float(min(self.shape.posts_a_day * max(1.0, self.interactions / self.days / usual) ** 0.3, 12.0))

    @property
    def value_days(self) -> int:
        """Days at the end over which the thesis is decided."""
        return 90 if self.days >= 180 else self.days // 3

    def make_clock(self, utc_offset: int) -> Clock:
        """The calendar of a brand whose zone lies ``utc_offset`` milliseconds from UTC."""
        return Clock((self.anchor.weekday() - self.days) % 7, utc_offset, self.days)


def make_plan(
    preset: str, seed: int, anchor: date, thesis: str = "true", regime: str = "mixed", interactions: int | None = None, days: int | None = None,
    brands: int | None = None,
) -> Plan:  # fmt: skip
    """A plan of a preset, scaled; ``interactions`` are those of all brands together. Raises ValueError for what cannot be."""
    for name, value, known in (("preset", preset, PRESETS), ("thesis", thesis, THESES), ("regime", regime, REGIMES)):
        if value not in known:
            raise ValueError(f"{name} {value!r}: one of {', '.join(known)}")
    shape = PRESETS[preset]
    days, brands = days or shape.days, brands or shape.brands
    each = interactions // brands if interactions else round(shape.interactions * days / shape.days)
    if days < 7 or brands < 1 or each < 100:
        raise ValueError(f"{days} days, {brands} brands, {each} interactions each: at least 7 days, a brand and 100 interactions each are needed")
    if interactions and interactions != shape.interactions * shape.brands:
        shape = replace(shape, commenters=None, likes=None)
    return Plan(preset, seed, anchor, thesis, regime, days, each, brands, shape)


@dataclass(frozen=True)
class Priors:
    """How the people of one world happen to be; the same for all its brands."""

    blur: float
    activity_spread: float
    gap_scale: float
    gap_spread: float
    appeal_spread: float
    attention_hours: float
    attention_shape: float
    answer: dict[str, float]  # chance of an answer by what is asked
    latency: tuple[tuple[float, float, float], ...]  # share, median hours, spread
    carry_on: float
    automaton: float
    peers: float
    talkers: tuple[float, ...]  # shares of the four types who talk
    hunters: float  # for one of the like-only crowd
    bots: float
    ring_size: int
    newcomers: float  # share of people who come during the world
    stay: float  # share of contest newcomers who stay
    noise: float  # share of messages that come from nowhere in particular
    linked_committed: float  # share of people whose accounts the business knows
    linked_crowd: float
    churn: float  # how easily people leave for good, compared with their type
    constancy: float  # how long phases of presence of those who talk last, as a share of their type's
    mood: float  # how much the gap between contacts differs from one phase to the next, log-normal

    def describe(self) -> dict[str, Any]:
        """As a dictionary, for the record."""
        return asdict(self)


def draw_priors(seed: int) -> Priors:
    """The priors of a seed."""
    source = open_stream(seed, "priors")

    def draw(low: float, high: float) -> float:
        return round(float(source.uniform(low, high)), 4)

    fast = draw(0.2, 0.4)
    late = draw(0.1, 0.25)
    return Priors(
        blur=draw(0.4, 0.9),
        activity_spread=draw(0.7, 1.2),
        gap_scale=draw(0.75, 1.3),
        gap_spread=draw(0.7, 1.1),
        appeal_spread=draw(0.5, 0.95),
        attention_hours=draw(1.0, 2.6),
        attention_shape=draw(1.0, 1.4),
        answer={
            "question": draw(0.68, 0.92), "complaint": draw(0.72, 0.95), "praise": draw(0.40, 0.70), "story": draw(0.35, 0.65),
            "follow_up": draw(0.45, 0.72), "contest": draw(0.05, 0.25), "peer": 0.04, "spam": 0.0, "promoted": draw(0.1, 0.4),
        },
        latency=((fast, draw(0.2, 0.6), 0.7), (1 - fast - late, draw(2.0, 5.0), 0.9), (late, draw(28.0, 60.0), 0.8)),
        carry_on=draw(0.75, 1.1),
        automaton=draw(0.08, 0.16),
        peers=draw(0.10, 0.22),
        talkers=tuple(round(float(x), 4) for x in source.dirichlet([11, 34, 20, 36])),
        hunters=draw(0.15, 0.35),
        bots=draw(0.05, 0.15),
        ring_size=int(source.integers(5, 15)),
        newcomers=draw(0.2, 0.45),
        stay=draw(0.03, 0.12),
        noise=draw(0.02, 0.10),
        linked_committed=draw(0.65, 0.9),
        linked_crowd=draw(0.5, 0.75),
        churn=draw(0.3, 0.7),
        constancy=draw(0.45, 0.95),
        mood=draw(0.8, 1.2),
    )  # fmt: skip
