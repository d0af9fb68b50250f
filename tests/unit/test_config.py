"""fifty.yml is checked whole: every mistake is named, with its place, and no secret is shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from fifty.config import load_config
from fifty.errors import SettingsError

PLATFORMS = {"mastodon", "bluesky"}
GOOD = """
brands:
  acme:
    name: Acme
    timezone: Europe/Berlin
    accounts:
      - {platform: mastodon, handle: "@acme", base_url: "https://mastodon.example/"}
"""


def write(folder: Path, text: str, name: str = "fifty.yml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD), platforms=PLATFORMS)
    brand = config.brands["acme"]
    assert brand.accounts[0].account_key == "acme"
    assert brand.accounts[0].base_url == "https://mastodon.example"
    assert [order.name for order in brand.extracts] == ["the_fifty", "weekly", "quarterly_verdict"]


def test_every_mistake_is_named_at_once_with_its_place(tmp_path: Path) -> None:
    text = """
brands:
  Acme:
    name: Acme
    timezone: Berlin
    currency: euro
    accounts:
      - {platform: mastodon, base_url: "ftp://mastodon.example"}
      - {platform: mastodon, handle: acme, base_url: "https://mastodon.example", colour: red}
"""
    with pytest.raises(SettingsError) as caught:
        load_config(write(tmp_path, text), platforms=PLATFORMS)
    message = str(caught.value)
    for place in ("brands.Acme.timezone", "brands.Acme.currency", "accounts.0.base_url", "accounts.1.colour"):
        assert place in message
    assert caught.value.exit_code == 2


def test_an_unknown_platform_is_a_mistake_wherever_it_is_named(tmp_path: Path) -> None:
    text = GOOD + "    staff: [{platform: friendster, handle: ada}]\n"
    with pytest.raises(SettingsError, match=r"acme\.staff\.0\.platform: 'friendster' is no platform; known: bluesky, mastodon"):
        load_config(write(tmp_path, text), platforms=PLATFORMS)


def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    text = GOOD.replace("https://mastodon.example/", "https://acme:hunter2hunter2@mastodon.example/ and much more text to be cut")
    with pytest.raises(SettingsError, match="hold no user or password"):
        load_config(write(tmp_path, text), platforms=PLATFORMS)
    with pytest.raises(SettingsError) as caught:
        load_config(write(tmp_path, text.replace(" and much more text to be cut", "")), platforms=PLATFORMS)
    assert "hunter2" not in str(caught.value)


def test_a_brand_may_have_its_own_file_but_only_one(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    own = "name: Other\naccounts: [{platform: bluesky, handle: other, base_url: 'https://bsky.example'}]\nbusiness_files: drops\n"
    write(tmp_path, own, "brands/other.yml")
    config = load_config(path, platforms=PLATFORMS)
    assert sorted(config.brands) == ["acme", "other"]
    assert config.brands["other"].business_files == (tmp_path / "drops").resolve()
    write(tmp_path, own, "brands/acme.yml")
    with pytest.raises(SettingsError, match=r"acme\.yml: brand 'acme' is also in fifty\.yml"):
        load_config(path, platforms=PLATFORMS)


def test_the_same_account_named_twice_is_a_mistake(tmp_path: Path) -> None:
    text = GOOD + '      - {platform: mastodon, handle: acme, base_url: "https://other.example"}\n'
    with pytest.raises(SettingsError, match="account mastodon/acme is named twice"):
        load_config(write(tmp_path, text), platforms=PLATFORMS)


@pytest.mark.parametrize("text", ["- a list", "brands: [", "", "\x00"])
def test_what_is_no_configuration_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        load_config(write(tmp_path, text), platforms=PLATFORMS)


def test_a_parameter_the_model_does_not_have_is_a_mistake(tmp_path: Path) -> None:
    text = GOOD + "    parameters: {weight_like: 0.2, gate_smallest_listing: 50, weight_of_likes: 3}\n"
    with pytest.raises(SettingsError, match=r"brands\.acme\.parameters\.weight_of_likes: no such parameter") as caught:
        load_config(write(tmp_path, text), platforms=PLATFORMS)
    assert "1 mistake:" in str(caught.value)


def test_forty_brands_are_read_checked_and_all_in_less_time_than_plain_yaml_takes_to_read_them(tmp_path: Path) -> None:
    """Every task of the scheduler reads them anew: with YAML's Python reader and a look at all time zones for each brand it was twice that time."""
    accounts = [{"platform": "mastodon", "handle": f"person{number}", "base_url": "https://beans.example"} for number in range(10)]
    brands = {f"brand-{number:02}": {"name": "B", "timezone": "Europe/Berlin", "accounts": accounts} for number in range(40)}
    path = write(tmp_path, yaml.safe_dump({"brands": brands}))

    def measure(read: Callable[[], object]) -> float:
        started = time.process_time()
        read()
        return time.process_time() - started

    load_config(path)  # what is read once a process
    plain = min(measure(lambda: yaml.safe_load(path.read_text(encoding="utf-8"))) for _ in range(3))
    assert min(measure(lambda: load_config(path)) for _ in range(3)) < 0.6 * plain
