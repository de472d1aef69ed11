"""FER2013: 48x48 grey faces of seven expressions, as a CSV of pixels or as folders of pictures.

`fer2013.csv` and `icml_face_data.csv` have the columns `emotion`, `pixels` and `Usage`, `train.csv` the first two.
As folders it is `train/happy/Training_123.jpg` and so on, with what would be `Usage` at the beginning of each name.
`Training` is train, `PublicTest` validation and `PrivateTest` test, as in the challenge; where the last is not there,
`PublicTest` is test.
"""

from __future__ import annotations

import csv
import hashlib
import io
import logging
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.base import images
from facekit.base.errors import FacekitError
from facekit.base.opening import open_regular, reading
from facekit.base.text import whole
from facekit.dataset.layouts import PART
from facekit.dataset.published import lists
from facekit.dataset.published.pictures import UNREADABLE, Picture, Published, Terms, Unusable, wrong_folder

TERMS = Terms(
    "FER2013",
    "https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge",
    "no licence stated; published for research",
    "Goodfellow et al.: Challenges in Representation Learning, ICML 2013 workshop",
)

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""What the numbers of the column `emotion` stand for."""

_SIDE = 48
_WANTED = "fer2013.csv, icml_face_data.csv, or train/happy/Training_123.jpg and so on"
_TABLES = ("fer2013.csv", "icml_face_data.csv", "train.csv")
_USAGES = ("Training", "PublicTest", "PrivateTest")

log = logging.getLogger(__name__)


def read(root: Path) -> Published:
    """Return what FER2013 holds. Raises FacekitError for another folder."""
    table = root if root.is_file() else lists.find(root, _TABLES, ("", "fer2013"))
    if table is not None:
        found = list(_rows(table))
    elif root.is_dir():
        found = list(_files(root))
    else:
        found = []
    usages = {usage for one, usage in found if isinstance(one, Picture)}
    if not usages:
        raise wrong_folder(root, "FER2013", _WANTED)
    parts = _parts(usages)
    pictures = (
        one if isinstance(one, Unusable) else Picture(one.name, one.labels, parts[usage], one.file, one.content, one.id)
        for one, usage in found
    )
    words = ", ".join(f"{usage} as {parts[usage]}" for usage in _USAGES if usage in usages)
    return Published(TERMS, "expression", pictures, words)


def _parts(usages: set[str]) -> dict[str, str]:
    """Return what each usage is a part of the split of."""
    public = "validation" if "PrivateTest" in usages else "test"
    return {"Training": "train", "PublicTest": public, "PrivateTest": "test"}


def _rows(file: Path) -> Iterator[tuple[Picture | Unusable, str]]:
    with reading(file), open_regular(file) as data:
        rows = csv.reader(io.TextIOWrapper(data, encoding="utf-8-sig", errors="replace", newline=""))
        try:
            columns = [name.strip() for name in next(rows, [])]
            if not {"emotion", "pixels"} <= set(columns):
                raise FacekitError(f"{file} has no columns emotion and pixels; download it again")
            for values in rows:
                row = dict(zip(columns, map(str.strip, values), strict=False))
                yield _row(file, rows.line_num, row), row.get("Usage", "Training")
        except csv.Error as error:
            raise FacekitError(f"{file}, line {rows.line_num} is not valid CSV ({error}); download it again") from None


def _row(file: Path, line: int, row: Mapping[str, str]) -> Picture | Unusable:
    number, name = whole(row.get("emotion", "")), f"{file.name}!{line}"
    pixels = _pixels(row.get("pixels", ""))
    if number is None or number >= len(EXPRESSIONS) or row.get("Usage", "Training") not in _USAGES or pixels is None:
        return Unusable(name, UNREADABLE, f"line {line}")
    # By its pixels, not by its file's bytes: another version of zlib must not make another picture of it.
    id = hashlib.sha256(pixels.tobytes()).hexdigest()
    return Picture(name, {"expression": EXPRESSIONS[number]}, content=partial(_png, pixels), id=id)


def _pixels(text: str) -> NDArray[np.uint8] | None:
    """Return the 48 x 48 grey pixels of a row; None for a row that has not so many, or others than 0 to 255."""
    words = text.split()
    if len(words) != _SIDE * _SIDE or not all(word.isascii() and word.isdecimal() and len(word) < 4 for word in words):
        return None
    values = np.array(words, np.int64)
    return values.astype(np.uint8).reshape(_SIDE, _SIDE) if values.max() < 256 else None


def _png(pixels: NDArray[np.uint8]) -> bytes:
    return images.encode_gray(pixels)


def _files(root: Path) -> Iterator[tuple[Picture | Unusable, str]]:
    for top in lists.folders_in(root):
        for label in lists.folders_in(root / top):
            if label.lower() not in EXPRESSIONS:
                continue
            for path in lists.pictures_in(root, f"{top}/{label}"):
                usage = _usage(Path(path).name, top)
                if usage is None:
                    yield Unusable(path, UNREADABLE, "neither its name nor its folder says which part it is in"), ""
                else:
                    yield Picture(path, {"expression": label.lower()}, file=root / path), usage


def _usage(file: str, folder: str) -> str | None:
    """Return what a picture was published for: as its name says, else as the folder of its part does."""
    named = next((usage for usage in _USAGES if file.startswith(usage)), None)
    by_part = {"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}
    return named or by_part.get(PART.get(folder.lower(), ""))
