"""Labeled Faces in the Wild: a folder a person, and lists beside them.

`NAME/NAME_0001.jpg`, as `lfw.tgz`, `lfw-funneled.tgz` and `lfw-deepfunneled.tgz` unpack to. The parts are those of View
1 (`peopleDevTrain.txt`, `peopleDevTest.txt`), in which nobody is in both. Gender comes from `male_names.txt` and
`female_names.txt`, which name a picture a line, or else from the sign of `Male` in `lfw_attributes.txt`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from facekit.base.text import counted, whole
from facekit.dataset.published import lists
from facekit.dataset.published.pictures import IDENTITY, UNREADABLE, Picture, Published, Terms, Unusable, wrong_folder

TERMS = Terms(
    "LFW",
    "https://vis-www.cs.umass.edu/lfw/",
    "no licence stated; published for research",
    "Huang, Ramesh, Berg and Learned-Miller: Labeled Faces in the Wild, University of Massachusetts, 2007",
)

_WANTED = "folders like Aaron_Eckhart/Aaron_Eckhart_0001.jpg"
_PACKED = (
    "",
    "lfw",
    "lfw_funneled",
    "lfw-deepfunneled",
    "lfw-py/lfw",
    "lfw-py/lfw_funneled",
    "lfw-py/lfw-deepfunneled",
)
"""Where the folders of people are, as the archives unpack, and as torchvision keeps them."""

_PARTS = {"train": "peopleDevTrain.txt", "test": "peopleDevTest.txt"}
_GENDERS = {"male": ("male_names.txt", "male-names.txt"), "female": ("female_names.txt", "female-names.txt")}


def read(root: Path) -> Published:
    """Return what LFW holds. Raises FacekitError for another folder."""
    found = next((packed for packed in _PACKED if _holds_people(root / packed)), None)
    if found is None:
        raise wrong_folder(root, "LFW", _WANTED)
    parts, genders = _parts(root, found), _genders(root, found)
    split = "the people of View 1, peopleDevTrain.txt and peopleDevTest.txt" if parts else None
    notes = [] if parts else ["without peopleDevTrain.txt and peopleDevTest.txt beside the pictures there is no split"]
    if not genders:
        notes.append("without male_names.txt and female_names.txt, or lfw_attributes.txt, no picture has a gender")
    return Published(TERMS, IDENTITY, _pictures(root, found, parts, genders), split, notes)


def _holds_people(folder: Path) -> bool:
    """Whether one of the first few folders holds a picture that is called like it."""
    if not folder.is_dir():
        return False
    names = lists.folders_in(folder)[:20]
    return any(_is_of(Path(file).name, name) for name in names for file in lists.pictures_in(folder, name)[:5])


def _is_of(file: str, person: str) -> bool:
    return re.fullmatch(rf"{re.escape(person)}_\d{{4}}\.\w+", file) is not None


def _pictures(
    root: Path, packed: str, parts: Mapping[str, str], genders: Mapping[str, str]
) -> Iterator[Picture | Unusable]:
    for person in lists.folders_in(root / packed):
        for path in lists.pictures_in(root, f"{packed}/{person}".lstrip("/")):
            file = Path(path)
            if not _is_of(file.name, person):
                yield Unusable(path, UNREADABLE, f"its name is not {person}_0001.jpg")
                continue
            gender = {"gender": genders[file.stem]} if file.stem in genders else {}
            yield Picture(path, {IDENTITY: person, **gender}, parts.get(person), root / path)


def _find(root: Path, packed: str, names: tuple[str, ...]) -> Path | None:
    """Return a list that lies in the folder that was given, beside the pictures, or in the folder above."""
    folders = dict.fromkeys(("", packed, str(Path(packed).parent), "lists", ".."))
    return lists.find(root, names, tuple(folders))


def _parts(root: Path, packed: str) -> dict[str, str]:
    """Return person -> part; empty unless both lists are there."""
    files = {part: _find(root, packed, (name,)) for part, name in _PARTS.items()}
    found: dict[str, str] = {}
    for part, file in files.items():
        if file is None:
            return {}

        def take(values: list[str], part: str = part) -> bool:
            known = len(values) == 2 and bool(values[0]) and whole(values[1]) is not None
            if known:
                found[values[0]] = part
            return known

        lists.rows(file, 1, take, "NAME NUMBER")
    return found


def _genders(root: Path, packed: str) -> dict[str, str]:
    """Return picture -> gender; a picture that is in both lists has none."""
    said: dict[str, set[str]] = {}
    for gender, names in _GENDERS.items():
        file = _find(root, packed, names)
        if file is not None:

            def take(values: list[str], gender: str = gender) -> bool:
                known = len(values) == 1 and values[0].lower().endswith(".jpg")
                if known:
                    said.setdefault(Path(values[0]).stem, set()).add(gender)
                return known

            lists.rows(file, 0, take, "NAME_0001.jpg")
    if not said:
        return _by_attribute(_find(root, packed, ("lfw_attributes.txt",)))
    twice = [name for name, genders in said.items() if len(genders) > 1]
    if twice:
        what = counted(len(twice), "picture is", "pictures are")
        lists.log.warning("%s in both lists of names and gets no gender (the first: %s)", what, twice[0])
    return {name: min(genders) for name, genders in said.items() if len(genders) == 1}


def _by_attribute(file: Path | None) -> dict[str, str]:
    found: dict[str, str] = {}
    if file is None:
        return found
    columns = lists.heading(file, 2)[1:]  # the first value is a #
    place = columns.index("Male") if "Male" in columns else -1

    def take(values: list[str]) -> bool:
        number = whole(values[1]) if len(values) == len(columns) > place >= 0 else None
        try:
            score = float(values[place])
        except ValueError:
            return False
        if number is not None:
            found[f"{values[0].replace(' ', '_')}_{number:04d}"] = "male" if score > 0 else "female"
        return number is not None

    lists.rows(file, 2, take, "NAME<tab>NUMBER<tab>SCORE<tab>…")
    return found
