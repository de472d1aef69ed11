"""The two studies of expressions, redone on FER2013: which network, and AlexNet on happy and sad.

    FACEKIT_DATA=/path/to/data python benchmarks/expressions.py -o work

FACEKIT_DATA names a folder with `fer2013/train` and `fer2013/test`. What also stands in the official test set is taken
out of the training pictures first (`facekit audit --without`); the rest is split 90/0/10, and everything is scored on
the official test set. The contenders are those of `examples/expressions/contenders.toml`, AlexNet that of
`examples/happy_sad/recipe.toml`; the large networks get only the epochs that two cores manage in about three hours;
`--full` is as the examples have them. What is done is not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tomllib
from pathlib import Path

from facekit.cli.run import read
from facekit.commands.audit import audit
from facekit.commands.compare import compare
from facekit.commands.evaluate import evaluate
from facekit.commands.train import train
from facekit.options.audit import Audit
from facekit.options.compare import Compare
from facekit.options.evaluate import Evaluate
from facekit.options.train import Train

EXAMPLES = Path(__file__).parents[1] / "examples"
PAIR = ("happy", "sad")

CUT = {
    **dict.fromkeys(("cnn3-rgb", "cnn3-gray", "cnn4-rgb", "cnn4-gray"), 30),
    **dict.fromkeys(("efficientnet_b0", "resnet50_v2", "vgg16"), 2),
}
ALEXNET_EPOCHS = 8
"""Epochs on two cores, where they are fewer than the examples': enough for small networks, far too few for large."""


def pair_of(tree: Path, out: Path) -> Path:
    """Copy the two expressions out of a tree."""
    for name in PAIR:
        if not (out / name).is_dir():
            shutil.copytree(tree / name, out / name)
    return out


def contenders(out: Path, full: bool) -> Path:
    """Return the file of contenders; unless `full` one with fewer epochs, written to `out`."""
    whole = EXAMPLES / "expressions" / "contenders.toml"
    if full:
        return whole
    file = tomllib.loads(whole.read_text())
    tables = [("[defaults]", file["defaults"])]
    for table in file["contender"]:
        name = table.get("name", table.get("network"))
        tables.append(("[[contender]]", {**table, **({"epochs": CUT[name]} if name in CUT else {})}))
    # Text, whole numbers, fractions and truth are written alike in TOML and JSON.
    lines = [line for head, table in tables for line in (head, *(f"{k} = {json.dumps(v)}" for k, v in table.items()))]
    cut = out / "contenders.toml"
    cut.write_text("\n".join(lines) + "\n")
    return cut


def alexnet(faces: Path, official: Path, out: Path, full: bool) -> str:
    """Train AlexNet on happy and sad faces, and say what it is worth on the official ones."""
    table, _ = read(EXAMPLES / "happy_sad" / "recipe.toml").stages
    options = {key: value for key, value in table.items() if key not in ("command", "input")}
    options |= {} if full else {"epochs": ALEXNET_EPOCHS}
    train(Train(input=pair_of(faces, out / "happy_sad"), output=out / "alexnet", **options))
    details = evaluate(Evaluate(run=out / "alexnet", data=pair_of(official, out / "happy_sad_official"))).details
    low, high = details["accuracy_interval"]
    return f"AlexNet: {details['accuracy']:.3f} ({low:.3f} to {high:.3f}) of {details['pictures']} happy and sad faces"


def main() -> None:
    """Run both studies and print what they came to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--full", action="store_true", help="as many epochs as the examples have")
    chosen = parser.parse_args()
    out: Path = chosen.output
    out.mkdir(parents=True, exist_ok=True)
    data = Path(os.environ["FACEKIT_DATA"]) / "fer2013"
    faces, official = out / "faces", data / "test"
    if not faces.is_dir():
        audit(Audit(folder=data / "train", other=official, without=faces))
    print(alexnet(faces, official, out, chosen.full))
    print("now the contenders, one after another", file=sys.stderr)
    file = contenders(out, chosen.full)
    compare(
        Compare(input=faces, output=out / "study", contenders=file, labels="classes", split="90/0/10", test=official)
    )
    print((out / "study" / "compare.md").read_text())


if __name__ == "__main__":
    main()
