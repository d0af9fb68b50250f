"""A world of told events as columns, until the generator draws columns itself.

Data flow: ``behaviour.generate_world`` -> ``WorldBuilder`` -> DIR/world.json, DIR/world/<platform>/*.parquet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from demo.model import WORLD_DAYS, World, WorldBuilder


def write_columns(world: World, folder: Path) -> None:
    """Write a world of events as columns."""
    builder = WorldBuilder(world.anchor, WORLD_DAYS, world.seed)
    builder.add_brand(**world.brand)
    numbers: dict[tuple[str, str], int] = {}
    ahead: dict[tuple[str, str], int] = {}
    own = {(row["platform"], row["account_id"]) for row in world.brand["accounts"]}
    for account in world.accounts:
        key = (account.platform, account.account_id)
        columns = {k: v for k, v in vars(account).items() if k not in ("platform", "account_id", "username")}
        brand = world.brand["key"] if key in own else None
        numbers[key] = builder.add_account(account.platform, account.account_id, account.username, brand=brand, **columns)
        ahead[key] = account.traits.get("clock_ahead_ms", 0)
    posts: dict[tuple[str, str], int] = {}
    ends: dict[tuple[str, str, str, str], list[int]] = {}
    deletions = {(e.platform, e.data["post_id"]): (e.ts, e.data["mode"]) for e in world.events if e.kind == "delete"}
    for event in world.events:
        if event.kind in ("unlike", "unreshare", "unfollow"):
            thing = event.data.get("post_id") or event.data["target"]
            ends.setdefault((event.platform, event.kind[2:], event.actor, thing), []).append(event.ts)
    for event in world.events:
        platform, data, actor = event.platform, event.data, numbers[(event.platform, event.actor)]
        if event.kind == "post":
            more: dict[str, Any] = {"content_id": data["cid"]} if "cid" in data else {}
            more |= {name: posts[(platform, data[f"{name}_id"])] for name in ("parent", "quoted") if data[f"{name}_id"]}
            deleted_at, mode = deletions.get((platform, data["post_id"]), (None, None))
            posts[(platform, data["post_id"])] = builder.add_message(
                platform, data["post_id"], actor, event.ts + ahead[(platform, event.actor)], data["segments"], visible_at=event.ts,
                site=world.brand["key"] if platform == "wordpress" else None, client=data["client"], has_media=data["has_media"],
                title=data["title"], deleted_at=deleted_at, delete_mode=mode, kind=data["kind"], **more,
            )  # fmt: skip
        elif event.kind == "edit":
            builder.add_edit(platform, posts[(platform, data["post_id"])], event.ts, data["segments"])
        elif event.kind in ("like", "reshare", "follow"):
            thing = data.get("post_id") or data["target"]
            ended = [ts for ts in ends.get((platform, event.kind, event.actor, thing), []) if ts >= event.ts]
            about = {"message": posts[(platform, thing)]} if "post_id" in data else {"target": numbers[(platform, thing)]}
            builder.add_reaction(platform, event.kind, actor, event.ts, ended_at=min(ended, default=None), **about)
        elif event.kind in ("rename", "protect", "suspend", "deactivate", "block"):
            target = {"target": numbers[(platform, data["target"])]} if "target" in data else {}
            builder.add_change(platform, event.kind, actor, event.ts, **target, **{k: v for k, v in data.items() if k != "target"})
    builder.write(folder)
