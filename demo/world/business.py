"""What the people of a world are worth to a brand, and what its shop, desk and agency write down of it.

Data flow: members + what was told -> hidden/business/<brand>/*.parquet, rows with ``known_at``; ``demo.business`` shows of them what was known by a moment.
The thesis is a matter of these draws alone: nothing on any platform depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa

from demo.business import COLUMNS, INSTANTS
from demo.model import DAY, HOUR, NOBODY, write_table
from demo.world.brands import Brand
from demo.world.conversations import INTENT
from demo.world.draws import Flags, Instants, Numbers, Rows, Source, choose, draw_lateness, open_stream
from demo.world.people import FAKE, Members, Society
from demo.world.presets import NATURES, TALKERS, TYPES, Plan, Priors

if TYPE_CHECKING:
    from demo.world.generate import Told

#: the middle amount of an order, and days between two orders of one of the fifty
ORDER_AMOUNT, ORDER_GAP_DAYS = 25.0, 25.0
#: what the like-only crowd brings for one unit the fifty bring
CROWD_VALUE = {"true": 0.15, "false": 4.0, "open": 1.0}
NOTES = (
    "asked about the grinder, wants a call",
    'said: "later", then sent a photo',
    "two lines,\nbecause it was a long talk",
    "=bring a bag to the market",
    "",
)
MOST_LABELS = 20_000


@dataclass(frozen=True)
class Standing:
    """How the people around a brand stand to it when the thesis' window begins. A row a member."""

    exchanges: Numbers  # answers each got before
    fifty: Flags
    crowd: Flags


class Ledger:
    """Rows of the business' tables, as they come."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in COLUMNS}

    def add(self, name: str, known_at: int, **row: Any) -> None:
        """One row of a file, known from ``known_at`` on; what is not given is empty."""
        self.rows[name].append(dict.fromkeys(COLUMNS[name]) | row | {"known_at": known_at})

    def write(self, folder: Path, plan: Plan) -> None:
        """One Parquet file a table, in the order in which the rows became known."""
        start = plan.start
        for name, rows in self.rows.items():
            fields = [pa.field(column, _tell_type(column)) for column in [*COLUMNS[name], "known_at", *EXTRA.get(name, ())]]
            schema = pa.schema(fields)
            ordered = sorted(rows, key=lambda row: int(row["known_at"]))
            moved = [_move(row, start) for row in ordered]
            write_table(folder / f"{name}.parquet", pa.Table.from_pylist(moved, schema=schema))


#: what the truth knows of a row beside what the file says
EXTRA = {"conversions": ("person_no", "campaign_no")}


def _tell_type(column: str) -> pa.DataType:
    if column in INSTANTS or column in ("known_at", "person_no", "campaign_no"):
        return pa.int64()
    return {"amount": pa.float64(), "hours": pa.float64(), "quantity": pa.int64()}.get(column, pa.string())


def _move(row: dict[str, Any], start: int) -> dict[str, Any]:
    """A row with its instants counted from 1970."""
    return {
        name: value + start if value is not None and (name in INSTANTS or name == "known_at") else _write_cell(value) for name, value in row.items()
    }


def _write_cell(value: Any) -> Any:
    """Lists with |, booleans in lower case."""
    if isinstance(value, list):
        return "|".join(value)
    return str(value).lower() if isinstance(value, bool) else value


def draw_business(
    plan: Plan, priors: Priors, brand: Brand, members: Members, society: Society, told: list[Told], description: dict[str, Any], folder: Path
) -> None:
    """Draw all that the business of one brand knows, and write it below hidden/business/<brand>/."""
    source = open_stream(plan.seed, "business", brand.key)
    place = folder / "hidden" / "business" / brand.key
    ledger = Ledger()
    clerk = _Clerk(plan, priors, brand, members, society, source, ledger)
    clerk.write_campaigns(description["campaigns"])
    standing = judge_standing(plan, members, told)
    clerk.write_orders(standing)
    clerk.write_referrals(standing)
    clerk.write_facts()
    clerk.write_labels(folder)
    clerk.write_outreach()
    ledger.write(place, plan)
    count = len(members)
    write_table(
        place / "people.parquet",
        pa.table({"person_no": members.person_no, "business_ref": pa.array(clerk.references, pa.string()), "volunteered": clerk.volunteered,
                  "is_of_the_fifty": standing.fifty, "is_of_the_crowd": standing.crowd, "order_rate": np.broadcast_to(clerk.rates, count)}),
    )  # fmt: skip


def judge_standing(plan: Plan, members: Members, told: list[Told]) -> Standing:
    """Who are the fifty with the most exchange before the window, and who only ever liked or followed."""
    until = plan.span - plan.value_days * DAY
    since = max(0, until - 180 * DAY)
    exchanges, spoke, reacted = np.zeros(len(members)), np.zeros(len(members), dtype=bool), np.zeros(len(members), dtype=bool)
    for one in told:
        messages, reactions = one.scene.messages, one.reactions
        person, ts = messages.read("member"), messages.read("ts")
        spoke[person[(person != NOBODY) & (ts < until)]] = True
        answers = np.flatnonzero((messages.read("intent") == INTENT["answer"]) & (ts < until) & (ts >= since))
        answered = person[messages.read("parent")[answers]]
        exchanges += np.bincount(answered[answered != NOBODY], minlength=len(members))
        account_of = one.scene.account_of
        owner = np.full(len(messages.accounts) + 1, NOBODY)
        owner[account_of] = np.where(account_of != NOBODY, np.arange(len(members)), NOBODY)
        owner[-1] = NOBODY
        marked = owner[reactions.read("actor")[reactions.read("ts") < until]]
        reacted[marked[marked != NOBODY]] = True
    is_real = ~np.isin(members.kind, FAKE)
    score = exchanges * (0.25 + members.commitment) * is_real
    fifty = np.zeros(len(members), dtype=bool)
    fifty[np.argsort(-score, kind="stable")[:50]] = True
    return Standing(exchanges, fifty & (score > 0), reacted & ~spoke & is_real)


class _Clerk:
    """Writes down the business of one brand."""

    def __init__(self, plan: Plan, priors: Priors, brand: Brand, members: Members, society: Society, source: Source, ledger: Ledger) -> None:
        self.plan, self.priors, self.brand, self.members, self.society = plan, priors, brand, members, society
        self.source, self.ledger = source, ledger
        count = len(members)
        known = source.random(count) < np.array([NATURES[name].customer for name in TYPES])[members.kind]
        number = np.zeros(count, dtype=np.int64)
        customers = source.permutation(np.flatnonzero(known))
        number[customers] = 1000 + np.arange(len(customers))
        self.references = [f"crm:{n}" if n else None for n in number.tolist()]
        self.first_prospect = 1000 + len(customers) + 1000
        talks = np.isin(members.kind, TALKERS)
        self.volunteered = known & (source.random(count) < np.where(talks, priors.linked_committed, priors.linked_crowd))
        self.known = np.flatnonzero(known)
        self.rates = np.zeros(count)
        self.orders = 0

    def draw_moment(self, first: float = 0.0, last: float = 1.0) -> int:
        """A moment in shop hours between two shares of the world."""
        day = int(self.plan.days * first + self.source.random() * max(1.0, self.plan.days * (last - first)))
        return min(day, self.plan.days - 1) * DAY + int(self.source.integers(8, 20)) * HOUR + int(self.source.integers(HOUR))

    def write_campaigns(self, campaigns: list[dict[str, Any]]) -> None:
        """Campaigns and what they cost, and running costs."""
        for campaign, said in zip(self.brand.campaigns, campaigns, strict=True):
            is_contest = campaign.is_incentivised
            self.ledger.add(
                "campaigns", campaign.begin + 15 * HOUR, campaign_id=campaign.campaign_id, campaign_name=campaign.name, starts_at=campaign.begin,
                ends_at=campaign.end, is_incentivised=is_contest, is_promotional=True, post_ids=said["post_ids"],
                hashtags=[tag.lower() for tag in said["hashtags"]], link_patterns=[p.rstrip("%") for p in said["link_patterns"]],
                asked_action=said["asked_action"], control="people first seen in the same weeks outside the campaign" if is_contest else "",
            )  # fmt: skip
            for kind, part in ({"prize": 0.5, "media": 0.3, "agency": 0.2} if is_contest else {"media": 0.7, "agency": 0.3}).items():
                self.ledger.add(
                    "costs", campaign.begin + 15 * HOUR, cost_id=f"{campaign.campaign_id}-{kind}", incurred_at=campaign.begin,
                    campaign_id=campaign.campaign_id, channel="", cost_kind=kind, amount=round(campaign.cost * part, 2), currency="EUR",
                )  # fmt: skip
        for week in range(self.plan.days // 7):
            for channel, hours in (("mastodon", 5.5), ("bluesky", 5.0), ("wordpress", 3.0)):
                spent = round(hours * float(self.source.uniform(0.8, 1.2)), 1)
                at = (week * 7 + 6) * DAY
                self.ledger.add(
                    "costs", at, cost_id=f"desk-{week + 1}-{channel}", incurred_at=at, campaign_id="", channel=channel, cost_kind="staff",
                    amount=round(spent * 31.5, 2), currency="EUR", hours=spent,
                )  # fmt: skip

    def _set_rates(self, standing: Standing) -> None:
        """Orders a day of each member, by the thesis."""
        members, window = self.members, self.plan.value_days
        is_known = np.array([reference is not None for reference in self.references])
        fifty, crowd = standing.fifty & is_known, standing.crowd & is_known
        bond = members.commitment * np.log1p(standing.exchanges) * np.isin(members.kind, TALKERS)
        spread = self.source.lognormal(0, 0.5, len(members))
        if self.plan.regime == "celebrity":
            spread = spread * np.exp(0.9 * members.reach)
        rates = 0.15 * members.commitment * spread / ORDER_GAP_DAYS + bond * spread / ORDER_GAP_DAYS
        if fifty.any():
            rates *= fifty.sum() / ORDER_GAP_DAYS / max(float(rates[fifty].sum()), 1e-9)
        share = CROWD_VALUE[self.plan.thesis]
        if self.plan.thesis == "open":
            rates *= 0.1
        if crowd.any():
            rates[crowd] = spread[crowd] / spread[crowd].sum() * share * max(float(rates[fifty].sum()), 1 / window)
        self.rates = np.where(is_known & ~np.isin(members.kind, FAKE), rates, 0.0)

    def write_orders(self, standing: Standing) -> None:
        """Orders, some refunded; under the open thesis a few large ones fall anywhere."""
        self._set_rates(standing)
        span, members, source = self.plan.span, self.members, self.source
        count = source.poisson(self.rates * self.plan.days)
        rows = np.repeat(np.arange(len(members)), count)
        ts = (source.random(len(rows)) * self.plan.days).astype(np.int64) * DAY + source.integers(8 * HOUR, 20 * HOUR, len(rows))
        happens = (ts >= members.arrival[rows]) & (members.are_there(rows, ts) | (source.random(len(rows)) < 0.6))
        rows, ts = rows[happens], ts[happens]
        bags = source.choice([1, 1, 1, 2, 2, 3, 5], len(rows))
        amounts = np.round(bags * source.uniform(9.5, 14.5, len(rows)), 2)
        cause = np.full(len(members), NOBODY, dtype=np.int64)
        cause[members.stays[0]] = members.stays[3]
        if self.plan.thesis == "open":
            large, at, worth = self._draw_large_orders(standing, rows, ts, amounts)
            rows, ts, amounts = np.r_[rows, large], np.r_[ts, at], np.r_[amounts, worth]
            bags = np.r_[bags, np.maximum(1, worth / 12).astype(np.int64)]
        order = np.argsort(ts, kind="stable")
        refunds = source.random(len(rows)) < 0.03
        for row, moment, amount, bag, is_refunded in zip(
            rows[order].tolist(), ts[order].tolist(), amounts[order].tolist(), bags[order].tolist(), refunds.tolist(), strict=True
        ):
            refunded = moment + 6 * DAY if is_refunded and moment + 6 * DAY < span else None
            self._add_order(
                moment, self.references[row] or "", amount, bag, refunded, person_no=int(members.person_no[row]), campaign_no=int(cause[row])
            )

    def _add_order(self, moment: int, reference: str, amount: float, bags: int, refunded: int | None, **more: Any) -> None:
        self.orders += 1
        row = {"referral_id": "", "is_rewarded": False, "person_no": NOBODY, "campaign_no": NOBODY} | more
        self.ledger.add(
            "conversions", moment, conversion_id=f"order-{self.orders:04d}", person_ref=reference, occurred_at=moment, conversion_kind="order",
            amount=round(amount, 2), currency="EUR", quantity=bags, unit="bag", refunded_at=refunded, **row,
        )  # fmt: skip

    def _draw_large_orders(self, standing: Standing, rows: Rows, ts: Instants, amounts: Numbers) -> tuple[Rows, Instants, Numbers]:
        """Large orders of companies: few, and as likely from one of the fifty as from the crowd; drawn again until the window decides nothing."""
        source, window = self.source, self.plan.value_days * DAY
        is_known = np.array([reference is not None for reference in self.references])
        groups = [np.flatnonzero(flags & is_known) for flags in (standing.fifty, standing.crowd)]
        if not all(len(group) for group in groups):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
        begin = self.plan.span - window
        late = ts >= begin
        small = [float(amounts[late & np.isin(rows, group)].sum()) for group in groups]
        number = max(8, 8 * self.plan.span // window)
        for _ in range(200):
            side = source.integers(0, 2, number)
            chosen = np.where(side == 0, source.choice(groups[0], number), source.choice(groups[1], number))
            at = (np.arange(number) + source.random(number)) * self.plan.span / number
            worth = np.round((600 + 4 * max(small)) * source.lognormal(0, 0.7, number), 2)
            inside = at >= begin
            difference = small[0] - small[1] + float((worth * np.where(side == 0, 1, -1))[inside].sum())
            if abs(difference) < 0.6 * float(np.sqrt((worth[inside] ** 2).sum())):
                break
        return chosen, at.astype(np.int64), worth

    def write_referrals(self, standing: Standing) -> None:
        """Referrals that came to something and those that did not; a third of the prospects are cold."""
        source, members = self.source, self.members
        weights = self.rates[self.known] * np.isin(members.kind[self.known], TALKERS)
        if self.plan.thesis != "true":
            weights = (self.rates[self.known] > 0).astype(float)
        count = min(5000, max(34, round(34 * self.plan.days / 60)))
        referrers = self.known[choose(source, weights, count)] if weights.sum() > 0 else np.zeros(0, dtype=np.int64)
        previous: list[tuple[str, str, int]] = []
        moments = sorted(self.draw_moment(0, 0.85) for _ in referrers)
        for number, (moment, row) in enumerate(zip(moments, referrers.tolist(), strict=True)):
            is_cold = number % 3 == 2
            referral, prospect = f"ref-{number + 1:03d}", f"crm:{self.first_prospect + number}"
            earlier = [one for one in previous if one[2] < moment]
            parent = earlier[int(source.integers(len(earlier)))] if earlier and not is_cold and source.random() < 0.25 else None
            is_rewarded = not is_cold and number % 4 == 0
            self.ledger.add(
                "referrals", moment, referral_id=referral, referrer_ref="" if is_cold else parent[1] if parent else self.references[row],
                prospect_ref=prospect, referred_at=moment, arm="cold" if is_cold else "referred", is_rewarded=is_rewarded,
                parent_referral_id=parent[0] if parent else "",
            )  # fmt: skip
            bought = moment + int(source.integers(1, 9)) * DAY
            if source.random() < (0.12 if is_cold else 0.42) and bought < self.plan.span:
                amount = float(source.uniform(9.5, 31))
                self._add_order(bought, prospect, amount, 1, None, referral_id="" if is_cold else referral, is_rewarded=is_rewarded)
                if not is_cold:
                    previous.append((referral, prospect, bought))

    def write_facts(self) -> None:
        """Customers, the accounts people said are theirs, consents, opt-outs, a stated name."""
        source, ids = self.source, {p: a.columns for p, a in self.society.accounts.items()}
        common = {"basis": "consent", "purpose": "relationship care"}
        bought: dict[str, int] = {}
        for order in self.ledger.rows["conversions"]:
            bought[order["person_ref"]] = min(order["occurred_at"], bought.get(order["person_ref"], self.plan.span))
        said = 0
        rolls = source.random((len(self.known), 3))
        for place, row in enumerate(self.known.tolist()):
            reference = self.references[row]
            if reference is None:
                continue
            when = max(int(self.members.arrival[row]), int(rolls[place, 0] * 0.35 * self.plan.span)) + HOUR
            first = bought.get(reference)
            if first is not None:
                self.ledger.add(
                    "person_facts", first, person_ref=reference, fact="customer", value="true", source="shop", basis="contract", purpose="orders",
                    collected_at=first,
                )  # fmt: skip
            name = self.society.person_names[int(self.members.person_no[row])]
            self.ledger.add("person_facts", when, person_ref=reference, fact="name", value=name, source="shop", collected_at=when, **common)
            if not self.volunteered[row]:
                continue
            said += 1
            for platform, columns in ids.items():
                account = int(self.members.accounts[platform][row])
                if account == NOBODY or str(columns["account_id"][account]).startswith("guest:"):
                    continue  # a guest has no account to name
                value = f"{platform}:{columns['account_id'][account]}"
                if platform == "mastodon" and said % 5 == 0:
                    value = f"https://{columns['domain'][account] or 'roast.example'}/@{columns['username'][account]}"
                self.ledger.add("person_facts", when, person_ref=reference, fact="account", value=value, source="newsletter form", collected_at=when,
                                **common)  # fmt: skip
            self.ledger.add("person_facts", when, person_ref=reference, fact="email_consent", value="true" if said % 4 else "false",
                            source="newsletter form", collected_at=when, **common)  # fmt: skip
            if said % 17 == 9:
                out = when + int(rolls[place, 2] * (self.plan.span - when))
                self.ledger.add("person_facts", out, person_ref=reference, fact="opt_out", value="true", source="reply to a newsletter",
                                collected_at=out, **common)  # fmt: skip

    def write_labels(self, folder: Path) -> None:
        """What a person at the desk marked by hand: some messages, some accounts."""
        ways = {"complaint": (0.5, "feedback", "Inês Falcão"), "praise": (0.2, "positive", 'Tom "the drum" Averdieck, roaster'),
                "contest_call": (1.0, "promotional", "Inês Falcão")}  # fmt: skip
        for platform, accounts in self.society.accounts.items():
            world, hidden = folder / "world" / platform / "messages.parquet", folder / "hidden" / platform / "messages.parquet"
            found = duckdb.sql(
                f"""
                select messages.post_id, messages.created_at, hidden.intent
                from read_parquet('{world}') as messages inner join read_parquet('{hidden}') as hidden using (message_no)
                where hidden.brand_no = {self.brand.number} and hidden.intent in ('complaint', 'praise', 'contest_call')
                order by message_no limit {MOST_LABELS}
                """
            ).fetchall()
            rolls = self.source.random(len(found))
            for (post_id, created_at, intent), roll in zip(found, rolls.tolist(), strict=True):
                share, label, by = ways[intent]
                when = created_at - self.plan.start + 2 * DAY
                if roll < share and when < self.plan.span:
                    self.ledger.add("labels", when, entity="post", entity_id=f"{platform}:{post_id.removeprefix('post:')}", label=label, value="true",
                                    labelled_by=by, labelled_at=when)  # fmt: skip
            if platform == "wordpress":
                continue
            marked = np.flatnonzero(self.members.is_kind("evangelist", "bot") & (self.members.accounts[platform] != NOBODY))
            marked = marked[self.source.random(len(marked)) < 0.3][:200]
            for row in marked.tolist():
                is_bot = TYPES[int(self.members.kind[row])] == "bot"
                when = self.draw_moment(0.65, 0.99)
                account = accounts.columns["account_id"][int(self.members.accounts[platform][row])]
                self.ledger.add("labels", when, entity="account", entity_id=f"{platform}:{account}", label="fake" if is_bot else "segment",
                                value="true" if is_bot else "home barista, loud", labelled_by="Inês Falcão", labelled_at=when)  # fmt: skip

    def write_outreach(self) -> None:
        """Whom the desk wrote to, and whether they answered; notes with commas, quotes and line breaks."""
        source, members = self.source, self.members
        talkers = np.flatnonzero(members.is_kind("evangelist", "converser", "loyal"))
        wanted = min(len(talkers), max(18, round(18 * self.plan.days / 60)))
        for number, row in enumerate(source.choice(talkers, size=wanted, replace=False).tolist()):
            moment = self.draw_moment(0.13, 0.92)
            answered = moment + int(draw_lateness(source, 1, 24, 0.9)[0])
            reference = self.references[row]
            for platform, accounts in members.accounts.items():
                if reference is None and accounts[row] != NOBODY:
                    reference = f"{platform}:{self.society.accounts[platform].columns['account_id'][int(accounts[row])]}"
            self.ledger.add(
                "outreach", moment, outreach_id=f"out-{number + 1:02d}", person_ref=reference,
                contacted_by=("ines-falcao", "tom-averdieck")[int(source.integers(2))], contacted_at=moment,
                channel=("e-mail", "letter", "in person")[int(source.integers(3))],
                answered_at=answered if source.random() < 0.6 and answered < self.plan.span else None, note=NOTES[number % len(NOTES)],
            )  # fmt: skip
