"""Worked examples small enough to be checked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.validity_scoring import (
    bootstrap_mean,
    compute_auc,
    compute_precision,
    compute_shuffled_auc,
    rank_with_ties,
)


def test_equal_scores_share_the_mean_rank():
    assert rank_with_ties([5, 1, 5, 5, 9]).tolist() == [3, 1, 3, 3, 5]


def test_auc_counts_a_tie_between_a_positive_and_a_negative_as_half():
    # Pairs: .9>.5, .9>.1, .5=.5, .5>.1 → 3.5 of 4.
    assert compute_auc([0.9, 0.5, 0.5, 0.1], [True, True, False, False]) == 0.875


def test_auc_agrees_with_counting_every_pair():
    source = np.random.default_rng(3)
    scores, outcomes = source.integers(0, 6, 60), source.random(60) < 0.3
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[outcomes] for b in scores[~outcomes]]
    assert compute_auc(scores, outcomes) == pytest.approx(np.mean(pairs))


def test_auc_knows_an_order_from_its_reverse():
    assert compute_auc([1, 2, 3, 4], [0, 0, 1, 1]) == 1
    assert compute_auc([1, 2, 3, 4], [1, 1, 0, 0]) == 0


def test_auc_ranks_people_without_any_event_below_all_others():
    assert compute_auc([-math.inf, -math.inf, -3.0], [0, 0, 1]) == 1


@pytest.mark.parametrize("outcomes", [[0, 0, 0], [1, 1, 1]])
def test_auc_of_one_kind_of_outcome_is_unknown(outcomes):
    assert math.isnan(compute_auc([1, 2, 3], outcomes))


def test_precision_draws_equal_scores_at_the_border_by_lot():
    # 9 is in for certain and right; one of the three 5s is drawn, one of which is right: (1 + 1/3) / 2.
    assert compute_precision([9, 5, 5, 5, 1], [1, 1, 0, 0, 1], 2) == pytest.approx(2 / 3)


def test_precision_of_fewer_people_than_k_is_of_all():
    assert compute_precision([3, 2], [1, 0], 50) == 0.5
    assert math.isnan(compute_precision([], [], 50))


def test_bootstrap_is_the_same_for_the_same_seed_and_holds_the_mean():
    differences = [0.02, 0.05, -0.01, 0.03, 0.04]
    first = bootstrap_mean(differences, seed=1)
    assert first == bootstrap_mean(differences, seed=1)
    assert first.mean == pytest.approx(0.026)
    assert -0.01 < first.low < first.mean < first.high < 0.05


def test_bootstrap_of_equal_differences_has_no_width_and_leaves_out_unknown_worlds():
    interval = bootstrap_mean([0.1, math.nan, 0.1], seed=1)
    assert (interval.mean, interval.low, interval.high) == pytest.approx((0.1, 0.1, 0.1))


def test_shuffled_outcomes_are_predicted_by_nobody():
    source = np.random.default_rng(5)
    outcomes = source.random(400) < 0.2
    scores = outcomes * 3.0 + source.integers(0, 3, 400)
    assert compute_auc(scores, outcomes) > 0.98
    assert compute_shuffled_auc(scores, outcomes, seed=1) == pytest.approx(0.5, abs=0.01)
