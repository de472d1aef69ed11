"""A folder from a stranger whose files are changed at random: nothing outside is touched, and only one error leaves."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import plain_tree, read_tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facekit.base.contract import FacekitError
from facekit.commands.augment import augment
from facekit.commands.balance import balance
from facekit.commands.crop import crop
from facekit.dataset import Dataset
from facekit.options.augment import Augment
from facekit.options.balance import Balance
from facekit.options.crop import Crop

EXAMPLES = int(os.environ.get("FACEKIT_FUZZ", "60"))

LINES = ("manifest.jsonl", "sources.jsonl", "rejected.jsonl")

FIELDS = {
    "manifest.jsonl": (
        *("id", "sha256", "path", "label", "name", "origin", "group", "parent", "made_by", "synthetic", "split"),
        *("box", "score", "quality", "targets", "moved_from", "aura"),
    ),
    "sources.jsonl": ("origin", "url", "final_url", "page_url", "engine", "query", "rank", "fetched_at", "licence"),
    "rejected.jsonl": ("stage", "id", "label", "path", "reason", "value", "parent", "origin", "box", "like"),
}

INFO = ("stage", "options", "input", "made_from", "facekit", "complete", "protocol", "crop", "drawn", "stale", "people")


# How a tree is changed

NAMES = ["Ada", "Bob", "../../home", "../../home/private", "{home}", "/", "..", ".", "", "a/b", "x" * 300, "~", "Cy"]
PATHS = [
    *("Ada/x.jpg", "Bob/x.jpg", "../../home/run.sh", "../../home/private/0700.png", "{home}/private/0700.png"),
    *("Ada/../../../home/run.sh", "Ada/..", "Ada/", "/dev/zero", "/etc/passwd", "manifest.jsonl", "Ada/\0.jpg"),
]

words = st.sampled_from([*NAMES, *PATHS, "0" * 64, "f" * 64, "copy", "augment", "train", "test", "removed by hand"])
numbers = st.one_of(st.integers(-3, 3), st.integers(), st.floats(), st.sampled_from([10**30, -(2**63), 1e308]))
plain = st.one_of(st.none(), st.booleans(), numbers, words, st.text(max_size=20))
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(words, inner, max_size=3))


@dataclass(frozen=True)
class Change:
    """One change of one file; `act` does it to the tree at `root`, beside which `home` is the user's."""

    what: str
    act: Callable[[Path, Path], None]

    def __repr__(self) -> str:
        return self.what


def _at_home(value: Any, home: Path) -> Any:
    return json.loads(json.dumps(value).replace("{home}", str(home)))


def _is_ours(file: Path) -> bool:
    """Whether an earlier change has left a plain file: reading a FIFO would wait, a write would follow a link."""
    return file.is_file() and not file.is_symlink()


def set_field(file: str, line: int, field: str, value: Any) -> Change:
    def act(root: Path, home: Path) -> None:
        if not _is_ours(root / file):
            return
        lines = [json.loads(text) for text in (root / file).read_text().splitlines()]
        if lines:
            lines[line % len(lines)][field] = _at_home(value, home)
            (root / file).write_text("".join(json.dumps(one) + "\n" for one in lines))

    return Change(f"{file}, line {line}: {field} = {value!r}", act)


def set_info(field: str, value: Any) -> Change:
    def act(root: Path, home: Path) -> None:
        if not _is_ours(root / "dataset.json"):
            return
        info = json.loads((root / "dataset.json").read_text())
        (root / "dataset.json").write_text(json.dumps({**info, field: _at_home(value, home)}))

    return Change(f"dataset.json: {field} = {value!r}", act)


def put_bytes(file: str, data: bytes, place: int) -> Change:
    def act(root: Path, home: Path) -> None:
        if not _is_ours(root / file):
            return
        held = (root / file).read_bytes()
        at = place % (len(held) + 1)
        (root / file).write_bytes(held[:at] + data + held[at:])

    return Change(f"{file}: {data!r} at {place}", act)


def repeat_line(file: str, line: int) -> Change:
    def act(root: Path, home: Path) -> None:
        if not _is_ours(root / file):
            return
        lines = (root / file).read_text().splitlines(keepends=True)
        (root / file).write_text("".join(lines + lines[line % len(lines) :][:1] if lines else []))

    return Change(f"{file}: line {line} twice", act)


def replace_by(path: str, kind: str) -> Change:
    """Put a link out of the tree, a FIFO, a folder or nothing in place of a file or a label's folder."""

    def act(root: Path, home: Path) -> None:
        target = root / path if path in (*LINES, "dataset.json", "Ada") else sorted((root / path).iterdir())[0]
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        if kind == "link":
            target.symlink_to(home / "private" if path == "Ada" else home / "private" / "0700.png")
        elif kind == "script":
            target.symlink_to(home / "run.sh")
        elif kind == "fifo":
            os.mkfifo(target)
        elif kind == "folder":
            target.mkdir()

    return Change(f"{path} is a {kind}", act)


changes = st.one_of(
    st.sampled_from(LINES).flatmap(
        lambda file: st.builds(set_field, st.just(file), st.integers(0, 9), st.sampled_from(FIELDS[file]), values)
    ),
    st.builds(set_info, st.sampled_from(INFO), values),
    st.builds(set_info, st.just("stale"), st.dictionaries(st.sampled_from(PATHS), words, max_size=3)),
    st.builds(put_bytes, st.sampled_from([*LINES, "dataset.json"]), st.binary(max_size=40), st.integers(0, 5000)),
    st.builds(repeat_line, st.sampled_from(LINES), st.integers(0, 9)),
    st.builds(
        replace_by,
        st.sampled_from([*LINES, "dataset.json", "Ada", "Bob"]),
        st.sampled_from(["link", "script", "fifo", "folder", "nothing"]),
    ),
)


# What is watched

_watched: list[tuple[str, str]] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched is not None and event in ("open", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate"):
        _watched.extend((event, os.fsdecode(path)) for path in arguments[:2] if isinstance(path, str | bytes))


sys.addaudithook(_watch)


@contextmanager
def untouched(home: Path) -> Iterator[None]:
    """Fail where a file at home is opened, or anything there changes."""
    global _watched
    before, _watched = read_tree(home), []
    try:
        yield
    finally:
        seen, _watched = _watched, None
    real = f"{os.path.realpath(home)}{os.sep}"
    # A path from the handle of a folder is a name alone; that folder is inside, because links to it are refused.
    absolute = [(event, path) for event, path in seen if path.startswith("/")]
    assert [(event, path) for event, path in absolute if os.path.realpath(path).startswith(real)] == []
    assert [path for _, path in seen if path in ("/dev/zero", "/etc/passwd")] == []
    assert read_tree(home) == before


@dataclass(frozen=True)
class Place:
    """A tree that facekit made, the photos it was made of, and the user's own files."""

    photos: Path
    tree: Path
    home: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    base = tmp_path_factory.mktemp("place")
    photos = plain_tree(base / "work" / "photos", {"Ada": 4, "Bob": 4}, side=24)
    (photos / "Bob" / "broken.jpg").write_bytes(b"no picture")
    home = plain_tree(base / "home", {"private": 3}, first=700, side=24)
    (home / "run.sh").write_bytes(b"#!/bin/sh\necho mine\n")
    crop(Crop(input=photos, output=base / "work" / "tree", detect=False, size=24, jobs=1))
    balance(Balance(input=base / "work" / "tree", output=base / "work" / "even", count=5, jobs=1))
    return Place(photos, base / "work" / "tree", home)


Run = Callable[[Path, Path], Any]

RUNS: dict[str, Run] = {
    "open": lambda tree, work: Dataset.open(tree),
    "crop": lambda tree, work: crop(Crop(input=tree, output=work / "cropped", detect=False, size=24, jobs=1)),
    "balance": lambda tree, work: balance(Balance(input=tree, output=work / "balanced", count=5, jobs=1)),
    "by image": lambda tree, work: balance(
        Balance(input=tree, output=work / "by image", count=5, split_by="image", jobs=1)
    ),
    "augment": lambda tree, work: augment(
        Augment(input=tree, output=work / "augmented", count=7, recipe="gentle", jobs=1)
    ),
    "into": lambda tree, work: crop(Crop(input=work / "photos", output=tree, detect=False, size=24, jobs=1)),
    "anew": lambda tree, work: crop(
        Crop(input=work / "photos", output=tree, detect=False, size=24, jobs=1, overwrite=True)
    ),
}


@given(changed=st.lists(changes, min_size=1, max_size=3))
@settings(
    derandomize="FACEKIT_FUZZ" not in os.environ,  # the same examples in each run of the tests, new ones by the hour
    max_examples=EXAMPLES,
    deadline=timedelta(seconds=60),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_nothing_outside_is_touched(place: Place, changed: list[Change]) -> None:
    work = place.tree.parent
    tree = Path(shutil.copytree(place.tree, work / "changed"))
    try:
        for change in changed:
            with suppress(OSError, ValueError):  # an earlier change may have left nothing to change
                change.act(tree, place.home)
        for run in RUNS.values():
            with untouched(place.home), suppress(FacekitError):
                run(tree, work)
        assert {entry.name for entry in work.parent.iterdir()} == {"work", "home"}
    finally:
        for name in ("changed", "cropped", "balanced", "by image", "augmented"):
            shutil.rmtree(work / name, ignore_errors=True)
