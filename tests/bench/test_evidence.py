"""The page of evidence says what the results say, and gives a reason for every aim that was missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import evidence, results
from bench.evidence import EVIDENCE_FILE, choose_figures, explain_missed, write_evidence
from bench.results import Figure, measure

SLOW, QUICK = measure("10M transform", 500.0, "s", at_most=90), measure("1M transform", 50.0, "s", at_most=90)


def test_the_page_is_made_of_the_newest_results() -> None:
    assert EVIDENCE_FILE.read_text(encoding="utf-8") == write_evidence(), "run `python -m bench.evidence`"


def test_a_page_names_figures_missed_aims_with_their_reason_and_what_was_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = tmp_path / "evidence.yml"
    section = "title: {}, command: run, question: Why?, shows: [.*land], missed: {{10M transform: Too many models.}}"
    texts.write_text(f"benches:\n  speed: {{{section.format('Speed')}}}\n  other: {{{section.format('Other')}}}\n", encoding="utf-8")
    for module in (results, evidence):
        monkeypatch.setattr(module, "FOLDER", tmp_path)
    monkeypatch.setattr(evidence, "_TEXTS", texts)
    results.write_results("speed", [SLOW, QUICK, measure("1M land", 37, "s")])
    page = write_evidence()
    assert "| [Speed](#speed) | 1 of 2 | `run` |" in page
    assert "| [Other](#other) | not run yet | `run` |" in page
    assert "| 1M land | 37 s |  |  |" in page
    assert "- **10M transform**: 500 s, aim <= 90. Too many models." in page
    results.write_results("unheard", [QUICK])
    with pytest.raises(ValueError, match="unheard"):
        write_evidence()


def test_a_missed_aim_needs_a_reason_and_a_met_one_none() -> None:
    assert explain_missed("performance", [SLOW, QUICK], {".*M transform": "Too many\n  models."}) == [(SLOW, "Too many models.")]
    with pytest.raises(ValueError, match="performance: 10M transform missed its aim"):
        explain_missed("performance", [SLOW, QUICK], {"1M transform": "never asked"})


def test_a_pattern_takes_whole_names_each_figure_once_and_must_find_something() -> None:
    assert choose_figures([SLOW, QUICK], ["1M .*", ".*transform"]) == [QUICK, SLOW]
    with pytest.raises(ValueError, match="no figure is named transform"):
        choose_figures([SLOW, Figure("a transform", 1, "s")], ["transform"])
