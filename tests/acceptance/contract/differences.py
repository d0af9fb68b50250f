"""Lay two answers side by side: every difference becomes a line, unless the table of allowances explains it.

Answer of the real server + Answer of the demo -> Difference… -> explain(ALLOWANCES) -> what is left, and what explained nothing

Nothing is tolerated here. A place in an answer is written as ``status``, ``header link`` or ``body $.posts[].author.did``.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from tests.acceptance.contract.answers import Answer, Question


class _Absent:
    """What stands where one side has nothing at all; null is something."""

    def __repr__(self) -> str:
        return "(absent)"


ABSENT: Final = _Absent()
SHOWN_CHARACTERS = 160


@dataclass(frozen=True)
class Difference:
    """One place at which the demo does not say what the real server says."""

    question: Question
    page: int
    place: str
    """With the positions in lists: ``body $.posts[3].cid``."""
    real: Any
    demo: Any

    @property
    def kind(self) -> str:
        """The place without positions, by which differences are gathered."""
        return re.sub(r"\[\d+\]", "[]", self.place)

    def describe(self) -> str:
        """Say it in one line."""
        where = f"{self.question.name}, page {self.page}" if self.page > 1 else self.question.name
        return f"{where}: {self.place}: real {show(self.real)}, demo {show(self.demo)}"


@dataclass(frozen=True)
class Allowance:
    """A difference that may be: where, what each side must then look like, and why."""

    service: str
    place: str
    """As ``Difference.kind``, with ``*`` for anything."""
    real: str | None
    """Expression that the whole of the real value must match; None: absent."""
    demo: str | None
    why: str
    question: str = "*"

    def explains(self, difference: Difference) -> bool:
        """Say whether this is the difference meant."""
        return (
            _fits(self.service, difference.question.service)
            and _fits(self.question, difference.question.name)
            and _fits(self.place, difference.kind)
            and _matches(self.real, difference.real)
            and _matches(self.demo, difference.demo)
        )


def _fits(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), text, re.DOTALL) is not None


def _matches(expression: str | None, value: Any) -> bool:
    if value is ABSENT or expression is None:
        return value is ABSENT and expression is None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def show(value: Any) -> str:
    """A value for the report, shortened."""
    text = repr(value) if value is ABSENT else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 2]} …"


def compare_answers(question: Question, real: Sequence[Answer], demo: Sequence[Answer]) -> Iterator[Difference]:
    """Yield every difference between the pages of two sides."""
    for page, (one, other) in enumerate(zip_longest(real, demo), start=1):
        if one is None or other is None:
            yield Difference(question, page, "page", _outline(one), _outline(other))
            continue
        if one.status != other.status:
            yield Difference(question, page, "status", one.status, other.status)
        for name in sorted({*one.headers, *other.headers}):
            values = one.headers.get(name, ABSENT), other.headers.get(name, ABSENT)
            if values[0] != values[1]:
                yield Difference(question, page, f"header {name}", *values)
        for place, left, right in compare_values("$", one.body, other.body):
            yield Difference(question, page, f"body {place}", left, right)


def _outline(answer: Answer | None) -> Any:
    return ABSENT if answer is None else f"status {answer.status}, {show(answer.body)}"


def compare_values(place: str, real: Any, demo: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield (place, real, demo) for every difference below a place, the innermost one."""
    if isinstance(real, dict) and isinstance(demo, dict):
        for key in sorted({*real, *demo}):
            yield from compare_values(f"{place}.{key}", real.get(key, ABSENT), demo.get(key, ABSENT))
    elif isinstance(real, list) and isinstance(demo, list):
        if len(real) != len(demo):
            yield f"{place}.length", len(real), len(demo)
        for number, (one, other) in enumerate(zip(real, demo, strict=False)):
            yield from compare_values(f"{place}[{number}]", one, other)
    # True equals 1 in Python and a number equals its float, but not in JSON.
    elif type(real) is not type(demo) or real != demo:
        yield place, real, demo


@dataclass
class Verdict:
    """What is left after the allowances, and the allowances that explained nothing."""

    unexplained: list[Difference]
    idle: list[Allowance]
    explained_count: int

    def describe(self, most: int = 400) -> str:
        """All of it, gathered by service and place, with one example each."""
        gathered: dict[tuple[str, str], list[Difference]] = defaultdict(list)
        for difference in self.unexplained:
            gathered[(difference.question.service, difference.kind)].append(difference)
        lines = []
        for (service, kind), found in sorted(gathered.items()):
            lines.append(f"  {service}: {kind} ({len(found)} times)")
            examples = {(show(one.real), show(one.demo)): one for one in reversed(found)}
            lines += [f"      {one.describe()}" for one in list(reversed(examples.values()))[:3]]
        if len(lines) > most:
            lines[most:] = [f"  … and {len(lines) - most} more lines"]
        lines += [f"  allowed, but never met: {one.service}: {one.place} ({one.why})" for one in self.idle]
        return "\n".join(lines)


def explain(differences: Iterable[Difference], allowances: Sequence[Allowance]) -> Verdict:
    """Split differences into explained and not; an allowance that meets nothing is a finding too."""
    used: set[int] = set()
    unexplained, explained_count = [], 0
    for difference in differences:
        number = next((number for number, allowance in enumerate(allowances) if allowance.explains(difference)), None)
        if number is None:
            unexplained.append(difference)
        else:
            used.add(number)
            explained_count += 1
    idle = [allowance for number, allowance in enumerate(allowances) if number not in used]
    return Verdict(unexplained, idle, explained_count)
