"""The page of evidence says what the results say, and gives a reason for every aim that was missed."""

from __future__ import annotations

import pytest

from bench.evidence import EVIDENCE_FILE, choose_figures, explain_missed, write_evidence
from bench.results import FOLDER, Figure, format_value, measure, read_results

SLOW, QUICK = measure("10M transform", 500.0, "s", at_most=90), measure("1M transform", 50.0, "s", at_most=90)


def test_the_page_is_made_of_the_newest_results() -> None:
    assert EVIDENCE_FILE.read_text(encoding="utf-8") == write_evidence(), "run `python -m bench.evidence`"


def test_every_aim_that_was_missed_stands_on_the_page() -> None:
    page = EVIDENCE_FILE.read_text(encoding="utf-8")
    missed = [figure for path in FOLDER.glob("*.json") for figure in read_results(path.stem) if figure.met is False]
    assert missed, "nothing was missed: then this test sees nothing"
    for figure in missed:
        assert f"- **{figure.name}**: {format_value(figure.value)}" in page


def test_a_missed_aim_needs_a_reason_and_a_met_one_none() -> None:
    assert explain_missed("performance", [SLOW, QUICK], {".*M transform": "Too many\n  models."}) == [(SLOW, "Too many models.")]
    with pytest.raises(ValueError, match="performance: 10M transform missed its aim"):
        explain_missed("performance", [SLOW, QUICK], {"1M transform": "never asked"})


def test_a_pattern_takes_whole_names_each_figure_once_and_must_find_something() -> None:
    assert choose_figures([SLOW, QUICK], ["1M .*", ".*transform"]) == [QUICK, SLOW]
    with pytest.raises(ValueError, match="no figure is named transform"):
        choose_figures([SLOW, Figure("a transform", 1, "s")], ["transform"])
