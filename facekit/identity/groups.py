"""The groups of a tree: drawn by comparing its pictures, recorded with reasons, and inherited by derived folders."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from facekit.base import images
from facekit.base.contract import BadImage, Link, Record, Track, quiet
from facekit.base.parallel import Jobs, here, ordered_map
from facekit.base.text import counted, listed
from facekit.dataset import Dataset, Output
from facekit.dataset.groups import Join, draw_groups, leave_out_joined
from facekit.identity import embedders
from facekit.identity.embedders import embed_dataset
from facekit.identity.embedders.metrics import Embeddings, comparable
from facekit.identity.likeness import MATCHER, Fingerprint, Proof, fingerprint, matcher, proofs

FACES = "pip install 'facekit-cli[faces]'"

log = logging.getLogger(__name__)


def grouped(dataset: Dataset, stage: str, track: Track = quiet, jobs: Jobs = 0, embedder: str | None = None) -> Dataset:
    """Return the dataset with a group for every record, and with the links that `stage` adds.

    Pixels are looked at where a record has no group yet, and where another matcher than today's drew the groups. The
    groups that are there stay together. The embeddings of `embedder`, if given, propose pairs as well.
    """
    if is_grouped(dataset):
        return dataset
    if dataset.info.stage and any(record.group for record in dataset.records):
        was = listed(sorted(set(dataset.info.matchers.values()))) or "an earlier version of facekit"
        log.warning(
            "%s: its groups were drawn by %s; its pictures are compared again, by %s", dataset.root, was, MATCHER
        )
    prints = look(partial(bytes_at, dataset.root.absolute()), dataset.records, track, jobs)
    vectors = None if embedder is None else _vectors(dataset, embedder, track, jobs)
    proved, drawn_by = proofs(prints, vectors, here(jobs), track), matcher(embedder)
    links = [*dataset.links, *links_of(dataset.records, proved, stage, drawn_by)]
    info = replace(dataset.info, matchers={**dataset.info.matchers, stage: drawn_by})
    return replace(dataset, records=draw_groups(dataset.records, links=links), links=links, info=info)


def _vectors(dataset: Dataset, embedder: str, track: Track, jobs: Jobs) -> Embeddings:
    """Return embeddings that are compared by their distance, whatever the embedder's metric is."""
    rows = embed_dataset(dataset, embedder, track, jobs).vectors
    return comparable(rows, embedders.load(embedder).metric)


def is_grouped(dataset: Dataset) -> bool:
    """Whether every picture has a group, and this version of the matcher has drawn them."""
    return is_current(dataset.info.matchers) and all(record.group for record in dataset.records)


def is_current(matchers: Mapping[str, str]) -> bool:
    """Whether this version of the matcher, with an embedder or without, is among those that drew some groups."""
    return any(name.partition("+")[0] == MATCHER for name in matchers.values())


def look(
    load: Callable[[Record], bytes],
    records: Sequence[Record],
    track: Track = quiet,
    jobs: Jobs = 0,
    what: str = "read to compare",
) -> list[Fingerprint | None]:
    """Return the fingerprints of pictures whose files `load` reads, in order; None for one that cannot be read.

    `what` is what the progress bar says.
    """
    return list(track(ordered_map(partial(_look, load), records, jobs), what, len(records)))


def bytes_at(root: Path, record: Record) -> bytes:
    """Return the bytes of a picture of a folder, wherever its record says that it is. Raises BadImage."""
    return images.load(root / record.path)


def links_of(records: Sequence[Record], proved: Iterable[Proof], stage: str, matcher: str) -> list[Link]:
    """Return what the proofs, by position in `records`, say of the photos that the pictures come from."""
    links = []
    for proof in proved:
        first, second = sorted((records[proof.first].origin, records[proof.second].origin))
        if first != second:  # two faces of one photo are in one group by their origin
            links.append(Link(first, second, "burst" if proof.reason == "burst" else "same photo", stage, matcher))
    return links


def record_matcher(out: Output, matcher: str) -> None:
    """Note in `dataset.json` what a stage draws groups with; warn where another drew those that are there."""
    before = out.before.matchers.get(out.stage) if out.before else None
    out.info = replace(out.info, matchers={**out.info.matchers, out.stage: matcher})
    if before not in (None, matcher):
        log.warning("%s: %s", out.root, _mixed(str(before), matcher))


def warn_of_two(one: Path, by: Mapping[str, str], other: Path, by_other: Mapping[str, str]) -> None:
    """Warn of two trees whose groups were drawn by the same stage with different matchers: with and without an extra.

    `by` is stage -> matcher, as `dataset.json` and `model.json` have it.
    """
    stage = next((stage for stage in sorted(by.keys() & by_other.keys()) if by[stage] != by_other[stage]), None)
    if stage is not None:
        log.warning(
            "%s and %s are grouped by different matchers (%s and %s, in %s): what one of them sees may be missing in "
            "the other; make both with the same extras installed (%s)",
            *(one, other, by[stage], by_other[stage], stage, FACES),
        )


def drop_joined(records: Sequence[Record], where: Path, given: bool = False) -> tuple[list[Record], list[Join]]:
    """Return the pictures that may stay in a split that there is, and those that may not: see `leave_out_joined`."""
    stay, joins = leave_out_joined(records, given)
    warn_of_joined(joins, where)
    return stay, joins


def warn_of_joined(joins: Sequence[Join], where: Path) -> None:
    """Say how many pictures are left out because an earlier part shows their photo, and name the first pair."""
    if joins:
        left, like = joins[0]
        log.warning(
            "%s: %s left out, because an earlier part of the split shows the same photo, or one taken "
            "seconds apart (the first: %s in %s, like %s in %s)",
            *(where, counted(len(joins), "picture is", "pictures are"), left.path, left.split, like.path, like.split),
        )


def _mixed(before: str, now: str) -> str:
    return (
        f"its groups were drawn by {before} before, and by {now} now; none of them is undone, but what only one of "
        f"the two sees may be missing; to use one for all, install the same extras ({FACES}) and --overwrite it"
    )


def _look(load: Callable[[Record], bytes], record: Record) -> Fingerprint | None:
    try:
        return fingerprint(images.decode(load(record)))
    except BadImage:
        return None
