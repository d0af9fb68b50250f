"""The brands of a world: names, hours, their own people and the campaigns they run.

Data flow: plan + a source -> ``Brand`` -> its own accounts, its description in world.json.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from demo.model import DAY
from demo.world.draws import open_stream
from demo.world.presets import Plan

LOCAL_DOMAIN = "roast.example"
#: the brand's own people: key, name, user name, role, answers for the brand
OWN = (
    ("brand", "", "", "brand", True),
    ("ines", "Inês Falcão", "ines", "staff", True),
    ("tom", "Tom Averdieck", "tomroasts", "staff", True),
    ("nuno", "Nuno from the drum", "nunodrum", "staff", False),
    ("automaton", "{name} Desk", "{key}desk", "automaton", True),
    ("agency", "Northlight Studio", "northlight", "agency", False),
)
RESPONDERS = {"ines": "ines-falcao", "tom": "tom-averdieck", "nuno": "nuno-drum"}
BIRDS = ("Moorhen", "Kestrel", "Avocet", "Bittern", "Curlew", "Dunlin", "Egret", "Fulmar", "Gannet", "Hobby", "Ibis", "Jackdaw", "Knot", "Lapwing")
CRAFTS = ("Coffee", "Roasts", "Beans")
ZONES = ("Europe/Lisbon", "Europe/Berlin", "America/New_York", "Asia/Singapore")


@dataclass(frozen=True)
class Campaign:
    """A campaign: days of the world from ``first_day`` to ``last_day``, both included; the cost is in the brand's currency."""

    campaign_id: str
    name: str
    hashtag: str
    first_day: int
    last_day: int
    cost: float
    is_incentivised: bool
    is_tagged: bool = True

    @property
    def begin(self) -> int:
        """Its first instant."""
        return self.first_day * DAY

    @property
    def end(self) -> int:
        """The instant it is over."""
        return (self.last_day + 1) * DAY


@dataclass(frozen=True)
class Brand:
    """One brand."""

    number: int
    key: str
    name: str
    short: str
    zone: str
    opening: tuple[int, int]
    campaigns: tuple[Campaign, ...]
    own: dict[str, dict[str, int]] = field(default_factory=dict)  # platform -> key -> account_no

    @property
    def blog_host(self) -> str:
        """Where its blog says it is."""
        return f"blog.{self.key}.example"

    @property
    def utc_offset(self) -> int:
        """Milliseconds its zone is ahead of UTC in winter."""
        winter = datetime(2026, 1, 15, tzinfo=UTC).astimezone(ZoneInfo(self.zone)).utcoffset()
        assert winter is not None
        return round(winter.total_seconds() * 1000)

    @property
    def tags(self) -> list[str]:
        """The hashtags it uses for its campaigns."""
        return list(dict.fromkeys(c.hashtag for c in self.campaigns if c.is_tagged))


def make_brands(plan: Plan) -> list[Brand]:
    """The brands of a plan; the first is always Moorhen."""
    brands = []
    for number in range(plan.brands):
        bird, craft = BIRDS[number % len(BIRDS)], CRAFTS[number // len(BIRDS) % len(CRAFTS)]
        again = number // (len(BIRDS) * len(CRAFTS))
        short = bird if number < len(BIRDS) else f"{bird}{craft}{again + 1 if again else ''}"
        name = f"{bird} Coffee Roasters" if number < len(BIRDS) else f"{bird} {craft}{f' No {again + 1}' if again else ''}"
        brands.append(
            Brand(number, short.lower(), name, short, ZONES[0] if number == 0 else ZONES[number % len(ZONES)], (8, 18), plan_campaigns(plan, short))
        )
    return brands


def plan_campaigns(plan: Plan, short: str) -> tuple[Campaign, ...]:
    """Contests and quiet promotions by the room there is: a tagged contest and a promotion always, an untagged contest in longer worlds."""
    source = open_stream(plan.seed, "campaigns", short.lower())

    def draw_cost(middle: float) -> float:
        return round(float(middle * source.uniform(0.8, 1.25)), 2)

    days = plan.days
    if plan.shape.commenters is not None:
        return ()
    campaigns = [
        Campaign("grinder-giveaway", "Hand grinder giveaway", f"{short}Cup", round(days * 0.45), round(days * 0.45) + 7, draw_cost(1480), True),
        Campaign("slow-week", "Slow brewing week", f"{short}Slow", round(days * 0.73), round(days * 0.73) + 6, draw_cost(390), False),
    ]
    if days >= 150:
        campaigns.insert(
            0, Campaign("year-of-coffee", "A year of coffee", "", round(days * 0.22), round(days * 0.22) + 9, draw_cost(2100), True, False)
        )
    return tuple(campaigns)
