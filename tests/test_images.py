"""Pixels: every common format comes out as RGB, upright; everything else has a reason."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import PIL.Image
import pytest
from conftest import picture

from facekit.base import header, images
from facekit.base.contract import BadImage, Box, Image

RED, BLUE, GREEN, WHITE = (220, 30, 40), (30, 60, 200), (20, 180, 60), (240, 240, 240)
CORNERS = (RED, BLUE, GREEN, WHITE)
"""Top left, top right, bottom left, bottom right."""


def quarters(height: int = 40, width: int = 60) -> Image:
    image = np.zeros((height, width, 3), np.uint8)
    for place, colour in enumerate(CORNERS):
        image[
            (place // 2) * height // 2 : (place // 2 + 1) * height // 2,
            (place % 2) * width // 2 : (place % 2 + 1) * width // 2,
        ] = colour
    return image


def saved(kind: str, mode: str = "RGB", pixels: Image | None = None, **how: Any) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(quarters() if pixels is None else pixels).convert(mode).save(file, kind, **how)
    return file.getvalue()


def assert_quarters(image: Image, within: int = 6) -> None:
    assert image.shape == (40, 60, 3)
    assert image.dtype == np.uint8
    seen = [image[y, x].astype(int) for y in (5, 35) for x in (5, 55)]
    assert np.abs(np.array(seen) - np.array(CORNERS)).max() <= within


def reason(data: bytes) -> str:
    with pytest.raises(BadImage) as caught:
        images.decode(data)
    return caught.value.reason


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def huge_png(side: int = 30_000) -> bytes:
    """A grey PNG of side x side black pixels: under a megabyte."""
    pack = zlib.compressobj(9)
    row = bytes(side + 1)
    rows = b"".join(pack.compress(row) for _ in range(side)) + pack.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(saved("JPEG", quality=95), id="jpeg"),
        pytest.param(saved("JPEG", progressive=True, quality=95), id="progressive"),
        pytest.param(saved("JPEG", "CMYK", quality=95), id="cmyk"),
        pytest.param(saved("MPO", save_all=True, append_images=[PIL.Image.new("RGB", (60, 40))]), id="mpo"),
        pytest.param(saved("PNG"), id="png"),
        pytest.param(saved("PNG", "RGBA"), id="rgba"),
        pytest.param(saved("WEBP", quality=95), id="webp"),
        pytest.param(saved("BMP"), id="bmp"),
        pytest.param(saved("PPM"), id="ppm"),
        pytest.param(saved("TIFF"), id="tiff"),
        pytest.param(saved("GIF"), id="gif"),
        pytest.param(
            saved("GIF", save_all=True, append_images=[PIL.Image.new("RGB", (60, 40), GREEN)]), id="animated gif"
        ),
        pytest.param(
            saved("WEBP", quality=95, save_all=True, append_images=[PIL.Image.new("RGB", (60, 40))]),
            id="animated webp",
        ),
    ],
)
def test_colours_are_rgb(data: bytes) -> None:
    assert_quarters(images.decode(data), within=14)


def test_a_palette_png() -> None:
    assert_quarters(images.decode(saved("PNG", "P", quality=95)), within=60)  # Pillow's web palette is that coarse


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey_becomes_three_equal_channels(mode: str) -> None:
    image = images.decode(saved("PNG", mode))
    assert image.shape == (40, 60, 3)
    assert (image == image[:, :, :1]).all()


def test_pgm() -> None:
    image = images.decode(saved("PPM", "L"))
    assert np.abs(image.astype(int) - images.gray(quarters())[:, :, None]).max() <= 1


def test_sixteen_bits_become_eight() -> None:
    deep = np.repeat(np.linspace(0, 65535, 64).astype(np.uint16)[None], 8, axis=0)
    image = images.decode(saved("PNG", "I;16", deep))
    assert image.dtype == np.uint8
    assert np.abs(image[0, :, 0].astype(int) - np.linspace(0, 255, 64)).max() <= 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_is_applied(kind: str, orientation: int) -> None:
    turns = {2: (0, True), 3: (2, False), 4: (2, True), 5: (1, True), 6: (1, False), 7: (3, True), 8: (3, False)}
    turn, flip = turns.get(orientation, (0, False))
    stored = np.rot90(quarters(), turn)  # as a camera that was turned would store it
    if flip:
        stored = stored[:, ::-1] if orientation in (2, 4) else stored[::-1]
    exif = PIL.Image.Exif()
    exif[0x112] = orientation
    assert_quarters(images.decode(saved(kind, pixels=stored.copy(), exif=exif, quality=95)), within=14)


def test_the_name_of_a_file_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "webp.jpg").write_bytes(saved("WEBP", quality=95))
    assert_quarters(images.read(tmp_path / "webp.jpg"), within=14)
    assert images.header((tmp_path / "webp.jpg").read_bytes()) == (".webp", 60, 40, 1)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty file"),
        (b"a text file\n" * 40, "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (saved("PDF"), "not a picture"),
        (saved("JPEG")[:-40], "truncated"),
        (saved("JPEG", progressive=True)[:-40], "truncated"),
        (saved("PNG")[:-20], "truncated"),
        (saved("WEBP", pixels=picture(1))[:-10], "not a picture"),
        (saved("GIF", pixels=picture(1))[:900], "cannot be decoded"),
        (saved("BMP")[:3000], "cannot be decoded"),
        (saved("PPM", "L")[:900], "cannot be decoded"),
    ],
)
def test_what_cannot_be_used_has_a_reason(data: bytes, why: str) -> None:
    assert reason(data) == why


def test_a_jpeg_cut_off_anywhere_is_never_a_picture() -> None:
    exif = PIL.Image.Exif()
    exif[0x112] = 1
    whole = saved("JPEG", pixels=picture(1), exif=exif, quality=60)
    for end in range(0, len(whole) - 1, 97):
        assert reason(whole[:end]) in ("truncated", "not a picture", "empty file", "cannot be decoded")


def test_a_thumbnail_does_not_hide_the_cut() -> None:
    whole = saved("JPEG", pixels=picture(1))
    thumbnail = b"Exif\0\0" + saved("JPEG", pixels=picture(2, 16))
    inside = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + whole[2:]
    assert images.decode(inside).shape == (64, 64, 3)
    assert reason(inside[:-60]) == "truncated"


def test_what_a_phone_adds_after_a_photo_does_not_spoil_it() -> None:
    film = b"\xff\xda" * 50 + np.random.default_rng(1).bytes(200_000) + b"\xff\xda"
    assert_quarters(images.decode(saved("JPEG", quality=95) + film), within=14)


def test_a_huge_picture_is_refused_before_it_is_decoded() -> None:
    data = huge_png()
    assert len(data) < 1_100_000
    assert reason(data) == header.TOO_LARGE
    assert reason(huge_png(8_000)) == header.TOO_LARGE


def test_garbled_bytes_never_raise_anything_else() -> None:
    random = Random(1)
    kinds = [saved(kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM")]
    for number in range(700):
        data = bytearray(kinds[number % len(kinds)])
        for _ in range(random.randint(1, 6)):
            data[random.randrange(min(len(data), 200) if number % 2 else len(data))] = random.randrange(256)
        try:
            assert images.decode(bytes(data)).ndim == 3
        except BadImage as bad:
            assert bad.reason


def test_a_file_that_cannot_be_read_has_a_reason(tmp_path: Path) -> None:
    with pytest.raises(BadImage) as caught:
        images.read(tmp_path)
    assert caught.value.reason == "cannot be read"


def test_encoding_keeps_the_colours() -> None:
    assert (images.decode(images.encode_png(quarters())) == quarters()).all()
    assert_quarters(images.decode(images.encode(quarters())), within=8)


def test_a_square_reaches_over_the_edge() -> None:
    box = images.square(Box(-2, 0, 10, 20), 0.5)
    assert (box.w, box.h) == (30, 30)
    assert box == Box(-12, -5, 30, 30)
    cut = images.cut(quarters(), box)
    assert cut.shape == (30, 30, 3)
    assert (cut == RED).all(axis=2)[:25].all()  # the edge goes on


def test_cutting_inside_takes_just_the_box() -> None:
    image = picture(3)
    assert (images.cut(image, Box(5, 7, 20, 30)) == image[7:37, 5:25]).all()


def test_shrinking_says_by_how_much() -> None:
    small, scale = images.shrink(images.gray(quarters(80, 120)), 60)
    assert (small.shape, scale) == ((40, 60), 0.5)
    same, scale = images.shrink(images.gray(quarters()), 60)
    assert (same.shape, scale) == ((40, 60), 1.0)


def test_the_mirrored_hash_is_the_hash_of_the_mirror_image() -> None:
    grey = images.gray(picture(5))
    assert images.dhash(grey) != images.dhash(grey[:, ::-1].copy())
    assert images.dhash(grey) == images.dhash(grey.copy())


def test_sharpness_does_not_depend_on_size() -> None:
    small, large = (images.sharpness(images.gray(picture(7, side))) for side in (192, 384))
    assert small == pytest.approx(large, rel=0.05)
    assert images.sharpness(np.full((50, 50), 90, np.uint8)) == 0
