"""What each step gains the five-block gray network on FER2013's happy, neutral, sad and surprised faces, and the rest.

    FACEKIT_DATA=/path/to/data KERAS_BACKEND=jax python benchmarks/expressions_steps.py -o work --together 12

FACEKIT_DATA names a folder with `fer2013/train`, `train_more` (the rest of FER2013's training pictures) and `test`
(the official public test). What also stands in the official test is taken out of the training pictures (`facekit audit
--without`); the rest is split once, 90/0/10, by `facekit balance`, whose copies are left out again, and the same tenth
validates every training.

Each step is trained with each seed, then the other networks with the recipe of the last step: those of three and four
blocks, in gray and in colour, AlexNet on happy and sad alone, and the published networks from scratch, each at several
learning rates. `--tuned best.toml` adds a step with the setting that `facekit tune` found on the same tree.

Nothing is chosen by the official test: among the steps, and among the learning rates of a network, the best mean macro
F1 on validation is marked, and what is marked is the result. `--score` prints what one run has: on validation, plain
and as the mean over a picture and its mirror image, and on the official test.

What is done is not done again, so a study that was stopped goes on; `--minutes` stops it by itself. It is long on
cores: without an accelerator it says so, and leaves with code 2, unless `--cores`.
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
import tomllib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

SEEDS = (1, 2, 3)
AUGMENTED: dict[str, Any] = {"light_augment": True}
CNN5 = {"network": "cnn5", "color": "gray", "size": 48}
SHARED = {"batch": 64, "label_smoothing": 0.05, "schedule": "cosine", "labels": "classes", "stop_at": 1.01}
"""As contenders.toml has them."""

JOBS = 2
"""Workers of each process: many run at a time."""

BOTH = ("happy", "sad")
"""What AlexNet tells apart, as in the original project."""


@dataclass(frozen=True)
class Job:
    """One training: its row in the table, its pictures, its options and its seed."""

    row: str
    seed: int
    options: dict[str, Any]
    tree: str = "all"
    test: str = "test"
    choice: str = "steps"
    """Among the rows with the same word the best on validation is marked."""

    def run(self, out: Path) -> Path:
        """Return the folder of the run."""
        return out / "runs" / f"{self.row.replace(' ', '-').replace(',', '')}-{self.seed}"


@dataclass
class Stop:
    """When to stop, and what is running then."""

    at: float
    running: set[subprocess.Popen[str]] = field(default_factory=set)

    @property
    def over(self) -> bool:
        """Whether it is time."""
        return time.monotonic() > self.at


def steps(tuned: Path | None) -> list[Job]:
    """Return the trainings of the steps, each beside the one before it."""
    rows: dict[str, dict[str, Any]] = {
        "8,000 pictures": {"epochs": 50, **AUGMENTED},
        "all pictures, without augmentation": {"epochs": 50},
        "all pictures": {"epochs": 50, **AUGMENTED},
        "100 epochs": {"epochs": 100, **AUGMENTED},
    }
    jobs = [
        Job(row, seed, {**CNN5, **SHARED, **own}, "few" if row == "8,000 pictures" else "all")
        for row, own in rows.items()
        for seed in SEEDS
    ]
    if tuned is not None:
        found = tomllib.loads(tuned.read_text())["stage"][0]
        jobs += [Job("tuned", seed, {**SHARED, **_plain(found), "epochs": 100}) for seed in SEEDS]
    return jobs


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a recipe's stage that are neither its command, its places nor its seed."""
    return {key: value for key, value in found.items() if key not in ("command", "input", "output", "seed")}


def rest() -> list[Job]:
    """Return the trainings of the other networks, with the recipe of the last step."""
    recipe = {**SHARED, **AUGMENTED, "epochs": 100, "size": 48}
    small = [(name, color) for name in ("cnn3", "cnn4", "cnn5") for color in ("gray", "rgb")]
    jobs = [
        Job(f"{name} {color}", seed, {**recipe, "network": name, "color": color}, choice=f"{name} {color}")
        for name, color in small
        if (name, color) != ("cnn5", "gray")  # which is the last step
        for seed in SEEDS
    ]
    both = {**recipe, "network": "alexnet", "color": "gray", "size": 96}
    jobs += [
        Job(f"alexnet {rate}", 1, {**both, "learning_rate": rate}, "two", "test-two", "alexnet")
        for rate in (1e-4, 3e-4, 1e-3)
    ]
    for name, rates in (
        ("vgg16", (3e-5, 1e-4, 3e-4)),
        ("resnet50_v2", (3e-4, 1e-3)),
        ("efficientnet_b0", (1e-3, 3e-3)),
    ):
        own = {**recipe, "network": name, "epochs": 60, "batch": 256}
        jobs += [Job(f"{name} {rate}", 1, {**own, "learning_rate": rate}, choice=name) for rate in rates]
    return jobs


def facekit(*words: object, stop: Stop | None = None) -> str | None:
    """Run a command in a process of its own, and return what it printed; None where it was stopped."""
    return python("-m", "facekit", *words, stop=stop)


def python(*words: object, stop: Stop | None = None) -> str | None:
    """Run Python in a process of its own, and return what it printed; None where it was stopped."""
    typed = [sys.executable, *map(str, words)]
    started = subprocess.Popen(typed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if stop is not None:
        stop.running.add(started)
    printed, said = started.communicate()
    if stop is not None:
        stop.running.discard(started)
        if stop.over:
            return None
    if started.returncode:
        raise SystemExit(f"{' '.join(typed)}\n{printed}{said}")
    return printed


def trees(data: Path, out: Path) -> None:
    """Make `all`, less what the official test has, split once; `few`: of training the pictures of `train` alone; `two`.

    `two` and `test-two` have happy and sad faces alone.
    """
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
    if not (out / "two").is_dir():
        smaller(out / "all", out / "two", lambda record: record["label"] in BOTH)
    tests(data, out)


def tests(data: Path, out: Path) -> None:
    """Copy the official test as `test`, and its happy and sad faces as `test-two`."""
    for tree, labels in (("test", ()), ("test-two", BOTH)):
        for label in labels or sorted(folder.name for folder in (data / "test").iterdir() if folder.is_dir()):
            if not (out / tree / label).is_dir():
                shutil.copytree(data / "test" / label, out / tree / label)


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


def train(out: Path, job: Job, stop: Stop) -> dict[str, Any] | None:
    """Train, score and keep the scores, unless that was done before; None where it is time to stop."""
    run = job.run(out)
    kept = run.with_name(f"{run.name}.json")
    if not kept.is_file():
        if stop.over:
            return None
        began = time.perf_counter()
        typed = {**job.options, "seed": job.seed, "jobs": JOBS}
        if facekit("train", out / job.tree, "-o", run, *flags(typed), stop=stop) is None:
            return None
        seconds = round(time.perf_counter() - began, 1)
        printed = python(__file__, "-o", out, "--score", run, "--test", out / job.test, stop=stop)
        if printed is None:
            return None
        scores = json.loads(printed.splitlines()[-1])
        kept.write_text(json.dumps({"row": job.row, "seed": job.seed, "seconds": seconds, **scores}))
    return dict(json.loads(kept.read_text()))


def score(run: Path, test: Path) -> dict[str, Any]:
    """Return what a run has on validation and on the official test, and its epochs."""
    from facekit import runs

    info = runs.load(run).info
    details = json.loads(facekit("evaluate", run, "--data", test, "--json", "--jobs", JOBS) or "{}")["details"]
    wanted = ("macro_f1", "macro_f1_interval", "accuracy", "accuracy_interval", "pictures")
    official = {name: details[name] for name in wanted}
    return {"validation": validated(run), "official": official, "epochs": info.epochs, "best_epoch": info.best_epoch}


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


def table(found: Sequence[tuple[Job, dict[str, Any]]]) -> None:
    """Print a line for each row, and mark the best of each choice by its mean on validation."""
    rows: dict[str, list[tuple[Job, dict[str, Any]]]] = {}
    for job, scores in found:
        rows.setdefault(job.row, []).append((job, scores))
    means = {row: statistics.mean(scores["validation"]["plain"] for _, scores in own) for row, own in rows.items()}
    print("| row | macro F1, validation, by seed | mean | mean, flipped | macro F1, official test, by seed | mean |"
          " accuracy | best epoch | seconds |")  # fmt: skip
    print("|---|---|--:|--:|---|--:|--:|--:|--:|")
    for row, own in rows.items():
        choice = own[0][0].choice
        others = [means[other] for other, theirs in rows.items() if theirs[0][0].choice == choice]
        mark = " (best on validation)" if len(others) > 1 and means[row] == max(others) else ""
        print(f"| {row}{mark} | {line([scores for _, scores in own], means[row])} |")


def line(own: Sequence[dict[str, Any]], mean: float) -> str:
    """Return the cells of a row."""
    validation = ", ".join(f"{scores['validation']['plain']:.4f}" for scores in own)
    flipped = statistics.mean(scores["validation"]["flipped"] for scores in own)
    official = [scores["official"] for scores in own]
    each = ", ".join(
        f"{one['macro_f1']:.4f} ({one['macro_f1_interval'][0]:.3f} to {one['macro_f1_interval'][1]:.3f})"
        for one in official
    )
    f1, accuracy = (statistics.mean(one[name] for one in official) for name in ("macro_f1", "accuracy"))
    epochs = ", ".join(f"{scores['best_epoch']}/{scores['epochs']}" for scores in own)
    seconds = statistics.median(scores["seconds"] for scores in own)
    return f"{validation} | {mean:.4f} | {flipped:.4f} | {each} | {f1:.4f} | {accuracy:.4f} | {epochs} | {seconds:.0f}"


def study(jobs: Sequence[Job], out: Path, together: int, minutes: float) -> bool:
    """Do the jobs in their order, so many at a time, and print the table; returns whether all are done."""
    stop = Stop(time.monotonic() + 60 * minutes)
    with ThreadPoolExecutor(together) as pool:
        waiting = [pool.submit(train, out, job, stop) for job in jobs]
        while not all(one.done() for one in waiting):
            time.sleep(1)
            for process in list(stop.running) if stop.over else ():
                process.terminate()
    done = [(job, scores) for job, one in zip(jobs, waiting, strict=True) if (scores := one.result()) is not None]
    named = [*dict.fromkeys(job.row for job in (*steps(None), *rest())), "tuned"]
    table(sorted(done, key=lambda one: named.index(one[0].row)))
    if len(done) < len(jobs):
        print(f"\n{len(jobs) - len(done)} of {len(jobs)} trainings are not done; run this again to go on")
    return len(done) == len(jobs)


def arguments() -> argparse.Namespace:
    """Return what was typed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--together", type=int, default=1, help="trainings at a time, which share the accelerator")
    parser.add_argument("--minutes", type=float, default=100_000, help="stop after these, to go on another time")
    parser.add_argument("--epochs", type=int, default=0, help="of every training, to see that it runs")
    parser.add_argument("--rows", help="only rows that begin with one of these, separated by semicolons")
    parser.add_argument("--tuned", type=Path, help="recipe that `facekit tune` wrote, as one more step")
    parser.add_argument("--cores", action="store_true", help="also without an accelerator")
    parser.add_argument("--score", type=Path, help="print what a run has as JSON, and leave")
    parser.add_argument("--test", type=Path, help="pictures of the official test, with --score")
    return parser.parse_args()


def chosen_jobs(chosen: argparse.Namespace) -> list[Job]:
    """Return what is to be done, the longest first."""
    jobs = [*steps(chosen.tuned), *rest()]
    if chosen.rows:
        jobs = [job for job in jobs if job.row.startswith(tuple(chosen.rows.split(";")))]
    if chosen.epochs:
        jobs = [Job(**{**vars(job), "options": {**job.options, "epochs": chosen.epochs}}) for job in jobs]
    heavy = ("resnet50_v2", "efficientnet_b0", "vgg16")
    return sorted(jobs, key=lambda job: (job.options["network"] not in heavy, -job.options["epochs"]))


def main() -> int:
    """Run the study, or say that there is no accelerator."""
    chosen = arguments()
    if chosen.score is not None:
        print(json.dumps(score(chosen.score, chosen.test)))
        return 0
    # In a process of its own: an engine that has looked for the accelerator takes most of its memory.
    seen = "from facekit.networks.backend import *; print(accelerated(), engine(), device())"
    seen = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True).stdout.split()
    if seen[0] != "True" and not chosen.cores:
        print(f"{seen[1]} sees no accelerator: run this where there is one, or give --cores", file=sys.stderr)
        return 2
    print(f"{' on '.join(seen[1:])}, {chosen.together} at a time\n")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    chosen.output.mkdir(parents=True, exist_ok=True)
    trees(Path(os.environ.get("FACEKIT_DATA", ".")) / "fer2013", chosen.output)
    return 0 if study(chosen_jobs(chosen), chosen.output, chosen.together, chosen.minutes) else 130


if __name__ == "__main__":
    sys.exit(main())
