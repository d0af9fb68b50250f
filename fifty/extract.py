"""Extract: the published version → files that people receive.

versions/<current>/marts.duckdb → datasets, page → extracts/<name>/<as_of>/{files, dictionary.csv, manifest.json}

The quarterly extract is written on the first run of a quarter only, or when it is asked for by name.

Reads only what is published, and one version from beginning to end. A folder is written under a temporary name and renamed when whole.
The same published version gives the same bytes: no clock is read; dates derive from the day the marts are about.
Run alone: `fifty extract --brand <brand>`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from fifty.config import Brand, ExtractOrder
from fifty.errors import SettingsError
from fifty.fingerprint import quote_name
from fifty.pages import render_the_fifty, render_weekly
from fifty.publish import Version, open_version
from fifty.quarterly import render_quarterly_verdict
from fifty.settings import Settings
from fifty.shapes import quote_text
from fifty.spreadsheets import DataColumn, Dataset, write_csv, write_xlsx
from fifty.state import refuse_held
from fifty.warehouse import BrandPaths, lock_extracts

log = logging.getLogger(__name__)

_DEFAULT_EXPIRY_DAYS = 30


@dataclass(frozen=True)
class DatasetPlan:
    """A table of an extract as it is asked of the marts: `columns` of `source`, rows under `condition`, in `order`."""

    name: str
    title: str
    source: str
    columns: tuple[str, ...]
    order: str
    condition: str = "true"


@dataclass(frozen=True)
class ExtractPlan:
    """What an extract consists of: its datasets and its page; a quarterly one is written once a quarter."""

    datasets: tuple[DatasetPlan, ...]
    render: Callable[[duckdb.DuckDBPyConnection, Version, Brand], str]
    is_quarterly: bool = False


PLANS: Mapping[str, ExtractPlan] = {
    "the_fifty": ExtractPlan(
        (
            DatasetPlan(
                "the_fifty",
                "the fifty",
                "relationships.the_fifty",
                (
                    "rank", "display_name", "handle", "platform", "profile_url", "reason_text", "suggested_action", "strength",
                    "strength_from_them", "strength_from_us", "balance", "layer", "layer_reason", "stage", "p_alive", "p_alive_reason",
                    "is_waiting_for_answer", "waiting_since_at", "waiting_ask_text", "waiting_ask_url", "last_in_at", "last_in_kind",
                    "last_in_text",
                    "last_in_url", "last_out_at", "last_out_kind", "last_out_text", "last_out_url", "in_event_count_90d", "out_event_count_90d",
                    "exchange_day_count_90d", "weeks_on_list", "last_exchange_date", "days_since_last_exchange", "first_event_date", "is_living", "is_provisional",
                    "reason_code", "p_real", "p_real_basis", "lawful_basis", "lawful_basis_reason", "lawful_purpose", "person_id", "expires_date",
                    "as_of_date", "parameters_version",
                ),
                "rank",
            ),
        ),
        render_the_fifty,
    ),
    "weekly": ExtractPlan(
        (
            DatasetPlan(
                "number",
                "the number",
                "relationships.living_relationships_daily",
                (
                    "as_of_date", "living_count", "living_reason", "previous_count", "new_count", "reactivated_count", "lapsed_count",
                    "deleted_count",
                    "conversing_count", "engaged_count", "single_root_share", "single_responder_share", "is_too_few", "parameters_version",
                ),
                "as_of_date",
                "as_of_date > $as_of - 91",
            ),
            DatasetPlan(
                "changes",
                "who came and went",
                "relationships.living_people",
                (
                    "flow", "flow_reason", "display_name", "handle", "platform", "profile_url", "last_in_url", "last_out_url", "exchange_day_count",
                    "living_since_date", "living_until_date", "last_exchange_at", "person_id", "as_of_date", "parameters_version",
                ),
                "flow, display_name, person_id",
                "flow <> 'kept'",
            ),
            DatasetPlan(
                "waiting",
                "who waits",
                "engagement.response_times",
                (
                    "asked_at", "display_name", "handle", "platform", "profile_url", "ask_kind", "ask_text", "ask_url", "waiting_seconds",
                    "duration_business_seconds", "joined_ask_count", "p_real", "ask_post_key", "person_id", "as_of_date", "parameters_version",
                ),
                "asked_at, ask_post_key",
                "is_waiting",
            ),
            DatasetPlan(
                "slipping",
                "who is slipping away",
                "relationships.lifecycle",
                (
                    "risk_rank", "display_name", "profile_url", "stage", "risk_rule", "median_gap_days", "p_alive", "days_since_last_exchange",
                    "last_exchange_at", "last_exchange_strength", "p_real", "person_id", "as_of_date", "parameters_version",
                ),
                "risk_rank",
                "is_at_risk",
            ),
            DatasetPlan(
                "list_changes",
                "who joined and left the fifty",
                "relationships.the_fifty_changes",
                (
                    "change", "reason_text", "display_name", "handle", "platform", "profile_url", "last_in_url", "rank", "previous_rank", "strength",
                    "previous_strength", "reason_code", "person_id", "previous_date", "as_of_date", "parameters_version",
                ),
                "change, coalesce(rank, previous_rank), person_id",
            ),
            DatasetPlan(
                "campaigns",
                "campaigns",
                "engagement.campaigns",
                (
                    "campaign_name", "campaign_state", "campaign_start_date", "campaign_end_date", "peak_ratio", "half_life_days", "half_life_reason",
                    "entrant_count", "staying_count", "entrant_reason", "cost_amount", "cost_per_staying", "currency", "outcome", "outcome_reason", "campaign_id",
                    "as_of_date", "parameters_version",
                ),
                "campaign_start_date desc, campaign_id",
            ),
        ),
        render_weekly,
    ),
    "quarterly_verdict": ExtractPlan(
        (
            DatasetPlan(
                "verdict",
                "fifty against the crowd",
                "relationships.fifty_versus_crowd",
                (
                    "is_primary", "variant", "outcome", "list_size", "verdict", "answer_text", "verdict_reason", "outcome_unit", "list_count",
                    "crowd_count", "list_sum", "crowd_sum", "difference", "difference_low", "difference_high", "not_more_share", "list_per_head",
                    "crowd_per_head", "per_head_ratio", "per_head_ratio_low", "per_head_ratio_high", "share_of_total", "list_link_rate",
                    "crowd_link_rate", "list_cost_per_head", "crowd_cost_per_head", "is_verdict_flipped", "is_too_few", "chosen_date", "as_of_date",
                    "parameters_version",
                ),
                "is_primary desc, variant, outcome, list_size",
            ),
            DatasetPlan(
                "concentration",
                "on how few it depends",
                "relationships.concentration",
                (
                    "measure", "total_unit", "member_count", "zero_count", "total", "gini", "top_1_share", "top_10_share", "top_50_share",
                    "majority_count", "concentration_reason", "reciprocal_edge_count", "edge_count", "reciprocity", "reciprocity_reason",
                    "is_too_few", "as_of_date", "parameters_version",
                ),
                "measure",
            ),
            DatasetPlan(
                "claims",
                "claims",
                "relationships.claims",
                (
                    "claim_id", "essay", "claim", "claimed", "observed", "observed_unit", "n", "low", "high", "verdict", "why", "as_of_date",
                    "parameters_version",
                ),
                "claim_number",
            ),
            DatasetPlan(
                "heard",
                "what was heard",
                "engagement.feedback",
                (
                    "said_at", "platform", "text", "heard_text", "is_done", "done_text", "url", "heard_at", "done_at", "post_key", "person_id",
                    "as_of_date", "parameters_version",
                ),
                "said_at desc, post_key",
            ),
            DatasetPlan(
                "campaigns",
                "what campaigns left",
                "engagement.campaigns",
                (
                    "campaign_name", "campaign_state", "campaign_start_date", "campaign_end_date", "entrant_count", "staying_count", "entrant_reason", "cost_amount",
                    "cost_per_staying", "currency", "lasting_lift", "lasting_low", "lasting_high", "lasting_reason", "living_gain",
                    "living_gain_low", "living_gain_high", "living_gain_reason", "incremental_return", "outcome", "outcome_reason", "campaign_id",
                    "as_of_date", "parameters_version",
                ),
                "campaign_start_date desc, campaign_id",
            ),
        ),
        render_quarterly_verdict,
        is_quarterly=True,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class ExtractFile:
    """One file of an extract; `row_count` is NULL for a page."""

    name: str
    path: Path
    sha256: str
    byte_count: int
    row_count: int | None


@dataclass(frozen=True)
class WrittenExtract:
    """One extract in its folder; `is_new` is False when the same files were there already."""

    name: str
    folder: Path
    files: tuple[ExtractFile, ...]
    is_new: bool
    recipients: tuple[str, ...]


@dataclass(frozen=True)
class ExtractResult:
    """All extracts of a run."""

    publish_id: str
    as_of_date: date
    extracts: tuple[WrittenExtract, ...]
    not_due: tuple[str, ...] = ()
    """Quarterly extracts that this quarter has already."""

    @property
    def files(self) -> tuple[ExtractFile, ...]:
        """Every file written or found unchanged."""
        return tuple(file for one in self.extracts for file in one.files)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where they are."""
        return tuple(one.folder for one in self.extracts)

    @property
    def message(self) -> str:
        """The result in words."""
        new = sum(one.is_new for one in self.extracts)
        words = f"{len(self.extracts)} extracts, {len(self.files)} files from version {self.publish_id}"
        words = words if new else words + ", unchanged"
        return words + "".join(f"; {name} is there for this quarter" for name in self.not_due)


def run_extracts(
    slug: str,
    brand: Brand,
    paths: BrandPaths,
    settings: Settings,
    *,
    names: Sequence[str] | None = None,
    publish_id: str | None = None,
    is_again: bool = False,
) -> ExtractResult:
    """Write the extracts that the configuration orders (or those of them in `names`, due or not) from the published version, or from the one named.

    `is_again` writes also what is there already. Raises SettingsError for a name that is not ordered, FatalError when nothing is published, HeldError
    while an operator holds the brand's extracts, RetryableError while another process writes them.
    """
    refuse_held(paths)
    orders = {order.name: order for order in brand.extracts}
    unknown = sorted(set(names or ()) - set(orders))
    if unknown:
        raise SettingsError(
            f"extract {', '.join(unknown)} is not ordered",
            where=f"{slug}/extract",
            expected=", ".join(sorted(orders)) or "an extract under `extracts`",
            remedy="use one of these, or add it to the brand's `extracts`",
        )
    log.info("extract start brand=%s", slug)
    with open_version(paths, publish_id) as (version, connection), lock_extracts(paths, settings):
        as_of = date.fromisoformat(version.as_of_date)
        not_due = tuple(name for name in orders if names is None and PLANS[name].is_quarterly and _has_quarter(paths.extracts / name, as_of))
        chosen = [order for name, order in orders.items() if (names is None or name in names) and name not in not_due]
        written = tuple(_write_extract(order, brand, paths, version, connection, is_again=is_again) for order in chosen)
    result = ExtractResult(version.publish_id, as_of, written, not_due)
    log.info("extract end brand=%s %s", slug, result.message)
    return result


def _has_quarter(folder: Path, as_of: date) -> bool:
    """Whether the extract of another day of the same quarter is there; that of the same day is written again, as any other."""
    # What else lies there is somebody's own.
    days = [date.fromisoformat(one.name) for one in folder.glob("????-??-??") if one.is_dir() and _is_day(one.name)]
    return any((day.year, (day.month - 1) // 3) == (as_of.year, (as_of.month - 1) // 3) and day != as_of for day in days)


def _is_day(name: str) -> bool:
    try:
        date.fromisoformat(name)
    except ValueError:
        return False
    return True


def _write_extract(
    order: ExtractOrder, brand: Brand, paths: BrandPaths, version: Version, connection: duckdb.DuckDBPyConnection, *, is_again: bool
) -> WrittenExtract:
    plan = PLANS[order.name]
    as_of = date.fromisoformat(version.as_of_date)
    target = paths.extracts / order.name / version.as_of_date
    temporary = target.with_name(f".{target.name}.tmp")
    mend_folder(target)
    temporary.mkdir(parents=True)
    datasets = [_read_dataset(connection, one, as_of) for one in plan.datasets]
    dictionary = _make_dictionary(datasets)
    counts: dict[str, int | None] = {}
    for kind in dict.fromkeys(order.formats):
        if kind == "csv":
            for dataset in datasets:
                write_csv(temporary / f"{dataset.name}.csv", dataset)
                counts[f"{dataset.name}.csv"] = len(dataset.rows)
        elif kind == "parquet":
            for one, dataset in zip(plan.datasets, datasets, strict=True):
                _write_parquet(connection, one, as_of, temporary / f"{one.name}.parquet")
                counts[f"{one.name}.parquet"] = len(dataset.rows)
        elif kind == "xlsx":
            write_xlsx(temporary / f"{order.name}.xlsx", datasets, dictionary, title=f"{brand.name}: {order.name}", as_of=as_of)
            counts[f"{order.name}.xlsx"] = sum(len(dataset.rows) for dataset in datasets)
        else:
            (temporary / f"{order.name}.html").write_text(plan.render(connection, version, brand), encoding="utf-8")
            counts[f"{order.name}.html"] = None
    write_csv(temporary / "dictionary.csv", dictionary)
    counts["dictionary.csv"] = len(dictionary.rows)
    files = [_describe_file(temporary / name, counts[name]) for name in sorted(counts)]
    manifest = _write_manifest(order, brand, version, datasets, files, _read_expiry_days(connection))
    (temporary / "manifest.json").write_text(manifest, encoding="utf-8")
    # Again: an operator may have said so while it was written.
    refuse_held(paths)
    is_new = move_in_place(temporary, target, is_again=is_again)
    moved = tuple(ExtractFile(one.name, target / one.name, one.sha256, one.byte_count, one.row_count) for one in files)
    return WrittenExtract(order.name, target, moved, is_new, tuple(order.recipients))


def _read_dataset(connection: duckdb.DuckDBPyConnection, plan: DatasetPlan, as_of: date) -> Dataset:
    schema, table = plan.source.split(".")
    described = {
        name: DataColumn(name, kind, unit, text)
        for name, kind, unit, text in connection.execute(
            "select column_name, data_type, unit, description from ops.data_dictionary where schema_name = ? and table_name = ?", [schema, table]
        ).fetchall()
    }
    query, parameters = _write_query(plan, as_of)
    rows = connection.execute(query, parameters).fetchall()
    return Dataset(plan.name, plan.title, plan.source, tuple(described[name] for name in plan.columns), rows)


def _write_query(plan: DatasetPlan, as_of: date) -> tuple[str, dict[str, Any]]:
    columns = ", ".join(quote_name(name) for name in plan.columns)
    query = f"select {columns} from {plan.source} where {plan.condition} order by {plan.order}"
    return query, {"as_of": as_of} if "$as_of" in plan.condition else {}


def _write_parquet(connection: duckdb.DuckDBPyConnection, plan: DatasetPlan, as_of: date, path: Path) -> None:
    # For programs: the values as they are, neither cleaned nor marked.
    query, _ = _write_query(plan, as_of)
    query = query.replace("$as_of", f"date '{as_of.isoformat()}'")
    connection.execute(f"copy ({query}) to {quote_text(str(path))} (format parquet, compression zstd)")


def _make_dictionary(datasets: Sequence[Dataset]) -> Dataset:
    columns = tuple(
        DataColumn(name, "VARCHAR", "text", text)
        for name, text in (
            ("dataset", "table of this extract"),
            ("column", "column of that table"),
            ("type", "type of its values"),
            ("unit", "unit of its values"),
            ("description", "what it means"),
            ("mart", "published table it comes from"),
        )
    )
    rows = [(one.name, column.name, column.type.lower(), column.unit, column.description, one.source) for one in datasets for column in one.columns]
    return Dataset("dictionary", "dictionary", "ops.data_dictionary", columns, rows)


def _read_expiry_days(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("select value from ops.parameters where parameter_name = 'list_expires_days'").fetchone()
    return int(row[0]) if row and row[0] is not None else _DEFAULT_EXPIRY_DAYS


def _write_manifest(
    order: ExtractOrder, brand: Brand, version: Version, datasets: Sequence[Dataset], files: Sequence[ExtractFile], expiry_days: int
) -> str:
    as_of = date.fromisoformat(version.as_of_date)
    facts = {
        "extract": order.name,
        "brand": brand.name,
        "publish_id": version.publish_id,
        "as_of_date": version.as_of_date,
        "known_at": version.known_at,
        "parameters_version": version.parameters_version,
        "fingerprint": version.fingerprint,
        "holds_people": True,
        "expires_date": (as_of + timedelta(days=expiry_days)).isoformat(),
        "expires_why": "it names people: delete it after this day and use a newer one",
        "recipients": order.recipients,
        "datasets": [{"name": one.name, "mart": one.source, "row_count": len(one.rows)} for one in datasets],
        "files": [{"name": one.name, "sha256": one.sha256, "byte_count": one.byte_count, "row_count": one.row_count} for one in files],
    }
    return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"


def _describe_file(path: Path, row_count: int | None) -> ExtractFile:
    content = path.read_bytes()
    return ExtractFile(path.name, path, hashlib.sha256(content).hexdigest(), len(content), row_count)


def move_in_place(temporary: Path, target: Path, *, is_again: bool = False) -> bool:
    """Let the finished folder appear as `target`; False (and nothing changes, unless `is_again`) when the same files are there already."""
    if target.exists() and not is_again and _read_folder(temporary) == _read_folder(target):
        shutil.rmtree(temporary)
        return False
    aside = target.with_name(f".{target.name}.old")
    if target.exists():
        # Folders cannot replace each other in one step; a run killed between the two renames is mended by mend_folder.
        target.rename(aside)
    temporary.rename(target)
    if aside.exists():
        shutil.rmtree(aside)
    return True


def mend_folder(target: Path) -> None:
    """Undo what a killed run left beside `target`."""
    aside = target.with_name(f".{target.name}.old")
    temporary = target.with_name(f".{target.name}.tmp")
    if aside.exists() and not target.exists():
        aside.rename(target)
    for leftover in (aside, temporary):
        if leftover.exists():
            shutil.rmtree(leftover)


def _read_folder(folder: Path) -> dict[str, str]:
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in folder.iterdir()}
