# ruff: noqa: I001 (the imports are those of 0.1.0)
"""Make the folders beside this file again. Needs facekit 0.1.0, not the version that this file comes with.

In a checkout of 0.1.0 with everything installed (`git worktree add before v0.1.0`, then `make install` there)::

    cd before && .venv/bin/python ../tests/data/v0_1_0/make.py /data/faces

The output folder should be /data/faces: 0.1.0 writes absolute paths into runs and comparisons, and the tests replace
this one by where they have copied the folders to. All faces are drawn. Photos have half their size, and the networks
are as small as they come, so that everything together stays below 2 MB.
"""

from __future__ import annotations

import lzma
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np

PORT = 28733
"""Where the drawn web is served; an interrupted scrape goes on at the same addresses."""

RECIPE = """\
output = "made"

[[stage]]
command = "crop"
input = "raw"
size = 64

[[stage]]
command = "clean"
min_images = 3
embedder = "none"

[[stage]]
command = "balance"
count = 8
"""


@dataclass(frozen=True)
class Small:
    """Two invented people, nine photos each: a repeat, a blurred one, a group photo and a broken link among them."""

    def links(self, query: str) -> Any:
        return self._world().links(query)

    def picture(self, path: str) -> bytes | None:
        from facekit import images

        data = self._world().picture(path)
        if data is None:
            return None
        whole = images.decode(data)
        half = cv2.resize(whole, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        return images.encode(np.asarray(half, np.uint8), 80)

    def _world(self) -> Any:
        from facekit.world.content import World

        return World(people=2, photos=9, seed=163)


def main(root: Path) -> None:
    """Make every folder."""
    from facekit.dataset import annotate
    from facekit.world.content import World
    from facekit.world.web import serve

    root.mkdir(parents=True)
    names = World(people=2, photos=9, seed=163).names
    with serve(Small(), port=PORT) as web:
        scrape = (
            "scrape",
            *names,
            "--engine",
            "openverse",
            "--base-url",
            web.base_url,
            "--per-name",
            "9",
            "--bots",
            "1",
        )
        facekit(root, *scrape, "-o", "raw")
        killed(root, 12, *scrape, "-o", "raw-interrupted")
    annotate(root / "raw", drawn=True)

    crop = ("crop", "raw", "--faces", "all", "--size", "64", "-j", "1")
    facekit(root, *crop, "-o", "faces")
    killed(root, 6, *crop, "-o", "faces-interrupted")

    clean = ("clean", "faces", "-o", "clean", "--min-images", "3")
    facekit(root, *clean)
    decide(root / "clean")
    facekit(root, *clean, "--apply", "--report", "clean.html")
    decide_once_more(root / "clean")
    facekit(root, "balance", "clean", "-o", "balanced", "-n", "8")
    facekit(root, "augment", "clean", "-o", "augmented", "-n", "10")

    small = ("--network", "cnn3", "--size", "32")
    facekit(root, "train", "augmented", "-o", "run", *small, "--epochs", "2")
    facekit(root, "train", "balanced", "-o", "head", "--backbone", "dlib")
    interrupted(root, "train", "balanced", "-o", "run-interrupted", *small, "--epochs", "3", "--stop-at", "1.01")
    for file in root.rglob("*.weights.h5"):
        thin(file)

    facekit(root, "evaluate", "run")
    facekit(root, "evaluate", "head")
    facekit(root, "evaluate", "head", "--folds", "2")
    for run in ("run", "head"):
        answers = facekit(root, "predict", run, "balanced", "--no-detect", "--min-confidence", "0")
        (root / f"{run}.predict.jsonl").write_text(answers)
    facekit(root, "inspect", "run", "--count", "1")
    facekit(root, "compare", "balanced", "-o", "comparison", "--networks", "dlib")
    facekit(root, "audit", "balanced", "-o", "audit")
    (root / "recipe.toml").write_text(RECIPE)
    tidy(root)
    for file in root.rglob("*.weights.h5"):
        pack(file)


def facekit(root: Path, *arguments: str) -> str:
    """Run a command of 0.1.0 in the folder that everything is made in; return what it writes to stdout."""
    command = [sys.executable, "-m", "facekit", *arguments]
    return subprocess.run(command, cwd=root, env=environment(), check=True, stdout=subprocess.PIPE, text=True).stdout


def thin(file: Path) -> None:
    """Set all but a fiftieth of the large weights to 0, so that the file can be packed to a tenth of its size."""
    with h5py.File(file, "r+") as held:

        def thinned(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset) and item.size >= 10_000:
                values = item[()]
                item[...] = np.where(np.abs(values) >= np.quantile(np.abs(values), 0.98), values, 0)

        held.visititems(thinned)


def pack(file: Path) -> None:
    """Put a file's compressed copy in its place; the tests unpack it."""
    file.with_name(f"{file.name}.xz").write_bytes(lzma.compress(file.read_bytes(), preset=9))
    file.unlink()


def killed(root: Path, lines: int, *arguments: str) -> None:
    """Run a command that is killed once it has written so many lines."""
    in_own_process(root, "die_after_lines", str(lines), *arguments)


def interrupted(root: Path, *arguments: str) -> None:
    """Run a training that is killed after its first epoch."""
    in_own_process(root, "die_after_epochs", "1", *arguments)


def in_own_process(root: Path, how: str, count: str, *arguments: str) -> None:
    command = [sys.executable, str(Path(__file__).resolve()), how, count, *arguments]
    code = subprocess.run(command, cwd=root, env=environment(), check=False).returncode
    assert code == -signal.SIGKILL, f"{arguments[0]} was to be killed, and left with {code}"


def environment() -> dict[str, str]:
    """The commands run elsewhere and import the checkout that this script was started in."""
    return {**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", str(Path.cwd()))}


def die_after_lines(count: int) -> None:
    """Replace what appends a line by the same that dies after so many."""
    from facekit.dataset import lines

    lines.append_line = dying(lines.append_line, count)


def die_after_epochs(count: int) -> None:
    """Replace what saves an epoch by the same that dies after so many."""
    from facekit.checkpoint import Checkpoint

    Checkpoint.save = dying(Checkpoint.save, count)  # type: ignore[method-assign]


def dying(function: Callable[..., Any], count: int) -> Callable[..., Any]:
    """Return the function, in whose process nothing more happens once it has been called so often."""
    called = 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal called
        result = function(*arguments, **named)
        called += 1
        if called == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return counted


def decide(clean: Path) -> None:
    """Decide on three pictures as the review page does: reject, keep, move, and take one back."""
    from facekit.contract import Decision, Rejection
    from facekit.dataset import Dataset
    from facekit.dataset.lines import read_lines
    from facekit.decisions import Decisions, key_of

    records = Dataset.open(clean).by_label()
    first, second = records.values()
    rejected = read_lines(clean / "rejected.jsonl", Rejection.from_json)
    book = Decisions(clean)
    for about, verdict, to in (
        (first[0], "reject", None),
        (first[1], "move", second[0].label),
        (second[0], "reject", None),
        (second[0], None, None),
        (rejected[0], "keep", None),
    ):
        key = key_of(about)
        book.append(Decision(key.origin, key.box, key.label, verdict, to))


def decide_once_more(clean: Path) -> None:
    """Leave a decision that has not been applied."""
    from facekit.contract import Decision
    from facekit.dataset import Dataset
    from facekit.decisions import Decisions, key_of

    key = key_of(Dataset.open(clean).records[-1])
    Decisions(clean).append(Decision(key.origin, key.box, key.label, "reject"))


def tidy(root: Path) -> None:
    """Delete the reports and what is drawn for them: nothing reads those again."""
    for pattern in ("*.html", "history.png", "inspection/*.png", "audit/*.jpg", "audit/*.png"):
        for file in root.rglob(pattern):
            file.unlink()


if __name__ == "__main__":
    if hasattr(sys.modules[__name__], sys.argv[1]):
        globals()[sys.argv[1]](int(sys.argv[2]))
        from facekit.cli import main as command_line

        sys.argv = ["facekit", *sys.argv[3:]]
        command_line()
    else:
        main(Path(sys.argv[1]))
