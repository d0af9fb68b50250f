"""One step of a machine in a process of its own, so that it can be killed: `python machine_step.py STEP DATA URL [PUBLISH_ID]`."""

from __future__ import annotations

import sys
from pathlib import Path

from fifty.settings import Settings
from fifty.warehouse import BrandPaths

if __name__ == "__main__":
    step, data, url, *rest = sys.argv[1:]
    settings = Settings(
        data=Path(data), landing_url=url, published_url=url, extracts_url=url, storage_retries=1, storage_timeout_seconds=10, _env_file=None
    )
    paths = BrandPaths(settings.data, "acme")
    if step == "land":
        from fifty.landing_store import LandingStore

        store = LandingStore.open(paths, settings)
        assert store is not None
        store.synchronise()
    elif step == "publish":
        from fifty.publish_store import push_version

        push_version(paths, settings, rest[0])
    else:
        from fifty.extract_store import push_extracts

        push_extracts(paths, settings)
