"""The command line: exit codes, clear words, no traceback, nothing that moves the cursor."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fifty.config import load_config
from fifty.connectors.base import discover_connectors, remote_platforms
from fifty.console import strip_controls

FIFTY = Path(sys.executable).with_name("fifty")
COMMANDS = (
    "init", "doctor", "run", "pull", "land", "gate", "transform", "publish", "extract", "replay", "calibrate", "status", "demo", "hold", "pause",
    "resend", "offboard", "backup", "restore", "upgrade", "compact", "prune",
)  # fmt: skip


def call(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "COLUMNS": "200", **environment}
    return subprocess.run([str(FIFTY), *arguments], cwd=cwd, env=clean, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(tmp_path: Path, command: str) -> None:
    done = call(command, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"Usage: fifty {command}" in done.stdout


def test_help_names_exactly_these_commands(tmp_path: Path) -> None:
    text = call("--help", cwd=tmp_path).stdout
    listed = [line.split()[0] for line in text.split("Commands:")[1].splitlines() if line.startswith("  ") and line[2] != " "]
    assert listed == list(COMMANDS)


def test_init_writes_a_file_that_is_valid_and_never_overwrites(tmp_path: Path) -> None:
    assert call("init", cwd=tmp_path).returncode == 0
    path = tmp_path / "fifty.yml"
    load_config(path, platforms=remote_platforms(discover_connectors().values()))
    path.write_text("mine", encoding="utf-8")
    again = call("init", cwd=tmp_path)
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert path.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "--nonsense"), "No such option"),
        (("run", "--as-of", "31.3.2026"), "write it as 2026-03-31"),
        (("pull", "--since", "yesterday"), "write it as 2026-03-31"),
        (("run", "--until", "tomorrow"), "write it as 2026-03-31"),
        (("run", "--platform", "friendster"), "is no platform"),
        (("run", "--brand", "nobody"), "brand 'nobody' is not configured"),
        (("publish", "--version", "x"), "--version needs --brand"),
        (("publish", "--list", "--fingerprint"), "choose one of"),
        (("hold", "example"), "--why is needed"),
        (("pause", "example"), "--why is needed"),
        (("pause", "nobody", "--why", "x"), "brand 'nobody' is not configured"),
        (("resend", "example"), "Missing option '--name'"),
        (("offboard", "example", "--yes", "exampel"), "nothing was removed"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_how_it_is_written(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    call("init", cwd=tmp_path)
    done = call(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_missing_configuration_ends_with_2_and_names_the_remedy(tmp_path: Path) -> None:
    done = call("run", cwd=tmp_path)
    assert done.returncode == 2
    assert "fifty init" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_in_the_environment_ends_with_2_and_is_named(tmp_path: Path) -> None:
    done = call("status", cwd=tmp_path, FIFTY_THREADS="many")
    assert done.returncode == 2
    assert "FIFTY_THREADS" in done.stderr


def test_status_of_an_empty_installation_answers_as_text_and_as_json(tmp_path: Path) -> None:
    call("init", cwd=tmp_path)
    text = call("status", cwd=tmp_path)
    assert text.returncode == 0, text.stderr
    assert "never pulled bluesky/example.bsky.social" in text.stdout
    answer = json.loads(call("status", "--json", cwd=tmp_path).stdout)
    assert answer[0]["brand"] == "example"
    assert answer[0]["published_version"] is None


def test_a_held_brand_is_said_to_be_held_and_its_extract_is_no_failure(tmp_path: Path) -> None:
    call("init", cwd=tmp_path)
    assert call("hold", "example", "--why", "odd numbers", "--by", "ann", cwd=tmp_path).returncode == 0
    assert "by ann: odd numbers" in call("status", cwd=tmp_path).stdout
    done = call("extract", cwd=tmp_path)
    assert (done.returncode, "extracts are held" in done.stdout, done.stderr) == (0, True, "")
    (answer,) = json.loads(call("extract", "--json", cwd=tmp_path).stdout)
    assert (answer["error"], "extracts are held" in answer["skipped"]) == (None, True)
    assert call("resend", "example", "--name", "weekly", cwd=tmp_path).returncode == 1
    assert call("hold", "example", "--release", cwd=tmp_path).returncode == 0
    assert "extracts are held" not in call("extract", cwd=tmp_path).stderr


def test_a_paused_brand_refuses_a_run_by_hand_until_it_is_resumed(tmp_path: Path) -> None:
    call("init", cwd=tmp_path)
    assert call("pause", "example", "--why", "review", cwd=tmp_path).returncode == 0
    assert "paused" in call("status", cwd=tmp_path).stdout
    done = call("run", "--as-of", "2026-03-31", cwd=tmp_path)
    assert done.returncode == 1
    assert "`fifty pause example --resume`" in done.stderr
    assert "pausederror" in done.stderr
    assert "was paused" not in call("pause", "example", "--resume", cwd=tmp_path).stdout
    assert "was not paused" in call("pause", "example", "--resume", cwd=tmp_path).stdout


def test_a_brand_asks_for_its_name_once_more_before_it_leaves(tmp_path: Path) -> None:
    call("init", cwd=tmp_path)
    call("hold", "example", "--why", "x", cwd=tmp_path)
    assert call("offboard", "example", cwd=tmp_path).returncode != 0
    assert (tmp_path / "data" / "example").is_dir()
    done = call("offboard", "example", "--yes", "example", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Left to do by hand:" in done.stdout
    assert not (tmp_path / "data" / "example").exists()
    assert "has left" in call("status", cwd=tmp_path).stdout
    assert call("run", "--as-of", "2026-03-31", cwd=tmp_path).returncode == 1


def test_an_empty_installation_is_saved_restored_upgraded_and_pruned_in_words(tmp_path: Path) -> None:
    call("init", cwd=tmp_path)
    call("hold", "example", "--why", "x", cwd=tmp_path)
    assert call("upgrade", "--check", cwd=tmp_path).returncode == 0
    assert "0 things would go" in call("prune", "--dry-run", cwd=tmp_path).stdout
    assert call("compact", "example", cwd=tmp_path).returncode == 2
    assert call("restore", "backups", cwd=tmp_path).returncode == 1
    saved = call("backup", "backups", cwd=tmp_path)
    assert saved.returncode == 0, saved.stderr
    assert "2 files" in saved.stdout
    restored = call("restore", "backups", "--data", "other", "--config", "brands.yml", cwd=tmp_path)
    assert restored.returncode == 0, restored.stderr
    assert (tmp_path / "brands.yml").read_bytes() == (tmp_path / "fifty.yml").read_bytes()
    assert "held" in call("status", "--data", "other", cwd=tmp_path).stdout
    assert call("backup", "data/inside", cwd=tmp_path).returncode == 1


def test_publishing_before_anything_was_built_fails_in_words(tmp_path: Path) -> None:
    call("init", cwd=tmp_path)
    done = call("publish", "--as-of", "2026-03-31", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "error:" in done.stderr


def test_a_platform_that_cannot_be_reached_is_not_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "fifty.yml").write_text(
        "brands: {acme: {name: Acme, accounts: [{platform: mastodon, handle: acme, base_url: 'http://127.0.0.1:9'}]}}", encoding="utf-8"
    )
    done = call("pull", "--as-of", "2026-03-31", cwd=tmp_path, FIFTY_HTTP_ATTEMPTS="1")
    assert done.returncode == 1
    assert "acme/mastodon/acme" in done.stderr
    assert "Traceback" not in done.stderr


def test_control_characters_of_strangers_do_not_reach_a_terminal() -> None:
    hostile = "\x1b[31mred\x1b[0m \x07bell\r over \u202eesrever\u200b \x9bcsi"
    assert strip_controls(hostile) == "[31mred[0m bell over esrever csi"
    assert strip_controls("two\nlines\tand Ünïcödé 👍") == "two\nlines\tand Ünïcödé 👍"
