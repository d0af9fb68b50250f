"""What is taken back or changed: deletions, edits, and accounts that are renamed, locked, suspended, left or blocked.

Data flow: messages + reactions -> ``Regrets`` (columns beside the messages); society -> departures before anything is told, other changes after.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from demo.model import DAY, HOUR, NOBODY
from demo.world.conversations import INTENT, Messages, Scene
from demo.world.draws import Flags, Instants, Rows, Source, draw_lateness, open_stream
from demo.world.people import Accounts, Members, Society
from demo.world.presets import Plan
from demo.world.receptions import Reactions

NEVER = -1
MODES = ("author", "trash")


@dataclass(frozen=True)
class Regrets:
    """For each message when it was deleted (``NEVER``) and how, and when it was edited (``NEVER``)."""

    deleted_at: Instants
    mode: Rows
    edited_at: Instants


@dataclass(frozen=True)
class Change:
    """Something that happens to an account; ``target`` is whom it blocks."""

    ts: int
    account: int
    kind: str
    data: dict[str, Any]
    target: int = NOBODY

    def write(self) -> str:
        """Its data as the table holds them."""
        return json.dumps(self.data, ensure_ascii=False)


def tell_regrets(scene: Scene, source: Source, reactions: Reactions) -> Regrets:
    """Messages are deleted after the last thing that happened to them; a promised number with answers below, and some early in the world."""
    messages, span = scene.messages, scene.plan.span
    intent, parent, visible, author = (messages.read(name) for name in ("intent", "parent", "visible", "author"))
    count = messages.count
    last = visible.copy()
    below = np.flatnonzero(parent != NOBODY)
    np.maximum.at(last, parent[below], visible[below])
    quoting = np.flatnonzero(messages.read("quoted") != NOBODY)
    np.maximum.at(last, messages.read("quoted")[quoting], visible[quoting])
    marked = np.flatnonzero(reactions.read("message") != NOBODY)
    np.maximum.at(last, reactions.read("message")[marked], np.maximum(reactions.read("visible")[marked], reactions.read("ended")[marked]))
    has_children = np.zeros(count, dtype=bool)
    has_children[parent[below]] = True
    is_persons, is_blog = messages.read("member") != NOBODY, scene.platform == "wordpress"
    roll = source.random(count)
    is_reply = parent != NOBODY
    leaf = is_reply & ~has_children & (roll < scene.plan.shape.deletion_share * np.where(is_persons, 1.0, 0.6))
    stem = is_reply & has_children & is_persons & (roll < 0.1 * scene.plan.shape.deletion_share)
    is_spam = (intent == INTENT["spam"]) & is_blog
    deleted = np.where(
        is_spam, last + draw_lateness(source, count, 9, 0.5),
        np.where(leaf, last + draw_lateness(source, count, 20, 1.2), np.where(stem, last + draw_lateness(source, count, 14, 0.7), NEVER)),
    )  # fmt: skip
    mode = np.where(is_spam | (is_blog & leaf & (roll < 0.5 * scene.plan.shape.deletion_share)), 1, 0)
    _keep_promises(scene, source, deleted, mode, last, is_reply, has_children)
    left = messages.accounts.left_at[author]
    deleted = np.where((deleted >= span) | ((mode == 0) & (deleted >= left)), NEVER, deleted)
    may_edit = (scene.platform != "bluesky") & (source.random(count) < 0.05)
    edited = visible + draw_lateness(source, count, 1.0, 1.2)
    edited = np.where(may_edit & (edited < np.where(deleted == NEVER, span, deleted)) & (edited < np.minimum(span, left)), edited, NEVER)
    if scene.plan.shape.deleted_with_answers and scene.platform != "bluesky":
        # Something of the first days stands for a week before it is edited.
        early = np.flatnonzero(is_persons & (visible < 5 * DAY) & (deleted == NEVER) & (edited == NEVER) & (left == span))
        early = early[source.permutation(len(early))][:2]
        edited[early] = 8 * DAY + source.integers(0, 5 * DAY, len(early))
    return Regrets(deleted, mode, edited)


def _keep_promises(scene: Scene, source: Source, deleted: Instants, mode: Rows, last: Instants, is_reply: Flags, has_children: Flags) -> None:
    """Each kind of deletion happens as often as promised, also of messages from the first days that stood for a week."""
    intent = scene.messages.read("intent")
    person = scene.messages.read("member")
    about = np.where(person != NOBODY, person, person[scene.messages.read("parent")])
    said = np.bincount(person[person != NOBODY], minlength=len(scene.members) + 1)
    promised = scene.plan.shape.deleted_with_answers
    if not promised:
        return
    wanted = [("answer", 0, False, 2), ("question", 0, False, 2), ("question", 0, True, promised)]
    if scene.platform == "wordpress":
        wanted.append(("praise", 1, False, 1))
    for name, how, with_answers, number in wanted:
        fits = is_reply & (intent == INTENT[name]) & (has_children == with_answers) & (deleted == NEVER) & (last < scene.plan.span - 10 * DAY)
        found = np.flatnonzero(fits)
        found = found[source.permutation(len(found))]
        # Of people who say little: whoever says much would hardly be left one whose every message stands.
        found = found[np.argsort(said[about[found]], kind="stable")]
        chosen = found[last[found] < 5 * DAY][:1]
        others = found[found != chosen[0]] if len(chosen) else found
        others = others[: max(number - len(chosen), 0)]
        deleted[chosen] = np.maximum(last[chosen], 8 * DAY) + source.integers(0, 6 * DAY, len(chosen))
        deleted[others] = last[others] + 5 * HOUR + source.integers(0, 4 * DAY, len(others))
        mode[np.r_[chosen, others]] = how


def tell_departures(plan: Plan, society: Society) -> dict[str, list[Change]]:
    """Who is suspended, and who leaves and perhaps returns; told before anything else, so that nothing is done by an account that is gone."""
    changes: dict[str, list[Change]] = {platform: [] for platform in society.accounts}
    if not plan.shape.suspended:
        return changes
    for platform in ("mastodon", "bluesky"):
        source = open_stream(plan.seed, "departures", "", platform)
        accounts, members = society.accounts[platform], society.members
        fakes = _list_accounts(members, platform, ("bot", "spam_ring"))
        suspended = fakes[source.permutation(len(fakes))][: max(plan.shape.suspended, round(0.12 * len(fakes)))]
        for account in suspended.tolist():
            _leave(plan, source, accounts, changes[platform], account, "suspend")
        if platform != "bluesky":
            continue
        people = _list_accounts(members, platform, ("loyal", "lurker", "like_only", "converser"))
        leaving = people[source.permutation(len(people))][: max(plan.shape.deactivated + 1, round(0.004 * len(people)))]
        for place, account in enumerate(leaving.tolist()):
            _leave(plan, source, accounts, changes[platform], account, "deactivate", returns=place % 3 == 1)
    return changes


def _leave(plan: Plan, source: Source, accounts: Accounts, changes: list[Change], account: int, kind: str, *, returns: bool = False) -> None:
    """One account goes at some time in the later half of the world, and comes back or does not."""
    ts = int(plan.span * source.uniform(0.5, 0.92))
    accounts.left_at[account] = ts
    changes.append(Change(ts, account, kind, {}))
    if returns:
        back = ts + int((plan.span - ts) * source.uniform(0.3, 0.7))
        accounts.back_at[account] = back
        changes.append(Change(back, account, "return", {}))


def tell_changes(plan: Plan, society: Society, blockers: dict[str, list[tuple[int, int, int]]]) -> dict[str, list[Change]]:
    """Renames, locked accounts, and blocks by those who once wrote to a brand: ``blockers`` are (account, brand's account, not before)."""
    changes: dict[str, list[Change]] = {platform: [] for platform in society.accounts}
    for platform in ("mastodon", "bluesky"):
        source = open_stream(plan.seed, "changes", "", platform)
        accounts = society.accounts[platform]
        people = _list_accounts(society.members, platform, ("evangelist", "loyal", "converser", "lurker", "like_only"))
        people = people[accounts.left_at[people] == plan.span]
        order = people[source.permutation(len(people))]
        count = max(3, round(0.01 * len(people)))
        for place, account in enumerate(order[:count].tolist()):
            data = {"display_name": "Formerly known as me"} if place % 2 else {"display_name": f"Renamed {place // 2 + 1}"}
            if platform == "bluesky" and place % 3 != 2:
                data = {"username": f"newperch{place + 1}"} | (data if place % 3 else {})
            changes[platform].append(Change(_draw_moment(plan, source), account, "rename", data))
        for account in order[count : count + max(1, count // 3)].tolist():
            changes[platform].append(Change(_draw_moment(plan, source), account, "protect", {}) if platform == "mastodon" else
                                     Change(_draw_moment(plan, source), account, "rename", {"display_name": ""}))  # fmt: skip
        for account, target, not_before in blockers.get(platform, []):
            ts = int(not_before + (plan.span - not_before) * source.uniform(0.1, 0.8))
            changes[platform].append(Change(ts, account, "block", {}, target))
    return changes


def _draw_moment(plan: Plan, source: Source) -> int:
    """A moment that is neither early nor late in the world."""
    return int(plan.span * source.uniform(0.15, 0.93))


def _list_accounts(members: list[Members], platform: str, kinds: tuple[str, ...]) -> Rows:
    """Accounts there of people of these types, each once, by number."""
    found = [one.accounts[platform][one.is_kind(*kinds)] for one in members]
    return np.unique(np.concatenate([rows[rows != NOBODY] for rows in found]))


def find_blockers(messages: Messages, members: Members, source: Source) -> list[tuple[int, int, int]]:
    """Hunters who wrote below a post of the brand and later want to hear no more of it: (account, brand's account, after)."""
    wrote = np.flatnonzero((messages.read("intent") == INTENT["contest"]) & (messages.read("parent") != NOBODY))
    wrote = wrote[members.is_kind("contest_hunter")[messages.read("member")[wrote]]]
    wrote = wrote[messages.accounts.left_at[messages.read("author")[wrote]] == messages.span]
    chosen = wrote[source.permutation(len(wrote))][: max(2, len(wrote) // 50)]
    own = messages.brand.own[messages.platform]["brand"]
    accounts, ts = messages.read("author")[chosen].tolist(), messages.read("ts")[chosen].tolist()
    return [(account, own, when) for account, when in dict(zip(accounts, ts, strict=True)).items()]
