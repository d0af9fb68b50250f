"""Locks of a brand lie in its folder, and the folder may go at any moment: whoever wants one gets it, or learns in words why not."""

from __future__ import annotations

import fcntl
import pathlib
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import filelock
import pytest
from visited_task import record_lines, run_visited

from fifty import warehouse
from fifty.errors import DepartedError, RetryableError
from fifty.offboard import offboard_brand
from fifty.settings import Settings
from fifty.warehouse import BrandPaths, hold_folder, lock_brand

Take = Callable[[BrandPaths, Settings], AbstractContextManager[None]]
LOCKS = pytest.mark.parametrize("take", [lock_brand, lambda paths, _: hold_folder(paths)], ids=["writer", "folder"])
# Below ours, too: a folder that is made, and gone when it is looked at.
WATCHED = (warehouse, pathlib, filelock._unix)


def begin(paths: BrandPaths, *, is_new: bool = False) -> None:
    shutil.rmtree(paths.data, ignore_errors=True)
    paths.landing.mkdir(parents=True)
    if is_new:
        # Something of the brand is there, and its own folder is not.
        paths.root.rename(paths.tombstone)


@LOCKS
@pytest.mark.parametrize("is_new", [False, True], ids=["known", "new"])
def test_whoever_takes_a_lock_while_the_brand_leaves_has_it_or_is_told(paths: BrandPaths, settings: Settings, take: Take, is_new: bool) -> None:
    came: list[str] = []

    def work() -> None:
        try:
            with take(paths, settings):
                came.append("in")
                assert paths.root.is_dir()
        except DepartedError:
            came.append("departed")

    def leave() -> None:
        try:
            offboard_brand("acme", settings, None)
        except RetryableError:
            came.append("refused")

    begin(paths, is_new=is_new)
    lines = record_lines(work, watched=WATCHED)
    assert len(lines) > 40
    outcomes = set()
    for line in lines:
        came.clear()
        begin(paths, is_new=is_new)
        run_visited(work, watched=WATCHED, at=line, visit=leave)
        assert set(came) in ({"in"}, {"departed"}, {"in", "refused"}), line
        assert paths.root.exists() == ("refused" in came), line
        outcomes.add(frozenset(came))
    assert outcomes >= {frozenset({"departed"}), frozenset({"in", "refused"})}


@LOCKS
def test_a_folder_that_somebody_removes_before_it_is_held_is_made_again(paths: BrandPaths, settings: Settings, take: Take) -> None:
    was_there: list[bool] = []

    def work() -> None:
        with take(paths, settings):
            was_there.append(paths.root.is_dir())

    def remove() -> None:
        # By hand, looking first whether anybody is at work.
        for lock in paths.root.glob(".*.lock"):
            with lock.open("a") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
        shutil.rmtree(paths.root, ignore_errors=True)

    begin(paths)
    for line in record_lines(work, watched=WATCHED):
        was_there.clear()
        begin(paths)
        run_visited(work, watched=WATCHED, at=line, visit=remove)
        assert was_there == [True], line


@LOCKS
@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_folder_that_cannot_be_made_is_named(paths: BrandPaths, settings: Settings, take: Take, tmp_path: Path, kind: str) -> None:
    paths.data.mkdir()
    paths.root.touch() if kind == "file" else paths.root.symlink_to(tmp_path / "a disk that is not there")
    with pytest.raises(RetryableError, match="folder cannot be made") as caught, take(paths, settings):
        pass
    assert (caught.value.where, "FileExistsError" in caught.value.seen) == (str(paths.root), True)
