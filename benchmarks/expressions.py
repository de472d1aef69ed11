"""The two studies of expressions, redone on FER2013: which network, and AlexNet on happy and sad.

    FACEKIT_DATA=/path/to/data python benchmarks/expressions.py -o work

FACEKIT_DATA names a folder with `fer2013/train` and `fer2013/test`. What also stands in the official test set is taken
out of the training pictures first (`facekit audit --without`); the rest is split 90/0/10, and everything is scored on
the official test set. The contenders and their epochs are those of `examples/expressions/contenders.toml`, AlexNet's
those of `examples/happy_sad/recipe.toml`.

Two cores take two to three hours. What is done is not done again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from facekit.audit import audit
from facekit.compare import compare
from facekit.evaluate import evaluate
from facekit.options import Audit, Compare, Evaluate, Run
from facekit.pipeline import run

EXAMPLES = Path(__file__).parents[1] / "examples"
PAIR = ("happy", "sad")


def pair_of(tree: Path, out: Path) -> Path:
    """Copy the two expressions out of a tree."""
    for name in PAIR:
        if not (out / name).is_dir():
            shutil.copytree(tree / name, out / name)
    return out


def main() -> None:
    """Run both studies and print what they came to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    out: Path = parser.parse_args().output
    data = Path(os.environ["FACEKIT_DATA"]) / "fer2013"
    faces, official = out / "faces", data / "test"
    if not faces.is_dir():
        audit(Audit(folder=data / "train", other=official, without=faces))
    recipe = EXAMPLES / "happy_sad" / "recipe.toml"
    run(Run(recipe=recipe, input=pair_of(faces, out / "happy_sad"), output=out / "alexnet"))
    scored = Evaluate(run=out / "alexnet" / "train", data=pair_of(official, out / "happy_sad_official"))
    details = evaluate(scored).details
    low, high = details["accuracy_interval"]
    print(
        f"AlexNet, happy and sad: {details['accuracy']:.3f} ({low:.3f} to {high:.3f}) of {details['pictures']} pictures"
    )
    print("now the contenders, one after another", file=sys.stderr)
    contenders = EXAMPLES / "expressions" / "contenders.toml"
    compare(Compare(input=faces, output=out / "study", contenders=contenders, split="90/0/10", test=official))
    print((out / "study" / "compare.md").read_text())


if __name__ == "__main__":
    main()
