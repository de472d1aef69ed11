"""Bytes as pixels: on white, upright, eight bits, whole, of a size that memory holds, and without a word on stderr.

The HEIC files show four coloured quarters; pillow-heif, which has an encoder, wrote them.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
from conftest import ROOT, Facekit, picture, plain_tree, rejected

from facekit.base import decoding, header, images
from facekit.base.contract import BadImage, Image
from facekit.base.limits import LIMIT

HEIC = ROOT / "tests" / "data" / "heic"
COLOURS = np.array([(220, 30, 40), (30, 60, 200), (20, 180, 60), (240, 240, 240)], np.uint8)


def quarters(height: int = 64, width: int = 96) -> Image:
    """Red, blue, green and nearly white."""
    rows = np.repeat(COLOURS.reshape(2, 2, 3), height // 2, axis=0)
    return np.repeat(rows, width // 2, axis=1)


def saved(image: PIL.Image.Image, kind: str, **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def encoded(suffix: str, pixels: Any) -> bytes:
    return bytes(cv2.imencode(suffix, pixels)[1])


def corners(image: Image) -> np.ndarray[Any, Any]:
    return np.array([image[y, x].astype(int) for y in (5, -5) for x in (5, -5)])


def reason(data: bytes) -> str:
    with pytest.raises(BadImage) as caught:
        images.decode(data)
    return caught.value.reason


# Transparency


def erased() -> PIL.Image.Image:
    """The quarters, of which the left ones were erased: their colours are still in the file."""
    alpha = np.full((64, 96, 1), 255, np.uint8)
    alpha[:, :48] = 0
    return PIL.Image.fromarray(np.concatenate([quarters(), alpha], axis=2))


def deep_erased(suffix: str) -> bytes:
    return encoded(suffix, np.asarray(erased())[:, :, [2, 1, 0, 3]].astype(np.uint16) * 257)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(saved(erased(), "PNG"), id="png"),
        pytest.param(saved(erased().convert("LA"), "PNG"), id="grey png"),
        pytest.param(saved(erased().quantize(16), "PNG"), id="palette png"),
        pytest.param(deep_erased(".png"), id="png of 16 bits"),
        pytest.param(saved(erased(), "WEBP", lossless=True, exact=True), id="webp"),
        pytest.param(saved(erased(), "GIF"), id="gif"),
        pytest.param(saved(erased(), "TIFF"), id="tiff"),
        pytest.param(deep_erased(".tiff"), id="tiff of 16 bits"),
        pytest.param(saved(erased(), "JPEG2000"), id="jpeg 2000"),
        pytest.param(saved(erased(), "AVIF"), id="avif"),
        pytest.param((HEIC / "alpha.heic").read_bytes(), id="heic"),
    ],
)
def test_what_was_erased_is_white(data: bytes) -> None:
    image = images.decode(data)
    assert (image[:, :44] == 255).all(), "nothing of what was erased is seen"
    assert not (image[:20, 52:] == 255).all(axis=2).any()
    assert images.glance(data, images.header(data))[5, 5] == 255


def test_what_is_half_transparent_is_mixed_with_white() -> None:
    half = PIL.Image.new("RGBA", (8, 8), (200, 0, 0, 128))
    for kind in ("PNG", "TIFF", "WEBP"):
        image = images.decode(saved(half, kind, **({"lossless": True} if kind == "WEBP" else {})))
        assert np.abs(image.astype(int) - (227, 127, 127)).max() <= 1, kind


# Orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["AVIF", "JPEG", "TIFF", "PNG"])
def test_a_picture_that_was_stored_turned_is_upright(kind: str, orientation: int) -> None:
    stored = PIL.Image.fromarray(quarters())
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # PIL.Image.Transpose that the orientation takes back
    if orientation in undo:
        stored = stored.transpose(PIL.Image.Transpose(undo[orientation]))
    exif = PIL.Image.Exif()
    exif[0x112] = orientation
    data = saved(stored, kind, exif=exif)
    image = images.decode(data)
    assert image.shape == (64, 96, 3)
    assert np.abs(corners(image) - COLOURS).max() < 14
    grey = images.glance(data, images.header(data))
    assert np.abs(grey[5, 5].astype(int) - grey[-5, -5]) > 100


def test_a_jpeg_whose_orientation_xmp_alone_says_is_upright() -> None:
    stored = PIL.Image.fromarray(quarters()).transpose(PIL.Image.Transpose.ROTATE_90)
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    image = images.decode(saved(stored, "JPEG", xmp=xmp))
    assert image.shape == (64, 96, 3)
    assert np.abs(corners(image) - COLOURS).max() < 14


@pytest.mark.parametrize("name", ["plain", "turned"])
def test_heic_is_read(name: str) -> None:
    data = (HEIC / f"{name}.heic").read_bytes()
    assert images.header(data) == (".heic", 96, 64, 1)
    image = images.decode(data)
    assert image.shape == (64, 96, 3)
    assert np.abs(corners(image) - COLOURS).max() < 6


# Depth


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".ppm", "grey.png", "grey.tiff", "grey.pgm"])
def test_data_of_fewer_bits_in_a_file_of_sixteen_are_as_bright(suffix: str, bits: int) -> None:
    values = (quarters()[:, :, ::-1].astype(np.float64) / 255 * (2**bits - 1)).round().astype(np.uint16)
    values[0, 0] = 2**bits - 1  # a photo has a bright spot
    grey = suffix.startswith("grey")
    data = encoded(suffix.removeprefix("grey"), values[:, :, 0] if grey else values)
    seen = corners(images.decode(data))
    assert np.abs(seen - (COLOURS[:, 2:] if grey else COLOURS)).max() <= 2


# Damage


def without(data: bytes, share: float, count: int) -> bytes:
    """A file that lost bytes in the middle of its pixels; its end is there."""
    start = data.index(b"\xff\xda") + 20
    at = start + int((len(data) - start) * share)
    return data[:at] + data[at + count :]


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"quality": 40}, {"subsampling": 0}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_that_lost_data_in_the_middle_is_damaged(mode: str, how: dict[str, Any]) -> None:
    whole = saved(PIL.Image.fromarray(picture(1, 200)).convert(mode), "JPEG", **how)
    assert images.decode(whole).shape == (200, 200, 3)
    counted = 0
    for share in (0.2, 0.4, 0.6):
        lost = without(whole, share, max(300, len(whole) // 8))
        assert lost.endswith(b"\xff\xd9")
        try:
            images.decode(lost)
        except BadImage as bad:
            assert bad.reason == images.DAMAGED
            counted += 1
            with pytest.raises(BadImage, match=images.DAMAGED):
                images.glance(lost, images.header(lost))
    assert counted >= 2


def test_a_jpeg_that_is_filled_up_before_its_end_is_whole() -> None:
    whole = saved(PIL.Image.fromarray(quarters()), "JPEG", quality=95)
    filled = whole[:-2] + bytes(40) + whole[-2:]
    assert (images.decode(filled) == images.decode(whole)).all()
    assert reason(whole[:-2] + bytes(range(1, 200)) + whole[-2:]) == images.DAMAGED


def test_damaged_photos_are_counted(facekit: Facekit, tmp_path: Path) -> None:
    folder = plain_tree(tmp_path / "in", {"Ada": 2}) / "Ada"
    whole = saved(PIL.Image.fromarray(picture(1, 200)), "JPEG")
    (folder / "lost.jpg").write_bytes(without(whole, 0.3, 1000))
    done = facekit("crop", tmp_path / "in", "-o", tmp_path / "out", "--no-detect", "--json", "-j", 1)
    assert done.report["left"] == {"damaged": 1}
    (left,) = rejected(tmp_path / "out")
    assert left["path"].endswith("lost.jpg")
    assert left["value"].startswith("Corrupt JPEG data")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def damaged(png: bytes, place: int) -> bytes:
    """Return a PNG of one chunk of pixels with other bytes at a place in it, and a sum of the chunk that fits."""
    first = png.index(b"IDAT")
    (length,) = struct.unpack_from(">I", png, first - 4)
    pixels = bytearray(png[first + 4 : first + 4 + length])
    pixels[place] ^= 255
    return png[: first - 4] + chunk(b"IDAT", bytes(pixels)) + png[first + 8 + length :]


def test_decoders_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    deep = encoded(".png", quarters().astype(np.uint16) * 257)
    tiff = bytearray(encoded(".tiff", quarters()))
    tiff[-40:-30] = b"\xff" * 10
    jpeg = saved(PIL.Image.fromarray(picture(1, 200)), "JPEG")
    pictures = [
        damaged(deep, -4),  # the sum of what was packed
        damaged(deep, 2),
        deep[:33] + chunk(b"iCCP", b"x\0\0" + zlib.compress(b"no profile" * 20)) + deep[33:],
        bytes(tiff),
        without(jpeg, 0.5, 500),
        jpeg[:-2] + bytes(30) + jpeg[-2:],
        saved(PIL.Image.fromarray(quarters()).quantize(8), "PNG", transparency=bytes(range(8))),
    ]
    for data in pictures:
        try:
            images.decode(data)
        except BadImage as bad:
            assert bad.reason
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


# Formats


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff\x0a" + bytes(40), "JPEG XL: convert to JPEG"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40), "JPEG XL: convert to JPEG"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1" + bytes(40), "camera raw: export as JPEG"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(80), "camera raw: export as JPEG"),
        (b"8BPS\0\1" + bytes(40), "PSD: export as JPEG"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0" + bytes(40), "video"),
        (b"\0\0\0\x18ftypheic\0\0\0\0" + bytes(40), "HEIC that cannot be read: convert to JPEG"),
        (b"no picture at all" * 4, "not a picture"),
    ],
)
def test_a_format_that_is_not_read_is_named(data: bytes, why: str) -> None:
    assert reason(data) == why


def test_camera_raw_is_not_taken_for_its_preview() -> None:
    entries = [(254, 4, 1, 1), (256, 4, 1, 160), (257, 4, 1, 120)]
    page = struct.pack("<H", 3) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    assert reason(b"II*\0" + struct.pack("<I", 8) + page + bytes(40)) == "camera raw: export as JPEG"


# Size


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of more than 2,000 pixels are large, so that drawn ones are."""
    for module in (header, decoding):
        monkeypatch.setattr(module, "MAX_PIXELS", 2_000)


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "HEIC"])
def test_a_large_photo_is_decoded_at_a_half_or_a_quarter(kind: str) -> None:
    plain = PIL.Image.fromarray(quarters())
    data = (HEIC / "plain.heic").read_bytes() if kind == "HEIC" else saved(plain, kind)
    image = images.decode(data)
    assert image.shape == (32, 48, 3)
    assert np.abs(corners(image) - COLOURS).max() < 16


@pytest.mark.usefixtures("small_limit")
def test_a_large_photo_that_is_turned_is_upright() -> None:
    exif = PIL.Image.Exif()
    exif[0x112] = 6
    stored = PIL.Image.fromarray(quarters(400, 600)).transpose(PIL.Image.Transpose.ROTATE_90)
    image = images.decode(saved(stored, "JPEG", exif=exif))
    assert image.shape == (50, 75, 3)
    assert np.abs(corners(image) - COLOURS).max() < 16


def test_a_photo_of_a_phone_with_fifty_megapixels_is_read() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    data = encoded(".jpg", cv2.resize(noise, (8160, 6144), interpolation=cv2.INTER_LINEAR))
    assert images.decode(data).shape == (3072, 4080, 3)


def test_bombs_are_refused_by_size_and_by_what_a_byte_holds(facekit: Facekit, tmp_path: Path) -> None:
    size = header.Header(".png", 8_000, 8_000, 1)
    header.check_size(size, 2_000_000)
    with pytest.raises(BadImage, match="too many pixels"):
        header.check_size(size, 64_000)
    with pytest.raises(BadImage, match="too many pixels"):
        header.check_size(header.Header(".jpg", 20_000, 20_000, 1), 100_000_000)
    header.check_size(header.Header(".jpg", 16_320, 12_240, 1), 30_000_000)  # the largest that phones take

    folder = plain_tree(tmp_path / "in", {"Ada": 1}) / "Ada"
    (folder / "large.png").write_bytes(images.encode_png(np.zeros((1200, 1200, 3), np.uint8)))
    done = facekit("crop", tmp_path / "in", "-o", tmp_path / "out", "--no-detect", "--json", "--max-megapixels", 1)
    assert done.report["left"] == {"too many pixels (see --max-megapixels)": 1}
    done = facekit("crop", tmp_path / "in", "-o", tmp_path / "all", "--no-detect", "--json", "--max-megapixels", 2)
    assert done.report["left"] == {}
    done = facekit("crop", tmp_path / "in", "-o", tmp_path / "none", "--max-megapixels", 0)
    assert (done.code, done.err) == (2, "error: --max-megapixels is 0; give at least 1\n")


def test_the_limit_that_is_set_holds_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT, "500")
    header.check_size(header.Header(".png", 20_000, 20_000, 1), 500_000)
    for odd in ("", "many", "-3", "²"):
        monkeypatch.setenv(LIMIT, odd)
        with pytest.raises(BadImage):
            header.check_size(header.Header(".png", 20_000, 20_000, 1), 500_000)
