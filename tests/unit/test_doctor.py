"""The doctor finds what is wrong, says how to mend it, and shows no secret."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from filelock import FileLock

from fifty.doctor import Finding, examine, find_outcome
from fifty.errors import SettingsError
from fifty.settings import Settings, load_settings

BRAND = """
brands:
  acme:
    name: Acme
    accounts:
      - {{platform: mastodon, handle: acme, base_url: "{url}", credential: acme-mastodon}}
    business_files: drops
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fifty.yml").write_text(BRAND.format(url="http://127.0.0.1:9"), encoding="utf-8")
    return load_settings(config=tmp_path / "fifty.yml", data=tmp_path / "data", secrets=tmp_path / "secrets")


@pytest.fixture
def server() -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()


def find(findings: list[Finding], start: str) -> Finding:
    return next(finding for finding in findings if finding.check.startswith(start))


def test_a_sound_installation_is_found_sound(settings: Settings) -> None:
    findings = examine(settings)
    for check in ("python", "packages", "dbt project", "expectations/landed", "expectations/marts", "data directory", "configuration"):
        assert find(findings, check).outcome == "good", find(findings, check)


def test_a_missing_credential_is_wrong_with_every_place_that_was_looked_at(settings: Settings) -> None:
    finding = find(examine(settings), "acme/mastodon/acme")
    assert finding.outcome == "wrong"
    assert "ACME_MASTODON_FILE" in finding.seen
    assert "export ACME_MASTODON" in finding.remedy


def test_a_credential_that_is_there_is_not_shown(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "acme-mastodon").write_text("s3cr3t-value", encoding="utf-8")
    findings = examine(settings)
    assert find(findings, "acme/mastodon/acme").outcome == "good"
    assert "s3cr3t-value" not in json.dumps([finding.as_dict() for finding in findings])


def test_a_data_folder_that_is_a_file_is_wrong(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way", encoding="utf-8")
    assert find(examine(settings), "data directory").outcome == "wrong"


def test_a_run_under_way_and_a_missing_folder_are_warnings(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "data" / "acme").mkdir(parents=True)
    with FileLock(tmp_path / "data" / "acme" / ".writer.lock"):
        assert find(examine(settings), "acme/lock").outcome == "warning"
    findings = examine(settings)
    assert find(findings, "acme/lock").outcome == "good"
    assert find(findings, "acme/business files").outcome == "warning"


def test_staff_are_named_only_with_a_basis_and_a_basis_without_names_is_remarked(settings: Settings, tmp_path: Path) -> None:
    assert find(examine(settings), "acme/staff names").seen == "staff are shown by pseudonyms"
    text = settings.config.read_text(encoding="utf-8")
    settings.config.write_text(text + "    staff_naming_basis: works agreement\n", encoding="utf-8")
    assert find(examine(settings), "acme/staff names").outcome == "warning"
    settings.config.write_text(
        text + "    staff_naming_basis: works agreement\n    staff: [{platform: mastodon, handle: ada, responder: Ada}]\n", encoding="utf-8"
    )
    assert find(examine(settings), "acme/staff names") == Finding("acme/staff names", "good", "1 shown by name: works agreement")


@pytest.mark.parametrize("published", ["data", "data/published", "."])
def test_readers_files_in_the_data_directory_are_refused_wherever_settings_are_read(tmp_path: Path, published: str) -> None:
    with pytest.raises(SettingsError, match="lie in one another"):
        load_settings(data=tmp_path / "data", published=tmp_path / published)
    assert load_settings(data=tmp_path / "data", published=tmp_path / "published").published == tmp_path / "published"


def test_one_path_for_the_readers_of_several_brands_is_wrong(settings: Settings, tmp_path: Path) -> None:
    settings.bi_root = "/published"
    assert not [one for one in examine(settings) if one.check == "FIFTY_BI_ROOT"]
    text = (tmp_path / "fifty.yml").read_text(encoding="utf-8")
    (tmp_path / "fifty.yml").write_text(text + text.split("brands:")[1].replace("acme", "other"), encoding="utf-8")
    assert find(examine(settings), "FIFTY_BI_ROOT").outcome == "wrong"
    settings.bi_root = "/published/{brand}"
    assert not [one for one in examine(settings) if one.check == "FIFTY_BI_ROOT"]


def test_missing_suites_and_models_are_wrong_and_say_which_setting_to_mend(settings: Settings, tmp_path: Path) -> None:
    broken = settings.model_copy(update={"dbt_project": tmp_path / "none", "expectations": tmp_path / "none"})
    findings = examine(broken)
    assert find(findings, "dbt project").remedy.startswith("set FIFTY_DBT_PROJECT")
    assert find(findings, "expectations/marts").remedy.startswith("set FIFTY_EXPECTATIONS")
    assert find_outcome(findings) == "wrong"


def test_a_package_that_differs_from_the_lock_is_named(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "requirements.lock").write_text("duckdb==0.0.1 \\\n    --hash=sha256:00\nnot-installed-at-all==1.0\n", encoding="utf-8")
    monkeypatch.setattr("fifty.doctor.PROJECT_ROOT", tmp_path)
    finding = find(examine(settings), "packages")
    assert finding.outcome == "wrong"
    assert "instead of 0.0.1" in finding.seen
    assert "not-installed-at-all not installed" in finding.seen


def test_online_any_answer_is_a_server_and_silence_is_wrong(settings: Settings, tmp_path: Path, server: str) -> None:
    silent = find(examine(settings, is_online=True), "acme/mastodon http")
    assert silent.outcome == "wrong"
    assert "base_url" in silent.remedy
    (tmp_path / "fifty.yml").write_text(BRAND.format(url=server), encoding="utf-8")
    assert find(examine(settings, is_online=True), "acme/mastodon http") == Finding(f"acme/mastodon {server}", "good", "answers 404")
