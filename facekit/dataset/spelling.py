"""One label for each name, however the folders of a tree spell it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from facekit.base.contract import Record, replace
from facekit.base.names import one_each, spelled_as, stored

log = logging.getLogger(__name__)


def one_label_each(records: Sequence[Record], where: Path) -> list[Record]:
    """Return the records of a folder or a table with one label for each name, and say which were put together.

    Their paths stay.
    """
    labels = one_each(record.label for record in records)
    _say(labels, where)
    return _relabelled(records, labels)


def as_known(records: Sequence[Record], known: Iterable[str]) -> list[Record]:
    """Return the records with the labels that a model, or another tree, spells its own way."""
    return _relabelled(records, spelled_as((record.label for record in records), known))


def _relabelled(records: Sequence[Record], labels: dict[str, str]) -> list[Record]:
    if all(label == used for label, used in labels.items()):
        return list(records)

    def relabelled(record: Record) -> Record:
        label = labels[record.label]
        name = label if record.name == record.label else record.name
        return record if label == record.label else replace(record, label=label, name=name)

    return [relabelled(record) for record in records]


def _say(labels: dict[str, str], where: Path) -> None:
    spellings: dict[str, list[str]] = defaultdict(list)
    for label, used in labels.items():
        spellings[used].append(label)
    for used, found in spellings.items():
        if len(found) > 1:
            log.warning(
                "%s: %s count as one name, %s; if they are different people, rename one",
                *(where, " and ".join(_told_apart(found)), used),
            )
        elif any("\udc80" <= character <= "\udcff" for character in found[0]):
            log.warning(
                "%s: the name %s is not UTF-8 and becomes %s; rename the folder for another spelling",
                where,
                *found,
                used,
            )


def _told_apart(names: Sequence[str]) -> list[str]:
    """Return names in quotes, with their characters by number where they look alike."""
    return list(map(repr if len({stored(name) for name in names}) == len(names) else ascii, names))
