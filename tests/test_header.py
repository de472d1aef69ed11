"""What keeps a decoder busy or fills memory is refused from the bytes alone; a suffix comes from the content."""

import io
import os
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from conftest import picture

from facekit.base import images
from facekit.base.contract import BadImage
from facekit.base.header import MAX_SCANS, TOO_LARGE, Header, header

SECONDS = 10
"""More than any of these may take, on any machine."""


def saved(kind: str, **how: Any) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(picture(1)).save(file, kind, **how)
    return file.getvalue()


def reason(data: bytes) -> str:
    with pytest.raises(BadImage) as caught:
        images.decode(data)
    return caught.value.reason


def pages(count: int, width: int = 60, height: int = 40, order: str = "<") -> bytes:
    """A grey TIFF whose pages all show the same pixels."""
    pixels = bytes(range(256)) * (width * height // 256 + 1)
    start = {"<": b"II*\0", ">": b"MM\0*"}[order]
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height)]
    entries = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in [*tags, (279, width * height)])
    page = struct.pack(order + "H", len(tags) + 1) + entries
    first, size = 8 + len(pixels), len(page) + 4
    links = [first + size * (number + 1) for number in range(count - 1)] + [0]
    chain = b"".join(page + struct.pack(order + "I", link) for link in links)
    return start + struct.pack(order + "I", first) + pixels + chain


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        ("JPEG", ".jpg"),
        ("JPEG2000", ".jp2"),
        ("PNG", ".png"),
        ("WEBP", ".webp"),
        ("GIF", ".gif"),
        ("BMP", ".bmp"),
        ("PPM", ".ppm"),
        ("TIFF", ".tiff"),
    ],
)
def test_the_suffix_is_that_of_the_content(kind: str, suffix: str) -> None:
    assert header(saved(kind)) == Header(suffix, 64, 64, 1)


@pytest.mark.parametrize("kind", ["TGA", "ICO", "PCX", "EPS", "SGI", "DDS"])
def test_formats_that_no_camera_writes_are_not_opened(kind: str) -> None:
    assert reason(saved(kind)) == "not a picture"


@pytest.mark.parametrize("how", [{}, {"big_tiff": True}, {"compression": "tiff_lzw"}])
def test_a_tiff_is_read_as_pillow_reads_it(how: dict[str, Any]) -> None:
    data = saved("TIFF", **how)
    assert header(data) == Header(".tiff", 64, 64, 1)
    assert (images.decode(data) == picture(1)).all()


@pytest.mark.parametrize("order", ["<", ">"])
def test_of_a_tiff_the_first_page_is_read(order: str) -> None:
    one = images.decode(pages(1, order=order))
    assert one.shape == (40, 60, 3)
    assert one.max() == 255
    assert header(pages(3, order=order)) == Header(".tiff", 60, 40, 2)
    assert (images.decode(pages(3, order=order)) == one).all()


def test_a_tiff_of_many_pages_keeps_nobody_busy() -> None:
    data = pages(200_000)
    assert len(data) > 20_000_000
    began = time.monotonic()
    assert images.decode(data).shape == (40, 60, 3)
    assert images.glance(data, header(data)).shape == (40, 60)
    assert time.monotonic() - began < SECONDS


def test_a_tiff_whose_pages_go_round_ends() -> None:
    data = pages(2)
    looped = data[:-4] + data[4:8]
    assert images.decode(looped).shape == (40, 60, 3)


def test_a_file_of_a_few_bytes_is_no_picture() -> None:
    """A parser asks for more of them than there are."""
    starts = [
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n",
        b"GIF89a",
        b"BM\0\0",
        b"RIFF\0\0\0\0WEBP",
        b"\0\0\0\x1cftypheic",
        b"P6",
    ]
    for start in starts:
        for size in range(1, len(start) + 1):
            assert reason(start[:size]) in ("not a picture", "truncated", "HEIC that cannot be read: convert to JPEG")


@pytest.mark.parametrize("end", [5, 9, 60, -3])
def test_a_tiff_that_is_cut_off_is_no_picture(end: int) -> None:
    assert reason(pages(1)[:end]) == "not a picture"


def test_a_tiff_may_not_be_larger_than_other_pictures() -> None:
    data = pages(1)
    at = data.index(struct.pack("<HHII", 257, 4, 1, 40))
    assert reason(data[:at] + struct.pack("<HHII", 257, 4, 1, 1_000_000) + data[at + 12 :]) == TOO_LARGE
    assert reason(data[:at] + struct.pack("<HHII", 257, 2, 1, 40) + data[at + 12 :]) == "not a picture"


def test_tags_of_a_tiff_that_overlap_fill_no_memory() -> None:
    """Sixty thousand tags that each claim the whole file."""
    size, count = 3_000_000, 60_000
    tags = [(256, 4, 1, 60), (257, 4, 1, 40), *((1000 + number, 1, size, 0) for number in range(count))]
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    data = b"II*\0" + struct.pack("<I", 8) + body
    began = time.monotonic()
    assert header(data + bytes(size - len(data)))[:3] == (".tiff", 60, 40)
    assert time.monotonic() - began < SECONDS


def test_a_jpeg_of_thousands_of_scans_is_refused() -> None:
    """Each of 75 bytes takes as long as a picture of 50 million pixels: 362 kB take a minute."""
    data = saved("JPEG", progressive=True)
    assert images.decode(data).shape == (64, 64, 3)
    scan, end = data[data.rindex(b"\xff\xda") : -2], data[-2:]
    assert reason(data[:-2] + scan * MAX_SCANS + end) == "too many scans"
    # Behind a marker without a length, which a decoder passes over.
    assert reason(data[:-2] + b"\xff\x01" + (scan + b"\xff\x01") * MAX_SCANS + end) == "too many scans"
    with pytest.raises(BadImage, match="too many scans"):
        images.glance(data[:-2] + scan * MAX_SCANS + end, header(data))


def _gif_of_comments(gif: bytes) -> bytes:
    colours = 13 + (3 * 2 ** ((gif[10] & 7) + 1) if gif[10] & 0x80 else 0)
    return gif[:colours] + (b"\x21\xfe" + b"\1a" * 100 + b"\0") * 20_000 + gif[colours:]


MANY_PARTS = {
    "JPEG": lambda data: data[:2] + b"\xff\xe1\0\4ab" * 500_000 + data[2:],
    "PNG": lambda data: data[:33] + (b"\0\0\0\0prVt" + struct.pack(">I", zlib.crc32(b"prVt"))) * 300_000 + data[33:],
    "GIF": _gif_of_comments,
    "PPM": lambda data: b"P6\n" + b"#\n" * 1_000_000 + data[3:],
}


@pytest.mark.parametrize("kind", MANY_PARTS)
def test_a_header_of_very_many_parts_is_refused(kind: str) -> None:
    file = io.BytesIO()
    PIL.Image.fromarray(picture(1)).save(file, kind)
    header(file.getvalue())
    start = time.process_time()
    with pytest.raises(BadImage, match="too many parts"):
        header(MANY_PARTS[kind](file.getvalue()))
    assert time.process_time() - start < 5


def test_a_file_is_measured_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "big.jpg").open("wb") as file:
        file.truncate(images.MAX_BYTES + 1)
    with pytest.raises(BadImage) as caught:
        images.read(tmp_path / "big.jpg")
    assert (caught.value.reason, caught.value.value) == ("too many bytes", images.MAX_BYTES + 1)


@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "nothing"])
def test_only_regular_files_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "one.jpg"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(BadImage) as caught:
        images.read(path)
    said = {"nothing": "No such file or directory", "folder": "Is a directory"}.get(kind, "not a regular file")
    assert (caught.value.reason, caught.value.value) == ("cannot be read", said)


def test_what_is_cut_off_or_grey_is_still_decoded_to_three_channels() -> None:
    assert np.ptp(images.decode(pages(1)), axis=2).max() == 0
