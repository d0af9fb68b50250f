"""Tables as files that people open: CSV and XLSX, with nothing in a cell that a spreadsheet would run.

Dataset (columns, rows) → CSV | XLSX

Text comes from strangers. In both formats control and direction-changing characters are removed. In CSV a text is marked with a leading
apostrophe when it begins (after blanks) with `= + - @`, their wide forms, a tab or a line break, or with an apostrophe itself; so taking one
leading apostrophe away gives the text back. In XLSX cells are typed: text is text, and where it looks like a formula the cell
also carries Excel's own "quote prefix", which holds when the cell is edited. Only http(s) addresses in columns of unit `url` become links.

CSV is RFC 4180 (comma, CRLF) in UTF-8 with a byte order mark, without which Excel misreads every name that is not ASCII.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import xlsxwriter

_RUNS = re.compile(r"^\s*[=+\-@＝＋－＠']|^[\t\r\n]")
_TURNS = {chr(code) for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)}
_CELL_LIMIT = 32_767
_LINK_LIMIT = 2_000
_EXACT_INTEGER = 2**53


@dataclass(frozen=True)
class DataColumn:
    """A column of a dataset, with what the dictionary says of it."""

    name: str
    type: str
    unit: str | None
    description: str


@dataclass(frozen=True)
class Dataset:
    """A table of an extract; `source` is the mart it comes from."""

    name: str
    title: str
    source: str
    columns: tuple[DataColumn, ...]
    rows: Sequence[tuple[Any, ...]]


def clean_text(text: str) -> str:
    """The text without control and direction-changing characters; line breaks and tabs stay, as LF and TAB."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(
        one
        for one in text
        if one in "\n\t"
        or not (one in _TURNS or unicodedata.category(one) in ("Cc", "Cs") or (ord(one) & 0xFFFE) == 0xFFFE or 0xFDD0 <= ord(one) <= 0xFDEF)
    )


def looks_like_formula(text: str) -> bool:
    """Whether a spreadsheet might run the text, or the text begins with the mark that says so."""
    return _RUNS.match(text) is not None


def mark_text(text: str) -> str:
    """The text as it stands in a CSV cell: cleaned, and marked with an apostrophe where a spreadsheet might run it."""
    text = clean_text(text)
    return "'" + text if looks_like_formula(text) else text


def find_safe_url(url: str | None) -> str | None:
    """The address if it is plain http or https with a host, else None."""
    if not url or len(url) > _LINK_LIMIT or url != clean_text(url) or any(one.isspace() for one in url):
        return None
    try:
        parts = urlsplit(url)
        is_safe = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        return None
    return url if is_safe else None


def write_csv(path: Path, dataset: Dataset) -> None:
    """Write one dataset; NULL is an empty cell, times are ISO 8601 UTC with a Z, booleans true and false."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([column.name for column in dataset.columns])
    for row in dataset.rows:
        writer.writerow([_write_plain(value) for value in row])
    path.write_bytes(buffer.getvalue().encode("utf-8-sig"))


def _write_plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return mark_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return repr(value) if isinstance(value, float) else str(value)


def write_xlsx(path: Path, datasets: Sequence[Dataset], dictionary: Dataset, *, title: str, as_of: date) -> None:
    """Write a workbook: one sheet per dataset and one with the dictionary. Equal input gives equal bytes."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(str(path), options) as book:
        # The file's own clock is the day it is about: a second run must give the same bytes.
        book.set_properties({"title": clean_text(title), "created": datetime(as_of.year, as_of.month, as_of.day)})
        formats = {
            "head": book.add_format(
                {"bold": True, "bg_color": "#e8eef4", "border": 1, "border_color": "#c5d0db", "valign": "top", "text_wrap": True}
            ),
            "text": book.add_format({"valign": "top", "text_wrap": True}),
            "quoted": book.add_format({"valign": "top", "text_wrap": True, "quote_prefix": True}),
            "link": book.add_format({"valign": "top", "font_color": "#0b57a4", "underline": 1}),
            "date": book.add_format({"valign": "top", "num_format": "yyyy-mm-dd"}),
            "time": book.add_format({"valign": "top", "num_format": "yyyy-mm-dd hh:mm"}),
            "number": book.add_format({"valign": "top", "num_format": "0.00"}),
            "plain": book.add_format({"valign": "top"}),
        }
        for dataset in (*datasets, dictionary):
            _write_sheet(book.add_worksheet(dataset.title[:31]), dataset, formats)


def _write_sheet(sheet: Any, dataset: Dataset, formats: dict[str, Any]) -> None:
    sheet.freeze_panes(1, 0)
    sheet.set_row(0, 30)
    for index, column in enumerate(dataset.columns):
        sheet.write_string(0, index, column.name, formats["head"])
        sheet.set_column(index, index, _find_width(column))
    if dataset.rows:
        sheet.autofilter(0, 0, len(dataset.rows), len(dataset.columns) - 1)
    for number, row in enumerate(dataset.rows, start=1):
        for index, (column, value) in enumerate(zip(dataset.columns, row, strict=True)):
            _write_cell(sheet, number, index, column, value, formats)


def _write_cell(sheet: Any, row: int, index: int, column: DataColumn, value: Any, formats: dict[str, Any]) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, index, value, formats["plain"])
    elif isinstance(value, datetime):
        sheet.write_datetime(row, index, value.replace(microsecond=0), formats["time"])
    elif isinstance(value, date):
        sheet.write_datetime(row, index, value, formats["date"])
    elif isinstance(value, float) or (isinstance(value, int) and abs(value) <= _EXACT_INTEGER):
        if value != value or value in (float("inf"), float("-inf")):
            sheet.write_string(row, index, str(value), formats["text"])
        else:
            sheet.write_number(row, index, value, formats["number" if isinstance(value, float) else "plain"])
    else:
        text = clean_text(str(value))
        text = text if len(text) <= _CELL_LIMIT else text[: _CELL_LIMIT - 1] + "…"
        if column.unit == "url" and (url := find_safe_url(text)):
            sheet.write_url(row, index, url, formats["link"], string=url)
        else:
            sheet.write_string(row, index, text, formats["quoted" if looks_like_formula(text) else "text"])


def _find_width(column: DataColumn) -> int:
    if column.unit == "text" or column.name == "description":
        return 44 if "text" in column.name or column.name in ("description", "suggested_action") else 24
    if column.unit == "url":
        return 36
    return max(12, min(len(column.name) + 2, 22))
