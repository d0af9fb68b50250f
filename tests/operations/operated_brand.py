"""A brand to operate on: landed loads, a published version, extracts, a work file."""

from __future__ import annotations

from datetime import UTC, datetime

from published_marts import AS_OF, publish_passed, read_contracts, write_marts

from fifty.config import Brand
from fifty.extract import run_extracts
from fifty.landing import LoadKey, LoadWriter, Window
from fifty.settings import Settings
from fifty.warehouse import BrandPaths, read_brand_keys

# The marts that the extracts below read: the others would only cost time.
_READ = (
    "relationships.the_fifty", "relationships.the_fifty_changes", "relationships.living_relationships_daily", "relationships.living_people",
    "relationships.lifecycle", "engagement.response_times", "engagement.campaigns", "engagement.posts", "ops.parameters", "ops.completeness",
)  # fmt: skip
MARTS = {name: read_contracts()[name] for name in _READ}


def make_brand() -> Brand:
    """With two extracts and a credential."""
    return Brand.model_validate(
        {
            "name": "Acme",
            "accounts": [{"platform": "mastodon", "handle": "acme", "base_url": "https://social.example", "credential": "acme-mastodon"}],
            "extracts": [{"name": "the_fifty", "formats": ["csv"]}, {"name": "weekly", "formats": ["csv"]}],
        }
    )


def publish_version(paths: BrandPaths, settings: Settings, marker: str = "p1") -> None:
    """One more version; another `marker` gives other content."""
    write_marts(paths, parameters_version=marker, contracts=MARTS, filler_rows=1)
    publish_passed(paths, settings, run_id=f"run-{marker}", as_of=AS_OF)


def fill_brand(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    """Landed loads, a published version, extracts, a work file."""
    read_brand_keys(paths)
    key = LoadKey(paths.brand, "mastodon", "acme", "statuses", Window(None, datetime(2026, 9, 7, tzinfo=UTC)))
    with LoadWriter(paths.data, key, kind="events") as writer:
        writer.write({"account": "acme"}, 1, [{"id": "1"}, {"id": "2"}])
        writer.finish(scopes=[], next_state={"watermark": "2026-09-07"})
    publish_version(paths, settings)
    run_extracts(paths.brand, brand, paths, settings)
