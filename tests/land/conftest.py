from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from workshop import Workshop, make_connector

from fifty import land


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A brand without loads, and a connector `plain` with the stream `things`."""
    connector = make_connector(tmp_path / "connector")
    monkeypatch.setattr(land, "discover_connectors", lambda: {"plain": connector})
    monkeypatch.setattr(land, "_PLANS", {})
    return Workshop(tmp_path / "data")
