"""What an exported file will say of a run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from facekit.base import weights
from facekit.base.contract import FacekitError, Source
from facekit.base.files import json_bytes, read_json, sha256_of
from facekit.dataset.counting import ranked
from facekit.dataset.lineage import TRAIN
from facekit.dataset.records import own_file
from facekit.identity import embedders
from facekit.identity.gallery.values import found_by
from facekit.options.common import kind_of
from facekit.options.crop import CarriedCrop
from facekit.options.export import Format
from facekit.runs import EVALUATION, GALLERY, HEAD, WEIGHTS, Backbone, OpenSet, Run
from facekit.runs import load as load_run
from facekit.runs.export.about import FACES, OWN, VECTORS, Card, ExportInfo, Preprocessing, Score
from facekit.runs.pictures import sources_of
from facekit.runs.provenance import UNKNOWN, of_run
from facekit.runs.reports import SCORES


def describe(run: Run, written: Format, side: int, known_faces: bool) -> ExportInfo:
    """Return what a file of that format says of a run; `side` is that of its input, 0 where it takes embeddings."""
    info, crop = run.info, run.info.crop
    found_with = CarriedCrop.of(run.face_crop)
    about = ExportInfo(
        format=written,
        network=info.network,
        labels=info.labels,
        targets=info.targets,
        names=info.names,
        kind=info.kind or kind_of(None, run.protocol),
        preprocessing=_preprocessing(run, side),
        crop=crop,
        detector=_fingerprint(found_with),
        temperature=info.temperature,
        backbone=None if info.backbone is None else _backbone(info.backbone),
        embeds=info.backbone is not None and side > 0,
        open_set=None if info.open_set is None else _open_set(info.open_set),
        known_faces=info.open_set.faces if info.open_set is not None and known_faces else 0,
        card=_card(run),
    )
    return replace(about, made_from=_digest(run, about))


def _digest(run: Run, about: ExportInfo) -> str:
    """Return what changes whenever what is written does."""
    kept = [WEIGHTS, HEAD, *([GALLERY] if about.known_faces else [])]
    found = [sha256_of(file) for file in map(run.folder.joinpath, kept) if file.is_file()]
    return hashlib.sha256(json_bytes({"about": about.to_json(), "files": found})).hexdigest()


def _preprocessing(run: Run, side: int) -> Preprocessing:
    if run.backbone is None:
        return Preprocessing(input=FACES, side=side, color=run.color)
    if not Path(run.backbone).is_absolute():
        return Preprocessing(input=FACES if side else VECTORS, side=side, aligned_by=run.backbone)
    base = load_run(Path(run.backbone))
    as_cut = replace(base.face_crop, size=base.size)
    return Preprocessing(input=FACES, side=side, color=base.color, aligned_as=CarriedCrop.of(as_cut))


def _backbone(one: Backbone) -> Backbone:
    """Return an embedder without the path of a run on this machine: such a network is in the file itself."""
    return replace(one, name=OWN, dimensions=_dimensions(one)) if Path(one.name).is_absolute() else _full(one)


def _full(one: Backbone) -> Backbone:
    return replace(one, dimensions=_dimensions(one))


def _dimensions(one: Backbone) -> int:
    return one.dimensions or embedders.load(one.name).dimensions  # version 0.1.0 did not say


def _open_set(one: OpenSet) -> OpenSet:
    return replace(one, embedder=_backbone(one.embedder))


def _fingerprint(crop: CarriedCrop) -> str:
    """Return what finds faces, with the start of the SHA-256 of its weights where it has some."""
    name = found_by(crop)
    return f"{name} {weights.PINS['yunet'].sha256[:12]}" if "yunet" in name.split() else name


def _card(run: Run) -> Card:
    info, sources = run.info, _sources(run)
    return Card(
        data=run.root.name,
        licences=ranked(source.licence or UNKNOWN for source in sources),
        creators=tuple(sorted({source.creator for source in sources if source.creator})),
        digest=info.dataset.digest,
        protocol=run.protocol,
        split=info.split,
        drawn=info.drawn,
        parameters=info.parameters,
        scores=_scores(run),
        weights=of_run(run),
        trained_with=info.facekit,
    )


def _sources(run: Run) -> list[Source]:
    """Return where the photos were found that the model was trained on; none where their folder is gone or another."""
    records = {record.origin: record for record in run.part(TRAIN)}
    known = sources_of(run, list(records.values()))
    return [known.get(origin, Source(origin)) for origin in records] if known else []


@dataclass(frozen=True)
class _Evaluated:
    """What is read of a run's `scores.json`."""

    scored: str = ""
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    intervals: dict[str, tuple[float | None, float | None] | None] = field(default_factory=dict)


def _scores(run: Run) -> tuple[Score, ...]:
    """Return the scores of the run's own evaluation with their intervals, else that of its validation part."""
    try:
        found = read_json(own_file(run.folder / EVALUATION / SCORES), _Evaluated)
    except (OSError, FacekitError):
        kept = run.info.scores.val_accuracy
        return () if kept is None else (Score(name="accuracy", value=kept, on="validation part"),)
    scores = []
    for name in ("accuracy", "balanced_accuracy"):
        value, (low, high) = getattr(found, name), found.intervals.get(name) or (None, None)
        if value is not None:
            scores.append(Score(name=name, value=value, low=low, high=high, on=found.scored))
    return tuple(scores)
