"""One form for the figures of all benches, and the questions the performance bench asks."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench import performance, results
from bench.performance import Scale, compare_sizes
from bench.queries import read_queries
from bench.stages import count_bytes, measure_command


def test_an_aim_is_met_or_missed_and_a_missing_value_meets_none() -> None:
    assert results.measure("transform", 89.9, "s", at_most=90).met is True
    assert results.measure("transform", 90.1, "s", at_most=90).met is False
    assert results.measure("captured", 0.994, "share", at_least=0.995).met is False
    assert results.measure("captured", None, "share", at_least=0.995).met is False
    assert results.measure("rows", 7, "rows").met is None


def test_results_are_read_as_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    figures = [results.measure("größte", 1234.5678, "s", at_most=2000), results.measure("rows", 12, "rows")]
    path = results.write_results("trial", figures)
    assert results.read_results("trial") == figures
    assert list(json.loads(path.read_text(encoding="utf-8"))[0]) == ["name", "value", "unit", "aim", "met"]


def test_every_result_that_is_kept_can_be_read() -> None:
    for path in results.FOLDER.glob("*.json"):
        assert results.read_results(path.stem), path


def test_there_are_twenty_questions_each_with_its_query() -> None:
    queries = read_queries()
    assert [question.partition(".")[0] for question, _ in queries] == [str(number) for number in range(1, 21)]
    assert all(query.count(";") == 1 and query.endswith(";") for _, query in queries)


def test_a_day_is_compared_with_a_tenth_of_the_history_only(tmp_path: Path) -> None:
    scales = [Scale(millions, tmp_path, 1, day_price=price) for millions, price in ((10, 12.0), (1, 10.0))]
    (figure,) = compare_sizes(scales)
    assert (figure.value, figure.met) == (1.2, True)
    assert compare_sizes([Scale(1, tmp_path, 1, day_price=1.0), Scale(5, tmp_path, 1, day_price=1.0)]) == []


def test_a_day_on_the_day_before_is_not_held_against_one_from_nothing(tmp_path: Path) -> None:
    scales = [Scale(1, tmp_path, 1, day_price=10.0, is_day_kept=False), Scale(10, tmp_path, 1, day_price=9.0)]
    (figure,) = compare_sizes(scales)
    assert (figure.value, figure.aim, figure.met) == (0.9, None, None)
    assert "one of them built from nothing" in figure.name


def test_a_figure_is_undecided_only_where_something_is_aimed_at() -> None:
    assert [results.say_met(results.Figure("a", 1, "s", aim, met)) for aim, met in ((None, None), ("above 0", None), ("above 0", True))] == [
        "",
        "undecided",
        "met",
    ]


def test_a_stage_that_fails_at_a_large_size_loses_nothing_that_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(scale: Scale, _: float) -> None:
        scale.add("land", 1.5, "s")
        if scale.millions == 10:
            raise SystemExit("transform ended with 1")

    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    monkeypatch.setattr(Scale, "measure", measure)
    monkeypatch.setattr(sys, "argv", ["performance", "--sizes", "1", "10", "--folder", str(tmp_path)])
    with pytest.raises(SystemExit, match="transform ended with 1"):
        performance.main()
    assert [figure.name for figure in results.read_results("performance")] == ["1M land", "10M land"]


def test_a_command_is_measured_and_a_failing_one_says_so(tmp_path: Path) -> None:
    spent = measure_command(["python3", "-c", "print('x' * 10); b = bytearray(80_000_000)"])
    assert spent.exit_code == 0
    assert spent.said.strip() == "x" * 10
    assert spent.memory_bytes > 80_000_000
    with pytest.raises(SystemExit, match="no such luck"):
        measure_command(["python3", "-c", "raise SystemExit('no such luck')"])
    (tmp_path / "one").write_bytes(b"12345")
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    assert count_bytes(tmp_path) == 5
