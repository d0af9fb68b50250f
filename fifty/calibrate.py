"""Calibrate: what statistics a daily build must not fit is fitted here, by libraries, and written down as parameters.

last build (intermediate, marts) → BG/NBD, half-life, elasticity, layers, errors of the flag → brands/<brand>.calibration.yml → configuration

Nothing changes by a calibration alone: the file is written when asked, the next run reads it as configuration, lands it, and reports the break
in series. An explicit parameter in fifty.yml wins. Run alone: `fifty calibrate --brand acme`, then the same with `--write`.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import yaml
from numpy.typing import NDArray
from scipy import optimize, special, stats  # type: ignore[import-untyped]

from fifty.errors import FatalError
from fifty.project_macros import read_macros
from fifty.settings import Settings
from fifty.warehouse import BrandPaths, connect, lock_brand

log = logging.getLogger(__name__)

Numbers = NDArray[np.float64]

HALF_LIVES = (15, 30, 45, 90)
QUARTERS = 3
QUARTER_DAYS = 90
AUC_TOLERANCE = 0.005
"""Half-lives within this much of the best are as good; the smallest of them is chosen (M2.4)."""
LEAST_OUTCOMES = 10
"""People with and without an exchange afterwards that a quarter needs before its AUC says anything."""
LEAST_WEEKS = 26
"""Network-weeks that an elasticity needs."""
LAG_WEEKS = 4
LEAST_LAYERED = 100
"""People in layers that a fit of the layers' edges needs."""
LAYERS = ("support", "sympathy", "affinity", "active")


@dataclass(frozen=True)
class Finding:
    """One number that a calibration came to. `value` is None where `note` says why."""

    measure: str
    item: str
    value: float | None
    low: float | None = None
    high: float | None = None
    count: int | None = None
    note: str | None = None


@dataclass(frozen=True)
class Calibration:
    """What a calibration of one brand came to: parameters it proposes, and the numbers behind them."""

    brand: str
    as_of: date
    parameters: dict[str, float]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class BgNbd:
    """Parameters of BG/NBD with the greatest likelihood."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    people: int


def run_calibration(paths: BrandPaths, settings: Settings) -> Calibration:
    """Fit everything on the brand's last build. Raises FatalError when there is none, RetryableError when another process writes the brand."""
    log.info("calibrate start brand=%s", paths.brand)
    with lock_brand(paths, settings):
        if not paths.marts.exists():
            raise FatalError(
                "there are no marts to calibrate on",
                where=f"{paths.brand}/calibrate",
                seen=f"no file {paths.marts}",
                expected="a finished build",
                remedy=f"run `fifty run --brand {paths.brand}` first",
            )
        with connect(paths, settings, attach_marts=True) as connection:
            as_of = _read_as_of(connection, paths)
            parts = [
                _calibrate_alive(connection),
                _calibrate_half_life(connection, settings.dbt_project, as_of),
                _calibrate_layers(connection),
                ({}, _measure_elasticities(connection)),
                ({}, _read_flag_errors(connection)),
            ]
    parameters = {name: value for proposed, _ in parts for name, value in proposed.items()}
    result = Calibration(paths.brand, as_of, parameters, tuple(finding for _, findings in parts for finding in findings))
    log.info("calibrate end brand=%s as_of=%s parameters=%d findings=%d", paths.brand, as_of, len(parameters), len(result.findings))
    return result


def write_calibration(config: Path, calibration: Calibration) -> Path:
    """Write the parameters beside the configuration, where it reads them; replaces an older calibration at once. Returns the path."""
    path = config.parent / "brands" / f"{calibration.brand}.calibration.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "as_of": calibration.as_of,
        "parameters": calibration.parameters,
        "results": [{name: value for name, value in asdict(one).items() if value is not None} for one in calibration.findings],
    }
    text = (
        "# Written by `fifty calibrate --write` from the brand's own data. The next run lands it as configuration: figures after it must not be\n"
        "# compared with figures before. A parameter that fifty.yml names wins over one named here. Remove the file to go back to the defaults.\n"
    ) + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=150)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    return path


def fit_bgnbd(repeats: Sequence[int], last_repeats: Sequence[float], observed: Sequence[float]) -> BgNbd:
    """Maximum likelihood of BG/NBD (Fader, Hardie & Lee 2005); times in weeks. Raises FatalError when no start finds a maximum."""
    # People with the same history are one row: cost follows distinct histories.
    histories, counts = np.unique(np.column_stack([repeats, last_repeats, observed]).astype(np.float64), axis=0, return_counts=True)
    weights = counts.astype(np.float64)
    total = float(weights.sum())

    def lose(logarithms: Numbers) -> float:
        return -float(weights @ _score_histories(np.exp(logarithms), histories)) / total

    # The surface is flat in a and b: the best of several starts, each polished without gradients.
    best = None
    for start in ((0.5, 5.0, 0.5, 1.0), (1.0, 10.0, 1.0, 3.0), (0.2, 2.0, 2.0, 10.0)):
        found = optimize.minimize(lose, np.log(start), method="L-BFGS-B", bounds=[(-10, 10)] * 4)
        found = optimize.minimize(lose, found.x, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12, "maxiter": 4000})
        if math.isfinite(found.fun) and (best is None or found.fun < best.fun):
            best = found
    if best is None:
        raise FatalError("BG/NBD has no finite likelihood", seen=f"{len(histories)} histories", remedy="look for negative times")
    r, alpha, a, b = (float(value) for value in np.exp(best.x))
    return BgNbd(r, alpha, a, b, -float(best.fun) * total, int(total))


def _score_histories(parameters: Numbers, histories: Numbers) -> Numbers:
    """Log-likelihood of each history."""
    r, alpha, a, b = parameters
    repeats, last_repeat, observed = histories.T
    shared = special.gammaln(r + repeats) - special.gammaln(r) + r * np.log(alpha) + special.betaln(a, b + repeats) - special.betaln(a, b)
    alive = -(r + repeats) * np.log(alpha + observed)
    # Gone after the last repeat; whoever never repeated cannot have gone.
    gone = np.where(repeats > 0, np.log(a) - np.log(np.where(repeats > 0, b + repeats - 1, 1)) - (r + repeats) * np.log(alpha + last_repeat), -np.inf)
    return np.asarray(shared + np.logaddexp(alive, gone), dtype=np.float64)


def measure_auc(scores: Sequence[float], outcomes: Sequence[bool]) -> float | None:
    """Chance that somebody to whom it happened had the higher score, by rank sum; equals share their mean rank. None without both kinds."""
    happened = np.asarray(outcomes, dtype=bool)
    positives = int(happened.sum())
    negatives = happened.size - positives
    if not positives or not negatives:
        return None
    # Rounded: a last bit must not break a tie.
    ranks = stats.rankdata(np.round(np.asarray(scores, dtype=np.float64), 12))
    return float((ranks[happened].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def choose_half_life(means: dict[int, float]) -> int:
    """The smallest half-life whose mean AUC is within the tolerance of the best."""
    best = max(means.values())
    return min(days for days, mean in means.items() if mean >= best - AUC_TOLERANCE - 1e-12)


def estimate_elasticity(networks: Sequence[str], outcome: Sequence[float], cause: Sequence[float]) -> tuple[float, float, float] | None:
    """Slope of `outcome` on `cause` within networks (fixed effects), with its 95 % interval; rows of a network in order of time.

    The interval bears neighbouring weeks being alike (Newey–West, four weeks). None where the cause does not vary within any network.
    """
    labels = np.asarray(networks)
    y, x = np.asarray(outcome, dtype=np.float64), np.asarray(cause, dtype=np.float64)
    places = [np.flatnonzero(labels == network) for network in np.unique(labels)]
    for place in places:
        y[place] -= y[place].mean()
        x[place] -= x[place].mean()
    spread = float(x @ x)
    freedom = len(x) - len(places) - 1
    if spread < 1e-9 or freedom < 1:
        return None
    slope = float(x @ y) / spread
    scores = x * (y - slope * x)
    meat = float(scores @ scores)
    for lag in range(1, LAG_WEEKS + 1):
        pairs = sum(float(scores[place][lag:] @ scores[place][:-lag]) for place in places if len(place) > lag)
        meat += 2 * (1 - lag / (LAG_WEEKS + 1)) * pairs
    error = math.sqrt(max(meat, 0.0) * len(x) / freedom) / spread
    reach = float(stats.t.ppf(0.975, freedom)) * error
    return slope, slope - reach, slope + reach


def find_natural_breaks(values: Sequence[float], classes: int) -> list[float]:
    """Least value of each class but the lowest, descending: the cut that leaves least variance inside the classes (Fisher, Jenks). Exact for what it is given."""
    distinct, counts = np.unique(np.round(np.asarray(values, dtype=np.float64), 3), return_counts=True)
    size = len(distinct)
    if size < classes:
        return []
    weight = np.concatenate([[0.0], np.cumsum(counts)])
    total = np.concatenate([[0.0], np.cumsum(counts * distinct)])
    square = np.concatenate([[0.0], np.cumsum(counts * distinct**2)])
    least = square[1:] - total[1:] ** 2 / weight[1:]
    begins = np.zeros((classes, size), dtype=np.int64)
    for number in range(1, classes):
        better = np.full(size, np.inf)
        for end in range(number, size):
            starts = np.arange(number, end + 1)
            inside = square[end + 1] - square[starts] - (total[end + 1] - total[starts]) ** 2 / (weight[end + 1] - weight[starts])
            costs = least[starts - 1] + inside
            place = int(np.argmin(costs))
            better[end], begins[number, end] = costs[place], starts[place]
        least = better
    breaks, end = [], size - 1
    for number in range(classes - 1, 0, -1):
        start = int(begins[number, end])
        breaks.append(float(distinct[start]))
        end = start - 1
    return breaks


def _read_as_of(connection: duckdb.DuckDBPyConnection, paths: BrandPaths) -> date:
    try:
        row = connection.execute("select as_of_date from intermediate.int_run").fetchone()
    except duckdb.CatalogException:
        row = None
    if row is None:
        raise FatalError(
            "the last build is not there",
            where=f"{paths.brand}/calibrate",
            seen="no intermediate.int_run",
            expected="a finished build",
            remedy=f"run `fifty transform --brand {paths.brand}` first",
        )
    found: date = row[0]
    return found


def _read_parameter(connection: duckdb.DuckDBPyConnection, name: str) -> float:
    row = connection.execute(f"select {name} from intermediate.int_parameters").fetchone()
    return float(row[0]) if row else math.nan


def _calibrate_alive(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, float], list[Finding]]:
    least = _read_parameter(connection, "p_alive_least_people")
    rows = connection.execute(
        "select repeat_week_count, recency_weeks, age_weeks from marts.relationships.lifecycle, intermediate.int_parameters as parameters"
        " where repeat_week_count is not null and stage <> 'gone' and p_real >= parameters.least_p_real order by all"
    ).fetchall()
    measure = "M9.2 BG/NBD"
    if len(rows) < least:
        return {}, [Finding(measure, "fit", None, count=len(rows), note=f"not fitted: {len(rows)} people with an exchange, {least:.0f} are needed")]
    repeats, last_repeats, observed = zip(*rows, strict=True)
    if not any(repeats):
        return {}, [Finding(measure, "fit", None, count=len(rows), note="not fitted: nobody came back in another week")]
    fit = fit_bgnbd(repeats, last_repeats, observed)
    proposed = {"bgnbd_r": fit.r, "bgnbd_alpha": fit.alpha, "bgnbd_a": fit.a, "bgnbd_b": fit.b, "bgnbd_fitted_people": float(fit.people)}
    findings = [Finding(measure, name.removeprefix("bgnbd_"), value, count=fit.people) for name, value in list(proposed.items())[:4]]
    findings.append(Finding(measure, "log-likelihood", fit.log_likelihood, count=fit.people))
    return {name: round(value, 6) for name, value in proposed.items()}, findings


def _calibrate_half_life(connection: duckdb.DuckDBPyConnection, project: Path, as_of: date) -> tuple[dict[str, float], list[Finding]]:
    measure = "M2.4 half-life"
    findings = []
    by_half_life: dict[int, list[float]] = {days: [] for days in HALF_LIVES}
    for quarter in range(1, QUARTERS + 1):
        cut = as_of - timedelta(days=QUARTER_DAYS * quarter)
        for days in HALF_LIVES:
            scores, outcomes = _score_then(connection, project, cut, days)
            happened = sum(outcomes)
            if min(happened, len(outcomes) - happened) < LEAST_OUTCOMES:
                note = f"too few: {happened} of {len(outcomes)} people had an exchange in the {QUARTER_DAYS} days from then"
                findings.append(Finding(measure, f"AUC at {days} days, cut {cut}", None, count=len(outcomes), note=note))
                continue
            auc = measure_auc(scores, outcomes)
            findings.append(Finding(measure, f"AUC at {days} days, cut {cut}", auc, count=len(outcomes)))
            if auc is not None:
                by_half_life[days].append(auc)
    means = {days: sum(found) / len(found) for days, found in by_half_life.items() if len(found) == QUARTERS}
    if len(means) < len(HALF_LIVES):
        findings.append(Finding(measure, "chosen", None, note=f"not chosen: it takes {QUARTERS} quarters that say something"))
        return {}, findings
    findings += [Finding(measure, f"mean AUC at {days} days", mean, count=QUARTERS) for days, mean in means.items()]
    chosen = choose_half_life(means)
    findings.append(Finding(measure, "chosen", float(chosen), count=QUARTERS, note=f"the smallest within {AUC_TOLERANCE} of the best"))
    return {"strength_half_life_days": float(chosen)}, findings


def _score_then(connection: duckdb.DuckDBPyConnection, project: Path, cut: date, half_life: int) -> tuple[list[float], list[bool]]:
    """Strength at the end of `cut` of everybody who had turned to the brand by then, and whether an exchange followed within a quarter."""
    names = ("int_interaction_days", "int_persons", "int_run")
    relations = {name: f"intermediate.{name}" for name in names} | {"int_parameters": "calibration_parameters"}
    macros = read_macros(project=project, relations=relations)
    connection.execute(
        f"create or replace temp view calibration_parameters as select * replace ({half_life}::double as strength_half_life_days)"
        " from intermediate.int_parameters"
    )
    rows = connection.execute(
        f"""
        with events as ({macros.decayed_events(f"date '{cut}'")}),
        scored as ({macros.strength_scores("events")}),
        followed as (
            select distinct person_id from intermediate.int_exchanges where first_day > date '{cut}' and exchange_day <= date '{cut + timedelta(days=QUARTER_DAYS)}'
        )
        select scored.strength, followed.person_id is not null
        from scored
        inner join intermediate.int_persons as persons on scored.person_id = persons.person_id
        cross join calibration_parameters as parameters
        left join followed on scored.person_id = followed.person_id
        where scored.engaged_in_event_count > 0 and persons.p_real >= parameters.least_p_real
        order by scored.person_id
        """
    ).fetchall()
    return [row[0] for row in rows], [row[1] for row in rows]


def _calibrate_layers(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, float], list[Finding]]:
    measure = "M3.2 layers"
    row = connection.execute(
        "select disputed_share, is_refit_due, is_too_few, compared_count from marts.relationships.responder_capacity where responder_kind = 'all'"
    ).fetchone()
    share, is_due, is_too_few, compared = row or (None, None, True, 0)
    findings = [Finding(measure, "disputed share", share, count=compared, note=None if share is not None else "nobody stands in a layer")]
    frequencies = [
        found
        for (found,) in connection.execute(
            "select contact_frequency from marts.relationships.people, intermediate.int_parameters as parameters"
            " where contact_frequency > 0 and p_real >= parameters.least_p_real order by contact_frequency"
        ).fetchall()
    ]
    if not is_due or is_too_few or len(frequencies) < LEAST_LAYERED:
        note = (
            "kept: frequency and rank agree well enough" if share is not None and not is_due else f"kept: fewer than {LEAST_LAYERED} people in layers"
        )
        return {}, [*findings, Finding(measure, "edges", None, count=len(frequencies), note=note)]
    breaks = find_natural_breaks([math.log(one) for one in frequencies], len(LAYERS) + 1)
    if not breaks:
        return {}, [*findings, Finding(measure, "edges", None, count=len(frequencies), note="kept: too few different frequencies")]
    proposed = {f"layer_frequency_{layer}": round(math.exp(edge), 6) for layer, edge in zip(LAYERS, breaks, strict=True)}
    return proposed, findings + [
        Finding(measure, f"edge of {layer}", proposed[f"layer_frequency_{layer}"], count=len(frequencies)) for layer in LAYERS
    ]


def _measure_elasticities(connection: duckdb.DuckDBPyConnection) -> list[Finding]:
    rows = connection.execute(
        """
        with followers as (
            select platform, cast(date_trunc('week', audience_date) as date) as week, audience_date, sum(follower_count) as follower_count
            from marts.engagement.audience_daily group by all having count(follower_count) = count(*)
        ),
        weekly_followers as (select platform, week, arg_max(follower_count, audience_date) as follower_count from followers group by all),
        talks as (
            select platform, cast(date_trunc('week', started_at) as date) as week, count(*) as talk_count
            from marts.engagement.conversations where is_conversation group by all
        ),
        posts as (
            select platform, cast(date_trunc('week', activity_date) as date) as week, sum(post_count) as post_count
            from marts.engagement.engagement_daily group by all
        )
        select posts.platform, coalesce(talks.talk_count, 0), weekly_followers.follower_count, posts.post_count
        from posts
        left join talks using (platform, week)
        left join weekly_followers using (platform, week)
        order by posts.platform, posts.week
        """
    ).fetchall()
    findings = []
    for item, place in (("conversations on followers", 2), ("conversations on posts", 3)):
        usable = [row for row in rows if row[place]]
        measure = "M6.7 elasticity"
        if len(usable) < LEAST_WEEKS:
            findings.append(Finding(measure, item, None, count=len(usable), note=f"too few: {len(usable)} network-weeks, {LEAST_WEEKS} are needed"))
            continue
        found = estimate_elasticity([row[0] for row in usable], [math.log1p(row[1]) for row in usable], [math.log(row[place]) for row in usable])
        if found is None:
            findings.append(Finding(measure, item, None, count=len(usable), note="nothing varies within a network"))
        else:
            findings.append(Finding(measure, item, *found, count=len(usable), note="an association, not an effect"))
    return findings


def _read_flag_errors(connection: duckdb.DuckDBPyConnection) -> list[Finding]:
    measure = "M6.4 errors of the flag"
    row: tuple[Any, ...] | None = connection.execute(
        "select labelled_count, sensitivity, specificity, error_basis = 'labels', quality_least_labelled"
        " from intermediate.int_fake_prevalence, intermediate.int_parameters"
    ).fetchone()
    labelled, sensitivity, specificity, is_labelled, least = row or (0, None, None, False, 0)
    if not is_labelled:
        note = f"too few: {labelled} accounts are labelled by hand, {least:.0f} are needed, and the flag must tell something"
        return [Finding(measure, "sensitivity and specificity", None, count=labelled, note=note)]
    note = "in force in the build since so many are labelled"
    return [
        Finding(measure, "sensitivity", sensitivity, count=labelled, note=note),
        Finding(measure, "specificity", specificity, count=labelled, note=note),
    ]
