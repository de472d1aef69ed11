"""One network for several targets beside one for each, and gender of people who are not in training, by group.

    FACEKIT_DATA=/path/to/data python benchmarks/targets.py -o work [--only drawn|lfw|utkface] [--people 8 --photos 24]

`drawn`: `facekit draw` and `crop`, then for each seed, which also draws the split: one network for identity, expression
and gender with fixed weights, one with weights that are learned (Kendall et al. 2018), and one for each target alone.
All have the same epochs; of each the best by validation is kept. `lfw`: heads on frozen embeddings for the identity and
gender of its people with most photos, split by photo, and for the gender of other people, split by person. `utkface`:
heads for gender, scored by age group and race. FACEKIT_DATA names a folder with `lfw/identities/NAME/`,
`lfw/pairs_images/NAME/`, `lfw/gender.csv` (columns `image,gender`) and `utkface`.

Answers of all seeds are counted together. An interval is the 95% of a bootstrap over photos, or over people where the
split is by person: a photo that several seeds test is drawn with all its answers. CPU seconds are those of the whole
training on all threads, with what reads the pictures. What is trained already is not trained again.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit import runs
from facekit.base.contract import quiet
from facekit.commands.crop import crop
from facekit.commands.draw import draw
from facekit.commands.ingest import ingest
from facekit.commands.train import train
from facekit.dataset import Dataset
from facekit.dataset.targets import value
from facekit.identity import held_out, truth
from facekit.options.crop import Crop
from facekit.options.draw import Draw
from facekit.options.ingest import Ingest
from facekit.options.train import Train
from facekit.scores.bootstrap import interval, rounds_of
from facekit.scores.classes import Answers
from facekit.scores.groups import GroupScores, Sample, apart, by_value

JOINT, LEARNED = "for all", "for all, weights learned"


@dataclass
class Collected:
    """The answers of one network for one target, of all seeds."""

    units: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    true: list[int] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    groups: list[Mapping[str, str]] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def sample(self) -> Sample:
        """Return the answers with what they are resampled by."""
        return Sample(Answers(np.array(self.true), np.array(self.answered)), self.units, 1000, 42)

    def scores(self) -> GroupScores:
        """Return all scores with their intervals."""
        return apart(self.sample(), {"all": np.ones(len(self.true), bool)})[0]


def main() -> None:
    """Measure what is asked for, and print it."""
    given = _arguments()
    work = Path(given.output)
    work.mkdir(parents=True, exist_ok=True)
    if given.only in (None, "drawn"):
        _drawn(given, work)
    data = os.environ.get("FACEKIT_DATA")
    if data and given.only in (None, "lfw"):
        _lfw(given, Path(data) / "lfw", work)
    if data and given.only in (None, "utkface"):
        _utkface(given, Path(data) / "utkface", work)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--people", type=int, default=8, help="who are drawn")
    parser.add_argument("--photos", type=int, default=24, help="of each of them")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--network", default="cnn5")
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--split", default="55/30/15")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--embedder", action="append", help="dlib and sface by default; may be repeated")
    parser.add_argument(
        "--faces", type=int, default=1500, help="of each gender of UTKFace, and of people of LFW, at most"
    )
    parser.add_argument("--only", choices=("drawn", "lfw", "utkface"))
    return parser.parse_args()


def _drawn(given: argparse.Namespace, work: Path) -> None:
    """Compare networks for three targets of drawn people."""
    faces = work / "drawn-faces"
    draw(Draw(output=work / "drawn", people=given.people, photos=given.photos))
    crop(Crop(input=work / "drawn", output=faces))
    names = ("identity", "expression", "gender")
    base = Train(
        input=faces,
        output=work,
        network=given.network,
        size=given.size,
        epochs=given.epochs,
        stop_at=1.01,
        split=given.split,
        labels="classes",
        jobs=1,
    )
    contenders = {
        JOINT: replace(base, targets=",".join(names)),
        LEARNED: replace(base, targets=",".join(names), target_weights="learned"),
        **{name: replace(base, targets=None if name == "identity" else name) for name in names},
    }
    found = {name: _collected(name, options, work / "drawn-runs", given.seeds) for name, options in contenders.items()}
    print(f"drawn, {len(found[JOINT]['identity'].true)} answers of {given.seeds} seeds")
    for target in names:
        for name in (JOINT, LEARNED):
            _print_pair(target, name, found[name][target], found[target][target])
    for name, one in found.items():
        first = next(iter(one.values()))
        mean = sum(first.seconds) / len(first.seconds)
        print(f"  {name}: {mean:.1f} CPU seconds a training, best epochs {first.epochs}")


def _lfw(given: argparse.Namespace, data: Path, work: Path) -> None:
    """Score heads on frozen embeddings: identity and gender of known people, and gender of others."""
    known, others = work / "lfw-faces", work / "lfw-others-faces"
    crop(Crop(input=data / "identities", output=known))
    crop(Crop(input=data / "pairs_images", output=others))
    table = _gender_table(data, work / "lfw-gender.csv")
    tree, people = _by_gender(others, table, work / "lfw-by-gender", given.faces)
    for embedder in given.embedder or ("dlib", "sface"):
        base = Train(input=known, output=work, backbone=embedder, split=given.split, labels="classes", jobs=1)
        both = replace(base, targets="identity,gender", targets_from=table)
        alone = replace(base, targets="gender", targets_from=table)
        joint = _collected("joint", both, work / f"lfw-{embedder}", given.seeds)
        single = _collected("gender", alone, work / f"lfw-{embedder}", given.seeds)
        print(f"lfw, {embedder}: {len(joint['identity'].true)} answers of {given.seeds} seeds")
        _print_one("identity of people in training", joint["identity"])
        _print_pair("gender of people in training", "both heads", joint["gender"], single["gender"])
        new = replace(base, input=tree, split_by="person", people_from=people)
        found = _collected("people", new, work / f"lfw-{embedder}", given.seeds)["identity"]
        _print_one("gender of people who are not in training", found)


def _utkface(given: argparse.Namespace, data: Path, work: Path) -> None:
    """Score heads for gender by age group and race."""
    tree = work / "utkface"
    ingest(Ingest(data_set="utkface", input=_some_of_utkface(data, work / "utkface-some", given.faces), output=tree))
    for embedder in given.embedder or ("dlib", "sface"):
        options = Train(input=tree, output=work, backbone=embedder, split="50/40/10", labels="classes", jobs=1)
        found = _collected("gender", options, work / f"utkface-{embedder}", given.seeds)["identity"]
        print(f"utkface, {embedder}: {len(found.true)} answers of {given.seeds} seeds")
        _print_one("gender", found)
        for by in ("race", "age_group"):
            groups = by_value(found.sample(), by, [one.get(by) for one in found.groups], found.paths)
            for row in sorted(groups.values, key=lambda row: row.name):
                print(f"  {by} {row.name}: {_said(row)}, {len(_inside(found, by, row.name))} photos")


def _inside(found: Collected, by: str, name: str) -> set[str]:
    return {path for path, groups in zip(found.paths, found.groups, strict=True) if groups.get(by) == name}


def _gender_table(data: Path, file: Path) -> Path:
    """Write the gender of each person of LFW, by the folder of their photos."""
    with (data / "gender.csv").open(newline="", encoding="utf-8-sig") as rows:
        people = {row["image"].rpartition("_")[0]: row["gender"] for row in csv.DictReader(rows)}
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([["label", "gender"], *sorted(people.items())])
    return file


def _by_gender(faces: Path, table: Path, tree: Path, count: int) -> tuple[Path, Path]:
    """Copy one face each of so many women and men into a tree of the two genders; return it, and who is on each."""
    with table.open(newline="", encoding="utf-8") as rows:
        genders = {row["label"]: row["gender"] for row in csv.DictReader(rows)}
    one_each = {record.label: record.path for record in Dataset.open(faces).records if record.label in genders}
    chance = np.random.default_rng(42)
    lines = []
    for gender in ("female", "male"):
        names = sorted(name for name in one_each if genders[name] == gender)
        (tree / gender).mkdir(parents=True, exist_ok=True)
        for place in chance.permutation(len(names))[:count]:
            file = f"{gender}/{names[place]}.jpg"
            shutil.copyfile(faces / one_each[names[place]], tree / file)
            lines.append([file, names[place]])
    people = tree.with_name(f"{tree.name}-people.csv")
    with people.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([["image", "person"], *lines])
    return tree, people


def _some_of_utkface(data: Path, folder: Path, count: int) -> Path:
    """Link so many pictures of each gender into a folder, drawn by chance."""
    chance = np.random.default_rng(42)
    for gender in ("female", "male"):
        files = sorted((data / gender).iterdir())
        (folder / gender).mkdir(parents=True, exist_ok=True)
        for place in chance.permutation(len(files))[:count]:
            with suppress(FileExistsError):
                (folder / gender / files[place].name).symlink_to(files[place].resolve())
    return folder


def _collected(name: str, options: Train, folder: Path, seeds: int) -> dict[str, Collected]:
    """Train with each seed, and return the answers to the test parts by target."""
    found: dict[str, Collected] = defaultdict(Collected)
    for seed in range(seeds):
        output = folder / str(seed) / name.replace(",", "")
        seconds = _trained(replace(options, output=output, seed=seed))
        run = runs.load(output)
        predictions = held_out.predict(run, held_out.choose(run, None, "test", quiet), 128, 1, quiet)
        for target in run.targets:
            own = predictions.of(run, target)
            one = found[target.name]
            one.units += [f"{unit}" for unit in own.units(run.protocol)]
            one.paths += [record.path for record in own.records]
            one.true += truth.numbers(target, own.records).tolist()
            one.answered += own.probabilities.argmax(axis=1).tolist()
            one.groups += [{by: value(record, by) or "" for by in record.targets or {}} for record in own.records]
            one.epochs.append(run.info.best_epoch)
            one.seconds.append(seconds)
    return found


def _trained(options: Train) -> float:
    """Train where that is not done yet; return the CPU seconds that it took."""
    file = options.output.with_suffix(".json")
    if not file.is_file():
        began = time.process_time()
        train(options)
        file.write_text(json.dumps({"cpu_seconds": time.process_time() - began}))
    return float(json.loads(file.read_text())["cpu_seconds"])


def _print_one(what: str, found: Collected) -> None:
    print(f"  {what}: {_said(found.scores())}, {len(set(found.units))} units")


def _said(row: GroupScores) -> str:
    ends = row.intervals
    if ends is None:
        return f"{row.scores.accuracy:.3f} of {row.pictures}"
    accuracy, balanced = (f"{one.low:.3f}-{one.high:.3f}" for one in (ends.accuracy, ends.balanced_accuracy))
    return (
        f"accuracy {row.scores.accuracy:.3f} ({accuracy}), balanced {row.scores.balanced_accuracy:.3f} ({balanced}), "
        f"{row.pictures} answers"
    )


def _print_pair(target: str, name: str, joint: Collected, alone: Collected) -> None:
    """Print both accuracies, and their difference on the same pictures."""
    assert joint.paths == alone.paths, "not the same pictures"
    right = [np.array(one.true) == np.array(one.answered) for one in (joint, alone)]
    gain = right[0].astype(float) - right[1]

    def mean(weights: NDArray[np.int64]) -> tuple[float]:
        return (float((weights * gain).sum() / weights.sum()),)

    ends = interval(rounds_of(mean, joint.units)[:, 0])
    low, high = ends if ends is not None else (float("nan"), float("nan"))
    print(f"  {target}, {name}: {_said(joint.scores())}")
    print(f"  {target}, alone: {_said(alone.scores())}; difference {gain.mean():+.3f} ({low:+.3f} to {high:+.3f})")


if __name__ == "__main__":
    main()
