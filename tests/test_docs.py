"""The documentation names what exists, and all of it: commands, settings, platforms, make targets, marts and their columns."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
import yaml

import fifty
from fifty.cli import app
from fifty.config import Account, Brand, load_config
from fifty.connectors.base import discover_connectors, remote_platforms
from fifty.errors import CredentialError, FiftyError, GateFailed
from fifty.handbook import HANDBOOK_FILE, write_handbook
from fifty.runbook import RUNBOOK_FILE, list_errors, name_page, write_runbook
from fifty.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPERATORS = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
ANALYSTS = (ROOT / "docs" / "analysts.md").read_text(encoding="utf-8")
GUIDES = sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "decisions").glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
COMMANDS = sorted(command.name or command.callback.__name__ for command in app.registered_commands if command.callback)
MARTS = {
    f"{path.parent.name}.{model['name']}": model
    for path in sorted((ROOT / "dbt_project" / "models" / "marts").glob("*/*.yml"))
    for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", [])
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_operators_guide(command: str) -> None:
    assert f"`fifty {command}`" in OPERATORS


def test_the_guides_name_no_command_that_does_not_exist() -> None:
    for path in GUIDES:
        named = set(re.findall(r"(?:^|[`(])fifty ([a-z]+)\b", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= {*COMMANDS, "is", "people"}, path


@pytest.mark.parametrize("setting", sorted(Settings.model_fields))
def test_every_setting_is_in_the_operators_guide(setting: str) -> None:
    assert f"`FIFTY_{setting.upper()}`" in OPERATORS


def test_the_guide_names_no_setting_that_does_not_exist() -> None:
    # Read by scheduler/up.py, and by docker-compose.yml.
    more = {"FIFTY_AIRFLOW_PORT", *re.findall(r"\$\{(FIFTY_[A-Z_]+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8"))}
    assert set(re.findall(r"FIFTY_[A-Z_]+", OPERATORS)) <= {f"FIFTY_{name.upper()}" for name in Settings.model_fields} | more


@pytest.mark.parametrize("platform", sorted(discover_connectors()))
def test_every_platform_is_named_and_explains_itself(platform: str) -> None:
    assert f"`{platform}`" in OPERATORS
    assert len((discover_connectors()[platform].folder / "README.md").read_text(encoding="utf-8")) > 500


def test_every_make_target_that_is_named_exists_and_says_what_it_does() -> None:
    for path in GUIDES:
        named = set(re.findall(r"(?:^|`)make ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= TARGETS, path
    helped = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert helped == TARGETS
    assert {"run", "test"} <= set(re.findall(r"^make ([a-z]+)", README, re.MULTILINE))


def test_every_link_leads_somewhere() -> None:
    for path in GUIDES:
        for target in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.name}: {target}"


@pytest.mark.parametrize("mart", [name for name in sorted(MARTS) if not name.startswith("ops.")])
def test_every_mart_is_in_the_analysts_guide(mart: str) -> None:
    assert f"`{mart.split('.')[1]}`" in ANALYSTS


@pytest.mark.parametrize("mart", sorted(MARTS))
def test_every_mart_begins_with_its_grain_and_describes_every_column(mart: str) -> None:
    model = MARTS[mart]
    assert model["description"].startswith("One row per ")
    assert model["config"]["contract"]["enforced"] is True
    for column in model["columns"]:
        assert column.get("data_type"), f"{mart}.{column['name']}"
        assert len(column.get("description", "")) > 2, f"{mart}.{column['name']}"


def test_the_template_explains_every_field_of_a_brand_and_an_account() -> None:
    path = ROOT / "fifty" / "fifty_template.yml"
    text = path.read_text(encoding="utf-8")
    load_config(path, platforms=remote_platforms(discover_connectors().values()))
    for field in {*Brand.model_fields, *Account.model_fields} - {"id", "is_paused"}:
        assert re.search(rf"\b{field}:", text), field
    for platform in remote_platforms(discover_connectors().values()):
        assert f"platform: {platform}" in text


def test_no_text_names_a_package_registry() -> None:
    hosts = re.compile("|".join(("py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.(?:org|com)", "debian" + r"\.org")))
    for path in [*GUIDES, ROOT / "Dockerfile", ROOT / "docker-compose.yml", ROOT / "Makefile", ROOT / "requirements.lock"]:
        assert not hosts.search(path.read_text(encoding="utf-8")), path


def test_the_handbook_says_what_the_models_say() -> None:
    assert HANDBOOK_FILE.read_text(encoding="utf-8") == write_handbook(), "run `make handbook`"


def _find_error_classes() -> set[str]:
    for module in pkgutil.walk_packages(fifty.__path__, "fifty."):
        importlib.import_module(module.name)
    found, waiting = set(), [FiftyError]
    while waiting:
        below = [kind for kind in waiting.pop().__subclasses__() if kind.__module__.startswith("fifty.")]
        found |= {kind.__name__ for kind in below}
        waiting += below
    return found


def test_the_runbook_says_what_errors_and_gates_say() -> None:
    assert RUNBOOK_FILE.read_text(encoding="utf-8") == write_runbook(), "run `make handbook`"


def test_every_class_of_error_and_every_expectation_has_its_place_in_the_runbook() -> None:
    text = RUNBOOK_FILE.read_text(encoding="utf-8")
    entries = list_errors()
    assert set(entries) == _find_error_classes() | {"UnexpectedError"}
    for name, entry in entries.items():
        assert set(entry) == {"means", "check", "command", "morning"}, name
        assert entry["morning"].startswith(("Yes", "No")), name
    for path in sorted((ROOT / "expectations").glob("*/*.yml")):
        for one in yaml.safe_load(path.read_text(encoding="utf-8"))["expectations"]:
            assert f"| `{one['id']}` |" in text, f"{path.name}: {one['id']}"


@pytest.mark.parametrize(
    ("error", "section"),
    [
        (CredentialError("no"), "credentialerror"),
        (GateFailed("no"), "gatefailed"),
        (type("NewError", (CredentialError,), {})("no"), "credentialerror"),
        (type("BareError", (FiftyError,), {})("no"), "unexpectederror"),
        (ValueError("no"), "unexpectederror"),
    ],
)
def test_an_error_leads_to_a_section_that_is_there(error: Exception, section: str) -> None:
    assert name_page(error) == f"docs/runbook.md#{section}"
    assert section in {line.removeprefix("### ").lower() for line in RUNBOOK_FILE.read_text(encoding="utf-8").splitlines() if line.startswith("### ")}


@pytest.mark.parametrize("mart", sorted(MARTS))
def test_every_mart_has_its_page_of_the_handbook(mart: str) -> None:
    meta = MARTS[mart]["config"]["meta"]
    assert {"grain", "key", "question", "formula", "caveats", "not_for", "example"} <= set(meta)
    assert meta["question"].endswith("?")
    assert meta["caveats"]
    assert mart in meta["example"]["query"]
