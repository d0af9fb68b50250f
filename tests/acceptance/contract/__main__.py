"""``python -m tests.acceptance.contract``: see examination.py."""

from tests.acceptance.contract.examination import main

if __name__ == "__main__":
    raise SystemExit(main())
