"""How steadily people talk: who keeps a pace is told by a count, who leaves by recency, and lasting is a plain share."""

from __future__ import annotations

import numpy as np
import pytest

from bench.steadiness import Talk, measure_lasting, score_talk

DAYS, CUT = 400, 310.0


def tell(*people: list[float]) -> Talk:
    """Talk of people by the days on which each writes."""
    person = np.concatenate([np.full(len(days), number) for number, days in enumerate(people)])
    return Talk(person.astype(np.int64), np.concatenate([np.array(days, dtype=float) for days in people]), CUT)


def test_where_everybody_keeps_a_pace_a_count_tells_who_writes_again() -> None:
    often = [list(np.arange(start, DAYS, 30)) for start in range(5)]
    # Who writes once in two years wrote lately as likely as long ago.
    rarely: list[list[float]] = [[300.0], [200.0], [100.0], [50.0], [10.0]]
    scores = score_talk(tell(*often, *rarely))
    assert scores["frequency"] == 1
    assert scores["recency"] < 1


def test_where_people_leave_for_good_recency_tells_and_a_count_does_not() -> None:
    stay: list[list[float]] = [[280.0 + number, 350.0] for number in range(5)]
    left = [list(np.linspace(0, 100, 20)) for _ in range(5)]
    scores = score_talk(tell(*stay, *left))
    assert scores["recency"] == 1
    assert scores["frequency"] == 0
    assert scores["half-life 30"] > scores["half-life 90"]


def test_who_never_wrote_before_the_cut_is_not_asked_about() -> None:
    alone = score_talk(tell([10.0, 320.0], [20.0]))
    assert score_talk(tell([10.0, 320.0], [20.0], [330.0])) == alone


@pytest.mark.parametrize(("lag", "expected"), [(1, 0.5), (2, 0.25)])
def test_lasting_is_the_share_of_those_who_write_in_a_later_window(lag: int, expected: float) -> None:
    # Forty write in the first window, half of them in the second, a quarter in the third: too few for a window of their own to begin with.
    people: list[list[float]] = [[1.0] + [31.0] * (number % 2 == 0) + [61.0] * (number % 4 == 0) for number in range(40)]
    measured = measure_lasting(tell(*people), lag)
    assert measured == pytest.approx(expected)
