"""What messages say: pools of sentences per brand, and segments put together for whole columns.

Data flow: intent, form and who is named -> ``segments`` as JSON text, the rows of mentions and of tags.
"""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo import text
from demo.model import NOBODY
from demo.world.conversations import FORM, INTENT, INTENTS, Messages
from demo.world.draws import Rows, Source, open_stream

POOL_SIZE = 400
TEMPLATES: dict[str, list[str]] = {
    "question": text.QUESTIONS, "praise": text.PRAISE, "complaint": text.COMPLAINTS, "story": text.STORIES, "follow_up": text.FOLLOW_UPS,
    "contest": text.CONTEST_ENTRIES, "peer": text.PEER, "spam": text.SPAM, "automatic_answer": text.AUTOMATIC, "insider": text.AGENCY,
    "brand_quote": ["Made our day.", "Read this, it made ours.", "This is why we roast."], "promoted": text.PROMOTED, "named": text.PRAISE,
}  # fmt: skip
#: what may stand behind another sentence
SECOND = {"question", "praise", "complaint", "story", "follow_up", "answer", "peer"}
EDITED = " (edit: wording)"


class Sentences:
    """The sentences of a world, drawn once, and where each intent's lie: (intent, what is answered) -> first, count."""

    def __init__(self, seed: int) -> None:
        source = open_stream(seed, "sentences")
        made: list[str] = []
        self.pools: dict[tuple[int, int], tuple[int, int]] = {}
        for code, name in enumerate(INTENTS):
            for reason in range(len(INTENTS)) if name == "answer" else (0,):
                templates = text.ANSWERS.get(INTENTS[reason], text.ANSWERS["praise"]) if name == "answer" else TEMPLATES.get(name)
                if templates is None:
                    continue
                pool = list(dict.fromkeys(text.compose(source, templates) for _ in range(POOL_SIZE)))
                self.pools[code, reason] = (len(made), len(pool))
                made += pool
        self.hostile = (len(made), len(text.HOSTILE_TEXTS))
        made += [text.fill_blanks(source, template) for template in text.HOSTILE_TEXTS]
        self.escaped = pa.array([json.dumps(sentence, ensure_ascii=False)[1:-1] for sentence in made])


class Wording:
    """How one brand's messages are put together on one platform."""

    def __init__(self, sentences: Sentences, messages: Messages) -> None:
        self.brand, self.accounts = messages.brand, messages.accounts
        self.pools, self.hostile, self.sentences = sentences.pools, sentences.hostile, sentences.escaped
        mentions = [f'["m", {json.dumps(str(account))}]' for account in self.accounts.columns["account_id"].tolist()]
        self.mentions = pa.array([*mentions, ""])  # the last one stands for nobody

    def write(self, source: Source, columns: dict[str, np.ndarray]) -> pa.Array:
        """Segments of rows with these columns (intent, reason, form, named, cause), as JSON text."""
        first, second = self._choose(source, columns["intent"], columns["reason"])
        sentence = self.sentences.take(pa.array(first))
        is_named = pa.array(columns["intent"] == INTENT["named"])
        sentence = pc.if_else(is_named, pc.binary_join_element_wise(f"{self.brand.short} Coffee again. ", sentence, ""), sentence)
        more = pc.if_else(pa.array(second >= 0), pc.binary_join_element_wise(" ", self.sentences.take(pa.array(np.maximum(second, 0))), ""), "")
        named = columns["named"].astype(np.int64)
        mention = self.mentions.take(pa.array(np.where(named == NOBODY, len(self.mentions) - 1, named)))
        before, between, after = self._frame(columns["form"], columns["cause"])
        is_first = np.isin(columns["form"], [FORM["mention_first"], FORM["tagged"]])
        return pc.binary_join_element_wise(
            pa.array(np.where(is_first, "[", "").astype(object), type=pa.string()), pc.if_else(pa.array(is_first), mention, ""), before, sentence, more,
            between, pc.if_else(pa.array(is_first), "", mention), after, "",
        )  # fmt: skip

    def _choose(self, source: Source, intent: Rows, reason: Rows) -> tuple[Rows, Rows]:
        """Two sentences for each row, the second for some only (else -1)."""
        first, second = np.zeros(len(intent), dtype=np.int64), np.full(len(intent), NOBODY, dtype=np.int64)
        key = intent.astype(np.int64) * 256 + np.where(intent == INTENT["answer"], reason, 0)
        rolls, seconds = source.random(len(intent)), source.random(len(intent))
        for value in np.unique(key).tolist():
            at = np.flatnonzero(key == value)
            begin, count = self.pools.get((value // 256, value % 256), (0, 1))
            first[at] = begin + (rolls[at] * count).astype(np.int64)
            if INTENTS[value // 256] in SECOND:
                longer = at[seconds[at] < 0.35]
                second[longer] = begin + (seconds[longer] / 0.35 * count).astype(np.int64)
        # A ring says the same thing everywhere.
        ringed = np.flatnonzero((intent == INTENT["spam"]) & (reason > 0))
        begin, count = self.pools[INTENT["spam"], 0]
        first[ringed] = begin + reason[ringed].astype(np.int64) % count
        trap = np.flatnonzero((intent == INTENT["question"]) & (seconds > 0.9))
        first[trap], second[trap] = self.hostile[0] + (rolls[trap] * self.hostile[1]).astype(np.int64), NOBODY
        return first, second

    def _frame(self, form: Rows, cause: Rows) -> tuple[pa.Array, pa.Array, pa.Array]:
        """What stands before a sentence, between it and a name behind it, and at the end, by the form of the message."""
        tags = [f'["h", {json.dumps(c.hashtag)}]' if c.hashtag else "" for c in self.brand.campaigns]
        forms = {
            "plain": ('[["t", "', '"]]', ""),
            "mention_first": (', ["t", " "], ["t", "', '"]]', ""),
            "mention_last": ('[["t", "', '"], ["t", " cc "], ', "]"),
            "entry": ('[["t", "', '"], ["t", " "], {tag}]', ""),
            "entry_mention": ('[["t", "', '"], ["t", " "], ', ', ["t", " "], {tag}]'),
            "spam": ('[["t", "', '"], ["t", " "], ["u", "https://spam.example/offer"]]', ""),
            "asks_helper": ('[["t", "', '"], ["t", " What do you say, "], ', ', ["t", "?"]]'),
            "tagged": (', ["t", " "], ["t", "', '"], ["t", " "], {tag}]', ""),
        }
        width = len(tags) + 1
        frames = [[part.replace("{tag}", tag) for tag in [*tags, ""]] for name in FORM for part in forms[name]]
        place = form.astype(np.int64) * width + np.where(cause == NOBODY, width - 1, cause)
        parts = (pa.array([cell for row in frames[part::3] for cell in row]) for part in range(3))
        before, between, after = (part.take(pa.array(place)) for part in parts)
        return before, between, after


def list_names(messages: Messages) -> tuple[Rows, Rows]:
    """Who is named by hand where: (message, account), in the order of the messages and of their words."""
    named = messages.read("named")
    rows = np.flatnonzero(named != NOBODY)
    place = {account_id: number for number, account_id in enumerate(messages.accounts.columns["account_id"].tolist())} if messages.told else {}
    told = [
        (message, place[value])
        for message, segments in messages.told.items()
        for value in dict.fromkeys(value for kind, value in segments if kind == "m")
    ]
    return np.r_[rows, np.array([m for m, _ in told], dtype=np.int64)], np.r_[named[rows], np.array([a for _, a in told], dtype=np.int64)]


def list_tags(messages: Messages) -> tuple[Rows, list[str]]:
    """Which hashtags are written where: (message, tag)."""
    form, cause = messages.read("form"), messages.read("cause")
    rows = np.flatnonzero(np.isin(form, [FORM["entry"], FORM["entry_mention"], FORM["tagged"]]))
    words = [messages.brand.campaigns[number].hashtag for number in cause[rows].tolist()]
    told = [(m, value) for m, segments in messages.told.items() for value in dict.fromkeys(value for kind, value in segments if kind == "h")]
    return np.r_[rows, np.array([m for m, _ in told], dtype=np.int64)], words + [tag for _, tag in told]
