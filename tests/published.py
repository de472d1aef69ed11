"""Data sets in the layouts in which they are published, of drawn or plain pictures: what `ingest` reads in tests."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facekit.base import images

MAGIC = 0xCED7230A


def picture(seed: int, side: int = 24) -> bytes:
    """The bytes of a JPEG that no other seed has."""
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3))
    return images.encode(pixels.astype(np.uint8))


def put(file: Path, data: bytes | str) -> Path:
    """Write a file, and the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return file


def celeba(root: Path) -> Path:
    """CelebA as its authors publish it: `Img`, `Anno` and `Eval`, and values parted by one or two spaces."""
    for number in range(1, 9):
        put(root / f"Img/img_align_celeba/{number:06d}.jpg", picture(number))
    names = [f"{number:06d}.jpg" for number in range(1, 9)]
    people, parts = (2880, 2937, 2880, 2937, 8692, 8692, 5805, 5805), (0, 0, 0, 0, 1, 1, 2, 2)
    put(root / "Anno/identity_CelebA.txt", "".join(f"{a} {b}\n" for a, b in zip(names, people, strict=True)))
    put(root / "Eval/list_eval_partition.txt", "".join(f"{a} {b}\n" for a, b in zip(names, parts, strict=True)))
    rows = "".join(f"{name} -1  1 {' 1' if place % 2 else '-1'}\n" for place, name in enumerate(names))
    put(root / "Anno/list_attr_celeba.txt", f"{len(names)}\n5_o_Clock_Shadow Smiling Male \n{rows}")
    return root


def lfw(root: Path) -> Path:
    """LFW as its archive unpacks, its lists of View 1 beside it, and lists of names by gender."""
    people = {"Ann_Lee": 3, "Bo_Chan": 2, "Cy_Diaz": 1, "Di_Ek": 2}
    for place, (name, count) in enumerate(people.items()):
        for number in range(1, count + 1):
            put(root / f"lfw/{name}/{name}_{number:04d}.jpg", picture(100 * place + number))
    put(root / "peopleDevTrain.txt", "2\nAnn_Lee\t3\nBo_Chan\t2\n")
    put(root / "peopleDevTest.txt", "2\nCy_Diaz\t1\nDi_Ek\t2\n")
    put(root / "female_names.txt", "".join(f"{name}_0001.jpg\n" for name in ("Ann_Lee", "Di_Ek")))
    put(root / "male_names.txt", "Bo_Chan_0001.jpg\nBo_Chan_0002.jpg\nDi_Ek_0001.jpg\n")
    return root


def utkface(root: Path) -> Path:
    """UTKFace as its archive unpacks, with one of the names that lack the race."""
    for place, name in enumerate(("26_1_2_20170116174525125", "3_0_0_20161219140642920", "85_0_4_20170116174525126")):
        put(root / f"UTKFace/{name}.jpg.chip.jpg", picture(place))
    put(root / "UTKFace/61_1_20170109150557335.jpg.chip.jpg", picture(9))
    return root


def fer2013(root: Path, header: str = "emotion,pixels,Usage") -> Path:
    """FER2013 as a CSV, whose columns stand in the order of the header."""
    rows = [header]
    usages = ("Training", "Training", "PublicTest", "PrivateTest", "Training")
    for place, (emotion, usage) in enumerate(zip((0, 3, 3, 6, 3), usages, strict=True)):
        seed = 2 if place == 4 else place  # the last repeats the one in PublicTest
        pixels = " ".join(map(str, np.random.default_rng(seed).integers(0, 256, 48 * 48)))
        said = {"emotion": str(emotion), "pixels": pixels, "Usage": usage}
        rows.append(",".join(said[name.strip()] for name in header.split(",")))
    put(root / "fer2013.csv", "\n".join(rows) + "\n")
    return root


def casia(root: Path) -> Path:
    """CASIA-WebFace as its authors published it: a folder of seven digits a person."""
    for person, count in (("0000045", 2), ("0000099", 3)):
        for number in range(1, count + 1):
            put(root / f"CASIA-WebFace/{person}/{number:03d}.jpg", picture(int(person) + number))
    return root


def record(number: int, labels: Sequence[float], data: bytes, alone: bool = True) -> bytes:
    """A record as `mxnet.recordio.pack` and `MXIndexedRecordIO.write_idx` write it, cut where it holds the magic."""
    if alone:
        packed = struct.pack("<IfQQ", 0, labels[0], number, 0) + data
    else:
        packed = struct.pack("<IfQQ", len(labels), 0, number, 0) + struct.pack(f"<{len(labels)}f", *labels) + data
    magic = struct.pack("<I", MAGIC)
    pieces = _cut(packed, magic)
    kinds = [0] if len(pieces) == 1 else [1, *[2] * (len(pieces) - 2), 3]
    return b"".join(
        magic + struct.pack("<I", kind << 29 | len(piece)) + piece + bytes(-len(piece) % 4)
        for kind, piece in zip(kinds, pieces, strict=True)
    )


def _cut(data: bytes, magic: bytes) -> list[bytes]:
    """Cut data as dmlc's writer does: where the magic number stands at a multiple of 4 bytes."""
    pieces, begin = [], 0
    for place in range(0, len(data) - 3, 4):
        if data[place : place + 4] == magic:
            pieces.append(data[begin:place])
            begin = place + 4
    return [*pieces, data[begin:]]


def webface(root: Path) -> Path:
    """CASIA-WebFace as InsightFace publishes it: `train.rec` with records of people at its end, and its index."""
    photos = [(0, picture(1)), (0, picture(2)), (1, picture(3) + struct.pack("<I", MAGIC) * 3)]
    count = len(photos)
    records = [record(0, (count + 1, count + 3), b"", alone=False)]
    # Of one picture the label is an array, as in the file that `arcface_torch` shuffles.
    records += [record(n, (label, n), data, alone=n != 2) for n, (label, data) in enumerate(photos, 1)]
    records += [record(count + 1, (1, 3), b"", alone=False), record(count + 2, (3, 4), b"", alone=False)]
    places = [sum(map(len, records[:number])) for number in range(len(records))]
    put(root / "train.rec", b"".join(records))
    put(root / "train.idx", "".join(f"{number}\t{place}\n" for number, place in enumerate(places)))
    put(root / "property", "2,112,112")
    return root
