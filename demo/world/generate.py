"""A world from its plan: everything told, put in order, numbered, and written.

Data flow: ``Plan`` -> society, threads, reactions, regrets per brand and platform -> world/<platform>/*.parquet, hidden/, and world.json last.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from demo.ids import mint_snowflakes, mint_tids
from demo.model import NOBODY, PLATFORM_NAMES, TABLES, TableWriter, WorldHead, find_table, format_utc, write_head, write_segments, write_table
from demo.world.brands import LOCAL_DOMAIN, OWN, RESPONDERS, Brand, make_brands
from demo.world.business import draw_business
from demo.world.campaigns import tell_contest, tell_noise, tell_posts, tell_promotion, tell_rings, tell_stayers, write_posts
from demo.world.conversations import INTENTS, KINDS, Messages, Scene, spread_over_networks, tell_contacts
from demo.world.draws import Instants, Rows, draw_contacts, open_stream
from demo.world.people import Accounts, Members, Society, make_society, write_account_table
from demo.world.presets import NATURES, TYPES, Plan, Priors, draw_priors
from demo.world.receptions import FOLLOW, LIKE, REACTIONS, RESHARE, Reactions, tell_follows, tell_insiders, tell_reception, tell_small_kindnesses
from demo.world.regrets import MODES, NEVER, Change, Regrets, find_blockers, tell_changes, tell_departures, tell_regrets
from demo.world.wording import EDITED, Sentences, Wording, list_names, list_tags

CHUNK = 1 << 19
#: shares of all interactions: reshares of the brand's posts, and likes inside threads
RESHARE_SHARE, THREAD_LIKE_SHARE = 0.055, 0.05


@dataclass(frozen=True)
class Told:
    """All that happened around one brand on one platform."""

    scene: Scene
    reactions: Reactions
    regrets: Regrets


def generate_world(plan: Plan, folder: Path) -> WorldHead:
    """Make the world of a plan and write it below ``folder``; the same plan gives the same files."""
    priors, brands = draw_priors(plan.seed), make_brands(plan)
    society = make_society(plan, priors, brands)
    departures = tell_departures(plan, society)
    told: dict[str, list[Told]] = {platform: [] for platform in PLATFORM_NAMES}
    blockers: dict[str, list[tuple[int, int, int]]] = {"bluesky": []}
    for brand, members in zip(brands, society.members, strict=True):
        for one in tell_brand(plan, priors, brand, members, society.accounts):
            told[one.scene.platform].append(one)
            if one.scene.platform == "bluesky":
                source = open_stream(plan.seed, "blockers", brand.key, "bluesky")
                blockers["bluesky"] += find_blockers(one.scene.messages, members, source)
    changes = tell_changes(plan, society, blockers)
    _hide_guests(plan, society.accounts["wordpress"], told["wordpress"])
    counts: dict[str, dict[str, int]] = {}
    calls: dict[str, dict[int, list[str]]] = {brand.key: {} for brand in brands}
    for platform in PLATFORM_NAMES:
        events = sorted(departures[platform] + changes[platform], key=lambda change: (change.ts, change.account))
        counts[platform] = write_platform(plan, platform, society.accounts[platform], told[platform], events, folder, calls)
    descriptions = {brand.key: describe_brand(plan, brand, society.accounts, calls[brand.key]) for brand in brands}
    write_hidden(plan, priors, brands, society, folder)
    head = WorldHead(plan.preset, plan.seed, plan.anchor, plan.days, plan.thesis, plan.regime, plan.interactions * plan.brands, counts, descriptions)
    for brand, members in zip(brands, society.members, strict=True):
        draw_business(
            plan, priors, brand, members, society, [platform_told[brand.number] for platform_told in told.values()], descriptions[brand.key], folder
        )
    write_head(folder, head)
    return head


def tell_brand(plan: Plan, priors: Priors, brand: Brand, members: Members, accounts: dict[str, Accounts]) -> list[Told]:
    """What happens around one brand on all platforms."""
    clock = plan.make_clock(brand.utc_offset)
    scenes = {p: Scene(plan, priors, brand, clock, members, Messages(p, brand, accounts[p], plan.span)) for p in PLATFORM_NAMES}
    reactions = {p: Reactions(scene) for p, scene in scenes.items()}
    source = open_stream(plan.seed, "contacts", brand.key)
    presence = members.presence
    phase, ts = draw_contacts(source, presence.begins, presence.ends, members.phase_gaps, priors.gap_spread)
    rows = presence.owner[phase]
    if plan.shape.commenters is not None:
        rows = np.flatnonzero(members.is_kind("evangelist", "loyal", "converser", "lurker"))
        ts = ((np.arange(len(rows)) + 0.5) * 0.6 * plan.span / len(rows)).astype(np.int64)
    network = spread_over_networks(source, members, rows)
    likes = {}
    for place, (platform, scene) in enumerate(scenes.items()):
        here = np.flatnonzero(network == place)
        likes[platform] = float(members.like_weight[scene.account_of != NOBODY].sum())
        _tell_platform(scene, reactions[platform], rows[here], ts[here])
    # What is left of the wanted number is likes.
    reshares = round(plan.interactions * RESHARE_SHARE / 2)
    said = sum(scene.messages.count + len(reactions[p].read("kind")) for p, scene in scenes.items())
    wanted = plan.shape.likes or max(0, plan.interactions - said - 2 * reshares)
    whole = likes["mastodon"] + likes["bluesky"]
    shares = {"mastodon": round(wanted * likes["mastodon"] / whole)}
    shares["bluesky"] = wanted - shares["mastodon"]
    told = []
    for platform, scene in scenes.items():
        if platform in shares:
            _tell_receptions(scene, reactions[platform], shares[platform], reshares)
        regrets = tell_regrets(scene, open_stream(plan.seed, "regrets", brand.key, platform), reactions[platform])
        told.append(Told(scene, reactions[platform], regrets))
    return told


def _tell_platform(scene: Scene, reactions: Reactions, rows: Rows, ts: Instants) -> None:
    """All messages around one brand on one platform, and the reactions that belong to them."""
    plan, brand = scene.plan, scene.brand

    def open_part(part: str) -> np.random.Generator:
        return open_stream(plan.seed, part, brand.key, scene.platform)

    tell_posts(scene, open_part("posts"))
    order = np.argsort(ts, kind="stable")
    tell_contacts(scene, open_part("threads"), rows[order], ts[order])
    if plan.shape.commenters is None:
        tell_noise(scene, open_part("noise"), len(rows))
        tell_insiders(scene, open_part("insiders"), reactions)
    write_posts(scene, open_part("words of posts"))
    if scene.platform == "wordpress":
        return
    for number, campaign in enumerate(brand.campaigns):
        if campaign.is_incentivised:
            tell_contest(scene, open_part(campaign.campaign_id), reactions, number, campaign)
        else:
            tell_promotion(scene, open_part(campaign.campaign_id), number, campaign)
    if plan.shape.commenters is None:
        tell_rings(scene, open_part("rings"), reactions)
        tell_stayers(scene, open_part("stayers"), reactions)
        tell_small_kindnesses(scene, open_part("kindness"), reactions, round(plan.interactions * THREAD_LIKE_SHARE / 2))
    tell_follows(scene, open_part("follows"), reactions, np.array([NATURES[name].follow for name in TYPES]))
    reactions.drop_repeats()


def _tell_receptions(scene: Scene, reactions: Reactions, likes: int, reshares: int) -> None:
    """Likes and reshares of the brand's posts, as many as are wanted beside those there are."""
    plan = scene.plan
    for kind, wanted, part in ((LIKE, likes, "likes"), (RESHARE, reshares, "reshares")):
        source = open_stream(plan.seed, part, scene.brand.key, scene.platform)
        before = int((reactions.read("kind") == kind).sum())
        tell_reception(scene, source, reactions, kind, wanted)
        reactions.drop_repeats()
        reactions.thin(source, kind, before + wanted)
    if plan.shape.deleted_with_answers:
        source = open_stream(plan.seed, "endings", scene.brand.key, scene.platform)
        for kind in (LIKE, FOLLOW):
            reactions.promise_endings(source, kind, 2)


def _hide_guests(plan: Plan, accounts: Accounts, told: list[Told]) -> None:
    """Some quiet guests of a blog give no e-mail address."""
    hidden = 0
    for one in told:
        messages = one.scene.messages
        said = np.bincount(messages.read("author"), minlength=len(accounts))
        ids, names = accounts.columns["account_id"], accounts.columns["display_name"]
        guests = [a for a in np.argsort(said, kind="stable").tolist() if said[a] and str(ids[a]).startswith("guest:")]
        plain = [a for a in guests if str(names[a]).replace(" ", "").isalpha() and accounts.columns["email"][a]]
        for account in plain[: plan.shape.guests_without_email]:
            hidden += 1
            accounts.columns["email"][account], accounts.columns["account_id"][account] = "", f"guest:without-email:{hidden}"
            accounts.columns["display_name"][account] = "Passer-by"


# -- writing -----------------------------------------------------------------------------------------------------------


def write_platform(
    plan: Plan, platform: str, accounts: Accounts, told: list[Told], events: list[Change], folder: Path, calls: dict[str, dict[int, list[str]]]
) -> dict[str, int]:
    """Write the tables of one platform; ``calls`` receives the ids of contest calls by brand and campaign. Returns rows by table."""
    counts = {"accounts": write_table(find_table(folder, platform, "accounts"), write_account_table(accounts, plan.start))}
    offsets = np.cumsum([0, *(one.scene.messages.count for one in told)])

    def gather(name: str) -> np.ndarray:
        return np.concatenate([one.scene.messages.read(name) for one in told])

    visible = gather("visible")
    order = np.argsort(visible, kind="stable")
    number = np.empty(len(order) + 1, dtype=np.int64)
    number[order], number[-1] = np.arange(len(order)), NOBODY
    numbers = [number[begin:end] for begin, end in itertools.pairwise(offsets.tolist())]
    counts["messages"] = _write_messages(plan, platform, accounts, told, folder, order, offsets, number, calls)
    counts |= _write_words(platform, told, folder, numbers)
    counts["edits"] = _write_edits(plan, platform, told, folder, numbers)
    counts["reactions"] = _write_reactions(plan, platform, told, folder, numbers)
    table = pa.table(
        {
            "ts": pa.array([event.ts + plan.start for event in events], pa.int64()),
            "account_no": pa.array([event.account for event in events], pa.int32()),
            "kind": pa.array([event.kind for event in events], pa.string()),
            "target_no": pa.array([event.target for event in events], pa.int32()),
            "data": pa.array([event.write() for event in events], pa.string()),
        },
        schema=TABLES["changes"],
    )
    counts["changes"] = write_table(find_table(folder, platform, "changes"), table)
    return counts


def _write_messages(
    plan: Plan, platform: str, accounts: Accounts, told: list[Told], folder: Path, order: Rows, offsets: Rows, number: Rows,
    calls: dict[str, dict[int, list[str]]],
) -> int:  # fmt: skip
    """messages.parquet, and hidden/<platform>/messages.parquet with intents and causes; returns the rows."""
    writer = TableWriter(find_table(folder, platform, "messages"), TABLES["messages"])
    hidden = TableWriter(folder / "hidden" / platform / "messages.parquet", HIDDEN_MESSAGES)
    names = ("author", "member", "ts", "visible", "intent", "reason", "kind", "form", "parent", "root", "quoted", "named", "cause")
    brand_of = np.repeat(np.arange(len(told)), np.diff(offsets))
    columns = {name: np.concatenate([one.scene.messages.read(name) for one in told]) for name in names}
    for name in ("parent", "root", "quoted"):
        shift = np.repeat(offsets[:-1], np.diff(offsets))
        columns[name] = number[np.where(columns[name] == NOBODY, -1, columns[name] + shift)]
    deleted, mode = (np.concatenate([getattr(one.regrets, name) for one in told]) for name in ("deleted_at", "mode"))
    sentences = Sentences(plan.seed)
    wordings = [Wording(sentences, one.scene.messages) for one in told]
    account_ids = pa.array([str(value) for value in accounts.columns["account_id"].tolist()])
    post_numbers = _number_posts(plan, columns["ts"], columns["kind"]) if platform == "wordpress" else None
    for chunk, begin in enumerate(range(0, len(order), CHUNK)):
        rows = order[begin : begin + CHUNK]
        part = {name: values[rows] for name, values in columns.items()}
        ids = _mint_ids(plan, platform, part, begin, account_ids, rows, post_numbers)
        segments = np.empty(len(rows), dtype=object)
        media = open_stream(plan.seed, "looks", "", platform, chunk).random((len(rows), 2))
        titles, clients = np.full(len(rows), None, dtype=object), np.full(len(rows), None, dtype=object)
        sites = np.full(len(rows), None, dtype=object)
        for place, one in enumerate(told):
            mine = np.flatnonzero(brand_of[rows] == place)
            if not len(mine):
                continue
            source = open_stream(plan.seed, "sentences", one.scene.brand.key, platform, chunk)
            segments[mine] = wordings[place].write(source, {name: part[name][mine] for name in part}).to_pylist()
            if platform == "wordpress":
                sites[mine] = one.scene.brand.key
            own = one.scene.messages
            local = rows[mine] - offsets[place]
            is_posted = np.flatnonzero(np.isin(part["intent"][mine], (0, 1)))
            for at in is_posted.tolist():
                row = int(mine[at])
                segments[row] = write_segments(own.told[int(local[at])])
                titles[row] = own.titles.get(int(local[at]))
                if platform != "wordpress":
                    clients[row] = "Web" if media[row, 0] < 0.3 else "Drip Planner"
                if part["intent"][row] == 1:
                    calls[one.scene.brand.key].setdefault(int(part["cause"][row]), []).append(f"{platform}:{ids[row].as_py()}")
        ended = deleted[rows]
        is_gone = ended != NEVER
        writer.write(
            pa.table(
                {
                    "message_no": np.arange(begin, begin + len(rows)), "post_id": ids, "content_id": pa.nulls(len(rows), pa.string()),
                    "kind": pa.array(KINDS).take(pa.array(part["kind"])), "site": pa.array(sites, pa.string()), "author_no": part["author"],
                    "created_at": part["ts"] + plan.start, "visible_at": part["visible"] + plan.start, "segments": pa.array(segments, pa.string()),
                    "parent_no": part["parent"], "root_no": part["root"], "quoted_no": part["quoted"], "client": pa.array(clients, pa.string()),
                    "has_media": (media[:, 1] < np.where(part["intent"] <= 1, 0.4, 0.04)) & (platform != "wordpress"),
                    "title": pa.array(titles, pa.string()), "visibility": pa.array(["public"]).take(pa.array(np.zeros(len(rows), dtype=np.int64))),
                    "deleted_at": pa.array(ended + plan.start, pa.int64(), mask=~is_gone),
                    "delete_mode": pa.array(np.array(MODES, dtype=object)[mode[rows]], pa.string(), mask=~is_gone),
                }
            )
        )  # fmt: skip
        hidden.write(
            pa.table(
                {
                    "message_no": np.arange(begin, begin + len(rows)), "brand_no": brand_of[rows].astype(np.int32),
                    "intent": pa.array(INTENTS).take(pa.array(part["intent"])), "campaign_no": part["cause"],
                }
            )
        )  # fmt: skip
    hidden.close()
    return writer.close()


HIDDEN_MESSAGES = pa.schema([("message_no", pa.int64()), ("brand_no", pa.int32()), ("intent", pa.string()), ("campaign_no", pa.int16())])
HIDDEN_REACTIONS = pa.schema([("reaction_no", pa.int64()), ("brand_no", pa.int32()), ("campaign_no", pa.int16())])


def _number_posts(plan: Plan, ts: Instants, kind: Rows) -> Rows:
    """A blog's own numbers, ascending with what was written first; posts and comments are counted apart."""
    source = open_stream(plan.seed, "numbers", "", "wordpress")
    numbers = np.zeros(len(ts), dtype=np.int64)
    for is_comment, first in ((False, 100), (True, 500)):
        rows = np.flatnonzero((kind != 0) == is_comment)
        rows = rows[np.argsort(ts[rows], kind="stable")]
        numbers[rows] = first + np.cumsum(source.integers(1, 4, len(rows)))
    return numbers


def _mint_ids(
    plan: Plan, platform: str, part: dict[str, np.ndarray], begin: int, account_ids: pa.Array, rows: Rows, post_numbers: Rows | None
) -> pa.Array:
    """The ids of a chunk of messages."""
    numbers = np.arange(begin, begin + len(rows))
    ts = part["ts"] + plan.start
    if platform == "mastodon":
        return pa.array(mint_snowflakes(ts, numbers).tolist(), pa.string())
    if platform == "bluesky":
        keys = mint_tids(ts * 1000 + numbers % 1000, numbers // 1000).astype("U13")
        authors = account_ids.take(pa.array(part["author"]))
        return pa.compute.binary_join_element_wise("at://", authors, "/app.bsky.feed.post/", pa.array(keys.tolist(), pa.string()), "")
    assert post_numbers is not None
    return pa.array([f"post:{n}" if kind == 0 else str(n) for n, kind in zip(post_numbers[rows].tolist(), part["kind"].tolist(), strict=True)])


def _write_words(platform: str, told: list[Told], folder: Path, numbers: list[Rows]) -> dict[str, int]:
    """mentions.parquet and tags.parquet."""
    mentions, tags = [], []
    for one, number in zip(told, numbers, strict=True):
        messages, accounts = list_names(one.scene.messages)
        mentions.append((number[messages], accounts))
        messages, words = list_tags(one.scene.messages)
        tags.append((number[messages], np.array(words, dtype=object)))
    message, account = (np.concatenate([m[i] for m in mentions]) for i in range(2))
    order = np.argsort(message, kind="stable")
    table = pa.table({"message_no": message[order], "account_no": account[order].astype(np.int32)}, schema=TABLES["mentions"])
    counts = {"mentions": write_table(find_table(folder, platform, "mentions"), table)}
    message, word = (np.concatenate([t[i] for t in tags]) for i in range(2))
    order = np.argsort(message, kind="stable")
    table = pa.table({"message_no": message[order], "tag": pa.array(word[order], pa.string())}, schema=TABLES["tags"])
    return counts | {"tags": write_table(find_table(folder, platform, "tags"), table)}


def _write_edits(plan: Plan, platform: str, told: list[Told], folder: Path, numbers: list[Rows]) -> int:
    """edits.parquet: the same words with a remark behind them. Returns the rows."""
    wanted: dict[int, tuple[int, bool]] = {}
    for one, number in zip(told, numbers, strict=True):
        rows = np.flatnonzero(one.regrets.edited_at != NEVER)
        for row, ts in zip(number[rows].tolist(), one.regrets.edited_at[rows].tolist(), strict=True):
            wanted[row] = (ts, True)
    path = find_table(folder, platform, "messages")
    order = sorted(wanted, key=lambda row: (wanted[row][0], row))
    written: dict[int, str] = {}
    if wanted:
        reader = pa.parquet.ParquetFile(path)
        keys = pa.array(sorted(wanted))
        for batch in reader.iter_batches(columns=["message_no", "segments"]):
            found = batch.filter(pa.compute.is_in(batch["message_no"], value_set=keys))
            written |= dict(zip(found["message_no"].to_pylist(), found["segments"].to_pylist(), strict=True))
    texts = []
    for row in order:
        segments = json.loads(written[row])
        place = next(at for at, (kind, value) in enumerate(segments) if kind == "t" and value.strip())
        segments[place][1] += EDITED
        texts.append(write_segments(segments))
    table = pa.table(
        {"message_no": pa.array(order, pa.int64()), "ts": pa.array([wanted[row][0] + plan.start for row in order], pa.int64()), "segments": texts},
        schema=TABLES["edits"],
    )
    return write_table(find_table(folder, platform, "edits"), table)


def _write_reactions(plan: Plan, platform: str, told: list[Told], folder: Path, numbers: list[Rows]) -> int:
    """reactions.parquet in the order of their showing, and hidden/<platform>/reactions.parquet; returns the rows."""
    writer = TableWriter(find_table(folder, platform, "reactions"), TABLES["reactions"])
    hidden = TableWriter(folder / "hidden" / platform / "reactions.parquet", HIDDEN_REACTIONS)
    columns = {
        name: np.concatenate([one.reactions.read(name) for one in told]) for name in ("kind", "actor", "target", "ts", "visible", "ended", "cause")
    }
    columns["message"] = np.concatenate([np.r_[n, NOBODY][one.reactions.read("message")] for one, n in zip(told, numbers, strict=True)])
    brand_of = np.repeat(np.arange(len(told), dtype=np.int32), [len(one.reactions.read("kind")) for one in told])
    order = np.argsort(columns["visible"], kind="stable")
    kinds = pa.array(REACTIONS)
    for begin in range(0, len(order), CHUNK):
        rows = order[begin : begin + CHUNK]
        ended = columns["ended"][rows]
        count = np.arange(begin, begin + len(rows))
        writer.write(
            pa.table(
                {
                    "reaction_no": count, "kind": kinds.take(pa.array(columns["kind"][rows])), "actor_no": columns["actor"][rows],
                    "message_no": columns["message"][rows], "target_no": columns["target"][rows], "ts": columns["ts"][rows] + plan.start,
                    "visible_at": columns["visible"][rows] + plan.start, "ended_at": pa.array(ended + plan.start, pa.int64(), mask=ended == NEVER),
                }
            )
        )  # fmt: skip
        hidden.write(pa.table({"reaction_no": count, "brand_no": brand_of[rows], "campaign_no": columns["cause"][rows]}))
    hidden.close()
    return writer.close()


def describe_brand(plan: Plan, brand: Brand, accounts: dict[str, Accounts], calls: dict[int, list[str]]) -> dict[str, Any]:
    """What the brand knows about itself: names, accounts, campaigns, terms; this is no secret."""
    half = format_utc(plan.start + plan.span // 2)
    rows = []
    for key, _, _, role, answers in OWN:
        for platform in PLATFORM_NAMES:
            number = brand.own[platform][key]
            columns = accounts[platform].columns
            row = {
                "platform": platform,
                "account_id": str(columns["account_id"][number]),
                "account_no": number,
                "handle": tell_handle(platform, str(columns["username"][number]), columns["domain"][number]),
                "role": role,
                "answers_for_brand": answers,
                "responder_id": RESPONDERS.get(key),
                "valid_from": None,
                "valid_to": None,
            }
            if key == "brand":
                rows.append(row | {"responder_id": RESPONDERS["ines"], "valid_to": half})
                rows.append(row | {"responder_id": RESPONDERS["tom"], "valid_from": half})
            else:
                rows.append(row)
    campaigns = [
        {
            "campaign_id": campaign.campaign_id,
            "name": campaign.name,
            "is_incentivised": campaign.is_incentivised,
            "is_promotional": True,
            "hashtags": [campaign.hashtag] if campaign.is_tagged else [],
            "starts_at": format_utc(plan.start + campaign.begin),
            "ends_at": format_utc(plan.start + campaign.end),
            "cost": campaign.cost,
            "currency": "EUR",
            "link_patterns": [f"https://{brand.blog_host}/{campaign.campaign_id}%"] if campaign.is_incentivised and campaign.is_tagged else [],
            "asked_action": "reply, follow and share" if campaign.is_incentivised else "",
            "post_ids": calls.get(number, []) if campaign.is_tagged else [],
        }
        for number, campaign in enumerate(brand.campaigns)
    ]
    return {
        "key": brand.key,
        "name": brand.name,
        "timezone": brand.zone,
        "currency": "EUR",
        "language": "en",
        "working_hours": {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"},
        "mastodon_domain": LOCAL_DOMAIN,
        "blog_host": brand.blog_host,
        "blog_name": f"{brand.short}, the blog",
        "terms": [f"{brand.short} Coffee", *brand.tags],
        "hashtags": brand.tags,
        "accounts": rows,
        "campaigns": campaigns,
    }


def tell_handle(platform: str, username: str, domain: str | None) -> str:
    """The name a platform shows for an account: user@host, host-style handle, or user name."""
    if platform == "mastodon":
        return f"{username}@{domain}" if domain else username
    return f"{username}.{domain}" if platform == "bluesky" else username


def write_hidden(plan: Plan, priors: Priors, brands: list[Brand], society: Society, folder: Path) -> None:
    """hidden/priors.json, members.parquet (a row a person and brand) and phases.parquet; people's accounts are columns of members."""
    hidden = folder / "hidden"
    hidden.mkdir(parents=True, exist_ok=True)
    (hidden / "priors.json").write_text(json.dumps(priors.describe(), indent=1) + "\n", encoding="utf-8")
    kinds = pa.array(TYPES)
    members, phases = [], []
    for brand, one in zip(brands, society.members, strict=True):
        count = len(one)
        stays = np.full(count, NOBODY, dtype=np.int64)
        stays[one.stays[0]] = one.stays[3]
        members.append(
            pa.table(
                {
                    "brand": pa.array([brand.key] * count), "person_no": one.person_no, "person_id": [f"person-{n + 1:07d}" for n in one.person_no.tolist()],
                    "name": [society.person_names[n] for n in one.person_no.tolist()], "type": kinds.take(pa.array(one.kind)),
                    "commitment": one.commitment, "sociability": one.sociability, "prizes": one.prizes, "activity": one.activity,
                    "like_weight": one.like_weight, "reshare_weight": one.reshare_weight, "reach": one.reach,
                    "gap_days": pa.array(one.gap, mask=~np.isfinite(one.gap)), "ring": one.ring,
                    "arrived_at": pa.array(one.arrival + plan.start, mask=one.arrival <= 0), "stayed_after": stays,
                    **{f"{platform}_no": one.accounts[platform].astype(np.int32) for platform in PLATFORM_NAMES},
                }
            )
        )  # fmt: skip
        presence = one.presence
        phases.append(
            pa.table(
                {
                    "brand": pa.array([brand.key] * len(presence.owner)), "person_no": one.person_no[presence.owner],
                    "begins_at": presence.begins + plan.start, "ends_at": presence.ends + plan.start,
                }
            )
        )  # fmt: skip
    write_table(hidden / "members.parquet", pa.concat_tables(members))
    write_table(hidden / "phases.parquet", pa.concat_tables(phases))
