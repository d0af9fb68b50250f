"""Give every `name[extra]==version` of a lock its plain `name==version` twin.

uv's lock → requirements.lock

pip, with hashes required, treats the two as different requirements and wants both pinned; uv writes only the first.
Try it alone: `python .ci/complete_lock.py requirements.lock`; running it twice changes nothing.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)(?P<extras>\[[^\]]*\])?")


def complete_lock(text: str) -> str:
    """The lock with a twin before each block that has extras and lacks one."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text.rstrip("\n"))
    heads = [match for block in blocks if (match := REQUIREMENT.match(block))]
    plain = {head["name"] for head in heads if not head["extras"]}
    completed = []
    for block in blocks:
        head = REQUIREMENT.match(block)
        if head and head["extras"] and head["name"] not in plain:
            completed.append(block.replace(head.group(0), head["name"], 1))
        completed.append(block)
    return "\n".join(completed) + "\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(complete_lock(path.read_text(encoding="utf-8")), encoding="utf-8")
