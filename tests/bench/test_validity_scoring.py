"""Worked examples small enough to be checked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.validity import Verdict, describe_verdicts, judge_difference
from bench.validity_scoring import (
    bootstrap_difference,
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


def test_the_difference_of_two_groups_is_drawn_as_their_people_are():
    # One of four brings 8: a sample of four holds it Binomial(4, 1/4) times, so the bounds are 0 and 3 times 8; the other group brings nothing.
    assert bootstrap_difference(np.array([8.0, 0, 0, 0]), np.zeros(1000), seed=1) == (0.0, 24.0)
    assert bootstrap_difference(np.zeros(0), np.full(3, 2.0), seed=1) == (-6.0, -6.0)


def test_a_verdict_is_given_only_where_the_interval_lies_on_one_side():
    assert judge_difference(np.full(50, 9.0), np.zeros(1000), seed=1) == "holds"
    assert judge_difference(np.zeros(50), np.full(50, 9.0), seed=1) == "refuted"
    assert judge_difference(np.array([9.0, 0, 0, 0]), np.array([9.0, 0, 0, 0]), seed=1) == "not shown"


def test_wrong_opposite_and_missed_verdicts_are_counted_by_each_truth():
    verdicts = [
        Verdict(said="holds", of_chosen="holds", of_types="not shown"),
        Verdict(said="holds", of_chosen="not shown", of_types="refuted"),
        Verdict(said="not shown", of_chosen="refuted", of_types="refuted"),
    ]
    found = {figure.name: figure.value for figure in describe_verdicts(verdicts)}
    assert [found[f"verdicts_{what}_of_chosen"] for what in ("wrong", "opposite", "missed")] == [1, 0, 1]
    assert [found[f"verdicts_{what}_of_types"] for what in ("wrong", "opposite", "missed")] == [2, 1, 1]
    assert found["verdicts_equal_where_truth_of_chosen_is_holds"] == 1
