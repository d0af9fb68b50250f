"""The runbook: for whoever is on duty, a section for every class of error and every suite of the gates, made of them, so that none can be missing.

fifty/errors.py, fifty/runbook.yml, expectations/**.yml → write_runbook() → docs/runbook.md; name_page(error) → where in it an alert leads

Try it: `python -m fifty.runbook` rewrites docs/runbook.md; `make handbook` does the same.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from fifty.settings import PROJECT_ROOT
from fifty.yaml_files import read_yaml

RUNBOOK_FILE = PROJECT_ROOT / "docs" / "runbook.md"
_TEXTS = Path(__file__).with_suffix(".yml")
_UNEXPECTED = "UnexpectedError"
_HEAD = """# The runbook

*Made of the error classes and the gates by `make handbook`; change `fifty/runbook.yml` or the suite, not this page.*

An alert is one line: where, what was seen, what was expected, what to do, and the section of this page. `BRAND` stands for the brand in it. Four things
hold whatever went wrong: what is published stays readable; nothing is half done, so the same command may be run again; a window missed is read by the
next pull, as far as the platform still shows it; other brands are not touched.
"""


def name_page(error: BaseException) -> str:
    """The section of the runbook for an error: that of its class, else of the nearest class above; of anything unforeseen the last one."""
    known = list_errors()
    kind = next((one.__name__ for one in type(error).__mro__ if one.__name__ in known), _UNEXPECTED)
    return f"docs/{RUNBOOK_FILE.name}#{kind.lower()}"


def list_errors() -> dict[str, dict[str, str]]:
    """Class name → what the runbook says of it."""
    return dict(_read_texts()["errors"])


def write_runbook() -> str:
    """The whole page as Markdown."""
    texts = _read_texts()
    lines = [_HEAD, "## Errors", ""]
    lines += [f"- [{name}](#{name.lower()})" for name in texts["errors"]]
    for name, text in texts["errors"].items():
        lines += [
            "",
            f"### {name}",
            "",
            text["means"],
            "",
            f"- **Check**: `{text['check']}`" if re.match(r"fifty|select", text["check"]) else f"- **Check**: {text['check']}",
            f"- **Do**: {text['command']}",
            f"- **May it wait till morning?** {text['morning']}",
        ]
    for gate, text in texts["gates"].items():
        lines += ["", f"## {text['title']}", "", f"- **critical**: {text['critical']}", f"- **warning**: {text['warning']}"]
        if text["quarantine"]:
            lines += [f"- **quarantine**: {text['quarantine']}"]
        lines += [f"- **Do**: what stands beside the expectation; then {text['command']}."]
        for path in sorted((PROJECT_ROOT / "expectations" / gate).glob("*.yml")):
            lines += _write_suite(gate, path, text)
    return "\n".join(lines).rstrip() + "\n"


def _read_texts() -> dict[str, Any]:
    return dict(read_yaml(_TEXTS))


def _write_suite(gate: str, path: Path, text: dict[str, str]) -> list[str]:
    suite = read_yaml(path)
    # What is asked of every table stands in a file of its own, and has no suite in the results.
    name = suite.get("suite", f"{gate}/ every table")
    lines = ["", f"### {name}", ""]
    if "suite" in suite:
        lines += ["```sql", text["check"].format(suite=name), "```", ""]
    lines += ["| expectation | severity | without it | do |", "| --- | --- | --- | --- |"]
    for one in suite["expectations"]:
        severity = one["severity"] + (", quarantine" if one.get("quarantine") else "")
        lines += [f"| `{one['id']}` | {severity} | {_cell(one['why'])} | {_cell(one['remedy'])} |"]
    return lines


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    RUNBOOK_FILE.write_text(write_runbook(), encoding="utf-8")
    sys.stdout.write(f"wrote {RUNBOOK_FILE}\n")
