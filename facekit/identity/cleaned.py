"""Whether faces were cleaned with the network that is scored on them, and its score before cleaning.

What a network does not recognise, `clean` leaves out with that very network: the faces that are left are easy for it.
The faces that were left out still lie in the folder that was cleaned, which `dataset.json` names.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from facekit import runs
from facekit.base import provenance
from facekit.base.contract import BadImage, FacekitError, Record, Track, quiet, telling
from facekit.dataset import MANIFEST, REJECTED, REMOVED, REPEATED, Dataset, DatasetInfo
from facekit.dataset.ancestry import Ancestry, Tree
from facekit.dataset.reasons import BEYOND, FEW, NO_FACE, REPEAT, REVIEWED, SHARED
from facekit.dataset.records import read_rejections
from facekit.identity import classifier, overlap
from facekit.options.targets import IDENTITY
from facekit.runs import Run
from facekit.runs.pictures import dataset_of
from facekit.runs.renewal import additions
from facekit.scores.classes import Example
from facekit.scores.model import BeforeCleaning, LeftOut, ModelScores
from facekit.scores.shares import Part, together, wilson

CLEAN = "clean"

NONE_LEFT_OUT = "`clean` left out none of the faces that would count, so there is only the accuracy above"

FAVOURED = (
    "the faces were cleaned with {}, the network that is scored: faces that it does not recognise are not among them, "
    "so the accuracy is probably too high"
)

_NOT_COUNTED = {NO_FACE, REPEAT, SHARED, REPEATED, FEW, BEYOND, REVIEWED, REMOVED}
"""Reasons that say nothing of how hard a face is: it is none, or there already, its name is out, a person decided."""

MOST_SHOWN = 200
"""Faces left out that a page shows."""

_MOST_STAGES = 16

_LOOKED_FOR = 50
"""Pictures that are looked for in a plain folder before it is listed."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Left:
    """A face that was left out, with the model's answer, and the photo that it comes from."""

    example: Example
    reason: str
    origin: str


@dataclass(frozen=True)
class _Cleaned:
    """The faces that were kept, and those that were left out, in the folder that was cleaned."""

    kept: int
    left_out: Dataset
    gone: int
    folder: Path
    """The folder that `clean` made."""
    why: Mapping[tuple[str, str], str]
    """Label and id of a face that counts -> why it was left out."""
    reasons: Counter[str]
    """Why the faces that count were left out, those that are gone as well."""
    not_counted: Counter[str]


def favoured(run: Run, info: DatasetInfo) -> str | None:
    """Return the warning that belongs to every score of a run on such pictures; None where they do not favour it."""
    same = same_network(run.backbone, info) if run.backbone is not None else None
    return FAVOURED.format(same) if same else None


def same_network(name: str, info: DatasetInfo) -> str | None:
    """Return the embedder of the same network as `name` that pictures were cleaned with; None where none was."""
    return next((one for one in info.recognised_by if _network(one) == _network(name)), None)


def before(
    run: Run, pictures: Dataset, own: bool, scores: ModelScores, batch: int, jobs: int, track: Track
) -> BeforeCleaning:
    """Return what the accuracy is on the faces before cleaning, or why that cannot be said.

    That of the faces that were kept is the accuracy in `scores`; each of the others counts as one more, and as a
    mistake where the model does not give it the name of its folder, though some of them show somebody else.
    `own` says whether the pictures are those of the run's own split.
    """
    track = telling(track, "before cleaning")
    root = pictures.root if own else run.root
    # First: what is read of these photos here is not read again to see whether they have changed.
    known = overlap.look_at_training(run, root, jobs=jobs, track=track) if own else None
    try:
        held = _find(run, _as_trained_on(run, pictures, track) if own else pictures)
    except FacekitError as error:
        return BeforeCleaning(why_not=str(error))
    new, _ = overlap.unused(run, root, held.left_out, jobs, track, known)
    # A linear head's embeddings are in the cache by now: they were needed to find those that the training used.
    faces = _look(run, new, held.why, batch, jobs, track if run.backbone is None else quiet)
    right, read = sum(not one.example.wrong for one in faces), len(faces)
    if not read:
        none = not held.left_out.records and not held.gone
        return BeforeCleaning(why_not=NONE_LEFT_OUT if none else "none of the faces that were left out can be scored")
    total, accuracy = held.kept + read, scores.classes.accuracy
    within = scores.intervals and scores.intervals.accuracy
    parts = within and (
        Part(held.kept / total, accuracy, within),
        Part(read / total, right / read, wilson(right, read)),
    )
    return BeforeCleaning(
        accuracy=(held.kept * accuracy + right) / total,
        interval=together(parts) if parts else None,
        tested=scores.classes.pictures,
        kept=held.kept,
        left_out=read,
        right=right,
        not_scored=held.gone + len(held.left_out.records) - read,
        reasons=dict(held.reasons.most_common()),
        not_counted=dict(held.not_counted.most_common()),
        folder=str(held.folder),
        faces=_shown(faces, held.left_out.root),
    )


def _as_trained_on(run: Run, pictures: Dataset, track: Track) -> Dataset:
    """Return the whole tree that a run was trained on. Raises FacekitError where it has changed since.

    A run may come from a stranger and name any folder: it is listed only once all its pictures were found in it, and
    no other picture there is opened.
    """
    changed = f"{pictures.root} has changed since the model was trained"
    own = pictures.root == run.root
    if own and (_lacks(run, track) or additions(run)):
        raise FacekitError(changed)
    tree = Dataset.open(pictures.root, track)
    now = _as_found(run, tree) if own else tree.hashed(track)
    if runs.changes(run, now) is not None:
        raise FacekitError(changed)
    return tree


def _as_found(run: Run, tree: Dataset) -> Dataset:
    """Return a tree with the hashes that its files were just found to have: those of the run's split."""
    found = {record.path: record.sha256 for record in run.split}
    return replace(tree, records=[replace(one, sha256=found.get(one.path, one.sha256)) for one in tree.records])


def _lacks(run: Run, track: Track) -> bool:
    return len(dataset_of(run, run.split, track).records) < len(run.split)


def _look(
    run: Run, faces: Dataset, why: Mapping[tuple[str, str], str], batch: int, jobs: int, track: Track
) -> list[_Left]:
    """Return the model's answer for each face that it could look at, beside the name of its folder."""
    found: list[_Left] = []
    if faces.records:
        number = {label: place for place, label in enumerate(run.labels)}
        for record, row, _ in classifier.load(run.only(IDENTITY)).look(faces, faces.records, batch, jobs, track):
            if not isinstance(row, BadImage):
                answer = int(row.argmax())
                example = Example(faces.root / record.path, number[record.label], answer, float(row[answer]))
                found.append(_Left(example, why[record.label, record.id], record.origin))
    return found


def _shown(faces: Sequence[_Left], root: Path) -> tuple[LeftOut, ...]:
    """Return the faces for a page: first those that the model names otherwise than their folder, surest first."""
    first = sorted(faces, key=lambda one: (not one.example.wrong, -one.example.confidence))[:MOST_SHOWN]
    ancestry = Ancestry(root)
    return tuple(LeftOut(replace(one.example, photo=ancestry.photo(one.origin)), one.reason) for one in first)


def _find(run: Run, pictures: Dataset) -> _Cleaned:
    """Return the faces that `clean` kept and left out. Raises FacekitError, which says why they cannot be had."""
    cleaned = next((tree for tree in _before(pictures) if tree.info.stage == CLEAN), None)
    if cleaned is None:
        raise FacekitError(f"it is not known in which folder the faces of {pictures.root} were cleaned")
    source = _source(cleaned)
    known = set(run.labels)
    left = [one for one in read_rejections(cleaned.root / REJECTED) if one.stage == CLEAN and one.label in known]
    counting = [one for one in left if one.reason not in _NOT_COUNTED]
    wanted = [(one.label, one.id) for one in counting]
    there: dict[tuple[str, str], Record] = {(record.label, record.id): record for record in source.records}
    found = [there[key] for key in wanted if key in there]
    kept = sum(not record.synthetic and record.label in known for record in cleaned.records)
    reasons = Counter(one.reason for one in counting)
    others = Counter(one.reason for one in left) - reasons
    left_out, gone = replace(source, records=found), len(wanted) - len(found)
    why = {(one.label, one.id): one.reason for one in counting}
    return _Cleaned(kept, left_out, gone, cleaned.root, why, reasons, others)


def _before(tree: Dataset) -> Iterator[Dataset]:
    """Yield a tree, and those that it was made from. Raises FacekitError for one that is gone or has changed."""
    for _ in range(_MOST_STAGES):
        yield tree
        if tree.info.made_from is None:
            return
        tree = _source(tree)


def _source(tree: Dataset) -> Dataset:
    if tree.info.made_from is None:
        raise FacekitError(f"it is not known what {tree.root} was made from")
    folder = Path(os.path.normpath(tree.root / tree.info.made_from))
    if not folder.is_dir():
        raise FacekitError(f"{folder}, which {tree.root} was made from, is gone")
    if not _holds_some(folder, tree):
        raise FacekitError(f"{folder} holds none of the pictures that {tree.root} was made from")
    source = Dataset.open(folder)
    if source.digest() != tree.info.input:
        raise FacekitError(f"{folder} has changed since {tree.root} was made from it")
    return source


def _holds_some(folder: Path, tree: Dataset) -> bool:
    """Whether a folder is one that facekit made, or holds one of the pictures that a tree was made from.

    The tree may come from a stranger and name any folder, in which no other picture is opened.
    """
    if (folder / MANIFEST).is_file():
        return True
    source = Tree(folder)
    some = [tree.sources[record.origin] for record in tree.records[:_LOOKED_FOR] if record.origin in tree.sources]
    return any(one.engine == "folder" and source.find_photo(one.origin, one.url) is not None for one in some)


def _network(name: str) -> str:
    """Return what the vectors of an embedder come from: two of one network have one name here."""
    facts = provenance.EMBEDDERS.get(name)
    return facts.sha256 if facts else name
