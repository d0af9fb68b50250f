"""What a score is worth when the truth is known: AUC, precision at k, paired bootstrap, shuffled labels.

scores, outcomes (arrays of one world) → figures of that world → mean over worlds with an interval

Pure numpy, no files. Run alone: `python -m bench.validity_scoring` prints a worked example.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BOOTSTRAPS = 10_000
"""Resamples of a paired bootstrap."""


@dataclass(frozen=True)
class Interval:
    """A mean and the bounds of its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def rank_with_ties(scores: ArrayLike) -> NDArray[np.float64]:
    """Ranks from 1 for the lowest; equal scores share the mean of their ranks."""
    _, places, counts = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - counts + 1 + last) / 2)[places]


def compute_auc(scores: ArrayLike, outcomes: ArrayLike) -> float:
    """Chance that a random positive scores above a random negative, ties counting half; NaN where one of the two is missing."""
    positive = np.asarray(outcomes, dtype=bool)
    positives = int(positive.sum())
    negatives = positive.size - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    rank_sum = rank_with_ties(scores)[positive].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def compute_precision(scores: ArrayLike, outcomes: ArrayLike, k: int) -> float:
    """Expected share of positives among the k highest, equal scores at the border drawn by lot; of all, where there are fewer than k."""
    values, positive = np.asarray(scores, dtype=np.float64), np.asarray(outcomes, dtype=bool)
    k = min(k, values.size)
    if k == 0:
        return float("nan")
    border = np.sort(values)[-k]
    above, at_border = values > border, values == border
    places_left = k - int(above.sum())
    return float((positive[above].sum() + places_left * positive[at_border].mean()) / k)


def bootstrap_difference(first: NDArray[np.float64], second: NDArray[np.float64], *, seed: int) -> tuple[float, float]:
    """Bounds of the 95 % interval of the difference of two groups' sums, the people of each drawn with repetition."""
    source = np.random.default_rng(seed)

    def draw(values: NDArray[np.float64]) -> NDArray[np.float64]:
        # Equal values are one stratum: a crowd of thousands who brought nothing costs one number.
        strata, counts = np.unique(values, return_counts=True)
        return source.multinomial(values.size, counts / values.size, BOOTSTRAPS) @ strata if values.size else np.zeros(BOOTSTRAPS)

    low, high = np.quantile(draw(first) - draw(second), [0.025, 0.975])
    return float(low), float(high)


def bootstrap_mean(values: ArrayLike, *, seed: int, resamples: int = BOOTSTRAPS) -> Interval:
    """Mean of one figure a world, and its 95 % interval when worlds are drawn with repetition.

    Give it differences (strength minus baseline in the same world) for a paired comparison. Worlds without a figure (NaN) are left out.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    if known.size == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    drawn = np.random.default_rng(seed).integers(known.size, size=(resamples, known.size))
    low, high = np.quantile(known[drawn].mean(axis=1), [0.025, 0.975])
    return Interval(float(known.mean()), float(low), float(high))


def compute_shuffled_auc(scores: ArrayLike, outcomes: ArrayLike, *, seed: int, shuffles: int = 200) -> float:
    """Mean AUC when the outcomes are dealt to people at random: 0.5, unless the scoring itself leaks or counts ties wrongly."""
    source = np.random.default_rng(seed)
    labels = np.asarray(outcomes, dtype=bool)
    return float(np.mean([compute_auc(scores, source.permutation(labels)) for _ in range(shuffles)]))


if __name__ == "__main__":
    print(compute_auc([0.9, 0.5, 0.5, 0.1], [True, True, False, False]))
