"""Who there is: people of hidden types around one or two brands, and the accounts they hold.

Data flow: plan + priors -> ``Members`` of each brand (hidden traits, a row a person and brand) and ``Accounts`` of each platform (what a platform shows).
Accounts are shuffled before they get numbers and ids: neither id, age nor order tells a type.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from demo.ids import hash_email, mint_dids, mint_snowflakes
from demo.model import DAY, HOUR, NOBODY, PLATFORM_NAMES, TABLES
from demo.text import BIOS, FIRST_NAMES, HOSTILE_NAMES, LAST_NAMES, LOCATIONS
from demo.world.brands import OWN, Brand, Campaign
from demo.world.draws import Flags, Instants, Numbers, Presence, Rows, Source, draw_blurred, draw_contacts, draw_lateness, draw_phases, open_stream
from demo.world.presets import KIND, LAYER_DAYS, NATURES, TALKERS, TYPES, Plan, Priors

REMOTE_DOMAINS = ("beans.example", "fedi.example", "cups.example", "kaffee.example")
#: messages that follow from one contact, about: the answer, the next turn, peers
MESSAGES_A_CONTACT = 2.8
#: scales of presence and absence where everybody comes in bursts (days; in a short world, shorter ones)
BURST_DAYS, REST_DAYS = 110.0, 480.0
FAKE = (KIND["bot"], KIND["spam_ring"])
Column = npt.NDArray[Any]


@dataclass
class Members:
    """The people around one brand. A row a person; ``accounts`` hold their account number on each platform, or ``NOBODY``."""

    person_no: Rows
    kind: Rows
    commitment: Numbers
    sociability: Numbers
    prizes: Numbers
    activity: Numbers
    like_weight: Numbers
    reshare_weight: Numbers
    gap: Numbers  # median days between contacts, infinite for who never writes first
    reach: Numbers  # standardised log of followers
    arrival: Instants
    ring: Rows  # number of the spam ring, or NOBODY
    presence: Presence
    phase_gaps: Numbers  # the same in each phase of presence
    stays: tuple[Rows, Instants, Instants, Rows]  # whom a contest brought and who stayed: row, begin, end, number of the campaign
    accounts: dict[str, Rows] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.kind)

    def is_kind(self, *names: str) -> Flags:
        """Which of them are of these types."""
        return np.isin(self.kind, [KIND[name] for name in names])

    def are_there(self, rows: Rows, ts: Instants) -> Flags:
        """Whether each of ``rows`` is in a phase of presence at its instant."""
        return self.presence.holds(rows, ts)


@dataclass
class Accounts:
    """The accounts of one platform as columns, in the order of their numbers."""

    columns: dict[str, Column]
    left_at: Instants  # from when on nothing is done with an account, the span's end when never
    back_at: Instants

    def __len__(self) -> int:
        return len(self.left_at)

    def are_in_use(self, accounts: Rows, ts: Instants) -> Flags:
        """Whether each account exists at its instant."""
        return np.asarray((ts < self.left_at[accounts]) | (ts >= self.back_at[accounts]))


@dataclass
class Society:
    """Everybody in a world: people, and their accounts."""

    person_names: list[str]
    members: list[Members]  # by brand
    accounts: dict[str, Accounts]
    holders: dict[str, Rows]  # platform -> person by account, NOBODY for the brands' own


def count_people(plan: Plan, priors: Priors, source: Source) -> dict[str, int]:
    """How many of each type one brand needs for the wanted number of interactions; what people of this seed do is tried out on a sample."""
    shape = plan.shape
    kinds = np.repeat(TALKERS, 500)
    sample = _draw_members(plan, priors, source, np.arange(len(kinds)), kinds, ())
    presence = sample.presence
    phase, _ = draw_contacts(source, presence.begins, presence.ends, sample.phase_gaps, priors.gap_spread)
    contacts = np.bincount(sample.kind[presence.owner[phase]], minlength=len(TALKERS)) / 500
    wanted = plan.interactions * shape.message_share * 0.88 / MESSAGES_A_CONTACT / (1 + priors.noise)
    talkers = max(12.0, wanted / max(float((contacts * priors.talkers).sum()), 0.1))
    counts = {name: max(2, round(talkers * share)) for name, share in zip(TYPES, priors.talkers, strict=False)}
    posts = 2 * plan.posts_a_day * plan.days
    likes = shape.likes or plan.interactions * (0.9 - shape.message_share)
    crowd = 2 * likes / posts / shape.like_density
    counts["like_only"] = max(20, round(crowd - 0.7 * sum(counts.values())))
    if shape.commenters is not None:
        return {"evangelist": 1, "loyal": 1, "converser": 1, "lurker": shape.commenters - 3, "like_only": round(crowd)}
    counts["contest_hunter"] = max(12, round(priors.hunters * counts["like_only"] * 0.6))
    counts["bot"] = max(6, round(priors.bots * counts["like_only"] * 0.5))
    counts["spam_ring"] = priors.ring_size * max(1, round(counts["like_only"] * priors.bots * 0.25 / priors.ring_size))
    counts["paid_promoter"] = max(3, round(counts["like_only"] * 0.005))
    return counts


def draw_gaps(plan: Plan, priors: Priors, source: Source, kinds: Rows, activity: Numbers) -> Numbers:
    """Each person's own median gap between contacts, from frequency layers."""
    shares = np.array([NATURES[name].layers for name in TYPES])[kinds]
    layer = (source.random(len(kinds))[:, None] > np.cumsum(shares, axis=1)).sum(axis=1)
    speaks = shares.sum(axis=1) > 0
    gaps = LAYER_DAYS[np.minimum(layer, 3)] * priors.gap_scale * plan.shape.gap_factor * source.lognormal(0, 0.35, len(kinds)) / activity**0.5
    talks = np.isin(kinds, TALKERS)
    if plan.regime == "bursty":
        # Whoever is there, is there with all their heart: what differs is when, not how often.
        gaps = np.where(talks, 4.0 * plan.shape.gap_factor * source.lognormal(0, 0.15, len(kinds)), gaps)
    if plan.regime == "celebrity":
        gaps = np.where(talks, 14.0 * priors.gap_scale * plan.shape.gap_factor * source.lognormal(0, 0.4, len(kinds)), gaps)
    return np.where(speaks, gaps, np.inf)


def _draw_phase_gaps(plan: Plan, priors: Priors, source: Source, gaps: Numbers) -> Numbers:
    """The median gap between contacts in phases of presence: the person's own, longer or shorter as the phase happens to be."""
    spread = 0.9 if plan.regime == "bursty" else priors.mood
    return np.maximum(gaps * source.lognormal(0, spread, len(gaps)), 0.7)


def make_society(plan: Plan, priors: Priors, brands: list[Brand]) -> Society:
    """All people and accounts; the brands' own account numbers are written into ``brands``."""
    members: list[Members] = []
    joined: list[dict[str, Flags]] = []
    makers: list[Flags] = []  # by brand: whose accounts are made for this brand, not taken over from another
    people = 0
    for brand in brands:
        source = open_stream(plan.seed, "people", brand.key)
        counts = count_people(plan, priors, open_stream(plan.seed, "head count", brand.key))
        kinds = source.permutation(np.repeat([KIND[name] for name in counts], list(counts.values())))
        networks = _join_networks(source, kinds)
        one = _draw_members(plan, priors, source, np.arange(people, people + len(kinds)), kinds, brand.campaigns)
        people += len(kinds)
        is_new = np.ones(len(kinds), dtype=bool)
        if members:
            _share_people(source, members[-1], joined[-1], one, networks, is_new)
        members.append(one)
        joined.append(networks)
        makers.append(is_new)
    names = _name_people(plan, members, people)
    reach, kind_of = np.zeros(people), np.full(people, KIND["lurker"])
    for one in reversed(members):
        reach[one.person_no], kind_of[one.person_no] = one.reach, one.kind
    accounts, holders = {}, {}
    for platform in PLATFORM_NAMES:
        persons = np.concatenate([one.person_no[on[platform] & new] for one, on, new in zip(members, joined, makers, strict=True)])
        accounts[platform], holders[platform] = _make_accounts(plan, platform, brands, persons, names, reach, kind_of)
        account_of = np.full(people, NOBODY, dtype=np.int64)
        held = np.flatnonzero(holders[platform] != NOBODY)
        account_of[holders[platform][held]] = held
        for one, on in zip(members, joined, strict=True):
            one.accounts[platform] = np.where(on[platform], account_of[one.person_no], NOBODY)
    return Society(names, members, accounts, holders)


def _share_people(
    source: Source, earlier: Members, earlier_networks: dict[str, Flags], one: Members, networks: dict[str, Flags], is_new: Flags
) -> None:
    """Some who talk with the brand before are around this one too, with traits of their own for it; they take the place of new people."""
    talking = np.flatnonzero(np.isin(earlier.kind, TALKERS))
    places = np.flatnonzero(np.isin(one.kind, TALKERS) & (source.random(len(one)) < 0.1))[: len(talking)]
    taken = source.choice(talking, size=len(places), replace=False)
    one.person_no[places], one.reach[places], is_new[places] = earlier.person_no[taken], earlier.reach[taken], False
    for platform in PLATFORM_NAMES:
        networks[platform][places] = earlier_networks[platform][taken]


def _join_networks(source: Source, kinds: Rows) -> dict[str, Flags]:
    """On which platforms each of a crowd is; who does not talk is on no blog."""
    count = len(kinds)
    talks = np.isin(kinds, TALKERS)
    roll = source.random(count)
    home = np.where(talks, np.digitize(roll, [0.38, 0.78]), np.digitize(roll, [0.47]))
    second = source.random(count) < np.array([NATURES[name].second_network for name in TYPES])[kinds]
    other = np.where(talks, (home + source.integers(1, 3, count)) % 3, 1 - home)
    return {platform: (home == place) | (second & (other == place)) for place, platform in enumerate(PLATFORM_NAMES)}


def _draw_members(plan: Plan, priors: Priors, source: Source, person_no: Rows, kinds: Rows, campaigns: tuple[Campaign, ...]) -> Members:
    """The hidden traits of the people around a brand, and their phases."""
    count = len(kinds)

    def tell(name: str) -> Numbers:
        return np.array([getattr(NATURES[one], name) for one in TYPES], dtype=float)[kinds]

    reach = source.standard_normal(count)
    commitment, sociability, prizes = (draw_blurred(source, tell(name), priors.blur) for name in ("commitment", "sociability", "prizes"))
    activity = source.lognormal(0, priors.activity_spread, count)
    gap = draw_gaps(plan, priors, source, kinds, np.minimum(activity, 6.0))
    if plan.regime == "celebrity":
        # Those with many followers are those who talk, and the more followers the more.
        reach = reach + np.where(np.isin(kinds, TALKERS), 0.8, 0.0)
        gap = gap * np.exp(-1.2 * (reach - 0.8))
    if plan.shape.commenters is not None:
        gap = np.full(count, np.inf)
    liking = draw_blurred(source, tell("like"), priors.blur) * activity
    sharing = draw_blurred(source, tell("reshare"), priors.blur) * activity
    arrival = np.where(source.random(count) < priors.newcomers, source.random(count) * plan.span, 0).astype(np.int64)
    ring = np.full(count, NOBODY, dtype=np.int64)
    in_ring = np.flatnonzero(kinds == KIND["spam_ring"])
    ring[in_ring] = np.arange(len(in_ring)) // priors.ring_size
    are_bursts = np.isin(kinds, TALKERS) & (plan.regime == "bursty")
    scales = np.stack([tell("present"), tell("absent")], axis=1) * source.lognormal(0, 0.4, (count, 1))
    scales[np.isin(kinds, TALKERS), 0] *= priors.constancy
    scales[are_bursts] = np.array([BURST_DAYS, REST_DAYS]) * min(1.0, plan.days / 400)
    owner, begins, ends = draw_phases(
        source, scales[:, 0], scales[:, 1], np.minimum(priors.churn * tell("leaves"), 0.9), arrival, plan.span, are_bursts
    )
    # Who comes for a campaign alone is there while it lasts.
    hired = {True: np.flatnonzero(kinds == KIND["contest_hunter"]), False: np.flatnonzero(kinds == KIND["paid_promoter"])}
    is_planned = np.isin(kinds, [KIND["contest_hunter"], KIND["paid_promoter"]])
    phases, stays = _plan_stays(source, campaigns, hired, priors.stay, plan.span)
    if plan.shape.commenters is not None:
        # The promised few are there all the time.
        few = np.flatnonzero(np.isin(kinds, TALKERS))
        is_planned[few] = True
        phases = (few, np.zeros(len(few), dtype=np.int64), np.full(len(few), plan.span))
    others = ~is_planned[owner]
    owner, begins, ends = (np.r_[a[others], b] for a, b in zip((owner, begins, ends), phases, strict=True))
    order = np.lexsort((begins, owner))
    presence = Presence(owner[order], begins[order], ends[order], count, plan.span)
    phase_gaps = _draw_phase_gaps(plan, priors, source, gap[presence.owner])
    return Members(
        person_no, kinds, commitment, sociability, prizes, activity, liking, sharing, gap, reach, arrival, ring, presence, phase_gaps, stays
    )


def _plan_stays(
    source: Source, campaigns: tuple[Campaign, ...], hired: dict[bool, Rows], stay: float, span: int
) -> tuple[tuple[Rows, Rows, Rows], tuple[Rows, Rows, Rows, Rows]]:
    """Phases of those who are there for campaigns alone (owner, begin, end), and who of them stays (row, begin, end, campaign).

    ``hired`` are the rows by whether they come for the prizes of contests or for the money of promotions."""
    phases: list[tuple[Rows, Rows, Rows]] = []
    stays: list[tuple[Rows, Rows, Rows, Rows]] = []
    for number, campaign in enumerate(campaigns):
        rows = hired[campaign.is_incentivised]
        rows = rows[source.random(len(rows)) < 0.7]
        later = [c.begin for c in campaigns if c.begin > campaign.begin]
        limit = min([*later, span]) - HOUR
        ends = np.minimum(campaign.end + draw_lateness(source, len(rows), 8, 0.6), limit)
        remains = (source.random(len(rows)) < stay) & campaign.is_incentivised
        lasting = campaign.end + (60 * DAY * ((1 - source.random(len(rows))) ** (-1 / 1.6) - 1)).astype(np.int64) + 5 * DAY
        ends = np.where(remains, np.minimum(np.maximum(lasting, ends), limit), ends)
        phases.append((rows, np.full(len(rows), campaign.begin), ends))
        chosen = np.flatnonzero(remains)
        stays.append((rows[chosen], np.full(len(chosen), campaign.end), ends[chosen], np.full(len(chosen), number)))
    empty = np.zeros(0, dtype=np.int64)
    owner, begins, ends = (np.concatenate([empty, *(p[i] for p in phases)]) for i in range(3))
    order = np.lexsort((begins, owner))
    staying = tuple(np.concatenate([empty, *(s[i] for s in stays)]) for i in range(4))
    return (owner[order], begins[order], ends[order]), staying  # type: ignore[return-value]


def _name_people(plan: Plan, members: list[Members], people: int) -> list[str]:
    """A name for each person; some of those who talk most have the names strangers choose to test us with."""
    source = open_stream(plan.seed, "names")
    first, last = (source.integers(0, len(words), people).tolist() for words in (FIRST_NAMES, LAST_NAMES))
    names = [f"{FIRST_NAMES[a]} {LAST_NAMES[b]}" for a, b in zip(first, last, strict=True)]
    for one in members:
        talking = np.flatnonzero(np.isin(one.kind, TALKERS))
        presence = one.presence
        contacts = np.bincount(presence.owner, (presence.ends - presence.begins) / one.phase_gaps, minlength=len(one))
        often = talking[np.argsort(-contacts[talking] * (0.2 + one.sociability[talking]), kind="stable")]
        for place, row in enumerate(often[: 2 * plan.shape.hostile_names : 2].tolist()):
            names[int(one.person_no[row])] = HOSTILE_NAMES[place % len(HOSTILE_NAMES)]
    return names


def _make_accounts(
    plan: Plan, platform: str, brands: list[Brand], persons: Rows, names: list[str], reach: Numbers, kind_of: Rows
) -> tuple[Accounts, Rows]:
    """The accounts of a platform in shuffled order, and who holds each."""
    source = open_stream(plan.seed, "accounts", "", platform)
    own = [(brand, *row) for brand in brands for row in OWN]
    total = len(own) + len(persons)
    number = source.permutation(total)  # of the accounts in order of making: the own ones, then the people's
    own_numbers = number[: len(own)]
    holder = np.full(total, NOBODY, dtype=np.int64)
    holder[number[len(own) :]] = persons
    for (brand, key, *_), at in zip(own, own_numbers.tolist(), strict=True):
        brand.own.setdefault(platform, {})[key] = at
    is_own = holder == NOBODY
    kind = np.where(is_own, NOBODY, kind_of[holder])
    is_fake = np.isin(kind, FAKE)
    looks_fake = (is_fake & (source.random(total) < 0.65)) | (~is_fake & ~is_own & (source.random(total) < plan.shape.lookalikes))
    created = -(source.lognormal(6.2, 0.7, total) * DAY).astype(np.int64) - source.integers(0, DAY, total)
    followers = np.exp(4.6 + 1.35 * np.where(is_own, 1.5, reach[holder]) + 0.65 * source.standard_normal(total))
    following = source.lognormal(5.0, 1.0, total) + np.where(looks_fake, 150, 0)
    followers = np.where(looks_fake & (source.random(total) < 0.8), following / source.uniform(50, 200, total), followers)
    posts = np.where(looks_fake & (source.random(total) < 0.5), source.integers(0, 3, total), source.lognormal(5.5, 1.3, total))
    # Whoever does not look made up is followed and has said something.
    followers = np.where(looks_fake, followers, np.maximum(followers, following / 25))
    posts = np.where(looks_fake, posts, np.maximum(posts, 3))
    tells = ~looks_fake & ~is_own
    bios = np.where((source.random(total) < 0.6) & tells, np.array(BIOS, dtype=object)[source.integers(0, len(BIOS), total)], "")
    places = np.where((source.random(total) < 0.3) & tells, np.array(LOCATIONS, dtype=object)[source.integers(0, len(LOCATIONS), total)], "")
    shown = np.array([names[person] if person != NOBODY else "" for person in holder.tolist()], dtype=object)
    usernames = _make_usernames(source, shown)
    is_nameless = ~is_own & (platform != "wordpress") & (source.random(total) < 0.05)
    shown[is_nameless] = ""
    roles, keys = np.full(total, "person", dtype=object), np.full(total, None, dtype=object)
    for (brand, key, name, username, role, _), at in zip(own, own_numbers.tolist(), strict=True):
        short = brand.short
        roles[at], keys[at] = role, brand.key
        shown[at] = name.format(name=short) or brand.name
        usernames[at] = username.format(key=brand.key) or brand.key
        if brand.number and "{key}" not in username and username:
            usernames[at] = f"{username}{brand.number + 1}"
        if key == "brand" and platform != "wordpress":
            bios[at] = "Small-drum coffee by the water. People answer here, mostly."
    columns: dict[str, Column] = {
        "account_no": np.arange(total, dtype=np.int32), "username": usernames, "display_name": shown, "bio": bios, "location": places,
        "created_at": created, "role": roles, "brand": keys, "is_bot": np.zeros(total, dtype=bool), "email": np.full(total, "", dtype=object),
        "follower_count": followers.astype(np.int64), "following_count": following.astype(np.int64), "post_count": posts.astype(np.int64),
        "domain": np.full(total, None, dtype=object), "traits": np.full(total, "{}", dtype=object),
    }  # fmt: skip
    finish = {"mastodon": _finish_mastodon, "bluesky": _finish_bluesky, "wordpress": _finish_wordpress}[platform]
    finish(plan, source, columns, own_numbers, kind, is_nameless)
    never = np.full(total, plan.span, dtype=np.int64)
    return Accounts(columns, never, never.copy()), holder


def _make_usernames(source: Source, names: Column) -> Column:
    """User names after people's names, each once."""
    endings = source.integers(0, 130, len(names)).tolist()
    taken: dict[str, int] = {}
    made = []
    for name, ending in zip(names.tolist(), endings, strict=True):
        words = ["".join(c for c in word.lower() if c.isascii() and c.isalnum()) for word in name.split()]
        first, last = [*words, "", ""][:2]
        base = (first[:24] or "anon") + (last[:3] if ending < 45 else str(ending) if ending >= 90 else "")
        seen = taken[base] = taken.get(base, 0) + 1
        made.append(base if seen == 1 else f"{base}x{seen}")
    return np.array(made, dtype=object)


def _choose_words(source: Source, count: int, words: tuple[str, ...], share: float) -> list[str | None]:
    """For each row one of the words with this chance, else None."""
    picked, rolls = source.integers(0, len(words), count).tolist(), (source.random(count) < share).tolist()
    return [words[p] if roll else None for p, roll in zip(picked, rolls, strict=True)]


def _finish_mastodon(plan: Plan, source: Source, columns: dict[str, Column], own: Rows, kind: Rows, is_nameless: Flags) -> None:
    """Ids, servers and the oddities of other servers."""
    total = len(kind)
    columns["account_id"] = mint_snowflakes(columns["created_at"].astype(np.int64) + plan.start, np.arange(total)).astype(object)
    columns["is_bot"] = ((kind == KIND["bot"]) & (source.random(total) < 0.35)) | (columns["role"] == "automaton")
    domains = _choose_words(source, total, REMOTE_DOMAINS, 0.55)
    for at in own.tolist():
        domains[at] = REMOTE_DOMAINS[0] if columns["role"][at] == "agency" else None
    columns["domain"] = np.array(domains, dtype=object)
    rolls = (source.random((total, 3)) < (0.2, 0.2, 0.15)).tolist()
    names = ("counts_as_text", "language_unknown", "hides_collections")
    traits = [
        json.dumps({name: True for name, given in zip(names, roll, strict=True) if given and domain})
        for domain, roll in zip(domains, rolls, strict=True)
    ]
    columns["traits"] = np.array(traits, dtype=object)
    columns["traits"][own] = "{}"


def _finish_bluesky(plan: Plan, source: Source, columns: dict[str, Column], own: Rows, kind: Rows, is_nameless: Flags) -> None:
    """Ids, handles' hosts, and how programs write times."""
    total = len(kind)
    columns["account_id"] = mint_dids(source, total).astype(object)
    domains = np.where(source.random(total) < 0.75, "bsky.example", "skies.example").astype(object)
    for at in own.tolist():
        domains[at] = "example" if columns["role"][at] == "brand" else f"{columns['brand'][at]}.example"
    columns["domain"] = domains
    formats = np.array(["milli", "milli", "milli", "micro", "second", "offset"], dtype=object)[source.integers(0, 6, total)].tolist()
    ahead = ((source.random(total) < 0.07) & (kind != NOBODY)).tolist()
    unnamed = (is_nameless & (source.random(total) < 0.5)).tolist()
    columns["traits"] = np.array(
        [
            json.dumps({"time_format": way} | ({"clock_ahead_ms": 40_000} if fast else {}) | ({"no_display_name": True} if none else {}))
            for way, fast, none in zip(formats, ahead, unnamed, strict=True)
        ],
        dtype=object,
    )


def _finish_wordpress(plan: Plan, source: Source, columns: dict[str, Column], own: Rows, kind: Rows, is_nameless: Flags) -> None:
    """Users with a number, and guests known by their e-mail address."""
    total = len(kind)
    columns["email"] = np.array([f"{name}@mail.example" for name in columns["username"].tolist()], dtype=object)
    is_user = source.random(total) < 0.3
    is_user[own] = False
    users = source.permutation(np.flatnonzero(is_user))
    numbers = np.zeros(total, dtype=np.int64)
    numbers[own], numbers[users] = np.arange(1, len(own) + 1), np.arange(len(own) + 1, len(own) + 1 + len(users))
    columns["account_id"] = np.array(
        [str(number) if number else f"guest:{hash_email(email)}" for number, email in zip(numbers.tolist(), columns["email"].tolist(), strict=True)],
        dtype=object,
    )


def write_account_table(accounts: Accounts, start: int) -> pa.Table:
    """The accounts as world/<platform>/accounts.parquet has them."""
    columns = dict(accounts.columns)
    columns["created_at"] = columns["created_at"].astype(np.int64) + start
    schema = TABLES["accounts"]
    return pa.table([pa.array(columns[name].tolist(), type=schema.field(name).type) for name in schema.names], schema=schema)
