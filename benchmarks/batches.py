"""What `serve --batch` is worth: CPU milliseconds a face, by how many are embedded together.

python benchmarks/batches.py PHOTOS EMBEDDER...   (a folder of photos; dlib, sface)
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from facekit.base import images
from facekit.base.contract import Image
from facekit.identity.faces import Finder, suited

FACES, ROUNDS = 96, 3


def aligned(finder: Finder, photos: Path) -> list[Image]:
    """Return aligned faces of a folder's photos, the same ones again where there are not enough."""
    found = [one.aligned for file in sorted(photos.rglob("*.jpg"))[:24] for one in finder.find(images.read(file), True)]
    there = [one for one in found if isinstance(one, np.ndarray)]
    if not there:
        sys.exit(f"no face was found in {photos}")
    return (there * FACES)[:FACES]


def cost(finder: Finder, faces: list[Image], together: int) -> float:
    """Return CPU seconds a face: the least of some rounds, since others may use the machine."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for place in range(0, len(faces), together):
            finder.embed(faces[place : place + together])
        rounds.append((time.process_time() - began) / len(faces))
    return min(rounds)


def main() -> None:
    """Print a row for each embedder and number."""
    photos, *names = sys.argv[1:]
    for name in names:
        finder = Finder(name, suited(name, None))
        faces = aligned(finder, Path(photos))
        finder.embed(faces[:8])  # loads the network
        for together in (1, 2, 4, 8, 16, 32):
            print(
                f"{name:8} {together:3} together  {1000 * cost(finder, faces, together):6.2f} CPU ms a face", flush=True
            )


if __name__ == "__main__":
    main()
