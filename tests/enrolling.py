"""Enroll one person after the other, and say so after each: `python enrolling.py GALLERY PREFIX COUNT`."""

from __future__ import annotations

import sys

import numpy as np
from galleries import about, face

from facekit.identity.gallery import Gallery


def main() -> None:
    """Enroll; where the prefix is `k`, three faces a person, so that one could be there by halves."""
    place, prefix, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    faces = 3 if prefix == "k" else 1
    with Gallery.make(place, about()) as gallery:
        for number in range(count):
            name = f"{prefix}{number}"
            gallery.store.enroll({name: [face(f"{name}-{k}", np.full(8, number % 7 + k)) for k in range(faces)]})
            sys.stdout.write(f"{name}.\n")
            sys.stdout.flush()
            if number % 10 == 0:
                gallery.people()  # a kill may fall into the writing of the index


if __name__ == "__main__":
    main()
