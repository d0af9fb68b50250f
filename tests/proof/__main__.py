"""``python -m tests.proof``: see run.py."""

from tests.proof.run import main

if __name__ == "__main__":
    raise SystemExit(main())
