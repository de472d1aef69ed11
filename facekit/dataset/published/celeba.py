"""CelebA: pictures in one folder, and lists that say who they show and which attributes they have.

`Img/img_align_celeba/000001.jpg` with `Anno/` and `Eval/`, as its authors publish it; everything in one folder, as
torchvision keeps it; and the lists as CSV, as on Kaggle, where the one of identities is missing. Attributes are 1 or
-1; `Male` is the target `gender`. The parts are those of `list_eval_partition.txt`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from facekit.base.text import whole
from facekit.dataset.published import lists
from facekit.dataset.published.pictures import (
    IDENTITY,
    MISSING,
    UNLISTED,
    Picture,
    Published,
    Terms,
    Unusable,
    wrong_folder,
)

TERMS = Terms(
    "CelebA",
    "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    "non-commercial research only",
    "Liu, Luo, Wang and Tang: Deep Learning Face Attributes in the Wild, ICCV 2015",
)

_WANTED = (
    "img_align_celeba, identity_CelebA.txt, list_attr_celeba.txt and list_eval_partition.txt, or Img, Anno and Eval"
)
_PICTURES = ("img_align_celeba", "img_align_celeba_png", "img_celeba")
_INSIDE = ("", "Img/", "celeba/")
_LISTS = ("", "Anno", "Eval", "celeba")
_WITHOUT = (
    "without identity_CelebA.txt it is not known who is shown",
    "without list_attr_celeba.txt no picture has a gender or another attribute",
    "without list_eval_partition.txt there is no split",
)
_PARTS = {"0": "train", "1": "validation", "2": "test"}


@dataclass
class _Said:
    """What the lists say of a picture."""

    labels: dict[str, str] = field(default_factory=dict)
    part: str | None = None


def read(root: Path) -> Published:
    """Return what CelebA holds. Raises FacekitError for another folder, and for one without any of the lists."""
    folder = _folder(root)
    said: dict[str, _Said] = {}
    there = [_identities(root, said), _attributes(root, said), _parts(root, said)]
    if folder is None or not any(there):
        raise wrong_folder(root, "CelebA", _WANTED)
    split = "list_eval_partition.txt" if there[2] else None
    notes = [note for note, is_there in zip(_WITHOUT, there, strict=True) if not is_there]
    return Published(TERMS, IDENTITY, _pictures(root, folder, said), split, notes)


def _folder(root: Path) -> str | None:
    """Return the folder of the pictures below the root; that of Kaggle lies in another of its name."""
    places = [f"{inside}{name}" for inside in _INSIDE for name in _PICTURES]
    found = next((place for place in places if (root / place).is_dir()), None)
    if found is None:
        return None
    nested = f"{found}/{Path(found).name}"
    return nested if (root / nested).is_dir() else found


def _pictures(root: Path, folder: str, said: dict[str, _Said]) -> Iterator[Picture | Unusable]:
    there = {Path(path).stem: path for path in lists.pictures_in(root, folder)}
    for stem in sorted(there.keys() | said.keys()):
        if stem not in there:
            yield Unusable(f"{folder}/{stem}.jpg", MISSING)
        elif stem not in said:
            yield Unusable(there[stem], UNLISTED)
        else:
            yield Picture(there[stem], said[stem].labels, said[stem].part, root / there[stem])


def _list(root: Path, name: str) -> Path | None:
    return lists.find(root, (f"{name}.txt", f"{name}.csv"), _LISTS)


def _identities(root: Path, said: dict[str, _Said]) -> bool:
    file = _list(root, "identity_CelebA")
    if file is None:
        return False

    def take(values: list[str]) -> bool:
        known = len(values) == 2 and whole(values[1]) is not None
        if known:
            _of(said, values[0]).labels[IDENTITY] = values[1]
        return known

    lists.rows(file, int(file.suffix == ".csv"), take, "000001.jpg IDENTITY")
    return True


def _attributes(root: Path, said: dict[str, _Said]) -> bool:
    file = _list(root, "list_attr_celeba")
    if file is None:
        return False
    table = file.suffix == ".csv"
    names = lists.heading(file, 1)[1:] if table else lists.heading(file, 2)

    def take(values: list[str]) -> bool:
        known = len(values) == len(names) + 1 and set(values[1:]) <= {"1", "-1"}
        if known:
            _of(said, values[0]).labels.update(_named(dict(zip(names, values[1:], strict=True))))
        return known

    lists.rows(file, 1 if table else 2, take, f"000001.jpg and {len(names)} times 1 or -1")
    return True


def _named(values: dict[str, str]) -> dict[str, str]:
    """Return attributes as targets: `Male` as gender, the others by their names in lower case."""
    named = {name.lower(): "yes" if value == "1" else "no" for name, value in values.items() if name != "Male"}
    if "Male" in values:
        named["gender"] = "male" if values["Male"] == "1" else "female"
    return named


def _parts(root: Path, said: dict[str, _Said]) -> bool:
    file = _list(root, "list_eval_partition")
    if file is None:
        return False

    def take(values: list[str]) -> bool:
        known = len(values) == 2 and values[1] in _PARTS
        if known:
            _of(said, values[0]).part = _PARTS[values[1]]
        return known

    lists.rows(file, int(file.suffix == ".csv"), take, "000001.jpg 0, 1 or 2")
    return True


def _of(said: dict[str, _Said], name: str) -> _Said:
    return said.setdefault(Path(name).stem, _Said())
