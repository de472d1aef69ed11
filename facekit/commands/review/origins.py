"""Where the pictures of a folder came from: its source, the source's source, and so on to the photos."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from facekit.base import files as lines
from facekit.base.contract import Record, Rejection, Source
from facekit.dataset import MANIFEST, SOURCES
from facekit.dataset.tree import read_info

MADE_FROM = "made_from"
MOST_TREES = 16
"""Folders made from folders are followed so far: by then they lead round in a circle."""


def inside(root: Path, path: str) -> Path | None:
    """Return the file that a line names as `label/file`; None for a path that leads anywhere else."""
    label, _, name = path.partition("/")
    plain = label and name and "/" not in name and "\0" not in path and not path.startswith(".") and name[0] != "."
    return Path(f"{root}/{path}") if plain else None


class Tree:
    """What one folder's lines say; read when first asked for, because a tree of photos may be large."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.info: dict[str, Any] = read_info(root)
        self._hashed: dict[str, dict[str, str]] = {}

    @cached_property
    def sources(self) -> dict[str, Source]:
        """Origin -> where that photo was found."""
        return {s.origin: s for s in lines.read_lines(self.root / SOURCES, Source)}

    @cached_property
    def paths(self) -> dict[tuple[str, str], str]:
        """Label and id -> path of a picture, as its line has it."""
        return {(at.label, at.id): at.path for at in lines.iterate_lines(self.root / MANIFEST, _Place)}

    @cached_property
    def _ids(self) -> dict[str, tuple[str, str]]:
        return {path: names for names, path in self.paths.items()}

    @cached_property
    def paths_by_id(self) -> dict[str, str]:
        """Id -> path of a picture under any of its labels."""
        return {id: path for (_, id), path in self.paths.items()}

    def find(self, label: str, id: str) -> Path | None:
        """Return the file of a picture under a label; None where it is gone."""
        path = self.paths.get((label, id)) or self._plain(label).get(id)
        return inside(self.root, path) if path else None

    def names(self, path: str) -> tuple[str, str]:
        """Return label and id of the picture at a path; empty where there is none."""
        if path in self._ids:
            return self._ids[path]
        label = path.partition("/")[0]
        return next(((label, id) for id, found in self._plain(label).items() if found == path), ("", ""))

    def record_of(self, left: Rejection) -> Record | None:
        """Return the record of a picture that was left out of what was made from this tree; None where it is gone.

        A file that no line names has none: it is made from what is known of the picture.
        """
        if (left.label, left.id) in self.paths:
            found = lines.read_lines(self.root / MANIFEST, Record)
            return next((r for r in found if (r.label, r.id) == (left.label, left.id)), None)
        path = self._plain(left.label).get(left.id)
        if path is None:
            return None
        return Record(left.id, left.id, path, left.label, left.label, left.origin or left.id, box=left.box)

    def _plain(self, label: str) -> dict[str, str]:
        """Return the files of a label that no line names: there the id is the hash of the bytes."""
        if label not in self._hashed:
            named = set(self.paths.values())
            folder = inside(self.root, f"{label}/x")
            files = sorted(folder.parent.glob("[!.]*")) if folder else []
            found = {f"{label}/{file.name}": file for file in files if file.is_file()}
            self._hashed[label] = {
                hashlib.sha256(file.read_bytes()).hexdigest(): path for path, file in found.items() if path not in named
            }
        return self._hashed[label]


class Origins:
    """A folder's ancestors, nearest first."""

    def __init__(self, root: Path) -> None:
        self.own = Tree(root)
        self.trees: list[Tree] = []
        here = self.own
        while (way := here.info.get(MADE_FROM)) and len(self.trees) < MOST_TREES:
            root = Path(os.path.normpath(here.root.resolve() / str(way)))
            if not root.is_dir():
                break
            here = Tree(root)
            self.trees.append(here)

    @property
    def source(self) -> Tree | None:
        """The folder that this one was made from; None where it is gone."""
        return self.trees[0] if self.trees else None

    def picture(self, label: str, id: str, path: str) -> Path | None:
        """Return the file in the source of a picture that this folder left out, or had."""
        if self.source is None:
            return None
        file = inside(self.source.root, path)
        if file is not None and file.is_file():
            return file
        return self.source.find(label, id)

    def photo(self, origin: str) -> Path | None:
        """Return the file of a photo as it was found; None where it is gone."""
        for tree in self.trees:
            if origin in tree.paths_by_id:
                return inside(tree.root, tree.paths_by_id[origin])
        source = self.source_of(origin)
        if source is not None and source.engine == "folder" and source.url and self.trees:
            return inside(self.trees[-1].root, source.url)
        return None

    def source_of(self, origin: str) -> Source | None:
        """Return where a photo was found."""
        return next((tree.sources[origin] for tree in (self.own, *self.trees) if origin in tree.sources), None)


@dataclass(frozen=True, slots=True)
class _Place:
    """What of a record says where its picture is."""

    label: str
    id: str
    path: str
