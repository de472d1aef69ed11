"""Films of known people: drawn ones who walk, and photos of LFW's people over drawn backgrounds."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from video_scores import There

from facekit.base import images
from facekit.base.contract import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from videos import Walk, film, write

SIZE, FPS = (480, 640), 12
DRAWN_SIZE, DRAWN_FPS = (360, 480), 10
KNOWN, STRANGERS = 3, 100
"""Drawn people who are enrolled, and drawn people of another seed who say how alike drawn strangers are."""

KNOWN_PHOTOS = "known"
"""Folder of the photos of LFW's people that are enrolled."""


@dataclass(frozen=True)
class Film:
    """A film, and who is in it."""

    file: Path
    there: list[There]
    seconds: float


def facekit(*words: object) -> None:
    """Run a command."""
    subprocess.run([sys.executable, "-m", "facekit", *map(str, words), "--quiet"], check=True)


def once(file: Path, frames: Iterator[tuple[float, Image]]) -> None:
    """Write a film, if it is not there from an earlier run."""
    if not file.exists():
        write(file.with_name(f"new-{file.name}"), frames).rename(file)


# Drawn people.


def drawn_gallery(folder: Path, embedder: str = "dlib") -> Path:
    """Return a gallery of three drawn people.

    Three people say nothing of how alike drawn strangers are, who are more alike than real ones: as somebody would
    whose people are of one family or one school, we add photos of strangers of the same kind.
    """
    gallery = folder / f"gallery-{embedder}"
    if not gallery.exists():
        for name, people, photos, seed in (("photos", KNOWN, 20, 42), ("strangers", STRANGERS, 2, 43)):
            if not (folder / name).exists():
                facekit(
                    "draw", "-o", folder / name, "--people", people, "--photos", photos, "--seed", seed, "--no-faults"
                )
        facekit("enroll", folder / "photos", "-o", gallery, "--strangers", folder / "strangers", "--embedder", embedder)
    return gallery


def drawn_films(folder: Path, numbers: Sequence[int]) -> list[Film]:
    """Return films in which three people who are enrolled and three who are not walk, leave and come back."""
    from facekit.world.people import people

    everybody = people(2 * KNOWN, 42)
    films = []
    for number in numbers:
        rng = np.random.default_rng([7, number])
        walks, at = [], 0.0
        for turn in range(10):
            start = at + float(rng.uniform(0, 1.5))
            end = start + float(rng.uniform(3, 6))
            side = (0.0, 0.4) if turn % 2 else (1.0, 0.6)  # one at the left, one at the right
            walks.append(Walk(everybody[(turn * 5 + number) % 6], round(start, 1), round(end, 1), side))
            at = start + float(rng.uniform(2, 3)) if turn % 2 == 0 else end
        films.append(_walking(folder / f"drawn-{number}.mp4", walks, number, DRAWN_SIZE))
    return films


def short_film(folder: Path) -> Film:
    """Return a film of twenty seconds in which four drawn people come one after the other, the last unknown."""
    from facekit.world.people import people

    walks = [Walk(one, 5.0 * turn + 0.5, 5.0 * turn + 4.5) for turn, one in enumerate(people(KNOWN + 1, 42))]
    return _walking(folder / "short.mp4", walks, 5, (240, 320))


def _walking(file: Path, walks: Sequence[Walk], seed: int, size: tuple[int, int]) -> Film:
    from facekit.world.people import people

    seconds = max(walk.end for walk in walks) + 1
    once(file, film(walks, seconds, DRAWN_FPS, seed=seed, size=size))
    known = {one.name for one in people(KNOWN, 42)}
    return Film(file, [There(one.person.name, one.person.name in known, one.start, one.end) for one in walks], seconds)


# LFW's people over drawn backgrounds.


@dataclass(frozen=True)
class Part:
    """A photo that moves through a film."""

    who: There
    face: Image
    path: tuple[tuple[float, float], tuple[float, float]]
    sizes: tuple[float, float]
    light: float
    blur: float
    phase: float


def lfw(data: Path, folder: Path, numbers: Sequence[int], development: bool) -> tuple[Path, list[Film]]:
    """Return a gallery of half the photos of every other of LFW's 42 people, and films of other photos of them."""
    names = sorted(path.name for path in (data / "lfw/identities").iterdir())[0 if development else 1 :: 2]
    rng = np.random.default_rng(14)
    unseen: dict[str, list[Path]] = {}
    photos = folder / KNOWN_PHOTOS
    for name in names:
        files = sorted((data / "lfw/identities" / name).glob("*.jpg"))
        order = rng.permutation(len(files))
        half = order[: max(1, min(20, len(files) // 2))]
        unseen[name] = [files[place] for place in order[len(files) // 2 :]]
        (photos / name).mkdir(parents=True, exist_ok=True)
        for place in half:
            link = photos / name / files[place].name
            link.unlink(missing_ok=True)
            link.symlink_to(files[place].resolve())
    strangers = {}
    for path in sorted((data / "lfw/pairs_images").iterdir()):
        files = sorted(path.glob("*.jpg"))
        mine = (zlib.crc32(path.name.encode()) % 2 == 0) == development
        if mine and len(files) >= 3 and not (data / "lfw/identities" / path.name).exists():
            strangers[path.name] = files
    if not (folder / "gallery").exists():
        facekit("enroll", photos, "-o", folder / "gallery")
    return folder / "gallery", [
        _lfw_film(folder / f"lfw-{number}.mp4", unseen, strangers, number) for number in numbers
    ]


def _lfw_film(file: Path, known: dict[str, list[Path]], strangers: dict[str, list[Path]], seed: int) -> Film:
    rng = np.random.default_rng([14, seed])
    cast = [(name, True) for name in rng.choice(sorted(known), 4, replace=False)]
    cast += [(name, False) for name in rng.choice(sorted(strangers), 3, replace=False)]
    parts, seconds = [], 30.0
    lanes = [0.0, 0.0, 0.0]  # three people at a time, each in a third of the picture
    used: Counter[str] = Counter()
    gone = dict.fromkeys([name for name, _ in cast], -2.0)
    while min(lanes) < seconds - 6:
        lane = int(np.argmin(lanes))
        start = lanes[lane] + float(rng.uniform(0.2, 2.0))
        free = [one for one in cast if gone[one[0]] + 1.5 <= start]
        if not free:
            lanes[lane] = start
            continue
        name, is_known = free[int(rng.integers(len(free)))]
        end = min(start + float(rng.uniform(3, 8)), seconds)
        photos = (known if is_known else strangers)[str(name)]
        photo = photos[used[str(name)] % len(photos)]
        used[str(name)] += 1
        gone[name] = lanes[lane] = end
        parts.append(_part(There(str(name), is_known, start, end), photo, lane, rng))
    once(file, _frames(parts, seconds, seed))
    return Film(file, [part.who for part in parts], seconds)


def _part(who: There, photo: Path, lane: int, rng: np.random.Generator) -> Part:
    face = images.read(photo)
    face = face[25:225, 35:215]  # LFW's photos are 250 pixels wide, the face in the middle
    across = SIZE[1] / 3 * (lane + np.array([0.35, 0.65])[rng.permutation(2)])
    down = SIZE[0] * rng.uniform(0.35, 0.65, 2)
    path = ((float(across[0]), float(down[0])), (float(across[1]), float(down[1])))
    sizes = (float(rng.uniform(130, 200)), float(rng.uniform(130, 200)))
    return Part(
        who, face, path, sizes, float(rng.uniform(0.6, 1.2)), float(rng.uniform(0, 1.5)), float(rng.uniform(0, 6))
    )


def _frames(parts: Sequence[Part], seconds: float, seed: int) -> Iterator[tuple[float, Image]]:
    from facekit.world.scenery import scene

    rng = np.random.default_rng([15, seed])
    wide = scene((SIZE[0], SIZE[1] * 2), rng)
    noise = [np.repeat(rng.integers(0, 9, (*SIZE, 1), np.uint8), 3, axis=2) for _ in range(7)]
    for number in range(round(seconds * FPS)):
        at = number / FPS
        left = round((np.sin(at / 9) + 1) / 2 * SIZE[1])
        frame = wide[:, left : left + SIZE[1]].copy()
        for part in parts:
            if part.who.start <= at < part.who.end:
                _paste(frame, part, at)
        cv2.add(frame, noise[number % len(noise)], frame)
        yield at, cv2.subtract(frame, noise[(number + 1) % len(noise)])


def _paste(frame: Image, part: Part, at: float) -> None:
    share = (at - part.who.start) / (part.who.end - part.who.start)
    size = part.sizes[0] + share * (part.sizes[1] - part.sizes[0])
    x, y = (a + share * (b - a) for a, b in zip(*part.path, strict=True))
    x, y = x + 6 * np.sin(3 * at + part.phase), y + 4 * np.sin(5 * at + part.phase)
    high, wide = part.face.shape[:2]
    turn = cv2.getRotationMatrix2D((wide / 2, high / 2), 8 * float(np.sin(2 * at + part.phase)), size / wide)
    turn[:, 2] += (x - wide / 2, y - high / 2)
    face = cv2.convertScaleAbs(part.face, alpha=part.light * (1 + 0.15 * float(np.sin(4 * at + part.phase))))
    blur = part.blur * abs(float(np.sin(at + part.phase)))
    face = cv2.GaussianBlur(face, (0, 0), blur) if blur > 0.3 else face
    mask = np.zeros((high, wide), np.float32)
    cv2.ellipse(mask, (wide // 2, high // 2), (round(wide * 0.47), round(high * 0.48)), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 3)
    top, left = max(0, round(y - size)), max(0, round(x - size))
    part_of = frame[top : round(y + size), left : round(x + size)]
    turn[:, 2] -= (left, top)
    there = cv2.warpAffine(mask, turn, part_of.shape[1::-1])[..., None]
    moved = cv2.warpAffine(face, turn, part_of.shape[1::-1])
    part_of[:] = (part_of * (1 - there) + moved * there).astype(np.uint8)
