"""What is said: the brand's posts, and threads that grow generation by generation, all threads at once.

Data flow: members, contacts, a clock -> ``Messages`` of one brand on one platform: columns that grow by whole generations
(ask -> automatic answer, repeat, answer -> follow-up -> answer …; people among themselves beside it).
A message keeps what caused it: whatever follows from a contest's entry belongs to that contest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.model import DAY, HOUR, MINUTE, NOBODY, SECOND
from demo.world.brands import Brand
from demo.world.draws import Clock, Flags, Instants, Numbers, Rows, Source, choose, draw_lateness, draw_lomax
from demo.world.people import Accounts, Members
from demo.world.presets import Plan, Priors

INTENTS = (
    "broadcast", "contest_call", "question", "praise", "complaint", "story", "follow_up", "contest", "peer", "spam", "answer", "automatic_answer",
    "insider", "named", "brand_quote", "promoted",
)  # fmt: skip
INTENT = {name: code for code, name in enumerate(INTENTS)}
KINDS = ("post", "reply", "comment", "quote")
#: how a message's text is put together, see ``segments``
FORMS = ("plain", "mention_first", "mention_last", "entry", "entry_mention", "spam", "asks_helper", "tagged")
FORM = {name: code for code, name in enumerate(FORMS)}
DEEPEST = 14
COLUMNS = {
    "author": np.int32, "member": np.int32, "ts": np.int64, "visible": np.int64, "intent": np.uint8, "reason": np.uint8, "kind": np.uint8,
    "form": np.uint8, "parent": np.int64, "root": np.int64, "quoted": np.int64, "named": np.int32, "cause": np.int16,
}  # fmt: skip


class Messages:
    """The messages of one brand on one platform, columns that grow; a row's number is its place here. ``reason`` is what an answer answers."""

    def __init__(self, platform: str, brand: Brand, accounts: Accounts, span: int) -> None:
        self.platform, self.brand, self.accounts, self.span = platform, brand, accounts, span
        self.count = 0
        names = accounts.columns["domain" if platform == "mastodon" else "account_id"].tolist()
        #: whose messages may be shown late: those of other servers, and of guests
        self._is_foreign = np.array([n is not None if platform == "mastodon" else str(n).startswith("guest:") for n in names])
        self._chunks: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}
        #: segments of messages whose text is not put together from a form, and titles of articles
        self.told: dict[int, list[list[str]]] = {}
        self.titles: dict[int, str] = {}

    def add(self, source: Source, author: Rows, ts: Instants, intent: str | Rows, **columns: Rows | int) -> tuple[Rows, Rows]:
        """Add messages; those outside the world or by an account that is gone are dropped. Returns (kept places in the arguments, row numbers)."""
        size = len(author)
        kept = np.flatnonzero((ts >= 0) & (ts < self.span) & self.accounts.are_in_use(author, ts))
        given: dict[str, Rows | int] = {
            "author": author, "member": NOBODY, "ts": ts, "intent": INTENT[intent] if isinstance(intent, str) else intent, "reason": 0,
            "form": FORM["plain"], "parent": NOBODY, "quoted": NOBODY, "named": NOBODY, "cause": NOBODY,
        } | columns  # fmt: skip
        rows = {name: np.broadcast_to(np.asarray(value), size)[kept] for name, value in given.items()}
        numbers = np.arange(self.count, self.count + len(kept))
        is_below, is_quote = rows["parent"] != NOBODY, rows["quoted"] != NOBODY
        roots = self.read("root")[np.where(is_below, rows["parent"], 0)] if self.count else numbers
        rows["root"] = np.where(is_below, roots, numbers)
        rows["kind"] = np.where(is_quote, 3, np.where(is_below, 2 if self.platform == "wordpress" else 1, 0))
        rows["visible"] = rows["ts"] + self._draw_delay(source, rows["author"], rows["kind"])
        for name, kind in COLUMNS.items():
            self._chunks[name].append(np.asarray(rows[name]).astype(kind))
        self.count += len(kept)
        return kept, numbers

    def read(self, name: str) -> np.ndarray:
        """A column, whole."""
        chunks = self._chunks[name]
        if len(chunks) != 1:
            self._chunks[name] = chunks = [np.concatenate(chunks) if chunks else np.zeros(0, dtype=COLUMNS[name])]
        return chunks[0]

    def _draw_delay(self, source: Source, author: Rows, kind: Rows) -> Instants:
        """How much later a platform shows a message: federation of other servers, comments that wait for approval."""
        count = len(author)
        share = {"mastodon": 0.04, "wordpress": 0.06}.get(self.platform, 0.0)
        is_article = (kind == 0) & (self.platform == "wordpress")
        late = self._is_foreign[author] & ~is_article & (source.random(count) < share)
        return np.where(late, draw_lateness(source, count, 2.0, 1.1), 0)


@dataclass(frozen=True)
class Scene:
    """What the telling of one brand on one platform needs at hand."""

    plan: Plan
    priors: Priors
    brand: Brand
    clock: Clock
    members: Members
    messages: Messages

    @property
    def platform(self) -> str:
        """Where it plays."""
        return self.messages.platform

    @property
    def own(self) -> dict[str, int]:
        """The brand's accounts there, by key."""
        return self.brand.own[self.platform]

    @property
    def account_of(self) -> Rows:
        """Each member's account there."""
        return self.members.accounts[self.platform]

    def list_present(self, *kinds: str) -> Rows:
        """Members with an account there, of these types (any when none is named)."""
        there = self.account_of != NOBODY
        return np.flatnonzero(there & self.members.is_kind(*kinds) if kinds else there)


def draw_intents(source: Source, count: int) -> Rows:
    """Why people write to a brand."""
    return np.array([INTENT[i] for i in ("question", "praise", "complaint", "story")])[choose(source, np.array([44.0, 28, 13, 15]), count)]


def tell_contacts(scene: Scene, source: Source, rows: Rows, ts: Instants, cause: Rows | int = NOBODY) -> None:
    """People write to the brand at these moments: below a recent post, in a post of their own that names it, or with a quote; all that follows is told."""
    messages, members = scene.messages, scene.members
    posts = np.flatnonzero(messages.read("intent") == INTENT["broadcast"])
    posts = posts[np.argsort(messages.read("ts")[posts], kind="stable")]
    count = len(rows)
    roll = source.random(count)
    cause = np.broadcast_to(np.asarray(cause), count)
    is_bot = members.is_kind("bot")[rows]
    intents = np.where(is_bot, INTENT["spam"], draw_intents(source, count))
    if scene.platform == "wordpress":
        roll = np.zeros(count)
    # Below a post: the newest one that is there, or one a little older; and when it was met is a power law of its age.
    place = np.searchsorted(messages.read("ts")[posts], ts, side="right") - 1 - np.where(source.random(count) < 0.25, source.integers(1, 4, count), 0)
    below = (roll < 0.62) & (place >= 0)
    chosen = posts[np.maximum(place, 0)] if len(posts) else np.zeros(count, dtype=np.int64)
    since = messages.read("visible")[chosen] if len(posts) else ts
    met = since + draw_lomax(source, count, scene.priors.attention_hours, scene.priors.attention_shape, 30.0)
    moment = np.where(below, met, scene.clock.settle(source, ts))
    moment = np.where(below, scene.clock.leave_night(source, moment), moment)
    is_quote = ~below & (roll >= 0.96) & (place >= 0)
    moment = np.where(is_quote, np.maximum(moment, since + 5 * MINUTE), moment)
    is_named_only = ~below & ~is_quote & ~is_bot & (source.random(count) < 0.12)
    wanted = members.are_there(rows, moment) & (below | (scene.platform != "wordpress"))
    form = np.where(below | is_quote, FORM["plain"], np.where(source.random(count) < 0.6, FORM["mention_first"], FORM["mention_last"]))
    form = np.where(is_named_only, FORM["plain"], form)
    form = np.where(below & is_bot, FORM["spam"], form)
    asks_helper = (source.random(count) < 0.06) & below & np.isin(intents, [INTENT["question"], INTENT["story"]]) & (scene.platform != "wordpress")
    form = np.where(asks_helper, FORM["asks_helper"], form)
    helper = np.where(source.random(count) < 0.5, scene.own["ines"], scene.own["tom"])
    named = np.where(np.isin(form, [FORM["mention_first"], FORM["mention_last"]]), scene.own["brand"], np.where(asks_helper, helper, NOBODY))
    intents = np.where(is_named_only, INTENT["named"], np.where(is_quote, INTENT["praise"], intents))
    wanted = np.flatnonzero(wanted)
    _, asks = messages.add(
        source, scene.account_of[rows[wanted]], moment[wanted], intents[wanted], member=rows[wanted], form=form[wanted], named=named[wanted],
        parent=np.where(below, chosen, NOBODY)[wanted], quoted=np.where(is_quote, chosen, NOBODY)[wanted], cause=cause[wanted],
    )  # fmt: skip
    grow_threads(scene, source, asks)
    _tell_thanks(scene, source, asks)


def grow_threads(scene: Scene, source: Source, asks: Rows) -> None:
    """All that follows from people's messages: automatic answers, repeats, answers, the next turn, and so on; people join in at the first turn."""
    asks = asks[scene.messages.read("intent")[asks] != INTENT["named"]]
    for depth in range(DEEPEST):
        if not len(asks):
            return
        if depth == 0:
            _tell_peers(scene, source, asks)
        asks = _tell_turn(scene, source, asks, depth)


def _tell_turn(scene: Scene, source: Source, asks: Rows, depth: int) -> Rows:
    """One turn: what the brand's side does with these messages, and who comes back. Returns the messages that come back."""
    messages, priors, members, own = scene.messages, scene.priors, scene.members, scene.own
    intent, ts, heard_at, person = (messages.read(name)[asks] for name in ("intent", "ts", "visible", "member"))
    cause, parent, author = (messages.read(name)[asks] for name in ("cause", "parent", "author"))
    count = len(asks)
    is_asking = np.isin(intent, [INTENT["question"], INTENT["complaint"]])
    automatic = np.flatnonzero(is_asking & (source.random(count) < priors.automaton))
    messages.add(
        source, np.full(len(automatic), own["automaton"]), heard_at[automatic] + source.integers(5, 70, len(automatic)) * SECOND, "automatic_answer",
        parent=asks[automatic], cause=cause[automatic],
    )  # fmt: skip
    is_answered = source.random(count) < _tell_chances(scene, asks, depth)
    voices = choose(source, np.array([share for share, _, _ in priors.latency]), count)
    lateness = np.zeros(count, dtype=np.int64)
    for place, (_, median, spread) in enumerate(priors.latency):
        chosen = np.flatnonzero(voices == place)
        lateness[chosen] = draw_lateness(source, len(chosen), median, spread)
    answered_at = scene.clock.wait_for_opening(source, heard_at + lateness, scene.brand.opening, 5, 0.7)
    # Who waits asks again, before the answer comes.
    impatient = np.flatnonzero(is_asking & (~is_answered | (answered_at - ts > 5 * HOUR)) & (source.random(count) < 0.32))
    waited = np.where(is_answered[impatient], answered_at[impatient] - ts[impatient], lateness[impatient])
    again_at = ts[impatient] + np.maximum(np.minimum(waited, 40 * HOUR) * source.uniform(0.35, 0.85, len(impatient)), MINUTE).astype(np.int64)
    again_at = np.maximum(again_at, heard_at[impatient] + 30 * SECOND)
    below_itself = (source.random(len(impatient)) < 0.3) | (parent[impatient] == NOBODY)
    kept, again = messages.add(
        source, author[impatient], again_at, intent[impatient], member=person[impatient], cause=cause[impatient],
        parent=np.where(below_itself, asks[impatient], parent[impatient]),
    )  # fmt: skip
    answers_below, not_before = asks.copy(), heard_at.copy()
    heard = np.flatnonzero(source.random(len(again)) < 0.5)
    answers_below[impatient[kept[heard]]] = again[heard]
    not_before[impatient[kept[heard]]] = messages.read("visible")[again[heard]]
    said = np.flatnonzero(is_answered)
    kept, answers = messages.add(
        source, _choose_voices(scene, source, asks[said], depth), np.maximum(answered_at[said], not_before[said] + MINUTE), "answer",
        parent=answers_below[said], reason=intent[said], cause=cause[said],
    )  # fmt: skip
    said = said[kept]
    comes_back = np.clip(priors.carry_on * (0.12 + 0.72 * members.sociability[person[said]]), 0, 0.92) * np.where(depth >= 3, 0.8, 1.0)
    comes_back = np.where(np.isin(intent[said], [INTENT["spam"], INTENT["promoted"]]), 0, comes_back)
    comes_back = np.where(intent[said] == INTENT["contest"], 0.3 * comes_back, comes_back)
    back = np.flatnonzero(source.random(len(said)) < comes_back)
    seen_at = messages.read("visible")[answers[back]]
    back_at = scene.clock.leave_night(source, seen_at + draw_lateness(source, len(back), 2.2, 1.1))
    there = np.flatnonzero(members.are_there(person[said[back]], back_at))
    back, back_at = back[there], back_at[there]
    _, following = messages.add(
        source, author[said[back]], back_at, "follow_up", member=person[said[back]], parent=answers[back], cause=cause[said[back]]
    )
    return following


def _tell_chances(scene: Scene, asks: Rows, depth: int) -> Numbers:
    """The chance of an answer: by what is asked, the hour, the weekday, how much was asked that hour, and in one regime by who asks."""
    messages, priors = scene.messages, scene.priors
    chances = np.array([priors.answer.get(name, 0.0) for name in INTENTS])[messages.read("intent")[asks]]
    ts = messages.read("visible")[asks]
    local_hour, weekday = scene.clock.tell_hour(ts), scene.clock.tell_weekday(ts)
    is_open = (local_hour >= scene.brand.opening[0]) & (local_hour < scene.brand.opening[1]) & (weekday < 5)
    chances = chances * np.where(is_open, 1.06, 0.92)
    # What a contest brings does not count: without it, the rest of the world would be exactly the same.
    hours = ts // HOUR
    load = np.bincount(hours[messages.read("cause")[asks] == NOBODY], minlength=int(scene.plan.span // HOUR) + 1)
    usual = max(1.0, len(asks) / (scene.plan.days * 12))
    chances = chances / (1 + np.maximum(load[np.minimum(hours, len(load) - 1)] / usual - 2, 0) * 0.06)
    if scene.plan.regime == "celebrity":
        chances = np.clip(chances * np.exp(0.6 * scene.members.reach[messages.read("member")[asks]]), 0, 0.97)
    return np.asarray(chances)


def _choose_voices(scene: Scene, source: Source, asks: Rows, depth: int) -> Rows:
    """Who answers: mostly the brand's account; below what one of the staff wrote, mostly that one."""
    messages, own = scene.messages, scene.own
    keys = np.array([own["brand"], own["ines"], own["tom"]])
    voice = keys[choose(source, np.array([0.78, 0.12, 0.10]), len(asks))]
    above = messages.read("parent")[asks] if depth else messages.read("root")[asks]
    spoke = messages.read("author")[np.maximum(above, 0)]
    keeps = (above != NOBODY) & np.isin(spoke, keys) & (source.random(len(asks)) < (0.85 if depth else 0.8))
    if depth == 0 and scene.platform != "wordpress":
        return voice
    return np.where(keeps, spoke, voice)


def _tell_peers(scene: Scene, source: Source, asks: Rows) -> None:
    """People talk with each other below what one of them wrote; the brand is not asked."""
    messages, members = scene.messages, scene.members
    others = scene.list_present("evangelist", "converser", "loyal")
    starts = asks[(source.random(len(asks)) < scene.priors.peers) & (messages.read("cause")[asks] == NOBODY)]
    if not len(others) or scene.plan.shape.commenters is not None:
        return
    partner = others[choose(source, members.sociability[others], len(starts))]
    speaker, listener = partner, messages.read("member")[starts]
    turns = source.choice([1, 1, 2, 3, 4], len(starts))
    last = starts
    for turn in range(4):
        going = np.flatnonzero((turns > turn) & (speaker != listener))
        last, speaker, listener, turns = last[going], speaker[going], listener[going], turns[going]
        moment = scene.clock.leave_night(source, messages.read("visible")[last] + draw_lateness(source, len(last), 2.5, 1.0))
        there = np.flatnonzero(members.are_there(speaker, moment))
        last, speaker, listener, turns, moment = (x[there] for x in (last, speaker, listener, turns, moment))
        kept, said = messages.add(source, scene.account_of[speaker], moment, "peer", member=speaker, parent=last)
        last, speaker, listener, turns = said, listener[kept], speaker[kept], turns[kept]


def _tell_thanks(scene: Scene, source: Source, asks: Rows) -> None:
    """The brand quotes a few of the kind words people wrote in posts of their own."""
    if scene.platform == "wordpress":
        return
    messages = scene.messages
    kind = (messages.read("intent")[asks] == INTENT["praise"]) & (messages.read("kind")[asks] == 0)
    quoted = asks[kind & (source.random(len(asks)) < 0.12)]
    moment = messages.read("visible")[quoted] + draw_lateness(source, len(quoted), 9, 0.8)
    messages.add(source, np.full(len(quoted), scene.own["brand"]), moment, "brand_quote", quoted=quoted, cause=messages.read("cause")[quoted])


def spread_over_networks(source: Source, members: Members, rows: Rows) -> Rows:
    """On which of their networks (0, 1, 2 in the order of ``members.accounts``) people act this time."""
    held = np.stack([accounts[rows] != NOBODY for accounts in members.accounts.values()], axis=1)
    pick = np.floor(source.random(len(rows)) * held.sum(axis=1)).astype(np.int64)
    return np.asarray((np.cumsum(held, axis=1) <= pick[:, None]).sum(axis=1))


def are_weekdays(clock: Clock, day: Rows) -> Flags:
    """Whether days of the world are no weekend."""
    return np.asarray((day + clock.first_weekday) % 7 < 5)


def day_start(clock: Clock, day: Rows) -> Instants:
    """Local midnight of days of the world."""
    return np.asarray(day * DAY - clock.offset, dtype=np.int64)
