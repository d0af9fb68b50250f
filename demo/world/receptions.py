"""How people take what they see: likes, reshares and follows, and their taking back.

Data flow: members + messages -> ``Reactions`` of one brand on one platform. How much a post gets is log-normal, when it gets it is a power law of its age,
who gives it is drawn by inclination, never twice the same person.
"""

from __future__ import annotations

import numpy as np

from demo.model import DAY, HOUR, MINUTE, NOBODY
from demo.world.conversations import INTENT, Scene
from demo.world.draws import Instants, Numbers, Rows, Source, choose, draw_lateness, draw_lomax, round_randomly

REACTIONS = ("like", "reshare", "follow")
LIKE, RESHARE, FOLLOW = range(3)
NEVER = -1
COLUMNS = {
    "kind": np.uint8, "actor": np.int32, "message": np.int64, "target": np.int32, "ts": np.int64, "visible": np.int64, "ended": np.int64,
    "cause": np.int16,
}  # fmt: skip


class Reactions:
    """The likes, reshares and follows around one brand on one platform, as columns that grow."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._chunks: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}

    def add(
        self, source: Source, kind: int, actor: Rows, ts: Instants, *, message: Rows | int = NOBODY, target: Rows | int = NOBODY,
        ended: Instants | int = NEVER, cause: Rows | int = NOBODY,
    ) -> None:  # fmt: skip
        """Add reactions; those outside the world, by an account that is gone or to oneself are dropped."""
        messages = self.scene.messages
        size = len(actor)
        message, target, ended, cause = (np.broadcast_to(np.asarray(value), size) for value in (message, target, ended, cause))
        author = messages.read("author")[np.maximum(message, 0)] if messages.count else np.full(size, NOBODY)
        kept = (ts < self.scene.plan.span) & messages.accounts.are_in_use(actor, ts) & ((message == NOBODY) | (author != actor))
        kept = np.flatnonzero(kept)
        rows = {"kind": np.full(len(kept), kind), "actor": actor[kept], "message": message[kept], "target": target[kept], "ts": ts[kept],
                "ended": ended[kept], "cause": cause[kept]}  # fmt: skip
        late = (source.random(len(kept)) < 0.02) & (rows["ts"] > 0) & (self.scene.platform == "mastodon")
        rows["visible"] = rows["ts"] + np.where(late, draw_lateness(source, len(kept), 1.5, 1.1), 0)
        # Nobody takes anything back after having left, or before it was there.
        left = messages.accounts.left_at[rows["actor"]]
        stands = (rows["ended"] >= np.minimum(self.scene.plan.span, left)) | (rows["ended"] <= rows["visible"])
        rows["ended"] = np.where(stands, NEVER, rows["ended"])
        for name, kind_of in COLUMNS.items():
            self._chunks[name].append(np.asarray(rows[name]).astype(kind_of))

    def read(self, name: str) -> np.ndarray:
        """A column, whole."""
        chunks = self._chunks[name]
        if len(chunks) != 1:
            self._chunks[name] = chunks = [np.concatenate(chunks) if chunks else np.zeros(0, dtype=COLUMNS[name])]
        return chunks[0]

    def keep(self, rows: Rows) -> None:
        """Forget all but these rows."""
        for name in COLUMNS:
            self._chunks[name] = [self.read(name)[rows]]

    def drop_repeats(self) -> None:
        """Of several of a kind by one person to one message or account, the first stays."""
        for name in COLUMNS:
            self.read(name)
        accounts = len(self.scene.messages.accounts) + 1
        target = np.where(self.read("message") == NOBODY, self.read("target").astype(np.int64), self.read("message"))
        key = ((target + 1) * accounts + self.read("actor")) * 3 + self.read("kind")
        order = np.argsort(self.read("ts"), kind="stable")
        order = order[np.argsort(key[order], kind="stable")]
        sorted_key = key[order]
        self.keep(np.sort(order[np.r_[True, sorted_key[1:] != sorted_key[:-1]]]) if len(order) else order)

    def promise_endings(self, source: Source, kind: int, number: int) -> None:
        """Of what people gave the brand in the first days, some stands for a week and is then taken back."""
        scene = self.scene
        is_early = (self.read("kind") == kind) & (self.read("visible") < 5 * DAY) & (self.read("ended") == NEVER)
        author = scene.messages.read("author")[np.maximum(self.read("message"), 0)]
        whose = self.read("target") if kind == FOLLOW else author
        stays = scene.messages.accounts.left_at[self.read("actor")] == scene.plan.span
        is_persons = np.isin(self.read("actor"), scene.account_of)
        rows = np.flatnonzero(is_early & (whose == scene.own["brand"]) & stays & is_persons)
        rows = rows[source.permutation(len(rows))][:number]
        ended = self.read("ended").copy()
        ended[rows] = 8 * DAY + source.integers(0, 6 * DAY, len(rows))
        self._chunks["ended"] = [ended]

    def thin(self, source: Source, kind: int, wanted: int) -> None:
        """Forget reactions of a kind to posts of the brand, drawn by chance, until at most ``wanted`` of that kind are left."""
        is_kind = np.flatnonzero(self.read("kind") == kind)
        spare = len(is_kind) - wanted
        is_free = is_kind[self.read("cause")[is_kind] == NOBODY]
        if spare > 0:
            dropped = source.choice(is_free, size=min(spare, len(is_free)), replace=False)
            kept = np.ones(len(self.read("kind")), dtype=bool)
            kept[dropped] = False
            self.keep(np.flatnonzero(kept))


def tell_reception(scene: Scene, source: Source, reactions: Reactions, kind: int, wanted: int) -> None:
    """About ``wanted`` likes or reshares of the brand's posts (rather more: ``Reactions.thin`` makes it exact)."""
    messages, members = scene.messages, scene.members
    posts = np.flatnonzero(np.isin(messages.read("intent"), [INTENT["broadcast"], INTENT["contest_call"]]))
    crowd = scene.list_present()
    crowd = crowd[~members.is_kind("spam_ring", "contest_hunter")[crowd]]
    weight = (members.like_weight if kind == LIKE else members.reshare_weight)[crowd]
    if wanted <= 0 or not len(posts) or not len(crowd):
        return
    appeal = source.lognormal(0, scene.priors.appeal_spread, len(posts))
    # Late in the world there is no time left for a post's attention.
    room = 1 - (1 + (scene.plan.span - messages.read("ts")[posts]) / HOUR / scene.priors.attention_hours) ** -scene.priors.attention_shape
    share = _tell_presence(scene, source, crowd, weight, posts)
    aim = np.minimum(wanted * 1.12 * appeal * room / (appeal * room).sum(), 0.8 * len(crowd) * share)
    aim = np.minimum(aim * wanted * 1.12 / max(aim.sum(), 1), 0.85 * len(crowd) * share)
    draws = round_randomly(source, _count_draws(weight, aim / share) / room)
    heights = np.cumsum(draws)
    begin = 0
    while begin < len(posts):
        end = max(begin + 1, int(np.searchsorted(heights, (heights[begin - 1] if begin else 0) + 4_000_000)))
        chosen = np.repeat(posts[begin:end], draws[begin:end])
        rows = crowd[choose(source, weight, len(chosen))]
        # Everybody has one moment for a post: who is drawn twice has met it once.
        key = chosen * len(members) + rows
        key.sort()
        key = key[np.r_[True, key[1:] != key[:-1]]] if len(key) else key
        chosen, rows = key // len(members), key % len(members)
        met = messages.read("visible")[chosen] + draw_lomax(source, len(chosen), scene.priors.attention_hours, scene.priors.attention_shape)
        met = scene.clock.leave_night(source, met)
        there = np.flatnonzero(members.are_there(rows, met))
        ended = draw_endings(source, met[there], 0.035 if kind == LIKE else 0.02)
        reactions.add(source, kind, scene.account_of[rows[there]], met[there], message=chosen[there], ended=ended)
        begin = end


def _tell_presence(scene: Scene, source: Source, crowd: Rows, weight: Numbers, posts: Rows) -> float:
    """The share of would-be likers who are there, from a sample."""
    rows = crowd[choose(source, weight, 20_000)]
    ts = scene.messages.read("ts")[posts[source.integers(0, len(posts), len(rows))]]
    return max(0.05, float(scene.members.are_there(rows, ts).mean()))


def _count_draws(weight: Numbers, distinct: Numbers) -> Numbers:
    """How many draws with repetition give so many different people."""
    chance = weight / weight.sum()
    sample = np.sort(chance)[np.linspace(0, len(chance) - 1, min(len(chance), 2000)).astype(int)]
    draws = np.geomspace(1, len(chance) * 50, 80)
    reached = (1 - np.exp(-draws[:, None] * sample)).mean(axis=1) * len(chance)
    return np.interp(distinct, np.r_[0, reached], np.r_[0, draws])


def draw_endings(source: Source, ts: Instants, share: float) -> Instants:
    """When a few reactions are taken back; ``NEVER`` for the others."""
    return np.where(source.random(len(ts)) < share, ts + draw_lateness(source, len(ts), 30, 1.2), NEVER)


def tell_small_kindnesses(scene: Scene, source: Source, reactions: Reactions, wanted: int) -> None:
    """Likes and reshares of what people and the brand's side say in threads: by who asked, by the brand, by passers-by."""
    messages, members = scene.messages, scene.members
    intent, visible, cause = (messages.read(name) for name in ("intent", "visible", "cause"))
    person = messages.read("member")
    answers = np.flatnonzero(intent == INTENT["answer"])
    asker = person[messages.read("parent")[answers]]
    thankful = answers[(source.random(len(answers)) < 0.35) & (asker != NOBODY)]
    asker = scene.account_of[person[messages.read("parent")[thankful]]]
    liked_at = visible[thankful] + draw_lateness(source, len(thankful), 0.5, 1.0)
    reactions.add(source, LIKE, asker, liked_at, message=thankful, ended=draw_endings(source, liked_at, 0.035), cause=cause[thankful])
    said = np.flatnonzero(np.isin(intent, [INTENT[name] for name in ("question", "praise", "story", "complaint")]))
    kind = said[source.random(len(said)) < 0.3]
    reactions.add(
        source, LIKE, np.full(len(kind), scene.own["brand"]), visible[kind] + draw_lateness(source, len(kind), 4, 1), message=kind, cause=cause[kind]
    )
    own_posts = said[(messages.read("kind")[said] == 0) & np.isin(intent[said], [INTENT["praise"], INTENT["story"]])]
    passed = own_posts[source.random(len(own_posts)) < 0.25]
    reactions.add(
        source, RESHARE, np.full(len(passed), scene.own["brand"]), visible[passed] + draw_lateness(source, len(passed), 5, 0.8), message=passed,
        cause=cause[passed],
    )  # fmt: skip
    crowd = scene.list_present("evangelist", "loyal", "converser", "lurker")
    if wanted <= 0 or not len(crowd) or not len(said):
        return
    chosen = said[choose(source, source.lognormal(0, 1.0, len(said)), wanted)]
    rows = crowd[choose(source, members.like_weight[crowd], wanted)]
    met = scene.clock.leave_night(source, visible[chosen] + draw_lomax(source, wanted, 3.0))
    there = np.flatnonzero(members.are_there(rows, met) & (person[chosen] != rows))
    reactions.add(
        source, LIKE, scene.account_of[rows[there]], met[there], message=chosen[there], ended=draw_endings(source, met[there], 0.03),
        cause=cause[chosen[there]],
    )  # fmt: skip


def tell_follows(scene: Scene, source: Source, reactions: Reactions, follow_chance: Numbers) -> None:
    """Who follows whom: an audience from before the world, newcomers, people who leave, and whom the brand follows."""
    members, own, span = scene.members, scene.own, scene.plan.span
    crowd = scene.list_present()
    rows = crowd[source.random(len(crowd)) < follow_chance[members.kind[crowd]]]
    arrived = members.arrival[rows]
    was_there = (arrived == 0) & (source.random(len(rows)) < 0.8)
    during = np.where(arrived > 0, arrived + draw_lateness(source, len(rows), 30, 1.2), (source.random(len(rows)) * span).astype(np.int64))
    ts = np.where(was_there, 0, np.maximum(during, MINUTE))
    ended = (source.random(len(rows)) * span).astype(np.int64)
    ended = np.where((source.random(len(rows)) < 0.07) & (ended > ts + DAY), ended, NEVER)
    reactions.add(source, FOLLOW, scene.account_of[rows], ts, target=own["brand"], ended=ended)
    friends = scene.list_present("evangelist", "converser")
    friends = friends[source.random(len(friends)) < 0.5]
    followed = np.maximum(members.arrival[friends], (source.random(len(friends)) * span).astype(np.int64))
    reactions.add(source, FOLLOW, np.full(len(friends), own["brand"]), followed, target=scene.account_of[friends])
    staff = np.array([own[key] for key in ("ines", "tom", "nuno", "agency")])
    reactions.add(source, FOLLOW, staff, np.zeros(len(staff), dtype=np.int64), target=own["brand"])


def tell_insiders(scene: Scene, source: Source, reactions: Reactions) -> None:
    """Staff who do not answer and the agency like and praise the brand's posts."""
    messages = scene.messages
    posts = np.flatnonzero(messages.read("intent") == INTENT["broadcast"])
    for key in ("nuno", "agency"):
        liked = posts[source.random(len(posts)) < 0.5]
        met = messages.read("visible")[liked] + draw_lomax(source, len(liked), scene.priors.attention_hours)
        if scene.platform != "wordpress":
            reactions.add(source, LIKE, np.full(len(liked), scene.own[key]), met, message=liked)
        praised = posts[source.random(len(posts)) < 0.08]
        met = messages.read("visible")[praised] + draw_lomax(source, len(praised), scene.priors.attention_hours)
        messages.add(source, np.full(len(praised), scene.own[key]), met, "insider", parent=praised)
