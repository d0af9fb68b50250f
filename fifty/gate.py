"""Gates: what was landed, and what was built from it, is checked before anybody relies on it.

staging.* of the pending loads → expectations/landed/*.yml → ops.loads.load_status, ops.quarantine, ops.gate_results
marts.duckdb → expectations/marts/*.yml → ops.gate_results, ops.marts_verdict, or GateFailed and nothing is published

The only module that imports Great Expectations (seconds, hence only where something has to be checked). Every check is a query
pushed down to DuckDB through a cursor of the one connection; tables are never fetched.

How a load is judged. All pending loads are validated together, once per table. Only where something fails are they halved until
the loads at fault stand alone. For this every landed expectation must hold for a set of loads exactly when it holds for each of
them (given the ones before it), so that a verdict never depends on what else happened to be pending: a replay, which gates years
of loads at once, ends in the same verdicts. Ratios and `mostly` over a whole batch are therefore refused in landed suites.

What a landed query can read: `{batch}`; `pending.<table>` (staging rows of the loads under test), `pending.loads`, `pending.items`,
`pending.expected_rows`, `pending.parameters`; `known.loads` and `known.scopes` (accepted before, or under test).
What a mart query can read: `{batch}`, every mart as `<schema>.<mart>`, `parameters`, and `published.<schema>.<mart>` where it
says `needs: published`.

Try it alone: `fifty gate --data DIR --brand BRAND`.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import duckdb
import simplejson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fifty.building import MartsVerdict, find_build, record_verdict
from fifty.errors import GateFailed, LandingError, SettingsError
from fifty.landing import read_manifest
from fifty.settings import Settings
from fifty.warehouse import BrandPaths, connect, lock_brand, read_tables
from fifty.yaml_files import read_yaml

logger = logging.getLogger(__name__)

QUERY_TYPE = "unexpected_rows_expectation"
ROW_COUNT_TYPE = "expect_table_row_count_to_be_between"
SHARED_FILE = "_every.yml"
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_SLUG = re.compile(r"^[a-z0-9]+(_[a-z0-9]+){2,}$")

Severity = Literal["critical", "warning"]
Outcome = Literal["passed", "failed", "errored"]
Verdict = Literal["accepted", "warned", "rejected", "undecided"]


# --- suites ---------------------------------------------------------------------------------------------------------------------


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Expectation(_Strict):
    """One expectation of a suite."""

    id: str = Field(description="a sentence in snake case")
    expectation: str = Field(description="type, as Great Expectations names it")
    kwargs: dict[str, Any] = Field({}, description="its arguments; `{columns}`, `{key}`, `{row_count}`, `{least_rows}`, `{as_of}` are filled in")
    severity: Severity
    why: str = Field(min_length=10, description="what goes wrong without it")
    remedy: str = Field(min_length=10, description="what to do when it fails")
    quarantine: bool = Field(False, description="rows against it may be moved to ops.quarantine; a query must then give load_id and seq")
    needs: Literal["published"] | None = Field(None, description="compares with what is published now")
    not_for: tuple[str, ...] = Field((), description="tables that a shared expectation leaves out")

    @property
    def query(self) -> str | None:
        """SQL of an UnexpectedRowsExpectation, as written."""
        return self.kwargs.get("unexpected_rows_query") if self.expectation == QUERY_TYPE else None


class Suite(_Strict):
    """The expectations of one table."""

    suite: str = Field(description="folder/file, without .yml")
    table: str = Field(description="schema.table")
    least_rows: int = Field(0, ge=0, description="fewest rows of a mart")
    is_checked_when_empty: bool = Field(False, description="run every expectation on an empty batch too; else the row count alone")
    quarantine_rows: int = Field(20, ge=0, description="items of a load that may be quarantined, however small the load")
    quarantine_share: float = Field(0.05, ge=0, le=1, description="share of a load's items that may be quarantined")
    parameters: dict[str, float] = Field({}, description="limits and their defaults; a brand's `parameters` override them")
    expectations: tuple[Expectation, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Contract:
    """What is fixed elsewhere about a table: its columns and its key."""

    columns: tuple[str, ...]
    key: tuple[str, ...]


def read_landed_contracts() -> dict[str, Contract]:
    """Contract of each staging table, from tables.yml."""
    return {name: Contract(table.column_names, table.key) for name, table in read_tables().items() if table.schema == "staging"}


def read_mart_contracts(dbt_project: Path) -> dict[str, Contract]:
    """Contract of each mart, from the dbt project: `schema.mart` (schema = folder) to its columns and key."""
    contracts = {}
    for path in sorted((dbt_project / "models" / "marts").glob("*/*.yml")):
        for model in (read_yaml(path) or {}).get("models", []):
            key = ((model.get("config") or {}).get("meta") or {}).get("key", [])
            contracts[f"{path.parent.name}.{model['name']}"] = Contract(tuple(column["name"] for column in model["columns"]), tuple(key))
    return contracts


def load_suites(folder: Path, contracts: Mapping[str, Contract]) -> list[Suite]:
    """Every suite in `folder`, the expectations of `_every.yml` first, in the order of their names.

    Raises SettingsError naming every mistake of every file at once.
    """
    mistakes: list[str] = []
    shared: tuple[Expectation, ...] = ()
    if (folder / SHARED_FILE).is_file():
        shared = _parse_shared(folder / SHARED_FILE, mistakes)
    suites = []
    for path in sorted(folder.glob("*.yml")):
        if path.name == SHARED_FILE:
            continue
        raw = _read_yaml(path, mistakes)
        if raw is None:
            continue
        try:
            suite = Suite.model_validate(raw)
        except ValidationError as error:
            mistakes += [f"{path.name}: {'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
            continue
        own = suite.expectations
        suite = suite.model_copy(update={"expectations": tuple(one for one in shared if suite.table not in one.not_for) + own})
        mistakes += [f"{path.name}: {mistake}" for mistake in _find_mistakes(suite, folder, path, contracts)]
        suites.append(suite)
    if not suites and not mistakes:
        mistakes.append(f"no suite in {folder}")
    if folder.name == "landed":
        mistakes += [f"{table} has no suite" for table in sorted(set(contracts) - {suite.table for suite in suites})]
    if not mistakes:
        # Only now, because it imports Great Expectations.
        for suite in suites:
            mistakes += [f"{suite.suite}: {mistake}" for mistake in _find_type_mistakes(suite, contracts[suite.table])]
    if mistakes:
        raise SettingsError.collect(mistakes, where=str(folder))
    return suites


def _read_yaml(path: Path, mistakes: list[str]) -> dict[str, Any] | None:
    try:
        raw = read_yaml(path)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mistakes.append(f"{path.name} cannot be read: {' '.join(str(error).split())}")
        return None
    if not isinstance(raw, dict):
        mistakes.append(f"{path.name} must hold a mapping")
        return None
    return raw


def _parse_shared(path: Path, mistakes: list[str]) -> tuple[Expectation, ...]:
    raw = _read_yaml(path, mistakes) or {}
    parsed = []
    for position, one in enumerate(raw.get("expectations", [])):
        try:
            parsed.append(Expectation.model_validate(one))
        except ValidationError as error:
            mistakes += [f"{path.name}: expectations.{position}.{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
    return tuple(parsed)


def _find_mistakes(suite: Suite, folder: Path, path: Path, contracts: Mapping[str, Contract]) -> Iterator[str]:
    if suite.suite != f"{folder.name}/{path.stem}":
        yield f"`suite` must be {folder.name}/{path.stem}, seen {suite.suite}"
    if suite.table not in contracts:
        yield f"`table` {suite.table} is not known; known: {', '.join(sorted(contracts))}"
    if suite.expectations[0].expectation != ROW_COUNT_TYPE:
        yield f"the first expectation must be {ROW_COUNT_TYPE}: the others pass on an empty batch"
    ids = [one.id for one in suite.expectations]
    for name in sorted({name for name in ids if ids.count(name) > 1}):
        yield f"{name}: the id is used twice"
    names = {"batch", "columns", "key", "table", "row_count", "least_rows", "as_of"}
    for one in suite.expectations:
        if not _SLUG.match(one.id):
            yield f"{one.id}: the id must be a sentence in snake case, three words or more"
        if "severity" in one.kwargs or "meta" in one.kwargs:
            yield f"{one.id}: severity stands beside kwargs, not in them; meta is ours"
        if folder.name == "landed" and "mostly" in one.kwargs:
            yield f"{one.id}: `mostly` would make a load's verdict depend on the loads beside it"
        if one.needs and folder.name == "landed":
            yield f"{one.id}: only marts are compared with what is published"
        for unknown in sorted({name for value in _walk_texts(one.kwargs) for name in _PLACEHOLDER.findall(value)} - names):
            yield f"{one.id}: placeholder {{{unknown}}} is not known; known: {', '.join(sorted(names))}"
        if one.expectation == QUERY_TYPE:
            if not re.search(r"\{batch\}|\bpending\.", one.query or ""):
                yield f"{one.id}: the query reads neither {{batch}} nor a pending table"
            if one.quarantine and not re.search(r"select\s+([a-z_]+\.)?load_id,\s+([a-z_]+\.)?seq\b", one.query or ""):
                yield f"{one.id}: a query with quarantine must begin its rows with load_id, seq"
        elif one.quarantine and not one.expectation.startswith("expect_column_values_"):
            yield f"{one.id}: quarantine needs a query or an expectation about the values of one column"


def _walk_texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _walk_texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _walk_texts(part)


def _find_type_mistakes(suite: Suite, contract: Contract) -> Iterator[str]:
    for one in suite.expectations:
        try:
            _build(one, _values(suite, contract, row_count=1))
        except Exception as error:  # Great Expectations' own validation has many kinds
            yield f"{one.id}: {' '.join(str(error).split())[:300]}"


def _values(suite: Suite, contract: Contract, *, row_count: int, as_of: date | None = None) -> dict[str, Any]:
    return {
        "columns": list(contract.columns),
        "key": list(contract.key),
        "table": suite.table.split(".")[1],
        "row_count": row_count,
        "least_rows": suite.least_rows,
        "as_of": str(as_of),
    }


def _fill(value: Any, values: Mapping[str, Any]) -> Any:
    """Placeholders filled: a text that is nothing but one becomes the value itself, in longer texts lists are joined by commas."""
    if isinstance(value, str):
        alone = _PLACEHOLDER.fullmatch(value)
        if alone and alone[1] in values:
            return values[alone[1]]
        return _PLACEHOLDER.sub(lambda match: _as_text(values[match[1]]) if match[1] in values else match[0], value)
    if isinstance(value, Mapping):
        return {name: _fill(part, values) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_fill(part, values) for part in value]
    return value


def _as_text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


# --- results --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """Result of one expectation on one batch; `load_id` None where all pending loads, or a mart, were checked at once."""

    stage: Literal["landed", "marts"]
    suite: str
    table_name: str
    expectation_id: str
    severity: Severity
    outcome: Outcome
    load_id: str | None = None
    observed_value: str | None = None
    expected_value: str | None = None
    unexpected_count: int | None = None
    checked_count: int | None = None
    detail: str | None = None
    remedy: str = ""

    @property
    def is_blocking(self) -> bool:
        """Critical and not passed: what was checked must not be read."""
        return self.severity == "critical" and self.outcome != "passed"

    @property
    def is_remark(self) -> bool:
        """A warning that did not pass."""
        return self.severity == "warning" and self.outcome != "passed"

    @property
    def words(self) -> str:
        """The check in one line: suite, expectation, seen, expected, rows, remedy."""
        rows = f" · rows: {self.unexpected_count}" if self.unexpected_count is not None else ""
        rows += f" of {self.checked_count}" if rows and self.checked_count is not None else ""
        seen = f" · seen: {self.observed_value}" if self.observed_value else ""
        expected = f" · expected: {self.expected_value}" if self.expected_value else ""
        detail = f" · {self.detail}" if self.detail else ""
        remedy = f" · remedy: {self.remedy}" if self.remedy else ""
        return f"{self.suite} · {self.expectation_id} {self.outcome}{seen}{expected}{rows}{detail}{remedy}"


@dataclass
class GateResult:
    """What a gate decided. Loads by id, in the order of their observation; `undecided` ones stay `landed` because a check errored."""

    accepted: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    """Load to why it was warned, rejected or left undecided, with the remedy."""
    quarantined_count: int = 0
    checks: list[Check] = field(default_factory=list)
    seconds: float = 0.0


def _strip_controls(text: str) -> str:
    """Without control characters (but for line ends): what strangers wrote must not steer a terminal."""
    return "".join(sign if sign == "\n" or (sign.isprintable()) else "�" for sign in text)


def _show(value: object, length: int = 60) -> str:
    text = _strip_controls(" ".join(str(value).split()))
    return text if len(text) <= length else text[: length - 1] + "…"


# --- Great Expectations ---------------------------------------------------------------------------------------------------------


class _PersistedDialect(str):
    """A dialect name as Great Expectations lists them: equal to the text, with a `value`."""

    @property
    def value(self) -> str:
        return str(self)


@cache
def import_great_expectations() -> Any:
    """Great Expectations, made quiet and fit for DuckDB: the module and an ephemeral context.

    No usage reports, no progress bars. DuckDB is added to the dialects whose connection is kept: as shipped, the connection is
    closed before rows are fetched (`list index out of range`), because the release knows nothing of DuckDB. The name is private,
    hence the pinned version and a test.
    """
    # Read by the library while it is imported; also in force for what the library itself starts.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations
        from great_expectations.data_context.types.base import ProgressBarsConfig
        from great_expectations.execution_engine import sqlalchemy_execution_engine

        if "duckdb" not in sqlalchemy_execution_engine._PERSISTED_CONNECTION_DIALECTS:
            known: tuple[Any, ...] = sqlalchemy_execution_engine._PERSISTED_CONNECTION_DIALECTS
            setattr(sqlalchemy_execution_engine, "_PERSISTED_CONNECTION_DIALECTS", (*known, _PersistedDialect("duckdb")))  # noqa: B010
        for name in [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "great_expectations"]:
            # Some of its modules set a level of their own.
            logging.getLogger(name).setLevel(logging.ERROR)
        context = great_expectations.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return great_expectations, context


def _build(one: Expectation, values: Mapping[str, Any]) -> Any:
    """The expectation as an object of Great Expectations. Raises what that library raises for wrong arguments."""
    import_great_expectations()
    from great_expectations.expectations.registry import get_expectation_impl

    kwargs = _fill(one.kwargs, values)
    if one.query is not None:
        kwargs["unexpected_rows_query"] = _wrap_query(kwargs["unexpected_rows_query"])
    kind: Any = get_expectation_impl(one.expectation)
    return kind(**kwargs, severity=one.severity, meta={"id": one.id})


def _with_batch(query: str, source: str) -> str:
    # The batch becomes a common table expression, because the library gives it an alias of its own unless the query holds a join.
    query = query.strip().rstrip(";").replace("{batch}", "batch")
    head = f"with batch as not materialized (select * from {source})"
    return f"{head}, {query[5:]}" if query.lower().startswith("with ") else f"{head} {query}"


def _wrap_query(query: str) -> str:
    """A query as the library wants it: its own placeholder once, all other braces doubled, colons no bind parameters."""
    wrapped = _with_batch(query, "\0").replace("{", "{{").replace("}", "}}").replace("\0", "{batch}")
    # What SQLAlchemy would take for a bind parameter.
    return re.sub(r"(?<![:\w$\\])(:[\w$]+)(?![:\w$])", r"\\\1", wrapped)


class _Checker:
    """Validates suites over DuckDB relations by queries on cursors of one connection."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        stage: Literal["landed", "marts"],
        contracts: Mapping[str, Contract],
        as_of: date | None = None,
    ) -> None:
        self.connection = connection
        self.as_of = as_of
        self.stage = stage
        self.contracts = contracts
        self.great_expectations, self.context = import_great_expectations()
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self._assets: dict[str, Any] = {}
        self._source = self.context.data_sources.add_sql(
            f"gate_{id(self)}", connection_string="duckdb:///:memory:", kwargs={"creator": self._open_cursor}
        )

    def _open_cursor(self) -> Any:
        import duckdb_sqlalchemy

        cursor = self.connection.cursor()
        cursor.execute("set timezone = 'UTC'")
        cursor.execute("use gate")
        self._cursors.append(cursor)
        return duckdb_sqlalchemy.ConnectionWrapper(cursor)

    def close(self) -> None:
        """Give up every cursor: one left open would keep the work file locked."""
        with suppress(Exception):
            self._source.get_execution_engine().close()
        with suppress(Exception):
            self.context.data_sources.delete(self._source.name)
        for cursor in self._cursors:
            cursor.close()

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query in the gate's catalogue."""
        cursor = self.connection.cursor()
        try:
            cursor.execute("use gate")
            return cursor.execute(query).fetchall()
        finally:
            cursor.close()

    def validate(
        self, suite: Suite, relation: str, *, row_count: int, expectations: Sequence[Expectation] | None = None, load_id: str | None = None
    ) -> list[Check]:
        """Results of `expectations` (all of the suite where None) over `relation`, in their order. Never raises for a check."""
        wanted = list(suite.expectations if expectations is None else expectations)
        values = _values(suite, self.contracts[suite.table], row_count=row_count, as_of=self.as_of)
        blank = [
            Check(
                stage=self.stage,
                suite=suite.suite,
                table_name=suite.table,
                expectation_id=one.id,
                severity=one.severity,
                outcome="errored",
                load_id=load_id,
                expected_value=_describe_expected(one, values),
                checked_count=row_count,
                detail="no result",
                remedy=one.remedy,
            )
            for one in wanted
        ]
        # Passed or not is one statement for most of a suite; details cost several each, so they are asked for what did not pass.
        found = self._run(suite, wanted, values, relation, "BOOLEAN_ONLY")
        if isinstance(found, str):  # a table that is not there, say: every expectation errored, none failed
            return [replace(check, detail=found) for check in blank]
        failed = [one for one in wanted if one.id in found and not found[one.id].success and not _find_error(found[one.id].exception_info)]
        details = self._run(suite, failed, values, relation, "SUMMARY") if failed else {}
        if not isinstance(details, str):
            found.update(details)
        return [
            self._read_result(one, check, found[one.id], relation, values) if one.id in found else check
            for one, check in zip(wanted, blank, strict=True)
        ]

    def _run(
        self, suite: Suite, expectations: Sequence[Expectation], values: Mapping[str, Any], relation: str, result_format: str
    ) -> dict[str, Any] | str:
        """Results by expectation id, or the error that kept all of them from being run."""
        try:
            built = self.great_expectations.ExpectationSuite(name=suite.suite, expectations=[_build(one, values) for one in expectations])
            form = {"result_format": result_format, "partial_unexpected_count": 5}
            results = self._get_batch(relation).validate(built, result_format=form).results
        except Exception as error:  # the library's own errors have no common base
            return _shorten_error(str(error))
        return {result.expectation_config.meta["id"]: result for result in results}

    def _get_batch(self, relation: str) -> Any:
        if relation not in self._assets:
            schema, table = relation.split(".")
            with warnings.catch_warnings():
                # The library would rather have the schema in the connection; ours holds several.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._assets[relation] = self._source.add_table_asset(relation, table_name=table, schema_name=schema)
        asset = self._assets[relation]
        return asset.get_batch(asset.build_batch_request())

    def _read_result(self, one: Expectation, check: Check, result: Any, relation: str, values: Mapping[str, Any]) -> Check:
        error = _find_error(result.exception_info)
        if error:
            return replace(check, detail=_shorten_error(error))
        if result.success:
            counted = one.expectation == ROW_COUNT_TYPE
            seen = f"{check.checked_count} rows" if counted else None
            return replace(check, outcome="passed", observed_value=seen, unexpected_count=None if counted else 0, detail=None)
        facts = result.result or {}
        observed = facts.get("observed_value")
        unexpected = facts.get("unexpected_count")
        seen = _show(observed, 200) if observed is not None else None
        if one.query is not None:
            unexpected = int(observed or 0)
            seen = f"{unexpected} rows, for example {self._show_rows(one, relation, values)}"
        elif unexpected is not None:
            examples = list(dict.fromkeys(_show(value) for value in facts.get("partial_unexpected_list") or []))[:3]
            seen = f"{unexpected} rows" + (f", for example {'; '.join(examples)}" if examples and unexpected else "")
        elif one.expectation == "expect_table_columns_to_match_set":
            missing = ((facts.get("details") or {}).get("mismatched") or {}).get("missing") or []
            # A column that is not there is no fault of the rows: nothing that reads it could be checked.
            return replace(check, outcome="errored", observed_value=f"missing: {', '.join(missing)}", detail="columns are missing")
        return replace(
            check,
            outcome="failed",
            observed_value=seen,
            unexpected_count=unexpected,
            checked_count=facts.get("element_count", check.checked_count),
            detail=None,
        )

    def _show_rows(self, one: Expectation, relation: str, values: Mapping[str, Any]) -> str:
        query = _with_batch(_fill(one.query, values), relation)
        with suppress(duckdb.Error):
            cursor = self.connection.cursor()
            try:
                cursor.execute("use gate")
                answer = cursor.execute(f"select * from ({query}) as rows_against_it limit 2")
                names = [column[0] for column in answer.description]
                rows = answer.fetchall()
            finally:
                cursor.close()
            return "; ".join(", ".join(f"{name} {_show(value)}" for name, value in zip(names, row, strict=True)) for row in rows)
        return "(not shown)"

    def find_items(self, suite: Suite, one: Expectation, relation: str) -> set[tuple[str, int]]:
        """(load_id, seq) of the rows against a quarantine expectation. Rows without a position are left out."""
        values = _values(suite, self.contracts[suite.table], row_count=0)
        if one.query is not None:
            query = _with_batch(_fill(one.query, values), relation)
        else:
            # The library's own query for the rows; the list that it returns beside it is cut.
            form = {"result_format": "COMPLETE", "unexpected_index_column_names": ["load_id", "seq"], "partial_unexpected_count": 0}
            result = self._get_batch(relation).validate(_build(one, values), result_format=form)
            query = (result.result.get("unexpected_index_query") or "").rstrip().rstrip(";")
        rows = self.fetch(f"select distinct load_id, seq from ({query}) as rows_against_it where load_id is not null and seq is not null")
        return {(load_id, seq) for load_id, seq in rows}


def _find_error(info: Any) -> str | None:
    """The messages of an exception_info in either of its two shapes; None when nothing was raised."""
    parts = [info] if "raised_exception" in (info or {}) else list((info or {}).values())
    messages = [str(part.get("exception_message")) for part in parts if isinstance(part, Mapping) and part.get("raised_exception")]
    return " | ".join(dict.fromkeys(messages)) or None


def _shorten_error(text: str) -> str:
    return _show(text.split("\n[SQL:")[0].split("(Background on")[0], 400)


def _describe_expected(one: Expectation, values: Mapping[str, Any]) -> str:
    """What an expectation wants, in words."""
    if one.query is not None:
        return "no rows"
    kwargs = _fill(one.kwargs, values)
    if "value_set" in kwargs:
        return f"{kwargs.get('column')}: {_show(', '.join(map(str, kwargs['value_set'])), 200)}"
    if "column_set" in kwargs:
        return f"the {len(kwargs['column_set'])} columns of the contract"
    if "min_value" in kwargs or "max_value" in kwargs:
        low, high = kwargs.get("min_value"), kwargs.get("max_value")
        subject = kwargs.get("column", "rows")
        if low == high:
            return f"{subject}: {low}"
        return f"{subject}: " + " and ".join(([f"at least {low}"] if low is not None else []) + ([f"at most {high}"] if high is not None else []))
    if one.expectation == "expect_column_values_to_not_be_null":
        return f"{kwargs['column']}: no NULL"
    return _show(f"{one.expectation.removeprefix('expect_').replace('_', ' ')}: {json.dumps(kwargs, default=str)}", 200)


@contextmanager
def _open_checker(
    connection: duckdb.DuckDBPyConnection, stage: Literal["landed", "marts"], contracts: Mapping[str, Contract], as_of: date | None = None
) -> Iterator[_Checker]:
    """A checker beside an attached database in memory, which holds the views over the batch: the work file stays untouched."""
    connection.execute("attach ':memory:' as gate")
    checker = None
    try:
        checker = _Checker(connection, stage, contracts, as_of)
        yield checker
    finally:
        if checker is not None:
            checker.close()
        connection.execute("detach gate")


# --- the gate of landed loads ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Load:
    load_id: str
    platform: str
    account: str
    stream: str
    observed_at: datetime
    landed_count: int
    row_counts: dict[str, int]

    @property
    def where(self) -> str:
        return f"{self.platform}/{self.account}/{self.stream}/{self.load_id}"


@dataclass
class _Decision:
    verdict: Verdict
    checks: list[Check] = field(default_factory=list)
    note: str = ""
    quarantined: list[tuple[Any, ...]] = field(default_factory=list)
    """Rows for ops.quarantine."""


def gate_landed(paths: BrandPaths, settings: Settings, *, run_id: str) -> GateResult:
    """Judge every load that is `landed` and not yet gated: accepted, warned or rejected, in one transaction with the results.

    Rows against a critical expectation that allows it are moved to ops.quarantine with the line as landed, if they are few; the load
    is then warned. A load on which a critical check could not be run stays `landed`, is read by no model and judged anew next time.
    Nothing pending: nothing is done and Great Expectations is not imported.

    Raises SettingsError for mistakes in the suites, RetryableError when the brand's work file is busy.
    """
    started = time.monotonic()
    logger.info("gate landed: start, brand=%s run=%s", paths.brand, run_id)
    with lock_brand(paths, settings), connect(paths, settings) as connection:
        pending = _list_pending(connection)
        if not pending:
            result = GateResult()
        else:
            contracts = read_landed_contracts()
            suites = load_suites(settings.expectations / "landed", contracts)
            with _open_checker(connection, "landed", contracts) as checker:
                result = _LandedGate(paths, connection, checker, suites, pending).run(run_id)
    result.seconds = time.monotonic() - started
    logger.info(
        "gate landed: end, brand=%s run=%s loads=%d accepted=%d warned=%d rejected=%d undecided=%d quarantined=%d seconds=%.2f",
        *(paths.brand, run_id, len(pending), len(result.accepted), len(result.warned), len(result.rejected), len(result.undecided)),
        *(result.quarantined_count, result.seconds),
    )
    return result


def _list_pending(connection: duckdb.DuckDBPyConnection) -> list[_Load]:
    rows = connection.execute(
        "select load_id, platform, source_account_id, stream, observed_at, coalesce(landed_count, 0), row_counts from ops.loads "
        "where load_status = 'landed' order by observed_at, load_id"
    ).fetchall()
    loads = []
    for load_id, platform, account, stream, observed_at, landed_count, row_counts in rows:
        counts = {name.removeprefix("staging."): int(count) for name, count in simplejson.loads(row_counts or "{}").items()}
        loads.append(_Load(load_id, platform, account, stream, observed_at, landed_count, counts))
    return loads


class _LandedGate:
    """One run of the landed gate over the pending loads."""

    def __init__(
        self, paths: BrandPaths, connection: duckdb.DuckDBPyConnection, checker: _Checker, suites: list[Suite], pending: list[_Load]
    ) -> None:
        self.paths = paths
        self.connection = connection
        self.checker = checker
        self.suites = suites
        self.pending = pending
        self.decisions: dict[str, _Decision] = {}
        self.tables = sorted(name.split(".")[1] for name in checker.contracts)
        # scopes come from the manifest, not from items: they have no position of their own.
        self.item_tables = [table for table in self.tables if table != "scopes"]
        self._create_views()

    def run(self, run_id: str) -> GateResult:
        """Decide on every pending load, store and return it."""
        checks = self._validate(self.pending, self.suites)
        self._decide(self.pending, checks)
        result = GateResult()
        for load in self.pending:
            decision = self.decisions[load.load_id]
            getattr(result, decision.verdict).append(load.load_id)
            checks += decision.checks
            if decision.verdict == "accepted":
                continue
            result.quarantined_count += len(decision.quarantined)
            result.reasons[load.load_id] = " | ".join(filter(None, [decision.note, *(check.words for check in decision.checks)]))
            logger.warning("gate landed: %s/%s %s: %s", self.paths.brand, load.where, decision.verdict, result.reasons[load.load_id])
        result.checks = checks
        self._store(run_id, checks)
        return result

    # -- the batch

    def _create_views(self) -> None:
        run = self.connection.execute
        work = run("select current_database()").fetchone()
        assert work is not None
        work_file = f'"{work[0]}"'
        for schema in ("pending", "known"):
            run(f"create schema gate.{schema}")
        run("create table gate.pending.chosen (load_id varchar)")
        run("create table gate.pending.decided (load_id varchar, verdict varchar)")
        run("create table gate.pending.removed (load_id varchar, seq bigint)")
        run("create table gate.pending.ledger (load_id varchar, table_name varchar, row_count bigint)")
        run("create table gate.pending.defaults (name varchar, value double)")
        ledger = [(load.load_id, table, count) for load in self.pending for table, count in sorted(self._count_expected(load).items())]
        _insert_rows(self.connection, "gate.pending.ledger", ledger)
        _insert_rows(self.connection, "gate.pending.defaults", sorted({pair for suite in self.suites for pair in suite.parameters.items()}))
        for table in self.tables:
            # An anti-join on both columns only where something was removed at all: most runs remove nothing.
            position = (
                ""
                if table == "scopes"
                else (" and not exists (select 1 from gate.pending.removed where removed.load_id = staged.load_id and removed.seq = staged.seq)")
            )
            run(
                f"create view gate.pending.{table} as select * from {work_file}.staging.{table} as staged "
                f"where staged.load_id in (select load_id from gate.pending.chosen){position}"
            )
        run(
            "create table gate.pending.landed_items (load_id varchar, scope_key varchar, page bigint, seq bigint, platform varchar, "
            "source_account_id varchar, observed_at timestamp, table_name varchar)"
        )
        run(
            """create view gate.pending.items as select * from gate.pending.landed_items as items
            where items.load_id in (select load_id from gate.pending.chosen)
                and not exists (select 1 from gate.pending.removed where removed.load_id = items.load_id and removed.seq = items.seq)"""
        )
        self._collect_items()
        run(
            f"""create view gate.pending.loads as
            select loads.* replace (
                loads.accepted_count - coalesce(gone.item_count, 0) as accepted_count,
                loads.quarantined_count + coalesce(gone.item_count, 0) as quarantined_count)
            from {work_file}.ops.loads as loads
            left join (select load_id, count(*) as item_count from gate.pending.removed group by load_id) as gone using (load_id)
            where loads.load_id in (select load_id from gate.pending.chosen)"""
        )
        gone_rows = " union all ".join(
            f"select staged.load_id, '{table}' as table_name, count(*) as row_count from {work_file}.staging.{table} as staged "
            f"inner join gate.pending.removed on removed.load_id = staged.load_id and removed.seq = staged.seq group by staged.load_id"
            for table in self.item_tables
        )
        run(
            f"""create view gate.pending.expected_rows as
            select ledger.load_id, ledger.table_name, ledger.row_count - coalesce(gone.row_count, 0) as row_count
            from gate.pending.ledger as ledger
            left join ({gone_rows}) as gone using (load_id, table_name)
            where ledger.load_id in (select load_id from gate.pending.chosen)"""
        )
        run(
            f"""create view gate.known.loads as
            select loads.*, loads.load_id in (select load_id from gate.pending.chosen) as is_pending
            from {work_file}.ops.loads as loads
            where loads.load_status in ('accepted', 'warned')
                or loads.load_id in (select load_id from gate.pending.chosen)
                or loads.load_id in (select load_id from gate.pending.decided where verdict in ('accepted', 'warned'))"""
        )
        run(f"create view gate.known.scopes as select * from {work_file}.staging.scopes where load_id in (select load_id from gate.known.loads)")
        # A limit holds from the load of the configuration that sets it: an earlier load is judged by what was configured then.
        settings = f"select * from {work_file}.staging.config_settings where load_id in (select load_id from gate.known.loads)"
        if not {"name", "value"} <= set(self._read_columns("config_settings")):
            # Its own suite says so; the others are judged by the defaults.
            settings = "select null as name, null as value, null::timestamp as observed_at where false"
        run(
            f"""create view gate.pending.parameters as
            select
                loads.load_id,
                defaults.name,
                coalesce(arg_max(try_cast(configured.value as double), configured.observed_at), any_value(defaults.value)) as value
            from gate.pending.loads as loads
            cross join gate.pending.defaults as defaults
            left join ({settings}) as configured
                on configured.name = 'parameter.' || defaults.name and configured.observed_at <= loads.observed_at
            group by loads.load_id, defaults.name"""
        )

    def _collect_items(self) -> None:
        """Where each row of the pending loads stands. Copied once: a view over every table would be planned anew for each check."""
        union = " union all ".join(
            f"select load_id, scope_key, page, seq, platform, source_account_id, observed_at, '{table}' as table_name from staging.{table} "
            "where load_id in (select load_id from ops.loads where load_status = 'landed')"
            for table in self.item_tables
        )
        self.connection.execute(f"delete from gate.pending.landed_items; insert into gate.pending.landed_items {union}")

    def _count_expected(self, load: _Load) -> dict[str, int]:
        """Rows by table: what land wrote into the ledger, and the scopes that the manifest lists."""
        landed = read_manifest(self.paths.landing / load.platform / load.account / load.stream / load.load_id)
        return {**load.row_counts, "scopes": len(landed.manifest.scopes) if landed else 0}

    def _read_columns(self, table: str) -> list[str]:
        rows = self.connection.execute(
            "select column_name from duckdb_columns() where database_name = current_database() and schema_name = 'staging' and table_name = ?",
            [table],
        ).fetchall()
        return [name for (name,) in rows]

    def _choose(self, group: Sequence[_Load]) -> None:
        self.connection.execute("delete from gate.pending.chosen")
        _insert_rows(self.connection, "gate.pending.chosen", [(load.load_id,) for load in group])

    def _validate(self, group: Sequence[_Load], suites: Sequence[Suite], *, load_id: str | None = None) -> list[Check]:
        self._choose(group)
        counts = " union all ".join(f"select '{table}', count(*) from gate.pending.{table}" for table in self.tables)
        seen = dict(self.connection.execute(counts).fetchall())
        expected = dict(
            self.connection.execute("select table_name, cast(sum(row_count) as bigint) from gate.pending.expected_rows group by all").fetchall()
        )
        checks = []
        for suite in suites:
            table = suite.table.split(".")[1]
            row_count = expected.get(table, 0)
            # On an empty batch the others pass whatever they say: asking them would prove nothing and cost most of the time.
            is_empty = not seen[table] and not suite.is_checked_when_empty
            if is_empty and row_count == 0:
                # Most tables, most hours. That 0 rows are 0 rows need not be asked of the library, which takes as long as for a suite.
                checks.append(self._pass_empty(suite, load_id))
                continue
            found = self.checker.validate(
                suite, f"pending.{table}", row_count=row_count, expectations=suite.expectations[:1] if is_empty else None, load_id=load_id
            )
            checks += [replace(check, checked_count=seen[table]) for check in found]
        return checks

    def _pass_empty(self, suite: Suite, load_id: str | None) -> Check:
        one = suite.expectations[0]
        expected = _describe_expected(one, _values(suite, self.checker.contracts[suite.table], row_count=0))
        return Check(
            "landed", suite.suite, suite.table, one.id, one.severity, "passed", load_id, "0 rows", expected, checked_count=0, remedy=one.remedy
        )

    # -- the verdicts

    def _decide(self, group: Sequence[_Load], checks: Sequence[Check]) -> None:
        """Decide on every load of `group`, of which `checks` are the results, in order: later loads see what was decided before."""
        troubled = [check for check in checks if check.outcome != "passed"]
        if not troubled:
            for load in group:
                self._settle(load, _Decision("accepted"))
            return
        if len(group) == 1:
            self._settle(group[0], self._judge(group[0], troubled))
            return
        if all(check.outcome == "errored" for check in checks):
            # Nothing can be checked at all, so smaller groups would tell no more.
            for load in group:
                self._settle(load, self._judge(load, troubled))
            return
        at_fault = {check.suite for check in troubled}
        suites = [suite for suite in self.suites if suite.suite in at_fault]
        middle = len(group) // 2
        for half in (group[:middle], group[middle:]):
            self._decide(half, self._validate(half, suites))

    def _settle(self, load: _Load, decision: _Decision) -> None:
        self.decisions[load.load_id] = decision
        _insert_rows(self.connection, "gate.pending.decided", [(load.load_id, decision.verdict)])

    def _judge(self, load: _Load, troubled: Sequence[Check]) -> _Decision:
        """Verdict on one load; `troubled` is what did not pass. (Suites that passed for a larger group passed for each of it.)"""
        checks = [replace(check, load_id=load.load_id) for check in troubled]
        blocking = [check for check in checks if check.is_blocking]
        errored = [check for check in blocking if check.outcome == "errored"]
        if not blocking:
            return _Decision("warned" if checks else "accepted", checks)
        if len(errored) == len(blocking):
            return _Decision("undecided", checks, "a critical check could not be run; the load is judged again by the next run")
        known = {(suite.suite, one.id): (suite, one) for suite in self.suites for one in suite.expectations}
        curable = [known[check.suite, check.expectation_id] for check in blocking]
        if errored or not all(one.quarantine for _, one in curable):
            return _Decision("rejected", checks)
        return self._quarantine(load, checks, curable)

    def _quarantine(self, load: _Load, checks: list[Check], curable: Sequence[tuple[Suite, Expectation]]) -> _Decision:
        found: dict[tuple[str, int], tuple[Suite, Expectation]] = {}
        for suite, one in curable:
            for item in self.checker.find_items(suite, one, f"pending.{suite.table.split('.')[1]}"):
                found.setdefault(item, (suite, one))
        limit = min(max(suite.quarantine_rows, int(suite.quarantine_share * load.landed_count)) for suite, _ in curable)
        if not found or len(found) > limit:
            note = f"{len(found)} of {load.landed_count} items break a critical expectation, at most {limit} may be quarantined"
            return _Decision("rejected", checks, note)
        if len(found) >= load.landed_count:
            return _Decision("rejected", checks, f"all {load.landed_count} items break a critical expectation")
        try:
            rows = self._read_quarantined(load, found, checks)
        except LandingError as error:
            # Without the line as landed nothing may leave staging.
            return _Decision("rejected", checks, str(error))
        _insert_rows(self.connection, "gate.pending.removed", sorted(found))
        again = [check for check in self._validate([load], self.suites, load_id=load.load_id) if check.outcome != "passed"]
        if any(check.is_blocking for check in again):
            self.connection.execute("delete from gate.pending.removed where load_id = ?", [load.load_id])
            return _Decision("rejected", checks, "the load fails without the rows at fault, too")
        note = f"{len(found)} of {load.landed_count} items moved to quarantine"
        kept = [check for check in checks if check.is_blocking]
        return _Decision("warned", [replace(check, detail=note) for check in kept] + again, note, rows)

    # -- the transaction

    def _store(self, run_id: str, checks: Sequence[Check]) -> None:
        """Results, statuses and quarantine in one transaction: a killed gate has decided nothing."""
        run = self.connection.execute
        quarantined = [row for load in self.pending for row in self.decisions[load.load_id].quarantined]
        ids = [load.load_id for load in self.pending]
        run("begin")
        try:
            run(
                "delete from ops.gate_results where gate_run_id = ? and stage = 'landed' and (load_id is null or list_contains(?, load_id))",
                [run_id, ids],
            )
            _insert_results(self.connection, run_id, checks, None)
            if quarantined:
                _insert_rows(self.connection, "ops.quarantine", quarantined)
                # The ledger first, while the rows can still be counted.
                run(
                    """update ops.loads set
                        row_counts = cast(ledger.row_counts as varchar),
                        accepted_count = loads.accepted_count - gone.item_count,
                        quarantined_count = loads.quarantined_count + gone.item_count
                    from (select load_id, count(*) as item_count from gate.pending.removed group by load_id) as gone
                    inner join (
                        select load_id, to_json(map_from_entries(list(row(table_name, row_count) order by table_name))) as row_counts
                        from (
                            select ledger.load_id, ledger.table_name, ledger.row_count - coalesce(lost.row_count, 0) as row_count
                            from gate.pending.ledger as ledger
                            left join ("""
                    + " union all ".join(
                        f"select staged.load_id, '{table}' as table_name, count(*) as row_count from staging.{table} as staged "
                        f"inner join gate.pending.removed on removed.load_id = staged.load_id and removed.seq = staged.seq group by staged.load_id"
                        for table in self.item_tables
                    )
                    + """) as lost using (load_id, table_name)
                            where ledger.table_name <> 'scopes'
                        )
                        group by load_id
                    ) as ledger using (load_id)
                    where loads.load_id = gone.load_id"""
                )
                for table in self.item_tables:
                    run(
                        f"delete from staging.{table} using gate.pending.removed "
                        f"where removed.load_id = {table}.load_id and removed.seq = {table}.seq"
                    )
            run(
                "update ops.loads set load_status = decided.verdict from gate.pending.decided as decided "
                "where loads.load_id = decided.load_id and decided.verdict in ('accepted', 'warned', 'rejected')"
            )
            run("commit")
        except BaseException:
            run("rollback")
            raise

    def _read_quarantined(
        self, load: _Load, found: Mapping[tuple[str, int], tuple[Suite, Expectation]], checks: Sequence[Check]
    ) -> list[tuple[Any, ...]]:
        wanted = {seq: pair for (_, seq), pair in found.items()}
        originals = _read_originals(self.paths, load, set(wanted))
        by_id = {(check.suite, check.expectation_id): check for check in checks}
        rows = []
        for seq, (suite, one) in sorted(wanted.items()):
            part, line, page, original = originals[seq]
            check = by_id[suite.suite, one.id]
            place = (load.load_id, load.platform, load.account, load.stream, part, line, page, seq)
            fault = (suite.table, check.expected_value, check.observed_value, f"gate:{one.id}")
            rows.append((*place, *fault, original, load.observed_at, None))
        return rows


def _read_originals(paths: BrandPaths, load: _Load, wanted: set[int]) -> dict[int, tuple[str, int, int, str]]:
    """Part, line, page and text of the landed lines with these positions. Raises LandingError when one is not there."""
    folder = paths.landing / load.platform / load.account / load.stream / load.load_id
    landed = read_manifest(folder)
    found: dict[int, tuple[str, int, int, str]] = {}
    head = re.compile(r'"seq":(\d+),"item":')
    for path in landed.part_paths if landed else []:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for number, text in enumerate(file, start=1):
                # A glance at the text first: only lines that may be wanted are parsed.
                glance = head.search(text)
                if glance and int(glance[1]) not in wanted:
                    continue
                try:
                    line = simplejson.loads(text, use_decimal=True)
                    seq, page = int(line["seq"]), int(line["page"])
                except (ValueError, KeyError, TypeError):
                    continue
                if seq in wanted:
                    found[seq] = (path.name, number, page, text.rstrip("\n"))
    if missing := wanted - set(found):
        raise LandingError(
            "lines to be quarantined are not in the landing",
            where=f"{paths.brand}/{load.where}",
            seen=f"{len(missing)} of {len(wanted)} missing, for example seq {min(missing)}",
            expected=f"all of them in {folder}",
            remedy="restore the load's folder from a backup, or remove it and pull its window again",
        )
    return found


# --- the gate of marts ----------------------------------------------------------------------------------------------------------


def gate_marts(paths: BrandPaths, settings: Settings, *, run_id: str, as_of: date) -> GateResult:
    """Check the finished marts against their invariants and against what is published now; results go to ops.gate_results first, and with them
    which build was judged and whether it passed: publish asks for that.

    Comparisons are passed over (and say so) while nothing is published, or where the published table has another shape.

    Raises GateFailed naming every critical expectation that failed or errored, FatalError when there are no finished marts or they are of another day,
    SettingsError for mistakes in the suites.
    """
    started = time.monotonic()
    logger.info("gate marts: start, brand=%s run=%s as_of=%s", paths.brand, run_id, as_of)
    contracts = read_mart_contracts(settings.dbt_project)
    with lock_brand(paths, settings), connect(paths, settings, attach_marts=True) as connection:
        build = find_build(connection, paths.brand, "gate", as_of=as_of)
        suites = load_suites(settings.expectations / "marts", contracts)
        with _open_checker(connection, "marts", contracts, as_of) as checker, _attach_published(connection, paths) as is_published:
            _create_mart_views(connection, contracts, suites)
            checks = []
            for suite in suites:
                checks += _check_mart(connection, checker, suite, contracts[suite.table], is_published)
        connection.execute("begin")
        connection.execute("delete from ops.gate_results where gate_run_id = ? and stage = 'marts'", [run_id])
        _insert_results(connection, run_id, checks, as_of)
        blocking = [check for check in checks if check.is_blocking]
        record_verdict(connection, build, MartsVerdict(run_id, not blocking))
        connection.execute("commit")
    result = GateResult(checks=checks, seconds=time.monotonic() - started)
    remarks = [check for check in checks if check.is_remark]
    for check in remarks:
        logger.warning("gate marts: %s %s", paths.brand, check.words)
    logger.info(
        "gate marts: end, brand=%s run=%s expectations=%d critical=%d warnings=%d seconds=%.2f",
        *(paths.brand, run_id, len(checks), len(blocking), len(remarks), result.seconds),
    )
    if blocking:
        raise GateFailed(
            f"{len(blocking)} critical expectation{'s' if len(blocking) > 1 else ''} of the marts did not pass:\n  - "
            + "\n  - ".join(check.words for check in blocking),
            where=f"{paths.brand} as of {as_of}",
            remedy="mend what is named and run again; the version published before stays",
        )
    return result


def _check_mart(connection: duckdb.DuckDBPyConnection, checker: _Checker, suite: Suite, contract: Contract, is_published: bool) -> list[Check]:
    schema, table = suite.table.split(".")
    counted = 0
    with suppress(duckdb.Error):
        answer = connection.execute(f'select count(*) from marts.{schema}."{table}"').fetchone()
        counted = int(answer[0]) if answer else 0
    absent = ""
    if not is_published:
        absent = "not compared: nothing is published yet"
    elif any(one.needs for one in suite.expectations):
        known = connection.execute(
            "select column_name from duckdb_columns() where database_name = 'published' and schema_name = ? and table_name = ?", [schema, table]
        ).fetchall()
        if not set(contract.columns) <= {name for (name,) in known}:
            absent = "not compared: the published table has another shape"
    asked = [one for one in suite.expectations if not (one.needs and absent)]
    found = {check.expectation_id: check for check in checker.validate(suite, suite.table, row_count=counted, expectations=asked)}
    return [
        replace(found[one.id], checked_count=counted)
        if one.id in found
        else Check("marts", suite.suite, suite.table, one.id, one.severity, "passed", detail=absent, checked_count=0)
        for one in suite.expectations
    ]


def _create_mart_views(connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract], suites: Sequence[Suite]) -> None:
    built = connection.execute("select schema_name, table_name from duckdb_tables() where database_name = 'marts'").fetchall()
    for schema in sorted({name.split(".")[0] for name in contracts}):
        connection.execute(f"create schema gate.{schema}")
    for schema, table in built:
        if f"{schema}.{table}" in contracts:
            connection.execute(f'create view gate.{schema}."{table}" as select * from marts.{schema}."{table}"')
    connection.execute("create table gate.parameters (name varchar, value double)")
    configured = dict(
        connection.execute(
            "select name, arg_max(try_cast(value as double), (observed_at, load_id)) from staging.config_settings "
            "where load_id in (select load_id from ops.loads where load_status in ('accepted', 'warned')) group by name"
        ).fetchall()
    )
    limits = {name: value for suite in suites for name, value in suite.parameters.items()}
    rows = [
        (name, value if configured.get(f"parameter.{name}") is None else configured[f"parameter.{name}"]) for name, value in sorted(limits.items())
    ]
    _insert_rows(connection, "gate.parameters", rows)


@contextmanager
def _attach_published(connection: duckdb.DuckDBPyConnection, paths: BrandPaths) -> Iterator[bool]:
    """Attach the published version as `published`, read only; False when there is none."""
    # The versioned path, not `current`: within one process a path already open answers with the old file.
    path = (paths.published / "current" / "marts.duckdb").resolve()
    if not path.is_file():
        yield False
        return
    connection.execute(f"attach '{str(path).replace(chr(39), chr(39) * 2)}' as published (read_only)")
    try:
        yield True
    finally:
        connection.execute("detach published")


# --- writing --------------------------------------------------------------------------------------------------------------------


def _insert_results(connection: duckdb.DuckDBPyConnection, run_id: str, checks: Sequence[Check], as_of: date | None) -> None:
    columns = read_tables()["ops.gate_results"].column_names
    rows = []
    for check in checks:
        values: dict[str, Any] = {name: getattr(check, name, None) for name in columns}
        values.update(gate_run_id=run_id, as_of_date=as_of)
        if check.outcome != "passed":
            values["detail"] = " · ".join(filter(None, [check.detail, f"remedy: {check.remedy}"]))
        rows.append(tuple(values[name] for name in columns))
    _insert_rows(connection, "ops.gate_results", rows)


def _insert_rows(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows in statements of some hundred: `executemany` costs about a millisecond a row."""
    for start in range(0, len(rows), 250):
        some = rows[start : start + 250]
        places = ", ".join(f"({', '.join('?' * len(row))})" for row in some)
        connection.execute(f"insert into {table} values {places}", [value for row in some for value in row])
