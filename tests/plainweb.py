"""A small web for the scraper's tests: names with lists of cheap pictures, and pictures of noise."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from facekit.base import images
from facekit.world.content import Link


@lru_cache(maxsize=1024)
def noise(path: str, side: int = 120) -> bytes:
    """A JPEG that only this path has."""
    seed = int.from_bytes(hashlib.sha256(path.encode()).digest()[:4], "big")
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    return images.encode(pixels, 60)


@dataclass
class Plain:
    """Serves `names`: query -> paths. A path may be a fault's; the same file name is the same picture anywhere.

    `files` are other files of its hosts, such as a robots.txt, which they do not have without.
    """

    names: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def links(self, query: str) -> list[Link]:
        return [Link(path, f"{query} {k}", k) for k, path in enumerate(self.names.get(query, []))]

    def picture(self, path: str) -> bytes | None:
        if not path.endswith((".jpg", ".png")) or path.endswith("gone.jpg"):
            return self.files[path].encode() if path in self.files else None
        return noise(path.rpartition("/")[2])


def many(name: str, count: int, broken: dict[int, str] | None = None) -> list[str]:
    """`count` paths of a name; `broken` says which of them, from 0, are spoilt and how."""
    spoilt = broken or {}
    return [(f"/x/{spoilt[k]}" if k in spoilt else "") + f"/{name}/{name}-{k}.jpg" for k in range(count)]
