"""What happened: people and the brand act for sixty days, and every act becomes a timestamped event.

Data flow: people + random source -> drafts (threads told one after the other) -> events in time order with the ids a platform would give.
Attention to a post falls off as a power law, answers are log-normally late, days and weeks have a rhythm counted from the anchor.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from demo import text
from demo.model import DAY, HOUR, MINUTE, SECOND, WORLD_DAYS, Account, Event, Segment, World, format_utc
from demo.people import (
    BLOG_HOST,
    LOCAL_DOMAIN,
    NATURES,
    NETWORKS,
    Person,
    make_people,
    mint_cid,
    mint_snowflake,
    mint_tid,
)

HOUR_WEIGHTS = [2, 1, 1, 1, 1, 2, 5, 9, 11, 10, 8, 8, 10, 9, 7, 6, 7, 9, 11, 13, 13, 11, 7, 4]


@dataclass(frozen=True)
class Campaign:
    """A campaign on both networks, from one day of the world to another, both included; the cost is in euros."""

    campaign_id: str
    name: str
    hashtag: str
    first_day: int
    last_day: int
    cost: float
    is_incentivised: bool


CONTEST = Campaign("grinder-giveaway", "Hand grinder giveaway", "MoorhenCup", 27, 34, 1480.0, True)
PROMOTION = Campaign("slow-week", "Slow brewing week", "MoorhenSlow", 44, 50, 390.0, False)
ANSWER_CHANCE = {
    "question": 0.84,
    "complaint": 0.88,
    "praise": 0.58,
    "story": 0.50,
    "follow_up": 0.62,
    "contest": 0.12,
    "spam": 0.0,
    "peer": 0.05,
}


@dataclass(eq=False)
class Draft:
    """A message before it has an id."""

    platform: str
    author: Account
    ts: int
    kind: str
    segments: list[Segment]
    intent: str
    parent: Draft | None = None
    quoted: Draft | None = None
    title: str | None = None
    client: str | None = None
    has_media: bool = False
    is_incentivised: bool = False
    deleted_at: int | None = None
    delete_mode: str = "author"
    edits: list[tuple[int, list[Segment]]] = field(default_factory=list)
    children: list[Draft] = field(default_factory=list)
    post_id: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> Draft:
        """The message the thread began with."""
        return self.parent.root if self.parent else self


@dataclass(eq=False)
class Reaction:
    """A like, reshare or follow, and when it was taken back."""

    kind: str
    ts: int
    actor: Account
    draft: Draft | None = None
    target: Account | None = None
    ended_at: int | None = None


class Storyteller:
    """Tells one world. Each part draws from a random source of its own, so that one part can change without stirring the others."""

    def __init__(self, seed: int, anchor: date) -> None:
        self.world = World(seed, anchor, {}, [], [], {})
        self.start, self.end = self.world.start, self.world.end
        self.people, self.own, self.maker = make_people(seed, self.start)
        self.person_of: dict[int, Person] = {id(a): p for p in self.people for a in p.accounts.values()}
        self.drafts: list[Draft] = []
        self.reactions: list[Reaction] = []
        self.states: list[Event] = []
        self.source = random.Random(f"{seed}/story")
        self.traps = itertools.cycle(text.HOSTILE_TEXTS)

    # -- small draws ----------------------------------------------------------------------------------------------

    def pick_moment(self, day: int) -> int:
        """A moment on a day of the world, following the daily rhythm."""
        hour = self.source.choices(range(24), HOUR_WEIGHTS)[0]
        return self.start + day * DAY + hour * HOUR + self.source.randrange(HOUR)

    def spread_attention(self, ts: int) -> int:
        """When somebody meets a post: a power law in hours (Lomax, shape 1.1), shifted out of the night."""
        delay = 1.4 * (max(1e-6, 1 - self.source.random()) ** (-1 / 1.1) - 1)
        met = ts + 40 * SECOND + round(delay * HOUR)
        if (met // HOUR) % 24 in (1, 2, 3, 4, 5) and self.source.random() < 0.75:
            met += 5 * HOUR + self.source.randrange(HOUR)
        return met

    def draw_lateness(self, median_hours: float, spread: float) -> int:
        """A log-normal delay in milliseconds, never under twenty seconds."""
        return 20 * SECOND + round(median_hours * HOUR * self.source.lognormvariate(0, spread))

    def is_away(self, account: Account, ts: int) -> bool:
        """Whether the person behind an account is in a long absence."""
        person = self.person_of.get(id(account))
        if person is None or person.away is None:
            return False
        return person.away[0] <= (ts - self.start) // DAY < person.away[1]

    def members(self, platform: str) -> list[tuple[Person, Account]]:
        """The people who hold an account there."""
        return [(p, p.accounts[platform]) for p in self.people if platform in p.accounts]

    # -- messages -------------------------------------------------------------------------------------------------

    def write(
        self,
        author: Account,
        ts: int,
        kind: str,
        segments: list[Segment],
        intent: str,
        parent: Draft | None = None,
        **more: Any,
    ) -> Draft | None:
        """Add a message; None when it would fall outside the world or on a blog thread too deep to nest."""
        if ts >= self.end or self.is_away(author, ts):
            return None
        draft = Draft(author.platform, author, ts, kind, segments, intent, parent, **more)
        if parent is not None:
            parent.children.append(draft)
        self.drafts.append(draft)
        return draft

    def say(self, templates: list[str]) -> list[Segment]:
        """Text of one template, now and then with a trap in it."""
        if templates is text.QUESTIONS and self.source.random() < 0.06:
            return [["t", text.fill_template(self.source, next(self.traps))]]
        return [["t", text.choose_text(self.source, templates)]]

    def tell_message(self, account: Account, ts: int, parent: Draft, intent: str, kind: str | None = None, **more: Any) -> Draft | None:
        """A person writes below ``parent``; what follows from it is told at once."""
        templates = {
            "question": text.QUESTIONS,
            "praise": text.PRAISE,
            "complaint": text.COMPLAINTS,
            "story": text.STORIES,
            "follow_up": text.FOLLOW_UPS,
            "spam": text.SPAM,
            "contest": text.CONTEST_ENTRIES,
            "peer": text.PEER,
        }[intent]
        segments = self.say(templates)
        if intent == "spam":
            segments += [["t", " "], ["u", "https://spam.example/offer"]]
        if intent == "contest":
            segments += [["t", " "], ["h", CONTEST.hashtag]]
        if account.platform != "wordpress" and intent in ("question", "story") and self.source.random() < 0.06:
            helper = self.own[self.source.choice(["ines", "tom"])][account.platform]
            if helper is not parent.author:
                segments += [["t", " What do you say, "], ["m", helper.account_id], ["t", "?"]]
        kind = kind or ("comment" if account.platform == "wordpress" else "reply")
        return self.write(account, ts, kind, segments, intent, parent, is_incentivised=intent == "contest", **more)

    def draw_intent(self) -> str:
        """Why somebody writes to a brand."""
        return self.source.choices(["question", "praise", "complaint", "story"], [44, 28, 13, 15])[0]

    def tell_conversation(self, ask: Draft | None, depth: int = 0) -> None:
        """Everything that follows from a person's message: an automatic answer, a repeated ask, an answer, the next turn, peers."""
        if ask is None:
            return
        source, platform = self.source, ask.platform
        person = self.person_of[id(ask.author)]
        if ask.intent in ("question", "complaint") and source.random() < 0.10:
            self.write(
                self.own["automaton"][platform],
                ask.ts + source.randrange(5, 70) * SECOND,
                ask_answer_kind(platform),
                [["t", source.choice(text.AUTOMATIC)]],
                "automatic_answer",
                ask,
            )
        answered = source.random() < ANSWER_CHANCE[ask.intent]
        lateness = source.choices([self.draw_lateness(0.35, 0.7), self.draw_lateness(3.5, 0.9), self.draw_lateness(44, 0.8)], [30, 50, 20])[0]
        heard = ask
        if ask.intent in ("question", "complaint") and (not answered or lateness > 5 * HOUR) and source.random() < 0.40:
            wait = round(min(lateness, 40 * HOUR) * source.uniform(0.35, 0.85))
            again = self.tell_message(
                ask.author,
                ask.ts + max(wait, MINUTE),
                ask if source.random() < 0.3 else (ask.parent or ask),
                ask.intent,
            )
            if again is not None and source.random() < 0.5:
                heard = again
        if answered:
            voice = source.choices(["brand", "ines", "tom"], [78, 12, 10])[0]
            if platform == "wordpress":
                voice = next((k for k in ("ines", "tom") if self.own[k][platform] is ask.root.author), "brand") if source.random() < 0.8 else voice
            if depth and ask.parent is not None and ask.parent.author.role in ("brand", "staff") and source.random() < 0.85:
                voice = next((k for k in ("ines", "tom") if self.own[k][platform] is ask.parent.author), "brand")
            answer = self.write(
                self.own[voice][platform],
                max(ask.ts + lateness, heard.ts + MINUTE),
                ask_answer_kind(platform),
                self.say(text.ANSWERS.get(ask.intent, text.ANSWERS["praise"])),
                "answer",
                heard,
            )
            if answer is not None:
                if source.random() < 0.35:
                    self.react("like", answer.ts + self.draw_lateness(0.5, 1.0), ask.author, answer)
                if depth < 6 and source.random() < NATURES[person.kind].carry_on:
                    self.tell_conversation(
                        self.tell_message(ask.author, answer.ts + self.draw_lateness(2.2, 1.1), answer, "follow_up"),
                        depth + 1,
                    )
        if depth == 0 and source.random() < 0.14:
            self.tell_peers(ask)

    def tell_peers(self, message: Draft) -> None:
        """People talk with each other below a brand's post; the brand is not asked."""
        others = [(p, a) for p, a in self.members(message.platform) if p.kind in ("evangelist", "converser", "loyal") and a is not message.author]
        partner = self.source.choice(others)[1]
        last: Draft | None = message
        for turn in range(self.source.choice([1, 1, 2, 3, 4])):
            assert last is not None
            speaker = partner if turn % 2 == 0 else message.author
            last = self.tell_message(speaker, last.ts + self.draw_lateness(2.5, 1.0), last, "peer")
            if last is None:
                return

    def react(self, kind: str, ts: int, actor: Account, draft: Draft) -> None:
        """A like or reshare, at most one of a kind by the same person on the same message."""
        if ts >= self.end or self.is_away(actor, ts) or actor.platform == "wordpress" or actor is draft.author:
            return
        if any(r.kind == kind and r.actor is actor and r.draft is draft for r in draft.extra.setdefault("reactions", [])):
            return
        reaction = Reaction(kind, ts, actor, draft)
        if self.source.random() < (0.035 if kind == "like" else 0.02):
            ended = ts + self.draw_lateness(30, 1.2)
            reaction.ended_at = ended if ended < self.end else None
        draft.extra["reactions"].append(reaction)
        self.reactions.append(reaction)

    # -- chapters -------------------------------------------------------------------------------------------------

    def tell_brand_posts(self) -> None:
        """The brand's calendar: broadcasts, blog posts, campaign days, thanks, quotes; and how people meet each of them."""
        source = self.source
        for platform, every in (("mastodon", 2), ("bluesky", 2), ("wordpress", 3)):
            brand = self.own["brand"][platform]
            days = [d for d in range(1, WORLD_DAYS) if d % every == (1 if platform == "mastodon" else 0)]
            for number, day in enumerate([d for d in days if d % 7 not in (5, 6) or source.random() < 0.6]):
                moment = self.start + day * DAY + source.choice([8, 9, 11, 12, 16, 17]) * HOUR + source.randrange(HOUR)
                segments: list[Segment] = [["t", text.choose_text(source, text.BRAND_POSTS)]]
                author = brand
                title: str | None = None
                more: dict[str, Any] = {}
                if platform == "wordpress":
                    author = self.own[("brand", "brand", "ines", "tom")[number % 4]][platform]
                    title = text.choose_text(source, text.BLOG_TITLES)
                    segments += [
                        ["t", "\n\n" + text.choose_text(source, text.BRAND_POSTS)],
                        ["t", "\n\n" + text.choose_text(source, text.STORIES)],
                    ]
                else:
                    more["client"] = "Drip Planner" if number % 3 else "Web"
                    more["has_media"] = source.random() < 0.4
                    if number % 8 == 3:
                        thanked = source.choice([a for p, a in self.members(platform) if p.kind in ("evangelist", "converser")])
                        segments += [["t", " Photo by "], ["m", thanked.account_id], ["t", ", thank you!"]]
                    if number == 11:
                        crowd = source.sample([a for p, a in self.members(platform) if p.kind in ("loyal", "like_only")], 6)
                        segments += [["t", " With love to"]] + [part for a in crowd for part in (["t", " "], ["m", a.account_id])]
                    if source.random() < 0.3:
                        segments += [["t", " "], ["u", f"https://{BLOG_HOST}/beans?ref={platform}"]]
                    if PROMOTION.first_day <= day <= PROMOTION.last_day:
                        segments += [["t", " "], ["h", PROMOTION.hashtag]]
                    elif number % 4 == 0:
                        segments += [["t", " "], ["h", "coffee"]]
                post = self.write(author, moment, "post", segments, "broadcast", title=title, **more)
                if post is not None:
                    self.tell_reception(post)

    def tell_reception(self, post: Draft) -> None:
        """Each member of the platform may meet a brand post, like it, pass it on, quote it or write below it."""
        source = self.source
        appeal = min(2.5, source.lognormvariate(0, 0.45))
        for person, account in self.members(post.platform):
            nature, drive = NATURES[person.kind], person.activity * appeal
            if source.random() < min(0.95, nature.like * drive):
                self.react("like", self.spread_attention(post.ts), account, post)
            if source.random() < min(0.6, nature.reshare * drive):
                self.react("reshare", self.spread_attention(post.ts), account, post)
            if post.platform != "wordpress" and source.random() < nature.quote * drive:
                quote = self.write(account, self.spread_attention(post.ts), "quote", self.say(text.PRAISE), "praise", quoted=post)
                self.tell_conversation(quote)
            if source.random() < min(0.7, nature.reply * drive * (2.2 if post.platform == "wordpress" else 1.0)):
                intent = "spam" if person.kind == "bot" else self.draw_intent()
                message = self.tell_message(account, self.spread_attention(post.ts), post, intent)
                self.tell_conversation(message)
                if message is not None and source.random() < 0.3:
                    self.react("like", message.ts + self.draw_lateness(4, 1), self.own["brand"][post.platform], message)
        for key in ("nuno", "agency"):
            inside = self.own[key][post.platform]
            if source.random() < 0.5:
                self.react("like", self.spread_attention(post.ts), inside, post)
            if source.random() < 0.08:
                self.write(
                    inside,
                    self.spread_attention(post.ts),
                    ask_answer_kind(post.platform),
                    self.say(text.AGENCY),
                    "insider",
                    post,
                )

    def tell_mentions(self) -> None:
        """Messages of people's own that name the brand by hand, without any thread; and the brand passing some of them on."""
        for platform in ("mastodon", "bluesky"):
            brand = self.own["brand"][platform]
            for person, account in self.members(platform):
                weekly = NATURES[person.kind].mentions_a_week * person.activity
                for day in range(WORLD_DAYS):
                    if self.source.random() >= weekly / 7:
                        continue
                    intent = "spam" if person.kind == "bot" else self.draw_intent()
                    body = self.say(
                        {
                            "question": text.QUESTIONS,
                            "praise": text.PRAISE,
                            "complaint": text.COMPLAINTS,
                            "story": text.STORIES,
                            "spam": text.SPAM,
                        }[intent]
                    )
                    named: list[Segment] = [["m", brand.account_id], ["t", " "]]
                    segments = named + body if self.source.random() < 0.6 else [*body, ["t", " cc "], named[0]]
                    mention = self.write(account, self.pick_moment(day), "post", segments, intent, has_media=self.source.random() < 0.2)
                    self.tell_conversation(mention)
                    if mention is not None and intent in ("praise", "story") and self.source.random() < 0.25:
                        self.react("reshare", mention.ts + self.draw_lateness(5, 0.8), brand, mention)
                    elif mention is not None and intent == "praise" and self.source.random() < 0.12:
                        self.write(
                            brand,
                            mention.ts + self.draw_lateness(9, 0.8),
                            "quote",
                            [["t", "Made our day."]],
                            "brand_quote",
                            quoted=mention,
                        )
                if person.kind in ("evangelist", "converser", "loyal") and self.source.random() < 0.5:
                    day = self.source.randrange(WORLD_DAYS)  # spoken of without a mention: only listening for the name finds it
                    self.write(
                        account,
                        self.pick_moment(day),
                        "post",
                        [["t", "Moorhen Coffee again. " + text.choose_text(self.source, text.PRAISE)]],
                        "named",
                    )

    def tell_campaigns(self) -> None:
        """A contest with a hashtag, a prize and hunters who leave after it; and a quiet promotion without any asked action."""
        source = self.source
        first, last = CONTEST.first_day, CONTEST.last_day
        for platform in ("mastodon", "bluesky"):
            brand = self.own["brand"][platform]
            call: list[Segment] = [
                ["t", "Win a hand grinder: reply with your best cup and "],
                ["h", CONTEST.hashtag],
                ["t", ". Follow us, share this. Rules: "],
                ["u", f"https://{BLOG_HOST}/grinder-giveaway"],
            ]
            post = self.write(
                brand,
                self.start + first * DAY + 9 * HOUR,
                "post",
                call,
                "contest_call",
                client="Drip Planner",
                has_media=True,
            )
            assert post is not None
            self.world.hidden.setdefault("contest_drafts", []).append(post)
            for person, account in self.members(platform):
                if person.kind == "contest_hunter":
                    chance = 0.95
                else:
                    chance = {"evangelist": 0.35, "converser": 0.25, "loyal": 0.30, "like_only": 0.10}.get(person.kind, 0.02)
                if source.random() >= chance:
                    continue
                moment = self.start + round((first + (last - first) * source.betavariate(1.1, 1.6)) * DAY) + 10 * HOUR
                for _ in range(1 if source.random() < 0.8 else 2):
                    if source.random() < 0.75:
                        self.tell_conversation(self.tell_message(account, moment, post, "contest"))
                    else:
                        entry: list[Segment] = [
                            ["t", text.choose_text(source, text.CONTEST_ENTRIES) + " "],
                            ["m", brand.account_id],
                            ["t", " "],
                            ["h", CONTEST.hashtag],
                        ]
                        self.tell_conversation(self.write(account, moment, "post", entry, "contest", is_incentivised=True))
                    moment += self.draw_lateness(12, 0.6)
                self.react("like", moment, account, post)
                if source.random() < 0.7:
                    self.react("reshare", moment + MINUTE, account, post)
                if person.kind == "contest_hunter":
                    left = self.start + last * DAY + self.draw_lateness(90, 0.9)
                    self.reactions.append(
                        Reaction(
                            "follow",
                            moment + 2 * MINUTE,
                            account,
                            target=brand,
                            ended_at=left if source.random() < 0.65 and moment + HOUR < left < self.end else None,
                        )
                    )

    def tell_follows(self) -> None:
        """Who follows whom: an audience from before the world, newcomers, and people who leave."""
        source = self.source
        for platform in ("mastodon", "bluesky"):
            brand = self.own["brand"][platform]
            following = {id(r.actor) for r in self.reactions if r.kind == "follow"}
            for person, account in self.members(platform):
                if id(account) in following:
                    continue
                if source.random() < NATURES[person.kind].follow:
                    ts = self.start if source.random() < 0.7 else self.pick_moment(source.randrange(WORLD_DAYS))
                    ended = self.pick_moment(source.randrange(WORLD_DAYS)) if source.random() < 0.06 else None
                    self.reactions.append(Reaction("follow", ts, account, target=brand, ended_at=ended if ended and ended > ts + DAY else None))
                if person.kind in ("evangelist", "converser") and source.random() < 0.5:
                    self.reactions.append(Reaction("follow", self.pick_moment(source.randrange(WORLD_DAYS)), brand, target=account))
            for key in ("ines", "tom", "nuno", "agency"):
                self.reactions.append(Reaction("follow", self.start, self.own[key][platform], target=brand))

    def tell_regrets(self) -> None:
        """Edits, deletions (a few of them with answers below), moderation of spam on the blog."""
        source = self.source
        spare_parents = {"mastodon": 4, "bluesky": 4, "wordpress": 2}
        for draft in sorted(self.drafts, key=lambda d: d.ts):
            roll = source.random()
            person = self.person_of.get(id(draft.author))
            last = max([draft.ts] + [child.ts for child in draft.children] + [r.ts for r in draft.extra.get("reactions", [])])
            if draft.intent == "spam" and draft.platform == "wordpress":
                self.delete(draft, last + self.draw_lateness(9, 0.5), "trash")
            elif person is not None and draft.parent is not None and draft.children and spare_parents[draft.platform] and roll < 0.12:
                spare_parents[draft.platform] -= 1
                self.delete(draft, last + self.draw_lateness(14, 0.7), "author")
            elif draft.parent is not None and not draft.children and roll < (0.06 if person else 0.03):
                self.delete(
                    draft,
                    last + self.draw_lateness(20, 1.2),
                    "trash" if draft.platform == "wordpress" and roll < 0.03 else "author",
                )
            elif draft.platform != "bluesky" and roll > 0.95 and draft.segments[0][0] == "t":
                edited = draft.ts + self.draw_lateness(1.0, 1.2)
                if edited < self.end:
                    draft.edits.append((edited, [["t", draft.segments[0][1] + " (edit: wording)"], *draft.segments[1:]]))

        self.ensure_regrets()

    def ensure_regrets(self) -> None:
        """Where chance left one of the regrets out, the first fitting message is taken back after all."""
        for platform in NETWORKS:
            drafts = [d for d in self.drafts if d.platform == platform and d.ts < self.end - 10 * DAY]
            wanted: list[tuple[str, str, bool]] = [("answer", "author", False), ("question", "author", False), ("question", "author", True)]
            if platform == "wordpress":
                wanted.append(("praise", "trash", False))
            for intent, mode, has_children in wanted:
                fitting = [d for d in drafts if d.intent == intent and d.parent is not None and bool(d.children) == has_children]
                if any(d.deleted_at is not None and d.delete_mode == mode for d in fitting):
                    continue
                for draft in fitting[:1]:
                    marks = [r.ts for r in draft.extra.get("reactions", [])]
                    self.delete(draft, max([draft.ts, *marks, *(child.ts for child in draft.children)]) + 5 * HOUR, mode)

    def delete(self, draft: Draft, ts: int, mode: str) -> None:
        """Mark a message as deleted, when that still falls inside the world."""
        if ts < self.end:
            draft.deleted_at, draft.delete_mode = ts, mode

    def tell_account_changes(self) -> None:
        """Renames, a locked account, suspensions, a deactivation, a block: each once or a few times."""

        def first(platform: str, kind: str, skip: int = 0) -> Account:
            return [a for p, a in self.members(platform) if p.kind == kind][skip]

        def at(day: int) -> int:
            return self.pick_moment(day)

        def add(ts: int, account: Account, kind: str, **data: Any) -> None:
            self.states.append(Event(ts, account.platform, kind, account.account_id, data))

        add(at(20), first("mastodon", "loyal", 2), "rename", display_name="Formerly known as me")
        add(at(33), first("bluesky", "converser", 1), "rename", username="newperch")
        add(at(41), first("bluesky", "like_only", 2), "rename", username="likesalot", display_name="Likes a lot")
        add(at(25), first("mastodon", "lurker"), "protect")
        for platform, day in (("mastodon", 46), ("bluesky", 47)):
            following = {id(r.actor) for r in self.reactions if r.kind == "follow" and r.ended_at is None and r.ts < self.start + day * DAY}
            bots = [a for p, a in self.members(platform) if p.kind == "bot"]
            add(at(day), next((a for a in bots if id(a) in following), bots[0]), "suspend")
        add(at(52), first("bluesky", "loyal", 3), "deactivate")
        hunters = {id(a) for p, a in self.members("bluesky") if p.kind == "contest_hunter"}
        blocker = next(d.author for d in self.drafts if id(d.author) in hunters and d.parent is not None and d.deleted_at is None)
        said = Counter(id(d.author) for d in self.drafts)
        guests = [a for p, a in self.members("wordpress") if p.kind == "loyal" and a.account_id.startswith("guest:")]
        quiet = min((a for a in guests if said[id(a)] and a.display_name.replace(" ", "").isalpha()), key=lambda a: said[id(a)])
        quiet.email, quiet.account_id, quiet.display_name = "", "guest:without-email:1", "Passer-by"
        add(at(39), blocker, "block", target=self.own["brand"]["bluesky"].account_id)

    # -- the end --------------------------------------------------------------------------------------------------

    def gather_events(self) -> World:
        """Give every message and reaction the id its platform would give, and put all events in time order."""
        world, source = self.world, random.Random(f"{self.world.seed}/ids")
        self.drafts.sort(key=lambda draft: draft.ts)
        ids = {"post": 100, "comment": 500}
        events: list[Event] = list(self.states)
        intents: dict[str, Any] = {}
        for number, draft in enumerate(self.drafts):
            data: dict[str, Any] = {
                "kind": draft.kind,
                "segments": draft.segments,
                "client": draft.client,
                "has_media": draft.has_media,
                "title": draft.title,
            }
            if draft.platform == "mastodon":
                draft.post_id = mint_snowflake(draft.ts, source.randrange(1 << 16))
            elif draft.platform == "bluesky":
                draft.extra["rkey"] = mint_tid(draft.ts * 1000 + number % 1000, source.randrange(1 << 10))
                draft.post_id = f"at://{draft.author.account_id}/app.bsky.feed.post/{draft.extra['rkey']}"
                data["cid"] = mint_cid(draft.post_id + repr(draft.segments))
            else:
                counter = "post" if draft.kind == "post" else "comment"
                ids[counter] += source.randrange(1, 4)
                draft.post_id = f"post:{ids[counter]}" if counter == "post" else str(ids[counter])
            data |= {
                "post_id": draft.post_id,
                "parent_id": draft.parent.post_id if draft.parent else None,
                "root_id": draft.root.post_id,
                "quoted_id": draft.quoted.post_id if draft.quoted else None,
            }
            events.append(Event(draft.ts, draft.platform, "post", draft.author.account_id, data))
            intents[f"{draft.platform}|{draft.post_id}"] = {
                "intent": draft.intent,
                "is_incentivised": draft.is_incentivised,
            }
            for ts, segments in draft.edits:
                if draft.deleted_at is None or ts < draft.deleted_at:
                    events.append(
                        Event(
                            ts,
                            draft.platform,
                            "edit",
                            draft.author.account_id,
                            {"post_id": draft.post_id, "segments": segments},
                        )
                    )
            if draft.deleted_at is not None:
                events.append(
                    Event(
                        draft.deleted_at,
                        draft.platform,
                        "delete",
                        draft.author.account_id,
                        {"post_id": draft.post_id, "mode": draft.delete_mode},
                    )
                )
        internal = dict.fromkeys(NETWORKS, 31000)
        for reaction in sorted(self.reactions, key=lambda r: r.ts):
            platform = reaction.actor.platform
            internal[platform] += source.randrange(1, 9)
            key = mint_tid(reaction.ts * 1000, source.randrange(1 << 10)) if platform == "bluesky" else str(internal[platform])
            if platform == "mastodon" and reaction.kind == "reshare":
                key = mint_snowflake(reaction.ts, source.randrange(1 << 16))
            data = {"id": key}
            if reaction.draft is not None:
                if reaction.draft.deleted_at is not None and reaction.ts >= reaction.draft.deleted_at:
                    continue
                data["post_id"] = reaction.draft.post_id
            else:
                assert reaction.target is not None
                data["target"] = reaction.target.account_id
            events.append(Event(reaction.ts, platform, reaction.kind, reaction.actor.account_id, data))
            if reaction.ended_at is not None:
                events.append(Event(reaction.ended_at, platform, "un" + reaction.kind, reaction.actor.account_id, data))
        order = {"post": 0, "follow": 1, "like": 2, "reshare": 3}
        events.sort(
            key=lambda e: (
                e.ts,
                e.platform,
                order.get(e.kind, 9),
                e.actor,
                str(e.data.get("post_id") or e.data.get("target") or ""),
            )
        )
        world.events = events
        world.accounts = [a for role in self.own.values() for a in role.values()] + [a for p in self.people for a in p.accounts.values()]
        world.brand = self.describe_brand()
        world.hidden = {
            "people": [
                {
                    "person_id": p.person_id,
                    "type": p.kind,
                    "name": p.name,
                    "activity": p.activity,
                    "business_ref": p.business_ref,
                    "volunteered": p.volunteered,
                    "away_from_day": p.away[0] if p.away else None,
                    "away_until_day": p.away[1] if p.away else None,
                    "accounts": {network: account.account_id for network, account in p.accounts.items()},
                }
                for p in self.people
            ],
            "messages": intents,
        }
        return world

    def describe_brand(self) -> dict[str, Any]:
        """What the brand knows about itself: names, accounts, campaigns, terms; this is no secret."""
        half = format_utc(self.start + 30 * DAY)
        accounts = []
        responders = {"ines": "ines-falcao", "tom": "tom-averdieck", "nuno": "nuno-drum"}
        for key, networks in self.own.items():
            for network, account in networks.items():
                row = {
                    "platform": network,
                    "account_id": account.account_id,
                    "handle": handle_of(account),
                    "role": account.role,
                    "answers_for_brand": key in ("brand", "ines", "tom", "automaton"),
                    "responder_id": responders.get(key),
                    "valid_from": None,
                    "valid_to": None,
                }
                if key == "brand":
                    accounts.append(row | {"responder_id": responders["ines"], "valid_to": half})
                    accounts.append(row | {"responder_id": responders["tom"], "valid_from": half})
                else:
                    accounts.append(row)
        calls = self.world.hidden.get("contest_drafts", [])
        campaigns = []
        for campaign in (CONTEST, PROMOTION):
            first, last = campaign.first_day, campaign.last_day
            campaigns.append(
                {
                    "campaign_id": campaign.campaign_id,
                    "name": campaign.name,
                    "is_incentivised": campaign.is_incentivised,
                    "is_promotional": True,
                    "hashtags": [campaign.hashtag],
                    "starts_at": format_utc(self.start + first * DAY),
                    "ends_at": format_utc(self.start + (last + 1) * DAY),
                    "cost": campaign.cost,
                    "currency": "EUR",
                    "link_patterns": [f"https://{BLOG_HOST}/grinder-giveaway%"] if campaign.is_incentivised else [],
                    "asked_action": "reply, follow and share" if campaign.is_incentivised else "",
                    "post_ids": [f"{d.platform}:{d.post_id}" for d in calls] if campaign.is_incentivised else [],
                }
            )
        return {
            "name": "Moorhen Coffee Roasters",
            "key": "moorhen",
            "timezone": "Europe/Lisbon",
            "currency": "EUR",
            "language": "en",
            "working_hours": {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"},
            "mastodon_domain": LOCAL_DOMAIN,
            "blog_host": BLOG_HOST,
            "blog_name": "Moorhen, the blog",
            "terms": ["Moorhen Coffee", "MoorhenCup", "MoorhenSlow"],
            "hashtags": ["MoorhenCup", "MoorhenSlow"],
            "accounts": accounts,
            "campaigns": campaigns,
        }


def ask_answer_kind(platform: str) -> str:
    """What a message below another is called there."""
    return "comment" if platform == "wordpress" else "reply"


def handle_of(account: Account) -> str:
    """The name a platform shows for an account: user@host, host-style handle, or user name."""
    if account.platform == "mastodon":
        return f"{account.username}@{account.domain}" if account.domain else account.username
    return f"{account.username}.{account.domain}" if account.platform == "bluesky" else account.username


def generate_world(seed: int, anchor: date) -> World:
    """The whole world of (seed, anchor); the same arguments give the same world, moved along with the anchor."""
    teller = Storyteller(seed, anchor)
    teller.tell_brand_posts()
    teller.tell_mentions()
    teller.tell_campaigns()
    teller.tell_follows()
    teller.tell_regrets()
    teller.tell_account_changes()
    return teller.gather_events()
