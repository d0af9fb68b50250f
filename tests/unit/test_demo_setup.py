"""From the addresses of the demo to a fifty.yml: complete, valid, and without a credential in it."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from fifty.config import load_config
from fifty.demo import write_setup
from fifty.errors import FatalError

BRAND: dict[str, Any] = {
    "business_dir": "/nowhere/business/acme",
    "truth_dir": "/nowhere/truth/acme",
    "brand": {
        "name": "Acme",
        "key": "acme",
        "timezone": "Europe/Lisbon",
        "currency": "EUR",
        "language": "en",
        "working_hours": {"days": ["mon", "sun"], "from": "08:00", "to": "18:00"},
        "terms": ["Acme"],
    },
    "platforms": {
        "mastodon": {"base_url": "http://127.0.0.1:1", "handle": "acme", "token": "tok-secret"},
        "bluesky": {"base_url": "http://127.0.0.1:2", "pds_url": "http://127.0.0.1:3", "handle": "acme.example", "app_password": "app-secret"},
        "wordpress": {"base_url": "http://127.0.0.1:4", "user": "acme", "account_id": "1", "app_password": "word-secret"},
    },
    "accounts": [
        {
            "platform": "mastodon",
            "account_id": "7",
            "handle": "ada",
            "role": "staff",
            "answers_for_brand": True,
            "responder_id": "ada",
            "valid_from": None,
            "valid_to": "2026-03-01T00:00:00.000Z",
        }
    ],
}
ADDRESSES: dict[str, Any] = {"pid": 1, "anchor": "2026-03-31", "brands": [BRAND]}


def test_the_configuration_is_valid_and_holds_no_secret(tmp_path: Path) -> None:
    (tmp_path / "addresses.json").write_text(json.dumps(ADDRESSES), encoding="utf-8")
    setup = write_setup(tmp_path)
    config = load_config(setup.config, platforms={"mastodon", "bluesky", "wordpress"})
    brand = config.brands["acme"]
    assert [account.platform for account in brand.accounts] == ["mastodon", "bluesky", "wordpress"]
    assert brand.working_hours.days == ["monday", "sunday"]
    assert brand.staff[0].responder == "ada"
    assert setup.as_of.isoformat() == "2026-03-31"
    assert "secret" not in setup.config.read_text(encoding="utf-8").replace(str(setup.secrets), "")
    token = setup.secrets / "demo-acme-mastodon"
    assert token.read_text(encoding="utf-8").strip() == "tok-secret"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


def test_each_brand_has_its_own_credentials(tmp_path: Path) -> None:
    other = json.loads(json.dumps(BRAND).replace("secret", "hidden").replace("acme", "emca"))
    del other["platforms"]["wordpress"]
    (tmp_path / "addresses.json").write_text(json.dumps(ADDRESSES | {"brands": [BRAND, other]}), encoding="utf-8")
    setup = write_setup(tmp_path)
    config = load_config(setup.config, platforms={"mastodon", "bluesky", "wordpress"})
    assert setup.brands == tuple(config.brands) == ("acme", "emca") and setup.brand == "acme"
    assert setup.truth["emca"] == Path("/nowhere/truth/emca")
    assert [account.platform for account in config.brands["emca"].accounts] == ["mastodon", "bluesky"]
    names = {account.credential for brand in config.brands.values() for account in brand.accounts}
    assert names == {path.name for path in setup.secrets.iterdir()} and len(names) == 5
    assert (setup.secrets / "demo-emca-mastodon").read_text(encoding="utf-8").strip() == "tok-hidden"


@pytest.mark.parametrize("content", ["", "[]", '{"brand": {}}', '{"pid": 1, "anchor": "2026-03-31", "brands": []}'])
def test_addresses_that_cannot_be_read_are_an_error_in_words(tmp_path: Path, content: str) -> None:
    (tmp_path / "addresses.json").write_text(content, encoding="utf-8")
    with pytest.raises(FatalError, match="addresses cannot be read"):
        write_setup(tmp_path)
