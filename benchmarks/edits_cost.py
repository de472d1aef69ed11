"""What it costs to find the pictures that show one photo, after they were looked at: CPU seconds by number of faces.

    FACEKIT_DATA=/path/to/data python benchmarks/edits_cost.py [--faces 10000 50000 100000]

There are not 100,000 different faces at hand. So the fingerprints of a quarter as many real faces (FER2013, UTKFace,
LFW, ORL) are turned by 90, 180 and 270 degrees: to the matcher, which allows for small turns, these are other pictures.
The embeddings are drawn: people of 100 photos, as far apart as dlib's are (.40 within, .61 between).
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from facekit.base import images
from facekit.base.contract import BadImage
from facekit.base.parallel import ordered_map
from facekit.identity.likeness import Fingerprint, fingerprint
from facekit.identity.likeness.candidates import candidates
from facekit.identity.likeness.features import Features
from facekit.identity.likeness.pairs import Crowd
from facekit.identity.likeness.shape import shape

KINDS = ("fer2013/*/*/*.jpg", "utkface/*/*.jpg", "lfw/identities/*/*.jpg", "orl/s*/*.pgm")


def looked_at(data: Path, count: int) -> list[Fingerprint]:
    files = sorted(file for kind in KINDS for file in data.glob(kind))
    order = np.random.default_rng(5).permutation(len(files))[:count]

    def see(place: int) -> Fingerprint | None:
        try:
            return fingerprint(images.read(files[place]))
        except BadImage:
            return None

    return [one for one in ordered_map(see, order.tolist()) if one is not None]


def turned(one: Fingerprint, quarters: int) -> Fingerprint:
    """Return the fingerprint of the picture turned by quarters, as if it were another."""
    height, width = one.pixels.shape
    angle = -quarters * np.pi / 2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).round()
    middle, there = (
        np.array([width - 1, height - 1]) / 2,
        np.array([width - 1, height - 1])[:: -1 if quarters % 2 else 1] / 2,
    )
    points = ((one.features.points - middle) @ turn.T + there).astype(np.float32)
    angles = ((one.features.angles + angle) % (2 * np.pi)).astype(np.float32)
    pixels = np.ascontiguousarray(np.rot90(one.pixels, quarters))
    kept = Features(points, one.features.sizes, angles, one.features.descriptors)
    hashes = images.dhash(pixels), images.dhash(pixels[:, ::-1].copy())
    return Fingerprint(*hashes, pixels, shape(pixels).astype(np.float16), kept)


def drawn_vectors(count: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    people = rng.normal(0, 0.028, (count // 100 + 1, 128))
    return (people[np.arange(count) % len(people)] + rng.normal(0, 0.025, (count, 128))).astype(np.float32)


def cost(prints: Sequence[Fingerprint], vectors: np.ndarray | None) -> Iterator[object]:
    began = time.process_time()
    crowd = Crowd(prints)
    equal = time.process_time()
    pairs = candidates(crowd.prints, None if vectors is None else vectors[crowd.places])
    proposed = time.process_time()
    found = len(crowd.equal) + len(crowd.prove(pairs))
    proved = time.process_time()
    yield from (len(prints), "no" if vectors is None else "yes", len(pairs), found)
    steps = (equal - began, proposed - equal, proved - proposed, proved - began)
    yield from (f"{seconds:.1f}" for seconds in steps)
    yield resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, nargs="*", default=[10_000, 50_000, 100_000])
    parser.add_argument("--embedded", action="store_true", help="with embeddings alone")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    seen = looked_at(Path(os.environ.get("FACEKIT_DATA", "data")), max(chosen.faces) // 4)
    print("| faces | embeddings | pairs compared | linked | equals | candidates | proofs | CPU s | MB at most |")
    print("|--:|---|--:|--:|--:|--:|--:|--:|--:|", flush=True)
    for count in chosen.faces:
        prints = [turned(one, quarters) if quarters else one for one in seen[: count // 4] for quarters in range(4)]
        for vectors in (drawn_vectors(len(prints)), None)[: 1 if chosen.embedded else 2]:
            print("|", " | ".join(map(str, cost(prints, vectors))), "|", flush=True)


if __name__ == "__main__":
    main()
