"""One network for several targets beside one for each: which is better, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Record
from facekit.commands.compare.contenders import Contender, alone_name
from facekit.dataset import protocol
from facekit.dataset.lineage import person
from facekit.identity import truth
from facekit.identity.held_out import Predictions
from facekit.options.common import SplitBy
from facekit.options.targets import target_names
from facekit.report.comparison import Row
from facekit.runs import Run
from facekit.scores.bootstrap import Interval, interval, rounds_of

RIGHT, WRONG, NONE = "1", "0", "-"
"""What became of a picture: answered right or wrong, or not scored."""


def answers(run: Run, predictions: Predictions, records: Sequence[Record]) -> dict[str, str]:
    """Return target -> what became of each of these pictures, in order: a letter each."""
    found = {}
    for target in run.targets:
        own = predictions.of(run, target)
        right = own.probabilities.argmax(axis=1) == truth.numbers(target, own.records)
        known = {one.path: RIGHT if hit else WRONG for one, hit in zip(own.records, right, strict=True)}
        found[target.name] = "".join(known.get(record.path, NONE) for record in records)
    return found


def verdicts(
    rows: Mapping[str, Row], entered: Sequence[Contender], records: Sequence[Record], protocol_: SplitBy, seed: int
) -> Iterator[str]:
    """Yield for each network and target in words which is better, the joint network or the one for it alone.

    `records` are the pictures that both are scored on. The interval of the difference is from a bootstrap over photos,
    or people where the split is by person; both networks are scored on the same resamples.
    """
    by_person = protocol_ == protocol.PERSON
    units = [(person(one) if by_person else None) or one.group or one.origin for one in records]
    for contender in entered:
        names = target_names(contender.options.targets)
        joint = rows.get(contender.name)
        if joint is None or joint.reason is not None or len(names) < 2:
            continue
        for target in names:
            single = rows.get(alone_name(contender.name, target))
            if single is not None and single.reason is None and target in joint.right and target in single.right:
                yield f"{contender.name}, {target}: {_verdict(joint.right[target], single.right[target], units, seed)}"
        yield f"{contender.name}: {_times(joint, [rows.get(alone_name(contender.name, target)) for target in names])}"


def _verdict(joint: str, single: str, units: Sequence[str], seed: int) -> str:
    places = [place for place, both in enumerate(zip(joint, single, strict=True)) if NONE not in both]
    if not places:
        return "no picture is scored for both"
    one, other = (np.array([text[place] == RIGHT for place in places]) for text in (joint, single))
    difference, ends = _difference(one, other, [units[place] for place in places], seed)
    counts = f"joint {one.mean():.3f}, alone {other.mean():.3f} on the same pictures ({len(places):,})"
    if ends is None:
        return f"{counts}; joint minus alone {difference:+.3f}"
    said = f"joint minus alone {difference:+.3f} ({ends.low:+.3f} to {ends.high:+.3f})"
    if ends.low > 0 or ends.high < 0:
        return f"{counts}: {'joint' if difference > 0 else 'alone'} is better; {said}"
    return f"{counts}: no difference beyond chance; {said}"


def _difference(
    one: NDArray[np.bool_], other: NDArray[np.bool_], units: Sequence[str], seed: int
) -> tuple[float, Interval | None]:
    """Return the difference of two accuracies on the same pictures, and its 95% interval."""
    gain = one.astype(np.float64) - other

    def statistic(weights: NDArray[np.int64]) -> tuple[float]:
        return (float((weights * gain).sum() / weights.sum()) if weights.any() else float("nan"),)

    drawn = rounds_of(statistic, units, seed=seed)
    return float(gain.mean()), interval(drawn[:, 0])


def _times(joint: Row, singles: Sequence[Row | None]) -> str:
    seconds = [row.training_seconds for row in singles if row is not None and row.training_seconds is not None]
    together = f"{sum(seconds):,.0f} s for {len(seconds)} alone" if seconds else "none alone"
    return f"trained in {joint.training_seconds or 0:,.0f} s joint, {together}"


def best(rows: Sequence[Row], entered: Sequence[Contender]) -> Row | None:
    """Return the row that answers most targets, of these the one with the highest mean accuracy; None without any."""
    names = {one.name: target_names(one.options.targets) for one in entered}
    scored = [row for row in rows if row.scores and row.reason is None and row.name in names]
    return max(
        scored,
        key=lambda row: (len(names[row.name]), sum(one.accuracy for one in row.scores) / len(row.scores)),
        default=None,
    )
