"""Folders to review, written as `clean` writes them, and the server of a real `facekit review`."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np

from facekit.base import files as lines
from facekit.base import images
from facekit.base.contract import Box, Image, Record, Rejection, Source, replace
from facekit.dataset import INFO, MANIFEST, REJECTED, SOURCES, photo_path

KEEP_AT, REJECT_AT = 0.5, 0.05


@dataclass(frozen=True)
class Drawn:
    """One face of a folder to review: what `clean` made of it."""

    label: str
    chance: float | None = None
    reason: str | None = None
    repeats: int | None = None
    """The place, under its label, of the face that it repeats."""


def faces_of(label: str, chances: Sequence[float]) -> list[Drawn]:
    """Faces as `clean` leaves them by their probability: kept, unsure among them, or someone else."""
    return [Drawn(label, p, "wrong person" if p <= REJECT_AT else None) for p in chances]


DISTINCT = 200
"""How many faces look different; drawing ten thousand would take a test's time."""


@lru_cache(DISTINCT)
def _jpeg(seed: int, side: int) -> bytes:
    return images.encode(portrait(seed, side), 90)


def portrait(seed: int, side: int = 96) -> Image:
    """A picture that can be told from others at a glance: a head in a colour of its own."""
    rng = np.random.default_rng(seed)
    ground, skin, hair = (tuple(int(c) for c in rng.integers(40, 230, 3)) for _ in range(3))
    image = np.full((side, side, 3), ground, np.uint8)
    middle = (side // 2, side * 11 // 20)
    cv2.ellipse(image, middle, (side * 3 // 10, side * 2 // 5), 0, 0, 360, hair, -1)
    cv2.ellipse(image, (middle[0], middle[1] + side // 16), (side // 4, side // 3), 0, 0, 360, skin, -1)
    for x in (-1, 1):
        cv2.circle(image, (middle[0] + x * side // 10, middle[1]), max(1, side // 28), (20, 20, 20), -1)
    return image


def write(root: Path, faces: Sequence[Drawn], side: int = 96, photos: bool = True, **info: Any) -> Path:
    """Write photos, the faces cut from them, and `clean`'s folder beside them; return that."""
    made = _faces(root, faces, side, photos)
    clean, source = root / "clean", root / "faces"
    records, rejections = [], []
    places: dict[str, list[Record]] = {}
    for face, record in zip(faces, made, strict=True):
        under = places.setdefault(face.label, [])
        under.append(record)
        if face.reason:
            value = under[face.repeats].path if face.repeats is not None else face.chance
            rejections.append(Rejection.of("clean", record, face.reason, value))
        else:
            quality = {"sharpness": 210.0, "brightness": 120.0}
            quality |= {} if face.chance is None else {"person": face.chance}
            records.append(replace(record, quality=quality, group=record.origin))
            (clean / face.label).mkdir(parents=True, exist_ok=True)
            os.link(source / record.path, clean / record.path)
    clean.mkdir(exist_ok=True)
    origins = {record.origin for record in records}
    known = lines.read_lines(source / SOURCES, Source)
    lines.replace_lines(clean / SOURCES, (s.to_json() for s in known if s.origin in origins))
    lines.replace_lines(clean / MANIFEST, (r.to_json() for r in records))
    lines.replace_lines(clean / REJECTED, (r.to_json() for r in rejections))
    options = {"keep_at": KEEP_AT, "reject_at": REJECT_AT}
    people = {"people": {"nobody": [], "one_person": []}} if any(face.chance is not None for face in faces) else {}
    about = {"stage": "clean", "options": options, "made_from": "../faces", "complete": True}
    put_info(clean, {**about, **people, **info})
    return clean


def put_info(root: Path, info: Mapping[str, Any]) -> None:
    (root / INFO).write_text(json.dumps(info))


def _faces(root: Path, faces: Sequence[Drawn], side: int, photos: bool) -> list[Record]:
    source, raw = root / "faces", root / "photos"
    made, found, sources = [], [], []
    for number, face in enumerate(faces):
        seed = (number if face.repeats is None else 0) % DISTINCT
        image = portrait(seed, side)
        box = Box(30 + number % 20, 20, side, side)
        photo = hashlib.sha256(f"photo {number}".encode()).hexdigest()
        id = hashlib.sha256(f"face {number}".encode()).hexdigest()
        data = _jpeg(seed, side)
        path = photo_path(face.label, id)
        (source / face.label).mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(data)
        name = face.label.replace("_", " ")
        made.append(Record(id, hashlib.sha256(data).hexdigest(), path, face.label, name, photo, parent=photo, box=box))
        page = f"https://pictures.example/{face.label}/{number}"
        sources.append(
            Source(photo, f"{page}.jpg", page_url=page, engine="bing", query=name, rank=number + 1, licence="CC BY 4.0",
                   licence_url="https://creativecommons.org/licenses/by/4.0/", creator="A. Photographer")
        )  # fmt: skip
        if photos:
            whole = np.full((side + 60, side + 120, 3), (90, 110, 140), np.uint8)
            whole[box.y : box.y + side, box.x : box.x + side] = image
            (raw / face.label).mkdir(parents=True, exist_ok=True)
            where = photo_path(face.label, photo)
            pixels = images.encode(whole, 90)
            (raw / where).write_bytes(pixels)
            found.append(Record(photo, hashlib.sha256(pixels).hexdigest(), where, face.label, name, photo))
    for folder, records in ((source, made), (raw, found)):
        folder.mkdir(exist_ok=True)
        lines.replace_lines(folder / MANIFEST, (r.to_json() for r in records))
        lines.replace_lines(folder / SOURCES, (s.to_json() for s in sources))
    put_info(source, {"stage": "crop", "made_from": "../photos", "complete": True})
    put_info(raw, {"stage": "scrape", "complete": True})
    return made


@dataclass
class Served:
    """A running `facekit review`."""

    process: subprocess.Popen[str]
    url: str

    @property
    def base(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.url).query)["token"][0]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> tuple[int, str, str]:
        """Press Ctrl-C; return exit code, stdout and what is left of stderr."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@contextmanager
def served(folder: Path, *more: str) -> Iterator[Served]:
    """Run `facekit review` on a folder until the block ends."""
    command = [sys.executable, "-m", "facekit", "review", str(folder), "--no-browser", *more]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stderr is not None
        said = []
        while not (address := re.search(r"http://\S+", said[-1] if said else "")):
            said.append(process.stderr.readline())
            assert said[-1], "".join(said)
        yield Served(process, address[0])
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
