"""``python -m tests.acceptance``: see run.py."""

from tests.acceptance.run import main

if __name__ == "__main__":
    raise SystemExit(main())
