"""Each `name[extra]` of the lock has its plain twin; completing is idempotent."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("complete_lock", ROOT / ".ci" / "complete_lock.py")
assert spec and spec.loader
complete_lock = importlib.util.module_from_spec(spec)
spec.loader.exec_module(complete_lock)

LOCK = "a==1 \\\n    --hash=sha256:1\nb[x]==2 ; python_version < '3.12' \\\n    --hash=sha256:2\nc==3\nc[y]==3\n"


def test_a_requirement_with_extras_gets_its_twin_once() -> None:
    once = complete_lock.complete_lock(LOCK)
    assert "b==2 ; python_version < '3.12' \\\n    --hash=sha256:2\nb[x]==2" in once
    assert once.count("c==3") == 1
    assert complete_lock.complete_lock(once) == once


def test_the_lock_in_use_is_complete_and_names_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert complete_lock.complete_lock(text) == text
    assert "://" not in text
    heads = re.findall(r"^[A-Za-z0-9_.-]+(?:\[[^\]]*\])?==", text, re.MULTILINE)
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    assert len(heads) == len(blocks)
    assert all("--hash=sha256:" in block for block in blocks)
