"""Reads the CSV files that a brand drops for one stream.

<folder>/<stream>*.csv → items (cells as text, `_file`, `_row`) and one digest of all bytes read

Try it alone: `python -m fifty.connectors.business.files <folder>` counts the rows of each stream.
"""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fifty.connectors.base import LocalRead, Stream
from fifty.errors import FatalError

if TYPE_CHECKING:
    from fifty.config import Brand


def read_csv_files(brand: Brand, stream: Stream) -> LocalRead | None:
    """Rows of all files of the stream, in the order of file names; None where the folder or the files are not there.

    Raises FatalError naming file and line for a file that is no UTF-8 CSV with the stream's columns.
    """
    folder = brand.business_files
    if folder is None:
        return None
    return read_folder(folder, stream)


def read_folder(folder: Path, stream: Stream) -> LocalRead | None:
    """As read_csv_files, for a folder."""
    # `costs.csv`, `costs-2026.csv`, `costs_2.csv`, but not `costs_of_living.csv.bak` or a spreadsheet's lock file.
    paths = sorted(path for path in folder.glob(stream.path) if path.is_file()) if folder.is_dir() else []
    if not paths:
        return None
    digest = hashlib.sha256()
    items: list[dict[str, Any]] = []
    warnings: list[str] = []
    for path in paths:
        try:
            content = path.read_bytes()
            text = content.decode("utf-8-sig")
        except OSError as error:
            raise _refuse(path, f"{error.strerror}", "a readable file", "check its permissions") from None
        except UnicodeDecodeError as error:
            raise _refuse(path, f"byte {error.start} is no UTF-8", "UTF-8 text", "save it as CSV UTF-8") from None
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)
        items += _read_rows(path, text, stream, warnings)
    return LocalRead(items, digest.hexdigest(), warnings=warnings)


def _read_rows(path: Path, text: str, stream: Stream, warnings: list[str]) -> list[dict[str, Any]]:
    assert isinstance(stream.shape, dict)
    needed = [name for name, leaf in stream.shape.items() if isinstance(leaf, str) and leaf.endswith("!")]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[dict[str, Any]] = []
    columns: list[str] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = [cell.strip() for cell in cells]
                _check_columns(path, columns, needed, stream, warnings)
                continue
            if len(cells) != len(columns):
                raise _refuse(
                    path,
                    f"line {reader.line_num} has {len(cells)} cells",
                    f"{len(columns)} cells as in the header",
                    "quote cells that hold a comma or a line break",
                )
            row = {name: cell.strip() for name, cell in zip(columns, cells, strict=True) if name and cell.strip()}
            rows.append({**row, "_file": path.name, "_row": len(rows) + 1})
    except csv.Error as error:
        raise _refuse(path, f"line {reader.line_num}: {error}", "comma separated values", "save it as CSV again") from None
    if columns is None:
        raise _refuse(path, "an empty file", f"a header with {', '.join(needed)}", "write the header, or remove the file")
    return rows


def _check_columns(path: Path, columns: list[str], needed: list[str], stream: Stream, warnings: list[str]) -> None:
    assert isinstance(stream.shape, dict)
    missing = [name for name in needed if name not in columns]
    if missing or len(set(columns)) != len(columns):
        seen = f"the columns {', '.join(columns)}"
        raise _refuse(path, seen, f"each column once, among them {', '.join(needed)}", "correct the header; the connector's README lists the columns")
    unknown = [name for name in columns if name and name not in stream.shape]
    if unknown:
        warnings.append(f"{path.name}: unknown columns are kept in the landing and not used: {', '.join(unknown)}")


def _refuse(path: Path, seen: str, expected: str, remedy: str) -> FatalError:
    return FatalError("a business file cannot be read", where=str(path), seen=seen, expected=expected, remedy=remedy)


if __name__ == "__main__":
    import sys

    from fifty.connectors.base import discover_connectors

    for declared in discover_connectors()["business"].streams:
        found = read_folder(Path(sys.argv[1]), declared)
        sys.stdout.write(f"{declared.name}: {len(found.items) if found else 'no file'}\n")
