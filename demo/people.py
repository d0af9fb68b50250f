"""The people of a world: hidden types, how often each does what, and the accounts they hold.

Data flow: random source -> ``Person`` and ``Account`` rows -> ``behaviour``.
The types and rates are ours; activity is heavy-tailed (log-normal), as every published study of such crowds finds.
"""

from __future__ import annotations

import base64
import hashlib
import random
from dataclasses import dataclass, field

from demo.model import DAY, Account
from demo.text import FIRST_NAMES, HOSTILE_NAMES, LAST_NAMES

NETWORKS = ("mastodon", "bluesky", "wordpress")
LOCAL_DOMAIN = "roast.example"
REMOTE_DOMAINS = ("beans.example", "fedi.example", "cups.example", "kaffee.example")
BLOG_HOST = "blog.moorhen.example"


@dataclass(frozen=True)
class Nature:
    """How one hidden type behaves: chances per brand post it could meet, and mentions of its own per week."""

    like: float
    reply: float
    reshare: float
    quote: float
    carry_on: float  # chance to come back after the brand answered
    mentions_a_week: float
    follow: float
    second_network: float
    customer: float


NATURES: dict[str, Nature] = {
    "evangelist": Nature(0.45, 0.20, 0.16, 0.030, 0.60, 0.55, 1.00, 0.70, 0.70),
    "converser": Nature(0.30, 0.15, 0.05, 0.020, 0.68, 0.30, 0.90, 0.30, 0.45),
    "loyal": Nature(0.36, 0.07, 0.05, 0.008, 0.45, 0.12, 0.90, 0.15, 0.60),
    "lurker": Nature(0.05, 0.006, 0.004, 0.0, 0.15, 0.0, 0.85, 0.03, 0.12),
    "like_only": Nature(0.55, 0.0, 0.012, 0.0, 0.0, 0.0, 0.55, 0.02, 0.06),
    "contest_hunter": Nature(0.03, 0.0, 0.01, 0.0, 0.05, 0.0, 0.10, 0.05, 0.03),
    "bot": Nature(0.22, 0.04, 0.06, 0.0, 0.0, 0.05, 0.60, 0.0, 0.0),
}
HEAD_COUNT = {
    "evangelist": 11,
    "converser": 20,
    "loyal": 36,
    "lurker": 34,
    "like_only": 72,
    "contest_hunter": 28,
    "bot": 9,
}


@dataclass
class Person:
    """One human or bot behind one or more accounts; known to the truth only."""

    person_id: str
    kind: str
    name: str
    activity: float
    business_ref: str | None = None
    volunteered: bool = False
    away: tuple[int, int] | None = None  # day offsets of an absence
    accounts: dict[str, Account] = field(default_factory=dict)


def mint_snowflake(milliseconds: int, tail: int) -> str:
    """A Mastodon id: milliseconds shifted by sixteen bits, with a tail."""
    return str((milliseconds << 16) | (tail & 0xFFFF))


def mint_did(source: random.Random) -> str:
    """A did:plc identifier: 24 base32 characters."""
    return "did:plc:" + "".join(source.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(24))


def mint_tid(microseconds: int, clock: int) -> str:
    """An AT Protocol record key: 13 characters that sort by time."""
    number, text = (microseconds << 10) | (clock & 0x3FF), ""
    for _ in range(13):
        number, rest = divmod(number, 32)
        text = "234567abcdefghijklmnopqrstuvwxyz"[rest] + text
    return text


def mint_cid(content: str) -> str:
    """A CIDv1 (dag-cbor, sha-256) look-alike derived from the content, in lower-case base32."""
    digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()
    return "b" + base64.b32encode(b"\x01\x71\x12\x20" + digest).decode().lower().rstrip("=")


def hash_email(email: str) -> str:
    """The avatar hash WordPress shows for an e-mail address (MD5 of the trimmed lower-case address)."""
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


class AccountMaker:
    """Mints accounts on each network from one random source, never the same name or id twice."""

    def __init__(self, source: random.Random, start: int) -> None:
        self.source, self.start = source, start
        self.next_user_id = 1
        self.taken: set[str] = set()

    def make(
        self,
        platform: str,
        name: str,
        username: str,
        role: str = "person",
        is_bot: bool = False,
        is_registered: bool = False,
        is_local: bool = False,
    ) -> Account:
        """One new account; its age, audience and oddities are drawn here."""
        source = self.source
        base = "".join(c for c in username.lower() if c.isalnum()) or "anon"
        username, number = base, 1
        while f"{platform}:{username}" in self.taken:
            number += 1
            username = f"{base}{number}"
        self.taken.add(f"{platform}:{username}")
        created_at = self.start - round(source.lognormvariate(6.2, 0.7) * DAY) - source.randrange(DAY)
        account = Account(
            platform=platform,
            account_id="",
            username=username,
            domain=None,
            display_name=name,
            bio="",
            location="",
            created_at=created_at,
            role=role,
            is_bot=is_bot,
            follower_count=round(source.lognormvariate(4.6, 1.5)),
            following_count=round(source.lognormvariate(5.0, 1.0)),
            post_count=round(source.lognormvariate(5.5, 1.3)),
        )
        if role == "person" and platform != "wordpress" and source.random() < 0.05:
            account.display_name = ""
        if source.random() < 0.6:
            account.bio = source.choice(
                [
                    "Coffee, bikes, bad puns.",
                    "Here for the beans.",
                    "She/her · baker",
                    "Opinions & espresso <3",
                    "Reads labels.",
                ]
            )
        if platform == "mastodon":
            account.account_id = mint_snowflake(created_at, source.randrange(1 << 16))
            if not is_local and source.random() < 0.55:
                account.domain = source.choice(REMOTE_DOMAINS)
                if source.random() < 0.2:
                    account.traits["counts_as_text"] = True
                if source.random() < 0.2:
                    account.traits["language_unknown"] = True
                if source.random() < 0.15:
                    account.traits["hides_collections"] = True
            else:
                account.domain = None
        elif platform == "bluesky":
            account.account_id = mint_did(source)
            own_domain = "example" if role == "brand" else "moorhen.example"
            account.domain = own_domain if role != "person" else source.choice(["bsky.example", "bsky.example", "bsky.example", "skies.example"])
            account.traits["time_format"] = source.choice(["milli", "milli", "milli", "micro", "second", "offset"])
            if role == "person" and source.random() < 0.07:
                account.traits["clock_ahead_ms"] = 40_000
            if not account.display_name and source.random() < 0.5:
                account.traits["no_display_name"] = True
        else:
            account.email = f"{username}@mail.example"
            if is_registered:
                account.account_id = str(self.next_user_id)
                self.next_user_id += 1
            else:
                account.account_id = f"guest:{hash_email(account.email)}"
        return account


def make_people(seed: int, start: int) -> tuple[list[Person], dict[str, dict[str, Account]], AccountMaker]:
    """The people of a world and the brand's own accounts (by role name, then network), all drawn from ``seed``."""
    source = random.Random(f"{seed}/people")
    maker = AccountMaker(source, start)
    own: dict[str, dict[str, Account]] = {}
    own_names = [
        ("brand", "Moorhen Coffee Roasters", "moorhen", "brand", False),
        ("ines", "Inês Falcão", "ines", "staff", False),
        ("tom", "Tom Averdieck", "tomroasts", "staff", False),
        ("nuno", "Nuno from the drum", "nunodrum", "staff", False),
        ("automaton", "Moorhen Desk", "moorhendesk", "automaton", True),
        ("agency", "Northlight Studio", "northlight", "agency", False),
    ]
    for key, name, username, role, is_bot in own_names:
        own[key] = {
            network: maker.make(
                network,
                name,
                username,
                role,
                is_bot=is_bot and network == "mastodon",
                is_registered=True,
                is_local=role != "agency",
            )
            for network in NETWORKS
        }
    own["brand"]["mastodon"].bio = own["brand"]["bluesky"].bio = "Small-drum coffee by the water. People answer here, mostly."
    people: list[Person] = []
    hostile = list(HOSTILE_NAMES)
    for kind, head_count in HEAD_COUNT.items():
        nature = NATURES[kind]
        for number in range(head_count):
            name = f"{source.choice(FIRST_NAMES)} {source.choice(LAST_NAMES)}"
            username = name.split()[0] + source.choice(["", name.split()[1][:3], str(source.randrange(10, 99))])
            if hostile and number % 4 == 1 and kind != "lurker":
                name = hostile.pop(0)
            person = Person(f"person-{len(people) + 1:03d}", kind, name, min(2.4, source.lognormvariate(-0.12, 0.5)))
            on_blog = kind in ("evangelist", "converser", "loyal", "lurker")
            home = ("mastodon", "bluesky", "wordpress")[number % 3 if number % 5 < 4 and on_blog else number % 2]
            networks = [home]
            if source.random() < nature.second_network:
                networks.append(source.choice([n for n in NETWORKS if n != home]))
            for network in networks:
                person.accounts[network] = maker.make(
                    network,
                    name,
                    username,
                    is_bot=kind == "bot" and network == "mastodon" and number % 3 == 0,
                    is_registered=source.random() < 0.3,
                )
            if source.random() < nature.customer:
                person.business_ref = f"crm:{1000 + len(people)}"
                person.volunteered = source.random() < (0.75 if len(networks) > 1 else 0.6)
            if kind in ("loyal", "converser") and number % 9 == 4:
                person.away = (24, 50) if number % 2 else (28, 99)
            people.append(person)
    return people, own, maker
