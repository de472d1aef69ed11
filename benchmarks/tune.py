"""What a search finds, beside the default options with as much training, and beside settings taken by chance.

    FACEKIT_DATA=/path/to/data python benchmarks/tune.py -o work --trials 12 --epochs 12 --pictures 2400

On FER2013's happy, neutral, sad and surprised faces (FACEKIT_DATA names a folder with `fer2013/train` and `test`), and
on drawn people, told apart by name. Three ways of spending the same time on the five-block gray network: `--trials`
settings chosen by TPE, as many by chance, and as many trainings with the default options, each with another seed. A
training is `--epochs` epochs in each, and nothing is given up early, so all three train on equally many pictures. Each
way's best by validation is scored once on the test part.

The search by TPE is killed twice by SIGKILL in the middle of a trial, and goes on each time; the script checks that no
trial is lost or counted twice. What is done is not done again, so a run of this script that was stopped goes on.
CPU seconds are those of this process and its children in the run that did the work.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import facekit

NETWORK: dict[str, Any] = {"network": "cnn5", "color": "gray", "size": 48, "labels": "classes"}
USUAL: dict[str, Any] = {"schedule": "cosine", "light_augment": True, "stop_at": 1.01}
"""What `tune` gives all its trainings by default."""

CLASSES = ("happy", "neutral", "sad", "surprise")
Scores = dict[str, Any]


def fer(out: Path, pictures: int) -> Path:
    """Return a tree of so many training pictures of FER2013, and half as many of its official test."""
    data = os.environ.get("FACEKIT_DATA")
    if data is None or not (Path(data) / "fer2013").is_dir():
        sys.exit("FACEKIT_DATA names no folder with fer2013; set it, or give --world drawn")
    source = out / "source"
    for part, count in (("train", pictures // 4), ("test", pictures // 8)):
        for label in CLASSES:
            folder = source / part / label
            folder.mkdir(parents=True, exist_ok=True)
            for file in sorted((Path(data) / "fer2013" / part / label).iterdir())[:count]:
                shutil.copyfile(file, folder / file.name)
    facekit.ingest(data_set="fer2013", input=source, output=out / "tree")
    return out / "tree"


def drawn(out: Path, pictures: int) -> Path:
    """Return a tree of faces of eight drawn people, so many photos in all, wrong people and repeats among them."""
    facekit.draw(output=out / "photos", people=8, photos=pictures // 8)
    facekit.crop(input=out / "photos", output=out / "tree", size=48)
    return out / "tree"


def tpe(tree: Path, out: Path, trials: int, epochs: int) -> Scores:
    """Search by TPE in a process of its own, which is killed twice while a trial is under way."""
    words = ["tune", tree, "-o", out, "--no-prune", "--trials", trials, "--epochs", epochs]
    words += [word for name, value in NETWORK.items() for word in (f"--{name}", value)]
    typed = [sys.executable, "-m", "facekit", *map(str, words), "--json"]
    kills = []
    for done in (1, trials // 2):
        process = subprocess.Popen(typed, stdout=subprocess.DEVNULL)
        while process.poll() is None and not _under_way(out, done, epochs // 3):
            time.sleep(0.5)
        if process.poll() is None:
            kills.append(_counts(out))
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
    ended = subprocess.run(typed, stdout=subprocess.PIPE, text=True, check=True)
    rows = _trials(out)
    whole = [row["trial"] for row in rows] == [str(n) for n in range(trials)]
    assert whole and all(row["state"] == "done" and row["epochs"] == str(epochs) for row in rows), rows
    found = _of_search(out, json.loads(ended.stdout)["details"])
    return {**found, "killed with these trials done, begun, and epochs of the last": kills}


def by_chance(tree: Path, out: Path, trials: int, epochs: int) -> Scores:
    """Search by chance."""
    report = facekit.tune(
        input=tree, output=out, sampler="random", prune=False, trials=trials, epochs=epochs, **NETWORK
    )
    return _of_search(out, report.details)


def defaults(tree: Path, out: Path, trials: int, epochs: int) -> Scores:
    """Train with the default options, once for each seed, and score the best on validation."""
    found = []
    for seed in range(1, trials + 1):
        run = out / f"seed-{seed}"
        report = facekit.train(input=tree, output=run, epochs=epochs, seed=seed, **NETWORK, **USUAL)
        found.append((float(report.details["val_accuracy"]), -seed, run))
    found.sort(reverse=True)
    scored = facekit.evaluate(run=found[0][2]).details
    return {
        "best on validation": found[0][0],
        "all on validation": sorted(value for value, _, _ in found),
        "test": scored["accuracy"],
        "interval": scored["accuracy_interval"],
        "test pictures": scored["pictures"],
    }


def _of_search(out: Path, details: dict[str, Any]) -> Scores:
    return {
        "best on validation": details["val_accuracy"],
        "all on validation": sorted(float(row["val_accuracy"]) for row in _trials(out)),
        "setting": (out / "best.toml").read_text(),
        "test": details["test_accuracy"],
        "interval": details["test_accuracy_interval"],
        "test pictures": details["test_pictures"],
    }


def _counts(out: Path) -> tuple[int, int, int]:
    """Return how many trials of a search are done, how many have begun, and how many epochs the last of them has."""
    try:
        with sqlite3.connect(f"file:{out / 'study.db'}?mode=ro", uri=True) as study:
            rows = list(study.execute("select trial_id, state from trials order by number"))
            last = (rows[-1][0] if rows else None,)
            [(epochs,)] = study.execute("select count(*) from trial_intermediate_values where trial_id = ?", last)
    except sqlite3.OperationalError:  # there is none yet
        return 0, 0, 0
    return [state for _, state in rows].count("COMPLETE"), len(rows), epochs


def _under_way(out: Path, done: int, epochs: int) -> bool:
    """Whether so many trials are done, and another has so many epochs."""
    complete, begun, reached = _counts(out)
    return complete >= done and begun > complete and reached >= epochs


def _trials(out: Path) -> list[dict[str, str]]:
    with (out / "trials.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def _cpu() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


WORLDS: dict[str, Callable[[Path, int], Path]] = {"fer": fer, "drawn": drawn}
WAYS: dict[str, Callable[[Path, Path, int, int], Scores]] = {"tpe": tpe, "random": by_chance, "defaults": defaults}


def main(words: Sequence[str] | None = None) -> None:
    """Do what is left of the study, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--world", action="append", choices=[*WORLDS], help="may be repeated; by default both")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--pictures", type=int, default=2400)
    given = parser.parse_args(words)
    for world in given.world or WORLDS:
        out = given.output / world
        tree = WORLDS[world](out, given.pictures)
        for way, work in WAYS.items():
            kept = out / f"{way}.json"
            if not kept.is_file():
                began, used = time.monotonic(), _cpu()
                scores = work(tree, out / way, given.trials, given.epochs)
                scores |= {"seconds": round(time.monotonic() - began), "CPU seconds": round(_cpu() - used)}
                kept.write_text(json.dumps(scores, indent=1))
            print(world, way, kept.read_text(), flush=True)


if __name__ == "__main__":
    main()
