"""Files of YAML, read quickly: the program's own and those of operators.

Every task of the scheduler reads them anew, and with forty brands PyYAML's Python reader would take longer than the task. Callers check what they get.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

# As safe as yaml.safe_load, and six to ten times as fast where the library was built with its C part.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """What a file says, None of an empty one. Raises OSError, UnicodeDecodeError and yaml.YAMLError."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
