"""Every reader of a file that may come from a stranger, with a valid file to begin from.

A reader returns, or raises a FacekitError (a BadImage of a picture): anything else is a bug.
"""

from __future__ import annotations

import io
import lzma
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from older import MADE

from facekit.base import images
from facekit.base.contract import BadImage, FacekitError


@dataclass(frozen=True)
class Reader:
    """A reader of one file: the file's name in its folder, a valid one, and what reads the folder."""

    name: str
    file: str
    seed: Path | bytes
    read: Callable[[Path], object]

    def start(self, folder: Path) -> bytes:
        """Put what the reader needs beside its file into a folder, and return the bytes of a valid file.

        Of lines the first two: each is read by itself, and a short file is read, and changed, more often.
        """
        beside = self.seed.parent if isinstance(self.seed, Path) else None
        if beside is not None and self.name in ("head", "split"):
            shutil.copytree(beside, folder, dirs_exist_ok=True)
        valid = self.seed.read_bytes() if isinstance(self.seed, Path) else self.seed
        return b"".join(valid.splitlines(keepends=True)[:2]) if self.file.endswith(".jsonl") else valid

    def holds(self, folder: Path, data: bytes) -> None:
        """Read these bytes in place of the valid ones. Raises what no user should see."""
        (folder / self.file).write_bytes(data)
        with suppress(FacekitError, BadImage):
            self.read(folder)


def _records(folder: Path) -> object:
    from facekit.dataset.records import read_records

    return read_records(folder / "manifest.jsonl")


def _sources(folder: Path) -> object:
    from facekit.dataset.records import read_sources

    return read_sources(folder / "sources.jsonl")


def _links(folder: Path) -> object:
    from facekit.dataset.records import read_links

    return read_links(folder / "groups.jsonl")


def _rejections(folder: Path) -> object:
    from facekit.dataset.records import read_rejections

    return read_rejections(folder / "rejected.jsonl")


def _decisions(folder: Path) -> object:
    from facekit.dataset.decisions import Decisions

    return Decisions(folder).read()


_MADE_FROM = b'{"facekit":"0.2.0","model":"/run","pictures":[["Ada","0.jpg","00","test","g",null]]}'


def _made_from(folder: Path) -> object:
    from facekit.dataset.changes import Seen
    from facekit.dataset.made_from import MadeFrom

    return MadeFrom(model="/run", pictures=(Seen("Ada", "0.jpg", "00"),)).check(folder, "facekit evaluate run")


def _info(folder: Path) -> object:
    from facekit.dataset.info import read_info

    return read_info(folder)


def _states(folder: Path) -> object:
    from facekit.commands.scrape.state import States

    return States(folder, write=False)


def _run(folder: Path) -> object:
    from facekit.runs.run import read

    return read(folder)


def _split(folder: Path) -> object:
    from facekit import runs

    return runs.load(folder).split


def _history(folder: Path) -> object:
    from facekit.runs.history import read_history

    return read_history(folder / "history.csv")


def _checkpoint(folder: Path) -> object:
    from facekit.training.checkpoint import Checkpoint

    return Checkpoint.open(folder)


def _head(folder: Path) -> object:
    from facekit.runs.head import Head

    return Head.read(folder / "head.npz", 128, 2)


def _gallery(folder: Path) -> object:
    from facekit.runs.known_faces import KnownVectors

    return KnownVectors.read(folder / "gallery.npz", 3, 4, 2)


def _weights(folder: Path) -> object:
    from facekit.runs.weights import read_shapes

    try:
        return read_shapes(folder / "model.weights.h5")
    except (OSError, ValueError):  # which the caller turns into a line
        return None


def _copy(folder: Path) -> object:
    from facekit.commands.audit.without import read_note

    return read_note(folder)


def _comparison(folder: Path) -> object:
    from facekit.commands.compare.folder import begun
    from facekit.options.compare import Compare

    return begun(Compare(input=folder / "faces", output=folder))


def _recipe(folder: Path) -> object:
    from facekit.cli.run import plan, read
    from facekit.options.run import Run

    options = Run(recipe=folder / "recipe.toml", output=folder / "made")
    return plan(options, read(options.recipe))


def _contenders(folder: Path) -> object:
    from facekit.commands.compare.contenders import contenders
    from facekit.options.compare import Compare

    return contenders(Compare(input=folder / "faces", output=folder / "new", contenders=folder / "contenders.toml"))


def _pairs(folder: Path) -> object:
    from facekit.dataset import pairlists

    return pairlists.read(folder / "pairs.csv")


def _table(folder: Path) -> object:
    from facekit.dataset import tables

    return tables.read(folder / "table.csv")


def _names(folder: Path) -> object:
    from facekit.commands.scrape import names

    read = names.read_names([str(folder / "names.csv")])
    return names.labels(names.merge(read)[0], {})


def _described(folder: Path) -> object:
    from facekit.dataset import metadata

    return metadata.read(next(folder.glob("metadata.*")))


def _archive(folder: Path) -> object:
    from facekit.dataset.archives import unpack

    with tempfile.TemporaryDirectory(dir=folder) as empty:
        unpacked = unpack(folder / "photos", Path(empty))
        below = sorted(path for path in Path(empty).rglob("*") if not path.is_dir())
        assert below == sorted(Path(empty) / path for path in unpacked.members), "something else was written"
        assert all(path.is_file() and not path.is_symlink() for path in below)
        return unpacked


def _picture(folder: Path) -> object:
    return images.read(folder / "picture.jpg")


_CONTENDERS = (
    b'[defaults]\nepochs = 1\n\n[[contender]]\nname = "dlib"\nbackbone = "dlib"\n\n[[contender]]\nnetwork = "cnn3"\n'
)
_LINK = b'{"first": "%s", "second": "%s", "reason": "burst", "stage": "crop", "matcher": "x"}\n' % (
    b"0" * 64,
    b"1" * 64,
)
_NOTE = b'{"facekit": "0.2.0", "of": "/faces", "left_out": ["a/2.jpg"], "files": {"a/1.jpg": "%s"}}' % (b"0" * 64)
_PAIRS = b"first,second,same,who\na/1.jpg,a/2.jpg,1,x\na/1.jpg,b/1.jpg,0,y\n"
_LFW = b"2\nAda\t1\t2\nBob\t1\t3\nAda\t1\tBob\t2\nBob\t1\tAda\t3\n"


def _npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, vectors=np.ones((3, 4), "<f4"), classes=np.array([0, 1, 1], "<i4"))
    return file.getvalue()


_GALLERY = _npz()

_FACE = next((MADE / "faces" / "Quinn Ibarra").iterdir())
_MEMBERS = {"photos/Ada/1.jpg": _FACE.read_bytes(), "photos/metadata.jsonl": b'{"file_name": "Ada/1.jpg"}\n'}


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in _MEMBERS.items():
            out.writestr(name, data)
    return file.getvalue()


def _tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as out:
        for name, data in _MEMBERS.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return file.getvalue()


READERS = [
    Reader("manifest", "manifest.jsonl", MADE / "augmented" / "manifest.jsonl", _records),
    Reader("sources", "sources.jsonl", MADE / "raw" / "sources.jsonl", _sources),
    Reader("groups", "groups.jsonl", _LINK, _links),
    Reader("rejected", "rejected.jsonl", MADE / "clean" / "rejected.jsonl", _rejections),
    Reader("decisions", "decisions.jsonl", MADE / "clean" / "decisions.jsonl", _decisions),
    Reader("info", "dataset.json", MADE / "clean" / "dataset.json", _info),
    Reader("scrape", ".scrape.jsonl", MADE / "raw" / ".scrape.jsonl", _states),
    Reader("scrape on", ".scrape.jsonl", MADE / "raw-interrupted" / ".scrape.jsonl", _states),
    Reader("run", "model.json", MADE / "run" / "model.json", _run),
    Reader("split", "split.jsonl", MADE / "head" / "split.jsonl", _split),
    Reader("history", "history.csv", MADE / "run" / "history.csv", _history),
    Reader("checkpoint", "state.json", MADE / "run-interrupted" / "checkpoint" / "state.json", _checkpoint),
    Reader("head", "head.npz", MADE / "head" / "head.npz", _head),
    Reader("gallery", "gallery.npz", _GALLERY, _gallery),
    Reader(
        "weights", "model.weights.h5", lzma.decompress((MADE / "run" / "model.weights.h5.xz").read_bytes()), _weights
    ),
    Reader("copy", "audit.json", _NOTE, _copy),
    Reader("made from", "made-from.json", _MADE_FROM, _made_from),
    Reader("comparison", "compare.json", MADE / "comparison" / "compare.json", _comparison),
    Reader("recipe", "recipe.toml", MADE / "recipe.toml", _recipe),
    Reader("contenders", "contenders.toml", _CONTENDERS, _contenders),
    Reader("pairs", "pairs.csv", _PAIRS, _pairs),
    Reader("lfw", "pairs.csv", _LFW, _pairs),
    Reader("table", "table.csv", b"image,who\na/1.jpg,x\nb/1.jpg,y\n", _table),
    Reader("names", "names.csv", "name\nAda Lovelace\nBob\nJosé\n".encode(), _names),
    Reader("metadata", "metadata.jsonl", b'{"file_name": "Ada/1.jpg", "label": "Ada", "age": 3}\n', _described),
    Reader("metadata table", "metadata.csv", b"file_name,label,age\nAda/1.jpg,Ada,3\n", _described),
    Reader("zip", "photos", _zip(), _archive),
    Reader("tar", "photos", _tar(), _archive),
    Reader("picture", "picture.jpg", _FACE, _picture),
    Reader("heic", "picture.jpg", MADE.with_name("heic") / "plain.heic", _picture),
]
