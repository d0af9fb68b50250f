"""The platforms of the demo world: one Starlette application each, all on one shared base.

A new platform is one module here with a class deriving from ``base.Platform``, and one line in ``PLATFORMS``.
"""

from __future__ import annotations

from demo.platforms.base import Platform
from demo.platforms.bluesky import BlueskyAppView, BlueskyPds
from demo.platforms.mastodon import Mastodon
from demo.platforms.wordpress import WordPress

#: service name -> application class; each service is a process of its own
PLATFORMS: dict[str, type[Platform]] = {
    "mastodon": Mastodon,
    "bluesky": BlueskyAppView,
    "bluesky_pds": BlueskyPds,
    "wordpress": WordPress,
}
