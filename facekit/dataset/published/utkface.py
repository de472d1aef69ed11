"""UTKFace: pictures whose names say age, gender and race, `26_1_2_20170116174525125.jpg.chip.jpg`.

They lie in the folder that is given or in folders of it, as the archives unpack to (`UTKFace`, `crop_part1`, `part1` to
`part3`). A few published names lack the race; these pictures are left out. There is no official split, and it is not
known who is shown: the folders of the tree are the two genders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from facekit.dataset.published import lists
from facekit.dataset.published.pictures import UNREADABLE, Picture, Published, Terms, Unusable, wrong_folder

TERMS = Terms(
    "UTKFace",
    "https://susanqq.github.io/UTKFace/",
    "non-commercial research only",
    "Zhang, Song and Qi: Age Progression/Regression by Conditional Adversarial Autoencoder, CVPR 2017",
)

_WANTED = "pictures like 26_1_2_20170116174525125.jpg.chip.jpg, or with the folders of them"
_NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_\d+ ?\.jpg(\.chip\.jpg)?", re.IGNORECASE)
_GENDERS = ("male", "female")
_RACES = ("white", "black", "asian", "indian", "other")


def read(root: Path) -> Published:
    """Return what UTKFace holds. Raises FacekitError for a folder in which no picture is called like its."""
    if not root.is_dir():
        raise wrong_folder(root, "UTKFace", _WANTED)
    found = [path for folder in ("", *lists.folders_in(root)) for path in lists.pictures_in(root, folder)]
    if not any(_NAME.fullmatch(Path(path).name) for path in found):
        raise wrong_folder(root, "UTKFace", _WANTED)
    return Published(TERMS, "gender", _pictures(root, found), None, ["there is no official split, and no identities"])


def _pictures(root: Path, found: list[str]) -> Iterator[Picture | Unusable]:
    for path in found:
        name = _NAME.fullmatch(Path(path).name)
        if name is None:
            yield Unusable(path, UNREADABLE, "its name does not say age, gender and race")
            continue
        age, labels = int(name[1]), {"gender": _GENDERS[int(name[2])], "race": _RACES[int(name[3])]}
        yield Picture(path, {**labels, "age": str(age), "age_group": _group(age)}, None, root / path)


def _group(age: int) -> str:
    """Return the ten years that an age is in, as scores by group show them."""
    return f"{age // 10 * 10}-{age // 10 * 10 + 9}" if age < 80 else "80 or more"
