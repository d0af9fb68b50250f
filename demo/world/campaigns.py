"""What is not the people's own doing: the brand's calendar of posts, contests and their hunters, paid promoters, rings of spam.

Data flow: brand + members -> messages and reactions; what a campaign causes carries its number in ``cause``, and so does all that follows from it.
"""

from __future__ import annotations

import numpy as np

from demo import text
from demo.model import DAY, HOUR, MINUTE, NOBODY
from demo.world.brands import Campaign
from demo.world.conversations import FORM, INTENT, Scene, day_start, grow_threads, tell_contacts
from demo.world.draws import Instants, Source, choose, draw_contacts, draw_lateness
from demo.world.receptions import FOLLOW, LIKE, NEVER, RESHARE, Reactions, draw_endings

POSTING_HOURS = np.array([8, 9, 11, 12, 16, 17])


def tell_posts(scene: Scene, source: Source) -> None:
    """The brand's calendar, spread over its days, few of them at weekends; articles on the blog, some by staff. ``write_posts`` gives them their words."""
    plan, messages, own = scene.plan, scene.messages, scene.own
    is_blog = scene.platform == "wordpress"
    count = max(6, round(plan.posts_a_day * plan.days * (0.66 if is_blog else 1.0)))
    day = np.floor((np.arange(count) + source.random(count)) * (plan.days - 1) / count).astype(np.int64)
    weekday = (day + scene.clock.first_weekday) % 7
    day = np.where((weekday >= 5) & (source.random(count) < 0.6) & (day + 7 - weekday < plan.days), day + 7 - weekday, day)
    ts = day_start(scene.clock, day) + POSTING_HOURS[source.integers(0, 6, count)] * HOUR + source.integers(0, HOUR, count)
    ts = np.sort(np.maximum(ts, MINUTE))
    authors = np.full(count, own["brand"])
    if is_blog:
        authors = np.array([own[key] for key in ("brand", "brand", "ines", "tom")])[np.arange(count) % 4]
    messages.add(source, authors, ts, "broadcast")


def write_posts(scene: Scene, source: Source) -> None:
    """What the brand's posts say, when all is told of what people said: it thanks only those it has heard of. Whom it names must not tell who will talk."""
    messages, members = scene.messages, scene.members
    member, visible = messages.read("member"), messages.read("visible")
    heard_at = np.full(len(members), scene.plan.span)
    said = np.flatnonzero(member != NOBODY)
    np.minimum.at(heard_at, member[said], visible[said])
    posts = np.flatnonzero(messages.read("intent") == INTENT["broadcast"])
    for place, post in enumerate(posts.tolist()):
        messages.told[post] = _write_post(scene, source, place, int(messages.read("ts")[post]), heard_at)
        if scene.platform == "wordpress":
            messages.titles[post] = text.compose(source, text.BLOG_TITLES)


def _write_post(scene: Scene, source: Source, place: int, ts: int, heard_at: Instants) -> list[list[str]]:
    """The segments of one post: thanks, greetings to many, links, hashtags."""
    segments: list[list[str]] = [["t", text.compose(source, text.BRAND_POSTS)]]
    brand = scene.brand
    ids = scene.messages.accounts.columns["account_id"]
    if scene.platform == "wordpress":
        return [*segments, ["t", "\n\n" + text.compose(source, text.BRAND_POSTS)], ["t", "\n\n" + text.compose(source, text.STORIES)]]
    friends = scene.list_present("evangelist", "converser")
    friends = friends[heard_at[friends] < ts]
    if place % 8 == 3 and len(friends):
        segments += [["t", " Photo by "], ["m", str(ids[scene.account_of[source.choice(friends)]])], ["t", ", thank you!"]]
    crowd = scene.list_present("loyal", "like_only")
    if place % 40 == 11 and len(crowd) > 6:
        greeted = source.choice(crowd, size=6, replace=False)
        segments += [["t", " With love to"]] + [part for row in greeted for part in (["t", " "], ["m", str(ids[scene.account_of[row]])])]
    if source.random() < 0.3:
        segments += [["t", " "], ["u", f"https://{brand.blog_host}/beans?ref={scene.platform}"]]
    promoted = [c for c in brand.campaigns if not c.is_incentivised and c.begin <= ts < c.end]
    if promoted:
        segments += [["t", " "], ["h", promoted[0].hashtag]]
    elif place % 4 == 0:
        segments += [["t", " "], ["h", "coffee"]]
    return segments


def tell_contest(scene: Scene, source: Source, reactions: Reactions, number: int, campaign: Campaign) -> None:
    """A contest on one network: the call, entries, likes, reshares, follows; hunters who leave when it is over, and a few who stay."""
    messages, members, own = scene.messages, scene.members, scene.own
    called_at = day_start(scene.clock, np.array([campaign.first_day])) + 9 * HOUR
    _, calls = messages.add(source, np.array([own["brand"]]), called_at, "contest_call", cause=number)
    if not len(calls):
        return
    call = int(calls[0])
    tag = [["h", campaign.hashtag]] if campaign.is_tagged else []
    rules = [["t", ". Follow us, share this. Rules: "], ["u", f"https://{scene.brand.blog_host}/{campaign.campaign_id}"]]
    begin = "Win a hand grinder: reply with your best cup and " if campaign.is_tagged else "Win a year of coffee: tell us about your best cup"
    messages.told[call] = [["t", begin], *tag, *(rules if campaign.is_tagged else [["t", ". Follow us, share this."]])]
    crowd = scene.list_present()
    crowd = crowd[~members.is_kind("bot", "spam_ring", "paid_promoter")[crowd]]
    is_hunter = members.is_kind("contest_hunter")[crowd]
    middle = np.full(len(crowd), campaign.begin + (campaign.end - campaign.begin) // 2)
    chance = np.where(is_hunter, 0.96, 0.9 * members.prizes[crowd]) * members.are_there(crowd, middle)
    rows = crowd[source.random(len(crowd)) < chance]
    moment = campaign.begin + 10 * HOUR + (source.beta(1.1, 1.6, len(rows)) * (campaign.last_day - campaign.first_day) * DAY).astype(np.int64)
    twice = source.random(len(rows)) < 0.2
    entrants, at = np.r_[rows, rows[twice]], np.r_[moment, moment[twice] + draw_lateness(source, int(twice.sum()), 12, 0.6)]
    is_below = source.random(len(entrants)) < 0.75
    plain, named = ("entry", "entry_mention") if campaign.is_tagged else ("plain", "mention_last")
    at = np.maximum(at, called_at[0] + 5 * MINUTE)
    # An entry is an entry while the contest is on; whoever is late has missed it.
    in_time = np.flatnonzero(at < campaign.end)
    _, entries = messages.add(
        source, scene.account_of[entrants[in_time]], at[in_time], "contest", member=entrants[in_time], cause=number,
        parent=np.where(is_below, call, NOBODY)[in_time], form=np.where(is_below, FORM[plain], FORM[named])[in_time],
        named=np.where(is_below, NOBODY, own["brand"])[in_time],
    )  # fmt: skip
    grow_threads(scene, source, entries)
    accounts = scene.account_of[rows]
    liked_at = np.maximum(moment, called_at[0] + 5 * MINUTE)
    reactions.add(source, LIKE, accounts, liked_at + MINUTE, message=call, ended=draw_endings(source, liked_at, 0.03), cause=number)
    shares = np.flatnonzero(source.random(len(rows)) < 0.7)
    reactions.add(source, RESHARE, accounts[shares], liked_at[shares] + 2 * MINUTE, message=call, cause=number)
    hunters = np.flatnonzero(members.is_kind("contest_hunter")[rows])
    stays = np.isin(rows[hunters], members.stays[0][members.stays[3] == number])
    left = campaign.end + draw_lateness(source, len(hunters), 60, 0.9)
    ended = np.where(~stays & (source.random(len(hunters)) < 0.65), left, NEVER)
    reactions.add(source, FOLLOW, accounts[hunters], liked_at[hunters] + 3 * MINUTE, target=own["brand"], ended=ended, cause=number)


def tell_stayers(scene: Scene, source: Source, reactions: Reactions) -> None:
    """Those a contest brought and who stayed talk like others; all they do was caused by it."""
    rows, begins, ends, cause = scene.members.stays
    here = np.flatnonzero(scene.account_of[rows] != NOBODY)
    gaps = scene.plan.shape.gap_factor * 6.0 * source.lognormal(0, 0.5, len(here))
    phase, ts = draw_contacts(source, begins[here], ends[here], gaps, scene.priors.gap_spread)
    tell_contacts(scene, source, rows[here][phase], ts, cause[here][phase])
    posts = np.flatnonzero(scene.messages.read("intent") == INTENT["broadcast"])
    place = np.searchsorted(scene.messages.read("ts")[posts], ts, side="right") - 1
    seen = np.flatnonzero(place >= 0)
    liked_at = ts[seen] + MINUTE
    reactions.add(source, LIKE, scene.account_of[rows[here][phase[seen]]], liked_at, message=posts[place[seen]], cause=cause[here][phase[seen]])


def tell_promotion(scene: Scene, source: Source, number: int, campaign: Campaign) -> None:
    """Paid promoters praise the brand while the money lasts; nobody else is asked to do anything."""
    hired = scene.list_present("paid_promoter")
    rows = np.repeat(hired, source.integers(1, 5, len(hired)))
    ts = scene.clock.settle(source, campaign.begin + (source.random(len(rows)) * (campaign.end - campaign.begin)).astype(np.int64))
    _, said = scene.messages.add(
        source, scene.account_of[rows], np.maximum(ts, campaign.begin), "promoted", member=rows, form=FORM["tagged"], named=scene.own["brand"],
        cause=number,
    )  # fmt: skip
    grow_threads(scene, source, said)


def tell_rings(scene: Scene, source: Source, reactions: Reactions) -> None:
    """Rings of accounts under one hand like the same posts within minutes; some leave the same link below."""
    members, messages = scene.members, scene.messages
    ringed = scene.list_present("spam_ring")
    posts = np.flatnonzero(messages.read("intent") == INTENT["broadcast"])
    for ring in np.unique(members.ring[ringed]).tolist():
        rows = ringed[members.ring[ringed] == ring]
        struck = source.choice(posts, size=min(len(posts), max(2, scene.plan.days // 25)), replace=False)
        moment = messages.read("visible")[struck] + draw_lateness(source, len(struck), 6, 1.0)
        who, what, at = np.tile(rows, len(struck)), np.repeat(struck, len(rows)), np.repeat(moment, len(rows))
        at = at + draw_lateness(source, len(at), 0.1, 0.7)
        reactions.add(source, LIKE, scene.account_of[who], at, message=what)
        talk = np.flatnonzero(source.random(len(who)) < 0.3)
        messages.add(
            source, scene.account_of[who[talk]], at[talk] + MINUTE, "spam", member=who[talk], parent=what[talk], form=FORM["spam"],
            reason=1 + ring % 250,
        )  # fmt: skip


def tell_noise(scene: Scene, source: Source, contacts: int) -> None:
    """Messages from nowhere in particular: people who hardly ever say anything say something once."""
    crowd = scene.list_present("like_only", "lurker")
    if scene.platform == "wordpress" or not len(crowd):
        return
    count = round(contacts * scene.priors.noise)
    rows = crowd[choose(source, np.ones(len(crowd)), count)]
    tell_contacts(scene, source, rows, (source.random(count) * scene.plan.span).astype(np.int64))
