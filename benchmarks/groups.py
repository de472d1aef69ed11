"""How well an embedder tells people apart, by gender: `facekit evaluate-pairs --by`, as a Markdown table.

    FACEKIT_DATA=/path/to/data python benchmarks/groups.py
    … --embedder dlib --embedder path/to/run --rounds 1000

FACEKIT_DATA names a folder with `lfw/pairsDevTrain.txt`, `lfw/pairsDevTest.txt`, `lfw/pairs_images` and
`lfw/gender.csv`. The one threshold of all groups is the one that is best on the pairs of Train; the scores are those
of Test, whose people are others, with 95% intervals by bootstrap over people.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facekit.commands.evaluate_pairs import evaluate_pairs
from facekit.options.evaluate_pairs import EvaluatePairs

RATES = {"accuracy 0": "accuracy", "fmr 0": "FMR", "fnmr 0": "FNMR", "eer": "EER", "auc": "AUC"}


def score(embedder: str, lfw: Path, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        evaluate_pairs(
            EvaluatePairs(
                run=Path(embedder),
                pairs=lfw / "pairsDevTest.txt",
                threshold_from=lfw / "pairsDevTrain.txt",
                data=lfw / "pairs_images",
                by="gender",
                table=lfw / "gender.csv",
                output=Path(folder, "report"),
                rounds=rounds,
            )
        )
        result: dict[str, Any] = json.loads(Path(folder, "report", "scores.json").read_text())
    return result


def rows(result: Mapping[str, Any]) -> list[list[str]]:
    last = len(result["points"]) - 1
    every = {name.replace(" 0", f" {last}"): name for name in RATES}
    point = result["points"][-1]
    values = {**result["scores"], **{f"{rate} {last}": point[rate] for rate in ("accuracy", "fmr", "fnmr")}}
    counts = result["counts"]
    found = [["all", counts["matched"], counts["mismatched"], *(said(values, result, key) for key in every)]]
    for row in result["groups"]:
        numbers = (said(row["scores"], row, key) for key in RATES)
        found.append([row["group"], row["matched"], row["mismatched"], *numbers])
    return [[str(cell) for cell in row] for row in found]


def said(values: Mapping[str, float | None], where: Mapping[str, Any], key: str) -> str:
    value, interval = values[key], where["intervals"].get(key)
    if value is None:
        return "–"
    scale, digits = (1, 4) if key == "auc" else (100, 1)
    between = "" if interval is None else " ({:.{d}f}–{:.{d}f})".format(*(scale * end for end in interval), d=digits)
    return f"{scale * value:.{digits}f}{'%' if scale == 100 else ''}{between}"


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedder", action="append", help="default: dlib")
    parser.add_argument("--rounds", type=int, default=1000)
    chosen = parser.parse_args()
    lfw = Path(os.environ.get("FACEKIT_DATA", "data")) / "lfw"
    for name in chosen.embedder or ["dlib"]:
        result = score(name, lfw, chosen.rounds)
        print(f"{result['embedder']['name']}, distance at most {result['points'][-1]['threshold']:.3f}:\n")
        print(table(["gender", "of one person", "of two", *RATES.values()], rows(result)))
        for gap in result["gaps"]:
            low, high = gap["interval"] or (0, 0)
            print(
                f"\nGap in {gap['rate']}: {100 * gap['gap']:.1f} points ({100 * low:.1f} to {100 * high:.1f}), "
                f"worse for {gap['worse']} than for {gap['better']}."
            )


if __name__ == "__main__":
    main()
