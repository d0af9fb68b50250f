"""The brand's own files, as its shop, its desk and its agency would drop them: CSV in DIR/business/.

Data flow: world (people, campaigns, accounts) + a random source -> seven CSV files, quoted where names need it.
"""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path
from typing import Any

from demo.model import DAY, HOUR, World, format_utc, write_atomically
from demo.people import NATURES

COLUMNS: dict[str, list[str]] = {
    "campaigns": [
        "campaign_id",
        "campaign_name",
        "starts_at",
        "ends_at",
        "is_incentivised",
        "is_promotional",
        "post_ids",
        "hashtags",
        "link_patterns",
        "asked_action",
        "control",
    ],
    "costs": ["cost_id", "incurred_at", "campaign_id", "channel", "cost_kind", "amount", "currency", "hours"],
    "conversions": [
        "conversion_id",
        "person_ref",
        "occurred_at",
        "conversion_kind",
        "amount",
        "currency",
        "quantity",
        "unit",
        "referral_id",
        "is_rewarded",
        "refunded_at",
    ],
    "referrals": [
        "referral_id",
        "referrer_ref",
        "prospect_ref",
        "referred_at",
        "arm",
        "is_rewarded",
        "parent_referral_id",
    ],
    "labels": ["entity", "entity_id", "label", "value", "labelled_by", "labelled_at"],
    "person_facts": [
        "person_ref",
        "fact",
        "value",
        "source",
        "basis",
        "purpose",
        "collected_at",
        "expires_at",
        "objected_at",
    ],
    "outreach": ["outreach_id", "person_ref", "contacted_by", "contacted_at", "channel", "answered_at", "note"],
}
ORDERS_PER_SEASON = {
    "evangelist": 4.2,
    "converser": 2.2,
    "loyal": 2.8,
    "lurker": 0.8,
    "like_only": 0.35,
    "contest_hunter": 0.2,
    "bot": 0.0,
}


class Bookkeeper:
    """Writes down the business of one world; draws from a source of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.source = random.Random(f"{world.seed}/business")
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in COLUMNS}
        self.people: list[dict[str, Any]] = world.hidden["people"]

    def add(self, name: str, **row: Any) -> None:
        """One row of a file."""
        self.rows[name].append(row)

    def draw_moment(self, first_day: int = 0, last_day: int = 59) -> int:
        """A moment in opening hours."""
        return self.world.start + self.source.randint(first_day, last_day) * DAY + self.source.randint(8, 19) * HOUR + self.source.randrange(HOUR)

    def refer_to(self, person: dict[str, Any]) -> str:
        """The reference the business knows a person by."""
        if person["business_ref"]:
            return str(person["business_ref"])
        platform, account_id = next(iter(person["accounts"].items()))
        return f"{platform}:{account_id}"

    def write_campaigns(self) -> None:
        """Campaigns and what they cost, and running costs."""
        for campaign in self.world.brand["campaigns"]:
            self.add(
                "campaigns",
                campaign_id=campaign["campaign_id"],
                campaign_name=campaign["name"],
                starts_at=campaign["starts_at"],
                ends_at=campaign["ends_at"],
                is_incentivised=campaign["is_incentivised"],
                is_promotional=campaign["is_promotional"],
                post_ids=campaign["post_ids"],
                hashtags=[tag.lower() for tag in campaign["hashtags"]],
                link_patterns=[p.rstrip("%") for p in campaign["link_patterns"]],
                asked_action=campaign["asked_action"],
                control="people first seen in the same weeks outside the campaign" if campaign["is_incentivised"] else "",
            )
            share = {"prize": 0.5, "media": 0.3, "agency": 0.2} if campaign["is_incentivised"] else {"media": 0.7, "agency": 0.3}
            for kind, part in share.items():
                self.add(
                    "costs",
                    cost_id=f"{campaign['campaign_id']}-{kind}",
                    incurred_at=campaign["starts_at"],
                    campaign_id=campaign["campaign_id"],
                    channel="",
                    cost_kind=kind,
                    amount=round(campaign["cost"] * part, 2),
                    currency="EUR",
                    hours="",
                )
        for week in range(8):
            for channel, hours in (("mastodon", 5.5), ("bluesky", 5.0), ("wordpress", 3.0)):
                spent = round(hours * self.source.uniform(0.8, 1.2), 1)
                self.add(
                    "costs",
                    cost_id=f"desk-{week + 1}-{channel}",
                    incurred_at=format_utc(self.world.start + (week * 7 + 6) * DAY),
                    campaign_id="",
                    channel=channel,
                    cost_kind="staff",
                    amount=round(spent * 31.5, 2),
                    currency="EUR",
                    hours=spent,
                )

    def write_sales(self) -> None:
        """Orders, some refunded; referrals that came to something and those that did not."""
        number, shop = 0, [p for p in self.people if p["business_ref"]]
        for person in shop:
            expected = ORDERS_PER_SEASON[person["type"]] * person["activity"]
            for _ in range(sum(self.source.random() < expected / 6 for _ in range(6))):
                number += 1
                moment = self.draw_moment()
                bags = self.source.choice([1, 1, 1, 2, 2, 3, 5])
                refunded = moment + 6 * DAY if self.source.random() < 0.03 else None
                self.add(
                    "conversions",
                    conversion_id=f"order-{number:04d}",
                    person_ref=person["business_ref"],
                    occurred_at=format_utc(moment),
                    conversion_kind="order",
                    amount=round(bags * self.source.uniform(9.5, 14.5), 2),
                    currency="EUR",
                    quantity=bags,
                    unit="bag",
                    referral_id="",
                    is_rewarded=False,
                    refunded_at=format_utc(refunded) if refunded and refunded < self.world.end else "",
                )
        referrers = [p for p in self.people if p["type"] in ("evangelist", "loyal", "converser") and p["business_ref"]]
        previous: list[tuple[str, str]] = []
        for referral in range(34):
            moment, is_cold = self.draw_moment(0, 50), referral % 3 == 2
            referral_id, prospect = f"ref-{referral + 1:03d}", f"crm:{5000 + referral}"
            parent = self.source.choice(previous) if previous and not is_cold and self.source.random() < 0.25 else None
            referrer = "" if is_cold else parent[1] if parent else self.source.choice(referrers)["business_ref"]
            self.add(
                "referrals",
                referral_id=referral_id,
                referrer_ref=referrer,
                prospect_ref=prospect,
                referred_at=format_utc(moment),
                arm="cold" if is_cold else "referred",
                is_rewarded=not is_cold and referral % 4 == 0,
                parent_referral_id=parent[0] if parent else "",
            )
            if self.source.random() < (0.12 if is_cold else 0.42):
                number += 1
                self.add(
                    "conversions",
                    conversion_id=f"order-{number:04d}",
                    person_ref=prospect,
                    occurred_at=format_utc(moment + self.source.randint(1, 8) * DAY),
                    conversion_kind="order",
                    amount=round(self.source.uniform(9.5, 31), 2),
                    currency="EUR",
                    quantity=1,
                    unit="bag",
                    referral_id="" if is_cold else referral_id,
                    is_rewarded=not is_cold and referral % 4 == 0,
                    refunded_at="",
                )
                if not is_cold:
                    previous.append((referral_id, prospect))

    def write_person_facts(self) -> None:
        """Customers, the accounts people said are theirs, consents, an opt-out, an objection, a stated name."""
        names = {account.account_id: account for account in self.world.accounts}
        common: dict[str, Any] = {
            "basis": "consent",
            "purpose": "relationship care",
            "expires_at": "",
            "objected_at": "",
        }
        said = 0
        for person in self.people:
            if not person["business_ref"]:
                continue
            reference, when = person["business_ref"], format_utc(self.draw_moment(0, 20))
            self.add(
                "person_facts",
                **common | {"basis": "contract", "purpose": "orders"},
                person_ref=reference,
                fact="customer",
                value="true",
                source="shop",
                collected_at=when,
            )
            self.add(
                "person_facts",
                **common,
                person_ref=reference,
                fact="name",
                value=person["name"],
                source="shop",
                collected_at=when,
            )
            if not person["volunteered"]:
                continue
            said += 1
            for platform, account_id in person["accounts"].items():
                if platform == "wordpress" and account_id.startswith("guest:"):
                    continue  # a guest has no account to name
                account = names[account_id]
                is_url = platform == "mastodon" and said % 5 == 0
                url = f"https://{account.domain or self.world.brand['mastodon_domain']}/@{account.username}"
                self.add(
                    "person_facts",
                    **common,
                    person_ref=reference,
                    fact="account",
                    value=url if is_url else f"{platform}:{account_id}",
                    source="newsletter form",
                    collected_at=when,
                )
            self.add(
                "person_facts",
                **common,
                person_ref=reference,
                fact="email_consent",
                value="true" if said % 4 else "false",
                source="newsletter form",
                collected_at=when,
            )
            if said % 17 == 9:
                self.add(
                    "person_facts",
                    **common,
                    person_ref=reference,
                    fact="opt_out",
                    value="true",
                    source="reply to a newsletter",
                    collected_at=format_utc(self.draw_moment(30, 59)),
                )

    def write_labels(self) -> None:
        """What a person at the desk marked by hand."""
        posts = [e for e in self.world.events if e.kind == "post"]
        intents = self.world.hidden["messages"]
        for event in posts:
            key = f"{event.platform}|{event.data['post_id']}"
            entity_id, intent = (
                f"{event.platform}:{event.data['post_id'].removeprefix('post:')}",
                intents[key]["intent"],
            )
            when = format_utc(min(event.ts + 2 * DAY, self.world.end - HOUR))
            if intent == "complaint" and self.source.random() < 0.5:
                self.add(
                    "labels",
                    entity="post",
                    entity_id=entity_id,
                    label="feedback",
                    value="true",
                    labelled_by="Inês Falcão",
                    labelled_at=when,
                )
            elif intent == "praise" and self.source.random() < 0.2:
                self.add(
                    "labels",
                    entity="post",
                    entity_id=entity_id,
                    label="positive",
                    value="true",
                    labelled_by='Tom "the drum" Averdieck, roaster',
                    labelled_at=when,
                )
            elif intent == "contest_call":
                self.add(
                    "labels",
                    entity="post",
                    entity_id=entity_id,
                    label="promotional",
                    value="true",
                    labelled_by="Inês Falcão",
                    labelled_at=when,
                )
        for person in self.people:
            if person["type"] in ("evangelist", "bot") and self.source.random() < 0.3:
                platform, account_id = next(iter(person["accounts"].items()))
                if account_id.startswith("guest:"):
                    continue
                label, value = ("fake", "true") if person["type"] == "bot" else ("segment", "home barista, loud")
                self.add(
                    "labels",
                    entity="account",
                    entity_id=f"{platform}:{account_id}",
                    label=label,
                    value=value,
                    labelled_by="Inês Falcão",
                    labelled_at=format_utc(self.draw_moment(40, 59)),
                )

    def write_outreach(self) -> None:
        """Whom the desk wrote to, and whether they answered; notes with commas, quotes and line breaks."""
        notes = [
            "asked about the grinder, wants a call",
            'said: "later", then sent a photo',
            "two lines,\nbecause it was a long talk",
            "=bring a bag to the market",
            "",
        ]
        talkers = [p for p in self.people if p["type"] in ("evangelist", "converser", "loyal")]
        for number, person in enumerate(self.source.sample(talkers, 18)):
            moment = self.draw_moment(8, 55)
            answered = moment + self.source.randint(1, 90) * HOUR if self.source.random() < 0.6 else None
            self.add(
                "outreach",
                outreach_id=f"out-{number + 1:02d}",
                person_ref=self.refer_to(person),
                contacted_by=self.source.choice(["ines-falcao", "tom-averdieck"]),
                contacted_at=format_utc(moment),
                channel=self.source.choice(["e-mail", "letter", "in person"]),
                answered_at=format_utc(answered) if answered and answered < self.world.end else "",
                note=notes[number % len(notes)],
            )


def write_business_files(world: World, directory: Path) -> dict[str, int]:
    """Write the seven files below ``directory``; returns rows per file. ``world`` must have been loaded with what is hidden."""
    assert set(ORDERS_PER_SEASON) == set(NATURES)
    keeper = Bookkeeper(world)
    keeper.write_campaigns()
    keeper.write_sales()
    keeper.write_person_facts()
    keeper.write_labels()
    keeper.write_outreach()
    for name, columns in COLUMNS.items():
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\r\n")
        writer.writerow(columns)
        for row in keeper.rows[name]:
            writer.writerow([write_cell(row[column]) for column in columns])
        write_atomically(directory / f"{name}.csv", buffer.getvalue())
    return {name: len(rows) for name, rows in keeper.rows.items()}


def write_cell(value: Any) -> Any:
    """A value as a CSV cell: lists with |, booleans in lower case."""
    if isinstance(value, list):
        return "|".join(value)
    return str(value).lower() if isinstance(value, bool) else value
