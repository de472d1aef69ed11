"""What each step gains the five-block gray network on FER2013's happy, neutral, sad and surprised faces.

    FACEKIT_DATA=/path/to/data KERAS_BACKEND=jax python benchmarks/expressions_steps.py -o work --together 6

FACEKIT_DATA names a folder with `fer2013/train`, `train_more` (the rest of FER2013's training pictures) and `test`
(the official public test). What also stands in the official test is taken out of the training pictures (`facekit audit
--without`); the rest is split once, 90/0/10, by `facekit balance`, whose copies are left out again, and the same tenth
validates every training.

Each step is trained with each seed, and scored on validation. Steps are chosen there alone: the one with the best mean
macro F1 is the only one that is scored on the official test, once for each seed. Beside it stands what a horizontal
flip at test time gives, the mean over a picture and its mirror image; `evaluate` has none, because it gained nothing.

What is done is not done again, so a study that was stopped goes on. It is long on cores: without an accelerator it says
so, and leaves with code 2, unless `--cores`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

SEEDS = (1, 2, 3)
AUGMENTED: dict[str, Any] = {"light_augment": True}
STEPS: dict[str, dict[str, Any]] = {
    "8,000 pictures": {"tree": "few", "epochs": 50, **AUGMENTED},
    "all pictures, without augmentation": {"epochs": 50},
    "all pictures": {"epochs": 50, **AUGMENTED},
    "100 epochs": {"epochs": 100, **AUGMENTED},
}
"""Each beside the one before it. All have label smoothing .05 and the cosine schedule, as contenders.toml."""

COMMON = {"network": "cnn5", "color": "gray", "size": 48, "batch": 64, "label_smoothing": 0.05, "schedule": "cosine"}


def facekit(*words: object) -> str:
    """Run a command in a process of its own, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "facekit", *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"facekit {' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
    return done.stdout


def trees(data: Path, out: Path) -> None:
    """Make `all`, less what the official test has, split once, and `few`: the training pictures of `train` alone."""
    if not (out / "all").is_dir():
        both = out / "both"
        for part in ("train", "train_more"):
            shutil.copytree(data / part, both / part, dirs_exist_ok=True)
        merged = out / "merged"
        for file in both.rglob("*.jpg"):
            (merged / file.parent.name).mkdir(parents=True, exist_ok=True)
            file.replace(merged / file.parent.name / file.name)
        facekit("audit", merged, data / "test", "--without", out / "apart")
        most = max(len(list(label.iterdir())) for label in (out / "apart").iterdir() if label.is_dir())
        facekit("balance", out / "apart", "-o", out / "balanced", "-n", most, "--split", "90/0/10")
        smaller(out / "balanced", out / "all", lambda record: not record.get("synthetic"))
    if not (out / "few").is_dir():
        few = {sha256(file) for file in (data / "train").rglob("*.jpg")}
        smaller(out / "all", out / "few", lambda record: record["split"] != "train" or record["sha256"] in few)


def sha256(file: Path) -> str:
    """Return the hash by which manifests know a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def smaller(tree: Path, out: Path, keeps: Callable[[dict[str, Any]], bool]) -> None:
    """Copy a tree of facekit's with fewer pictures: a manifest with fewer lines."""
    part = out.with_name(f".part-{out.name}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for file in (file for file in tree.iterdir() if file.is_file() and file.name != "manifest.jsonl"):
        shutil.copy(file, part)
    with (tree / "manifest.jsonl").open() as lines, (part / "manifest.jsonl").open("w") as kept:
        for line in lines:
            record = json.loads(line)
            if not keeps(record):
                continue
            (part / record["path"]).parent.mkdir(exist_ok=True)
            shutil.copy(tree / record["path"], part / record["path"])
            kept.write(line)
    part.replace(out)


def flags(options: dict[str, Any]) -> Iterable[object]:
    """Yield options as they are typed."""
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        yield from (flag,) if value is True else (flag, value)


def train(out: Path, step: str, seed: int, epochs: int) -> float:
    """Train a step with a seed; returns the seconds, 0 where it was done before."""
    own = dict(STEPS[step])
    tree = out / own.pop("tree", "all")
    own["epochs"] = epochs or own["epochs"]
    began = time.perf_counter()
    typed = {**COMMON, **own, "seed": seed, "labels": "classes", "stop_at": 1.01}
    facekit("train", tree, "-o", folder(out, step, seed), *flags(typed))
    return time.perf_counter() - began


def folder(out: Path, step: str, seed: int) -> Path:
    """Return where the run of a step and a seed is."""
    return out / "runs" / f"{step.replace(' ', '-').replace(',', '')}-{seed}"


def validated(run: Path) -> dict[str, float]:
    """Return the macro F1 and the accuracy on the validation part, plain and flipped at test time."""
    from sklearn.metrics import accuracy_score, f1_score

    from facekit import runs
    from facekit.networks.inputs import decoded, probabilities

    trained = runs.load(run)
    seen = list(decoded(trained.root, trained.part("validation"), trained.size))
    truth = [trained.labels.index(record.label) for record, _ in seen]
    pixels = np.stack([np.asarray(picture) for _, picture in seen])
    model = trained.model()
    plain, mirrored = (np.stack(list(probabilities(model, some, 256))) for some in (pixels, pixels[:, :, ::-1]))
    scores: dict[str, float] = {}
    for name, rows in (("plain", plain), ("flipped", (plain + mirrored) / 2)):
        given = np.argmax(rows, axis=1)
        scores[name] = float(f1_score(truth, given, average="macro"))
        scores[f"{name} accuracy"] = float(accuracy_score(truth, given))
    return scores


def official(data: Path, out: Path, step: str, together: int) -> None:
    """Score the chosen step on the official test, once for each seed."""

    def score(seed: int) -> dict[str, Any]:
        words = ["evaluate", folder(out, step, seed), "--data", data / "test", "--json"]
        return dict(json.loads(facekit(*words))["details"])

    print("\n| seed | macro F1, official test | accuracy | pictures |\n|--:|---|---|--:|")
    with ThreadPoolExecutor(together) as pool:
        found = list(pool.map(score, SEEDS))
    for seed, details in zip(SEEDS, found, strict=True):
        (low, high), (least, most) = details["macro_f1_interval"], details["accuracy_interval"]
        scores = f"{details['macro_f1']:.4f} ({low:.3f} to {high:.3f})"
        accuracy = f"{details['accuracy']:.4f} ({least:.3f} to {most:.3f})"
        print(f"| {seed} | {scores} | {accuracy} | {details['pictures']:,} |")
    print(f"\nmean {statistics.mean(details['macro_f1'] for details in found):.4f}")


def study(chosen: argparse.Namespace, out: Path) -> str:
    """Train all steps with all seeds, print their validation, and return the best step."""
    jobs = [(step, seed) for step in reversed(STEPS) for seed in SEEDS]  # the longest first
    with ThreadPoolExecutor(chosen.together) as pool:
        times = dict(zip(jobs, pool.map(lambda job: train(out, *job, chosen.epochs), jobs), strict=True))
    best = {}
    print("| step | macro F1, validation, by seed | mean | mean, flipped | accuracy, flipped | seconds a training |")
    print("|---|---|--:|--:|--:|--:|")
    for step in STEPS:
        scores = [validated(folder(out, step, seed)) for seed in SEEDS]
        mean = {name: statistics.mean(one[name] for one in scores) for name in scores[0]}
        best[step] = mean["plain"]
        each = ", ".join(f"{one['plain']:.4f}" for one in scores)
        seconds = statistics.median(times[step, seed] for seed in SEEDS)
        flipped = f"{mean['flipped']:.4f} | {mean['flipped accuracy']:.4f}"
        print(f"| {step} | {each} | {mean['plain']:.4f} | {flipped} | {seconds:.0f} |", flush=True)
    return max(best, key=lambda key: best[key])


def main() -> int:
    """Run the study, or say that there is no accelerator."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--together", type=int, default=1, help="trainings at a time, which share the accelerator")
    parser.add_argument("--epochs", type=int, default=0, help="of every step, to see that it runs")
    parser.add_argument("--cores", action="store_true", help="also without an accelerator")
    parser.add_argument("--no-official", dest="official", action="store_false", help="leave the official test alone")
    chosen = parser.parse_args()
    # In a process of its own: an engine that has looked for the accelerator takes most of its memory.
    seen = "from facekit.networks.backend import *; print(accelerated(), engine(), device())"
    seen = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True).stdout.split()
    if seen[0] != "True" and not chosen.cores:
        print(f"{seen[1]} sees no accelerator: run this where there is one, or give --cores", file=sys.stderr)
        return 2
    print(f"cnn5, gray, 48 px, {' on '.join(seen[1:])}, {chosen.together} at a time\n")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    data = Path(os.environ.get("FACEKIT_DATA", ".")) / "fer2013"
    chosen.output.mkdir(parents=True, exist_ok=True)
    trees(data, chosen.output)
    step = study(chosen, chosen.output)
    print(f"\nbest on validation: {step}")
    if chosen.official:
        official(data, chosen.output, step, chosen.together)
    return 0


if __name__ == "__main__":
    sys.exit(main())
