"""Speed of the stages beside what a user would write instead, in one run, as a ratio.

Each pair does the same work on the same drawn photos, in turn, and the medians are compared: these machines
are shared, so absolute times say little.

- crop: the loop of every notebook, `cv2.imread`, `detectMultiScale` at full size, `cv2.imwrite`.
- augment: the loop over albumentations, one process.
- feed: `keras.utils.image_dataset_from_directory`, an epoch of pictures at the training size.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import cv2.data

from facekit.base import images
from facekit.dataset import Dataset
from facekit.options import registry
from facekit.options.augment import Augment
from facekit.options.balance import Balance
from facekit.options.crop import Crop
from facekit.options.draw import Draw


def crop_by_hand(photos: Path, out: Path) -> None:
    cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"))
    for path in sorted(photos.glob("*/*.jpg")):
        picture = cv2.imread(str(path))
        faces = cascade.detectMultiScale(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), 1.1, 5)
        if len(faces):
            x, y, w, h = max(faces, key=lambda box: box[2] * box[3])
            (out / path.parent.name).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(out / path.parent.name / path.name), cv2.resize(picture[y : y + h, x : x + w], (160, 160)))


def augment_by_hand(even: Path, out: Path, count: int) -> None:
    from facekit.faces.augmentation import augment_image

    for folder in sorted(p for p in even.iterdir() if p.is_dir()):
        (out / folder.name).mkdir(parents=True, exist_ok=True)
        photos = [images.read(path) for path in sorted(folder.iterdir())]
        for k, photo in zip(range(count - len(photos)), itertools.cycle(photos), strict=False):
            (out / folder.name / f"{k}.jpg").write_bytes(images.encode(augment_image(photo, "standard", k)))


def side_by_side(name: str, ours: Callable[[], object], theirs: Callable[[], object], runs: int) -> None:
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(runs):
        for who, work in (("ours", ours), ("theirs", theirs)):
            began = time.perf_counter()
            work()
            times[who].append(time.perf_counter() - began)
    a, b = (statistics.median(times[who]) for who in ("ours", "theirs"))
    print(f"{name:<10} facekit {a:8.2f} s   by hand {b:8.2f} s   by hand / facekit {b / a:5.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    stage = {name: registry.own(name).load() for name in ("draw", "crop", "balance", "augment")}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        stage["draw"](Draw(output=root / "photos", people=chosen.people, photos=chosen.photos, faults=False))
        crop = Crop(input=root / "photos", output=root / "faces", overwrite=True)
        hand = root / "by hand"
        side_by_side("crop", lambda: stage["crop"](crop), lambda: crop_by_hand(root / "photos", hand), chosen.runs)
        stage["balance"](Balance(input=root / "faces", output=root / "even", count=30))
        augment = Augment(input=root / "even", output=root / "full", count=300, overwrite=True)
        side_by_side(
            "augment",
            lambda: stage["augment"](augment),
            lambda: augment_by_hand(root / "even", root / "by hand too", 300),
            chosen.runs,
        )
        feed(root, chosen.runs)
        shutil.rmtree(hand)


def feed(root: Path, runs: int) -> None:
    from facekit.networks.backend import keras
    from facekit.training.feed import Feed
    from facekit.training.pack import pack

    dataset = Dataset.open(root / "full")
    packed = pack(dataset.root, dataset.records, 96, root / "pack")
    batches = Feed(packed, range(len(packed.records)), [0] * len(packed.records), batch=64, seed=1)

    def ours() -> None:
        batches.shuffle(0)
        for number in range(len(batches)):
            batches[number]

    def theirs() -> None:
        loaded = keras.utils.image_dataset_from_directory(root / "full", image_size=(96, 96), batch_size=64, verbose=0)
        for _ in loaded:
            pass

    side_by_side("feed", ours, theirs, runs)


if __name__ == "__main__":
    main()
