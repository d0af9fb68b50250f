"""Whatever strangers write, a spreadsheet never runs it, and taking the documented mark away gives it back."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st
from wild_brand import LINKS, NAMES

from fifty.spreadsheets import DataColumn, Dataset, clean_text, find_safe_url, looks_like_formula, write_csv, write_xlsx

_BEGINNINGS = [
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    " =",
    "\u00a0=",
    "＝",
    "'",
    "'=",
    "\ufeff=",
    "\u202e=",
    "\x00=",
    "=cmd|' /C calc'!A0",
    "http://x.example",
    "https://",
]
_TEXTS = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40),
    st.builds("{}{}".format, st.sampled_from(_BEGINNINGS), st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)),
    st.sampled_from([*NAMES, *LINKS, "_x0041_", "_x000D_", "<b>", "&amp;", "1e5", "TRUE", "0012"]),
)


def _make(texts: list[str | None], unit: str = "text") -> Dataset:
    return Dataset("people", "people", "relationships.people", (DataColumn("name", "VARCHAR", unit, "who"),), [(text,) for text in texts])


@budget(max_examples=300, deadline=None)
@given(_TEXTS)
def test_cleaned_text_holds_no_control_or_turning_character(text: str) -> None:
    cleaned = clean_text(text)
    assert not any(
        (ord(one) < 32 and one not in "\n\t") or 127 <= ord(one) < 160 or 0x202A <= ord(one) <= 0x202E or 0x2066 <= ord(one) <= 0x2069
        for one in cleaned
    )
    assert clean_text(cleaned) == cleaned


@budget(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_TEXTS, min_size=1, max_size=8))
def test_csv_never_begins_a_cell_like_a_formula_and_reads_back(tmp_path: Path, texts: list[str]) -> None:
    write_csv(tmp_path / "people.csv", _make(list(texts)))
    raw = (tmp_path / "people.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfname\r\n")
    cells = [row[0] if row else "" for row in csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))][1:]
    assert len(cells) == len(texts)
    for cell, text in zip(cells, texts, strict=True):
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
        assert not cell.startswith(("\t", "\n", "\r"))
        assert (cell[1:] if cell.startswith("'") else cell) == clean_text(text)


@budget(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_TEXTS, min_size=1, max_size=8), st.sampled_from(["text", "url"]))
def test_xlsx_cells_are_text_and_read_back(tmp_path: Path, texts: list[str], unit: str) -> None:
    write_xlsx(
        tmp_path / "people.xlsx",
        [_make(list(texts), unit)],
        Dataset("dictionary", "dictionary", "x", _make([]).columns, []),
        title="x",
        as_of=date(2026, 9, 6),
    )
    with zipfile.ZipFile(tmp_path / "people.xlsx") as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    sheet = openpyxl.load_workbook(tmp_path / "people.xlsx").worksheets[0]
    for number, text in enumerate(texts, start=2):
        cell = sheet.cell(number, 1)
        cleaned = clean_text(text)
        assert cell.data_type in ("s", "n") and (cell.data_type == "s" or not cleaned)
        assert _unescape(cell.value or "") == cleaned
        assert bool(cell.quotePrefix) == looks_like_formula(cleaned) or not cleaned
        if cell.hyperlink is not None:
            assert unit == "url" and find_safe_url(cleaned) == cleaned


def _unescape(text: str) -> str:
    # Excel reads `_x005F_` as `_`; openpyxl leaves that to its caller.
    return text.replace("_x005F_", "_")


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://a.example/x?y=1#z", True),
        ("http://a.example", True),
        ("HTTPS://A.example", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//a.example", False),
        ("https://", False),
        ("https://user:pass@a.example/", False),
        ("https://a b.example", False),
        ("https://a.example/\n", False),
        ("\u202ehttps://a.example", False),
        ("ftp://a.example", False),
        ("file:///etc/passwd", False),
        ("", False),
        (None, False),
        ("https://[broken", False),
        ("https://a.example/" + "x" * 3000, False),
    ],
)
def test_only_plain_web_addresses_become_links(url: str | None, is_safe: bool) -> None:
    assert (find_safe_url(url) == url and url is not None) == is_safe


def test_values_keep_their_types(tmp_path: Path) -> None:
    kinds = ("VARCHAR", "BIGINT", "BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP")
    columns = tuple(DataColumn(f"c{number}", kind, None, "") for number, kind in enumerate(kinds))
    rows: list[tuple[Any, ...]] = [
        ("0012", 5, 2**60 + 1, 0.1 + 0.2, True, date(2026, 9, 6), datetime(2026, 9, 6, 12, 30, 1)),
        (None,) * 7,
        ("", 0, -1, float("nan"), False, date(1999, 1, 1), datetime(1999, 1, 1)),
    ]
    dataset = Dataset("d", "d", "x.d", columns, rows)
    write_csv(tmp_path / "d.csv", dataset)
    assert (tmp_path / "d.csv").read_text(encoding="utf-8-sig").splitlines()[1:] == [
        "0012,5,1152921504606846977,0.30000000000000004,true,2026-09-06,2026-09-06T12:30:01Z",
        ",,,,,,",
        ",0,-1,nan,false,1999-01-01,1999-01-01T00:00:00Z",
    ]
    write_xlsx(tmp_path / "d.xlsx", [dataset], Dataset("dictionary", "dictionary", "x", columns, []), title="d", as_of=date(2026, 9, 6))
    sheet = openpyxl.load_workbook(tmp_path / "d.xlsx").worksheets[0]
    assert [cell.value for cell in sheet[2]] == [
        "0012",
        5,
        "1152921504606846977",
        pytest.approx(0.3),
        True,
        datetime(2026, 9, 6),
        datetime(2026, 9, 6, 12, 30, 1),
    ]
    assert [cell.value for cell in sheet[3]] == [None] * 7
    assert sheet.freeze_panes == "A2"


def test_a_text_too_long_for_a_cell_is_cut_visibly(tmp_path: Path) -> None:
    write_xlsx(
        tmp_path / "d.xlsx",
        [_make(["x" * 40_000])],
        Dataset("dictionary", "dictionary", "x", _make([]).columns, []),
        title="d",
        as_of=date(2026, 9, 6),
    )
    value = openpyxl.load_workbook(tmp_path / "d.xlsx").worksheets[0]["A2"].value
    assert len(value) == 32_767 and value.endswith("x…")
