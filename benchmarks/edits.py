"""Twenty ways in which people edit a photo before they post it again, each at three strengths.

This table is fixed before the matcher that it measures. A strength is the numbers that stand beside the edit's name;
shares are of the picture's side unless said otherwise. Chance (which corner, which sign) is seeded by (seed, edit,
strength, number of the photo). Every result is saved once more as a JPEG of quality 90, except where
the edit is the compression. Crops keep `focus`, the box of what the photo is about.

    python benchmarks/edits.py PHOTO [--sheet sheet.png]

draws them all on one sheet.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.base import images
from facekit.base.contract import Box, Image

STRENGTHS = ("mild", "medium", "strong")

SEED = 20261126

QUALITY = 90


@dataclass(frozen=True)
class Edit:
    """A way to edit: what it does, and its numbers for mild, medium and strong."""

    name: str
    what: str
    numbers: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
    apply: Callable[..., Image]


@dataclass(frozen=True)
class Scene:
    """What an edit may need beside the photo: chance, the box that crops keep, and other photos for a collage."""

    rng: np.random.Generator
    focus: Box
    others: Sequence[Image]

    def sign(self) -> int:
        return int(self.rng.integers(2)) * 2 - 1


def edited(edit: Edit, strength: int, photo: Image, number: int, focus: Box, others: Sequence[Image]) -> Image:
    """Return the edited photo. `strength` is 0 to 2; `number` names the photo, so that chance is its own."""
    rng = np.random.default_rng([SEED, EDITS.index(edit), strength, number])
    made = edit.apply(photo, Scene(rng, focus, others), *edit.numbers[strength])
    return made if edit.name == "compressed" else compressed(made, None, QUALITY)


def cropped(photo: Image, scene: Scene, keep: float) -> Image:
    return _window(photo, scene.focus, keep, (0.5, 0.5))


def off_centre(photo: Image, scene: Scene, keep: float) -> Image:
    return _window(photo, scene.focus, keep, (float(scene.rng.integers(2)), float(scene.rng.integers(2))))


def smaller(photo: Image, scene: Scene, share: float) -> Image:
    size = [max(8, round(side * share)) for side in photo.shape[1::-1]]
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)


def turned(photo: Image, scene: Scene, degrees: float) -> Image:
    height, width = photo.shape[:2]
    warp = cv2.getRotationMatrix2D((width / 2, height / 2), scene.sign() * degrees, 1.0)
    return _warped(photo, warp)


def mirrored(photo: Image, scene: Scene, keep: float) -> Image:
    return np.ascontiguousarray(cropped(photo, scene, keep)[:, ::-1])


def brightened(photo: Image, scene: Scene, gamma: float, offset: float) -> Image:
    sign = scene.sign()
    return _tone(255 * (photo.astype(np.float32) / 255) ** (gamma ** (-sign)) + sign * offset)


def contrasted(photo: Image, scene: Scene, more: float, less: float) -> Image:
    factor = more if scene.sign() > 0 else less
    return _tone((photo.astype(np.float32) - 128) * factor + 128)


def cast(photo: Image, scene: Scene, gain: float) -> Image:
    warm = scene.sign()
    gains = np.array([1 + warm * gain, 1, 1 - warm * gain], np.float32)
    return _tone(photo.astype(np.float32) * gains)


def filtered(photo: Image, scene: Scene, share: float, fade: float, dark: float) -> Image:
    """Mix with sepia or grey, lift the blacks, darken the corners."""
    grey = photo.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    tint = np.array([1.07, 0.95, 0.75] if scene.sign() > 0 else [1, 1, 1], np.float32)
    mixed = (1 - share) * photo + share * grey[:, :, None] * tint
    height, width = photo.shape[:2]
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    corner = np.clip((x * x + y * y) / 2, 0, 1)[:, :, None]
    return _tone((mixed * (1 - fade) + 255 * fade * 0.6) * (1 - dark * corner))


def sharpened(photo: Image, scene: Scene, amount: float, radius: float) -> Image:
    sharp = photo.astype(np.float32)
    return _tone(sharp + amount * (sharp - cv2.GaussianBlur(sharp, (0, 0), radius * min(photo.shape[:2]))))


def blurred(photo: Image, scene: Scene, radius: float) -> Image:
    return np.asarray(cv2.GaussianBlur(photo, (0, 0), radius * min(photo.shape[:2])), np.uint8)


def compressed(photo: Image, scene: Scene | None, quality: float) -> Image:
    return images.decode(images.encode(photo, int(quality)))


def noisy(photo: Image, scene: Scene, deviation: float) -> Image:
    return _tone(photo + scene.rng.normal(0, deviation, photo.shape).astype(np.float32))


def bordered(photo: Image, scene: Scene, share: float) -> Image:
    """Add bars above and below, or a frame, in black or white."""
    height, width = photo.shape[:2]
    tall, wide = round(share * height), round(share * width) if scene.sign() > 0 else 0
    colour = (0, 0, 0) if scene.sign() > 0 else (255, 255, 255)
    framed = cv2.copyMakeBorder(photo, tall, tall, wide, wide, cv2.BORDER_CONSTANT, value=colour)
    return np.asarray(framed, np.uint8)


def captioned(photo: Image, scene: Scene, lines: float, height: float) -> Image:
    """Write lines of white text with a black edge: at the bottom, then the top, then over the middle."""
    made = photo.copy()
    tall, wide = made.shape[:2]
    for line in range(int(lines)):
        words = " ".join("".join(scene.rng.choice(list("AEIOUNRST"), 5)) for _ in range(3))
        (broad, high), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_DUPLEX, 1, 2)
        scale = min(height * tall / high, 0.96 * wide / broad)
        bottom = (0.96 * tall, 0.06 * tall + scale * high, 0.62 * tall)[line]
        where = (round((wide - scale * broad) / 2), round(bottom))
        for colour, thick in (((0, 0, 0), 0.06), ((255, 255, 255), 0.022)):
            stroke = max(1, round(thick * scale * high * 3))
            cv2.putText(made, words, where, cv2.FONT_HERSHEY_DUPLEX, scale, colour, stroke, cv2.LINE_AA)
    return made


def branded(photo: Image, scene: Scene, share: float, opacity: float) -> Image:
    """Lay a round logo of `share` of the shorter side over a corner."""
    height, width = photo.shape[:2]
    side = round(share * min(height, width))
    colours = scene.rng.integers(0, 256, (2, 3)).tolist()
    logo = photo.copy()
    x = side // 2 + 2 if scene.sign() > 0 else width - side // 2 - 2
    y = side // 2 + 2 if scene.sign() > 0 else height - side // 2 - 2
    cv2.circle(logo, (x, y), side // 2, colours[0], -1, cv2.LINE_AA)
    cv2.rectangle(logo, (x - side // 4, y - side // 8), (x + side // 4, y + side // 8), colours[1], -1)
    return _tone(photo * (1 - opacity) + logo.astype(np.float32) * opacity)


def collage(photo: Image, scene: Scene, across: float, down: float) -> Image:
    """Put the photo, whole, among others in a grid of the photo's own shape, each cell as large as it can be."""
    columns, rows = int(across), int(down)
    side = max(360, min(720, max(photo.shape[:2])))
    place = int(scene.rng.integers(columns * rows))
    grid = np.full((rows * side, columns * side, 3), 255, np.uint8)
    for cell in range(columns * rows):
        shown = photo if cell == place else scene.others[cell % len(scene.others)]
        scale = (side - 8) / max(shown.shape[:2])
        small = cv2.resize(shown, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else 1)
        row, column = divmod(cell, columns)
        top, left = row * side + (side - small.shape[0]) // 2, column * side + (side - small.shape[1]) // 2
        grid[top : top + small.shape[0], left : left + small.shape[1]] = small
    return images.shrink(grid, side)[0]


def mirrored_recoloured(photo: Image, scene: Scene, gain: float, share: float) -> Image:
    return filtered(cast(np.ascontiguousarray(photo[:, ::-1]), scene, gain), scene, share, 0.1, 0.0)


def cropped_sharpened(photo: Image, scene: Scene, keep: float, amount: float) -> Image:
    return sharpened(off_centre(photo, scene, keep), scene, amount, 0.008)


def brightened_shifted(photo: Image, scene: Scene, gamma: float, move: float) -> Image:
    """Brighten, and move: what is uncovered repeats the edge."""
    height, width = photo.shape[:2]
    warp = np.array([[1, 0, scene.sign() * move * width], [0, 1, scene.sign() * move * height]], np.float32)
    return _warped(brightened(photo, scene, gamma, 0), warp)


EDITS = (
    Edit("cropped", "keeps this share of each side, about the middle", ((0.9,), (0.75,), (0.6,)), cropped),
    Edit("cropped off centre", "keeps this share of each side, in a corner", ((0.9,), (0.75,), (0.6,)), off_centre),
    Edit("smaller", "scaled to this share", ((0.7,), (0.5,), (0.35,)), smaller),
    Edit("turned", "degrees", ((2,), (5,), (10,)), turned),
    Edit("mirrored", "and keeps this share of each side", ((1.0,), (0.9,), (0.75,)), mirrored),
    Edit("brighter or darker", "gamma, offset", ((1.25, 0), (1.5, 20), (2.0, 40)), brightened),
    Edit("more or less contrast", "factor of more, of less", ((1.25, 0.8), (1.6, 0.6), (2.2, 0.4)), contrasted),
    Edit("colour cast", "gain of red against blue", ((0.1,), (0.25,), (0.45,)), cast),
    Edit("filter", "sepia or grey, faded, corners", ((0.4, 0.1, 0.2), (0.8, 0.2, 0.5), (1, 0.35, 0.85)), filtered),
    Edit("sharpened", "amount, radius", ((0.7, 0.006), (1.5, 0.008), (3, 0.01)), sharpened),
    Edit("blurred", "standard deviation", ((0.003,), (0.007,), (0.013,)), blurred),
    Edit("compressed", "JPEG quality", ((60,), (30,), (12,)), compressed),
    Edit("noisy", "standard deviation, of 255", ((6,), (14,), (28,)), noisy),
    Edit("bordered", "of the height, or of both sides", ((0.05,), (0.12,), (0.25,)), bordered),
    Edit("text", "lines, height of a line", ((1, 0.05), (2, 0.09), (3, 0.12)), captioned),
    Edit("logo", "of the shorter side, opacity", ((0.12, 0.8), (0.25, 0.9), (0.4, 1)), branded),
    Edit("in a collage", "photos across, down", ((2, 1), (2, 2), (3, 2)), collage),
    Edit("mirrored, recoloured", "cast, share of sepia", ((0.1, 0.3), (0.2, 0.6), (0.35, 1)), mirrored_recoloured),
    Edit("cropped, sharpened", "share kept, amount", ((0.9, 0.8), (0.8, 1.5), (0.65, 2.5)), cropped_sharpened),
    Edit("brighter, shifted", "gamma, shift", ((1.2, 0.03), (1.5, 0.07), (1.9, 0.12)), brightened_shifted),
)


def _window(photo: Image, focus: Box, keep: float, anchor: tuple[float, float]) -> Image:
    """Cut `keep` of each side, leaning to an anchor (0 to 1 each way), moved so that it shows the focus if it can."""
    spans = []
    for side, at, start, length in zip(photo.shape[1::-1], anchor, (focus.x, focus.y), (focus.w, focus.h), strict=True):
        size = max(8, round(side * keep))
        low = round((side - size) * at)
        low = min(max(low, start + length - size), max(start, 0)) if length <= size else start + (length - size) // 2
        low = min(max(low, 0), side - size)
        spans.append(slice(low, low + size))
    return np.ascontiguousarray(photo[spans[1], spans[0]])


def _warped(photo: Image, warp: NDArray[np.floating]) -> Image:
    size = photo.shape[1::-1]
    return np.asarray(cv2.warpAffine(photo, warp, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _tone(pixels: NDArray[np.floating]) -> Image:
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def middle(photo: Image) -> Box:
    """Return the middle third: the focus of a photo in which no face was found."""
    height, width = photo.shape[:2]
    return Box(width // 3, height // 3, width // 3, height // 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--sheet", type=Path, default=Path("sheet.png"))
    chosen = parser.parse_args()
    photo = images.read(chosen.photo)
    others = [photo[::-1].copy()]
    rows = []
    for edit in EDITS:
        made = [edited(edit, strength, photo, 0, middle(photo), others) for strength in range(3)]
        tiles = []
        for one in made:
            small = images.shrink(one, 160)[0][:160, :160]
            tile = np.full((164, 164, 3), 128, np.uint8)
            tile[: small.shape[0], : small.shape[1]] = small
            tiles.append(tile)
        rows.append(np.hstack(tiles))
        print(f"| {edit.name} | {edit.what} | " + " | ".join(", ".join(map(str, some)) for some in edit.numbers) + " |")
    columns = [
        np.vstack(rows[start : start + 7] + [np.zeros_like(rows[0])] * (7 - len(rows[start : start + 7])))
        for start in (0, 7, 14)
    ]
    chosen.sheet.write_bytes(images.encode_png(np.hstack(columns)))


if __name__ == "__main__":
    main()
