"""The calibration: published fits reproduced, rules by worked numbers, and a whole calibration from a build to the next build's parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import networkx
import numpy as np
import pytest
import yaml

from fifty.calibrate import (
    Calibration,
    choose_half_life,
    estimate_elasticity,
    find_natural_breaks,
    fit_bgnbd,
    measure_auc,
    run_calibration,
    write_calibration,
)
from fifty.config import load_config
from fifty.connectors.config import list_settings
from fifty.errors import FatalError, SettingsError
from tests.models.conftest import Brand, Stage, open_brand
from tests.models.test_lifecycle_statistics import customers  # noqa: F401 - a fixture
from tests.models.worlds import add_account, talk

CONFIG = """
brands:
  acme:
    name: Acme
    accounts: [{platform: bluesky, handle: acme.example, base_url: "https://bluesky.example"}]
"""


def test_bgnbd_finds_the_published_parameters_of_cdnow(customers: list[tuple[int, float, float]]) -> None:  # noqa: F811
    fit = fit_bgnbd(*zip(*customers, strict=True))
    assert (fit.r, fit.alpha, fit.a, fit.b) == pytest.approx((0.2426, 4.4135, 0.7929, 2.4258), abs=2e-4)
    assert fit.log_likelihood == pytest.approx(-9582.43, abs=5e-3)
    assert fit.people == 2357


def test_auc_counts_equals_as_half() -> None:
    assert measure_auc([1, 2, 3, 4], [False, False, True, True]) == 1
    assert measure_auc([1, 2, 2, 3], [False, True, False, True]) == 0.875
    assert measure_auc([5, 5, 5], [True, False, False]) == 0.5
    assert measure_auc([1, 2], [True, True]) is None


def test_the_smallest_half_life_within_the_tolerance_is_chosen() -> None:
    assert choose_half_life({15: 0.8601, 30: 0.8650, 45: 0.8691, 90: 0.8699}) == 30
    assert choose_half_life({15: 0.8601, 30: 0.8648, 45: 0.8640, 90: 0.8699}) == 90


def test_elasticity_sees_through_networks_of_different_size() -> None:
    draw = np.random.Generator(np.random.Philox(7))
    posts = {"small": draw.uniform(0, 1, 60), "large": draw.uniform(3, 4, 60)}
    # Within each network twice the posts bring half as much again; the large network talks less on the whole.
    talks = {"small": 5 + 0.5 * posts["small"], "large": 1 + 0.5 * posts["large"]}
    noise = draw.normal(0, 0.05, 120)
    networks = ["small"] * 60 + ["large"] * 60
    found = estimate_elasticity(networks, [*(np.concatenate([talks["small"], talks["large"]]) + noise)], [*posts["small"], *posts["large"]])
    assert found is not None
    slope, low, high = found
    assert slope == pytest.approx(0.5, abs=0.05)
    assert low < 0.5 < high
    assert high - low < 0.15
    pooled = np.polyfit(np.concatenate([posts["small"], posts["large"]]), np.concatenate([talks["small"], talks["large"]]), 1)[0]
    assert pooled < 0


def test_elasticity_without_noise_is_exact_and_without_variation_unknown() -> None:
    assert estimate_elasticity(["a"] * 4, [1, 2, 3, 4], [0, 2, 4, 6]) == pytest.approx((0.5, 0.5, 0.5))
    assert estimate_elasticity(["a"] * 4 + ["b"] * 4, [1, 2, 3, 4] * 2, [1] * 4 + [2] * 4) is None


def cut_plainly(values: Sequence[float], classes: int) -> float:
    """Least sum of squares inside classes by trying every cut of three classes."""
    ordered = sorted(values)
    assert classes == 3

    def lose(part: list[float]) -> float:
        return sum((one - sum(part) / len(part)) ** 2 for one in part)

    return min(
        lose(ordered[:first]) + lose(ordered[first:second]) + lose(ordered[second:])
        for first in range(1, len(ordered) - 1)
        for second in range(first + 1, len(ordered))
    )


def test_natural_breaks_leave_least_variance() -> None:
    assert find_natural_breaks([1, 1.1, 1.2, 5, 5.1, 9, 9.2, 9.2], 3) == [9, 5]
    degrees = [math.log(degree) for _, degree in networkx.karate_club_graph().degree()]
    breaks = find_natural_breaks(degrees, 3)
    parts = [[one for one in degrees if low <= round(one, 3) < high] for low, high in zip([-9, *breaks[::-1]], [*breaks[::-1], 9], strict=True)]
    assert sum(sum((one - sum(part) / len(part)) ** 2 for one in part) for part in parts) == pytest.approx(cut_plainly(degrees, 3))
    assert find_natural_breaks([1, 1, 2], 3) == []


@pytest.fixture(scope="module")
def regulars(brands: Path) -> Brand:
    """Forty people who talk with the brand in rhythms of their own, half of them no more for most of a year."""
    stage = Stage()
    stage.configure(settings={"parameter.p_alive_least_people": "30"})
    add_account(stage, "brand")
    for number in range(40):
        name = f"regular{number}"
        add_account(stage, name)
        last = 85 if number % 2 else -250
        days = range(-420 + number, last, 20 + number)
        talk(stage, name, " ".join(f"i{day} o{day}.2" for day in days))
    brand = open_brand(brands, "regulars")
    brand.transform(stage)
    return brand


def test_a_calibration_fits_the_brands_own_people_and_changes_nothing(regulars: Brand) -> None:
    before = regulars.paths.marts.read_bytes()
    found = run_calibration(regulars.paths, regulars.settings)
    assert regulars.paths.marts.read_bytes() == before
    assert found.parameters["bgnbd_fitted_people"] == 40
    assert found.parameters["strength_half_life_days"] in {15, 30, 45, 90}
    items = {(one.measure, one.item): one for one in found.findings}
    aucs = [one.value for one in found.findings if one.item.startswith("AUC at")]
    assert len(aucs) == 12
    assert all(value is not None and value > 0.5 for value in aucs)
    assert items["M9.2 BG/NBD", "log-likelihood"].value is not None
    assert "too few" in (items["M6.4 errors of the flag", "sensitivity and specificity"].note or "")
    assert items["M6.7 elasticity", "conversations on followers"].value is None
    assert all(one.value is not None or one.note for one in found.findings)


def test_what_was_written_is_read_as_configuration_and_an_explicit_parameter_wins(tmp_path: Path, regulars: Brand) -> None:
    path = tmp_path / "fifty.yml"
    path.write_text(CONFIG + "    parameters: {bgnbd_r: 0.5}\n", encoding="utf-8")
    found = run_calibration(regulars.paths, regulars.settings)
    written = write_calibration(path, Calibration("acme", found.as_of, found.parameters, found.findings))
    brand = load_config(path).brands["acme"]
    settings = {item["name"]: item["value"] for item in list_settings(brand)}
    assert settings["parameter.bgnbd_r"] == "0.5"
    assert "calibrated.bgnbd_r" not in settings
    assert float(settings["parameter.bgnbd_alpha"]) == found.parameters["bgnbd_alpha"]
    assert settings["calibrated.bgnbd_alpha"] == "2026-10-31"
    assert sum(name.startswith("calibration.") for name in settings) == len(found.findings)
    written.write_text(yaml.safe_dump({"as_of": "2026-10-31", "parameters": {"no_such": 1.0}}), encoding="utf-8")
    with pytest.raises(SettingsError, match="no_such"):
        load_config(path)
    written.rename(written.with_name("nobody.calibration.yml"))
    with pytest.raises(SettingsError, match="no brand 'nobody'"):
        load_config(path)


def test_the_next_build_uses_it_and_says_where_it_comes_from(regulars: Brand, tmp_path: Path) -> None:
    path = tmp_path / "fifty.yml"
    path.write_text(CONFIG + "    parameters: {p_alive_least_people: 30}\n", encoding="utf-8")
    write_calibration(
        path, Calibration("acme", (found := run_calibration(regulars.paths, regulars.settings)).as_of, found.parameters, found.findings)
    )
    stage = Stage()
    stage.configure(settings={item["name"]: item["value"] for item in list_settings(load_config(path).brands["acme"]) if "." in item["name"]})
    add_account(stage, "brand")
    for number in range(40):
        add_account(stage, f"regular{number}")
        talk(stage, f"regular{number}", " ".join(f"i{day} o{day}.2" for day in range(-420 + number, 85 if number % 2 else -250, 20 + number)))
    regulars.transform(stage)
    rows = regulars.read("select parameter_name, value, override_source from marts.ops.parameters where override_source like 'calibration%'")
    assert {row["parameter_name"]: row["value"] for row in rows} == found.parameters
    assert {row["override_source"] for row in rows} == {"calibration as of 2026-10-31"}
    alive = regulars.read("select p_alive, is_at_risk from marts.relationships.lifecycle where risk_rule = 'P(alive)' order by last_exchange_at")
    assert len(alive) == 40
    assert alive[0]["p_alive"] < 0.5 < alive[-1]["p_alive"]
    assert alive[0]["is_at_risk"] is True
    table = regulars.read("select measure, item, value, note, fitted_as_of_date from marts.ops.calibration")
    assert len(table) == len(found.findings)


def test_without_a_build_there_is_nothing_to_calibrate_on(brands: Path) -> None:
    brand = open_brand(brands, "unbuilt")
    with pytest.raises(FatalError, match="no marts"):
        run_calibration(brand.paths, brand.settings)
