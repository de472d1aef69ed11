"""What leaking is worth: the same photos and networks, split over files and split by photo.

    FACEKIT_DATA=/path/to/data python benchmarks/leaks.py -o work [--networks dlib,cnn5,inception_v3] [--people 12]

FACEKIT_DATA names a folder with `lfw/identities`. The people with most photos are cut to 50 photos each and filled by
augmentation to 240 pictures, once as the original project did it, over files (a photo and its children land on both
sides), and once by photo. Photos as found and children are scored apart: a score over both hides the effect. By photo
nothing made stands in the test part, so children of its photos are made here, of the same recipe, for the score alone.
The frozen `dlib` is scored on all people with 20 photos or more as well, up to 50 photos each and nothing made: once
with the largest face of each photo, and once with what `clean` leaves of all faces, which are fewer and surer.

Two cores take an hour or two, nearly all of it for inception_v3. What is done is not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from facekit import runs
from facekit.commands.augment import augment
from facekit.commands.balance import balance
from facekit.commands.clean import clean
from facekit.commands.crop import crop
from facekit.commands.evaluate import evaluate
from facekit.commands.train import train
from facekit.dataset import Dataset
from facekit.options.augment import Augment
from facekit.options.balance import Balance
from facekit.options.clean import Clean
from facekit.options.common import SplitBy
from facekit.options.crop import Crop
from facekit.options.evaluate import Evaluate
from facekit.options.train import Train

PHOTOS, PICTURES = 50, 240

NETWORKS: dict[str, dict[str, Any]] = {
    "dlib": {"backbone": "dlib"},
    "cnn5": {"network": "cnn5", "size": 64, "epochs": 40, "schedule": "cosine"},
    "inception_v3": {"network": "inception_v3", "size": 96, "epochs": 20, "schedule": "cosine"},
}
"""Options of `train`, the rest being its defaults: it stops at 0.97 on the validation part, however that was drawn."""

PROTOCOLS: tuple[SplitBy, ...] = ("image", "group")


class Score(NamedTuple):
    """One accuracy, with its interval where there is one."""

    pictures: int
    accuracy: float
    interval: Sequence[float] | None

    def __str__(self) -> str:
        between = "" if self.interval is None else " ({:.3f} to {:.3f})".format(*self.interval)
        return f"{self.accuracy:.3f}{between}"


def faces(identities: Path, people: int | None, out: Path) -> Path:
    """Cut out the faces of the people with most photos; of all where `people` is None."""
    photos = out / "photos"
    folders = sorted(identities.iterdir(), key=lambda folder: (-len(list(folder.iterdir())), folder.name))
    for folder in folders[:people]:
        if not (photos / folder.name).is_dir():
            shutil.copytree(folder, photos / folder.name)
    crop(Crop(input=photos, output=out / "faces"))
    return out / "faces"


def trees(found: Path, out: Path, protocol: SplitBy) -> Path:
    """Make 50 photos a person and then 240 pictures, by one protocol."""
    balance(Balance(input=found, output=out / "even", count=PHOTOS, split_by=protocol))
    augment(Augment(input=out / "even", output=out / "full", count=PICTURES, split_by=protocol))
    return out / "full"


def children_of_test(out: Path) -> Path:
    """Make children of the photos that were held back by photo: as many a photo as the others have."""
    held, made = out / "held", out / "held_children"
    even = Dataset.open(out / "even")
    for record in even.records:
        if record.split == "test":
            (held / record.label).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(even.root / record.path, held / record.path)
    each = sum(record.split == "test" for record in even.records) // len(even.labels)
    options = Augment(input=held, output=made, count=each * PICTURES // PHOTOS, split="100/0/0")
    augment(options)
    return made


def scores(folder: Path) -> dict[str, Score]:
    """Return the scores of one report: photos as found, and what was made of them."""
    result = json.loads((folder / "scores.json").read_text())
    apart = result["apart"] or {"photos as found": result}
    return {
        kind: Score(some["pictures"], some["accuracy"], some.get("intervals", {}).get("accuracy"))
        for kind, some in apart.items()
    }


def study(data: Path, out: Path, networks: Sequence[str], people: int) -> Iterator[list[str]]:
    """Yield the rows of the table: network, protocol, epochs, accuracy in training, on photos, on children."""
    found = faces(data / "lfw" / "identities", people, out)
    for name in networks:
        for protocol in PROTOCOLS:
            here = out / protocol
            tree = trees(found, here, protocol)
            run = here / "runs" / name
            report = train(Train(input=tree, output=run, split_by=protocol, **NETWORKS[name]))
            say(f"{name}, {protocol}: {report.details['stopped']}, {report.details['training_seconds']} s")
            evaluate(Evaluate(run=run, output=run / "evaluation"))
            found_in = scores(run / "evaluation")
            if protocol == "group":
                evaluate(Evaluate(run=run, data=children_of_test(here), output=here / "children" / name))
                found_in["copies and children"] = scores(here / "children" / name)["copies and children"]
            kinds = [found_in[kind] for kind in ("photos as found", "copies and children")]
            training = f"{report.details['accuracy']:.3f}"
            yield [name, protocol, str(report.details["epochs"]), training, *(f"{kind}" for kind in kinds)]


def everyone(data: Path, out: Path) -> Iterator[list[str]]:
    """Yield rows of `dlib` on all people of the data: up to 50 photos each, by photo, nothing copied or made."""
    photos = out / "photos"
    for folder in sorted((data / "lfw" / "identities").iterdir()):
        (photos / folder.name).mkdir(parents=True, exist_ok=True)
        for photo in sorted(folder.iterdir())[:PHOTOS]:
            shutil.copyfile(photo, photos / folder.name / photo.name)
    crop(Crop(input=photos, output=out / "largest"))
    crop(Crop(input=photos, output=out / "all", faces="all"))
    clean(Clean(input=out / "all", output=out / "clean", min_images=10))
    ways = {"largest": "crop", "clean": "crop --faces all, clean"}
    for name, made in ways.items():
        run = out / "runs" / name
        options = Train(input=out / name, output=run, backbone="dlib", split="70/30/0")
        seconds = train(options).details["training_seconds"]
        evaluate(Evaluate(run=run, output=run / "evaluation"))
        score = scores(run / "evaluation")["photos as found"]
        people = len(runs.load(run).labels)
        yield [made, str(people), str(score.pictures), str(score), f"{seconds} s"]


def say(line: str) -> None:
    """Tell whoever waits how far it is."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Run the study and print its table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--people", type=int, default=12)
    chosen = parser.parse_args()
    data = Path(os.environ["FACEKIT_DATA"])
    print("| network | split | epochs | training | photos as found | children |\n|---|---|---|---|---|---|", flush=True)
    for row in study(data, chosen.output / "few", chosen.networks.split(","), chosen.people):
        print("| " + " | ".join(row) + " |", flush=True)
    if "dlib" in chosen.networks.split(","):
        print("\n| made by | people | photos never seen | accuracy | trained in |\n|---|---|---|---|---|", flush=True)
        for row in everyone(data, chosen.output / "all"):
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
