"""Lists of pairs: three formats, what is wrong with one, and who the photos show."""

from __future__ import annotations

from pathlib import Path

import pytest
from patches import patch

from facekit.base import images
from facekit.base.contract import FacekitError
from facekit.dataset import pairlists
from facekit.dataset.pairlists import Pair

VIEW_1 = "2\nAda\t1\t2\nAda\t1\t3\nAda\t1\tBob\t2\nBob\t1\tEve\t3\n"
VIEW_2 = "2\t1\nAda\t1\t2\nAda\t1\tBob\t2\nBob\t1\t3\nBob\t1\tEve\t3\n"


def _text(tmp_path: Path, text: str) -> Path:
    (tmp_path / "pairs.txt").write_text(text)
    return tmp_path / "pairs.txt"


def test_a_csv_is_read_with_its_other_columns(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_bytes('\ufefffirst, same ,second,light\nb.jpg,Yes,"a, 1.jpg",day\n\n./c.jpg,0,d/e.jpg,night\n'.encode())
    found = pairlists.read(file)
    assert found.pairs == [
        Pair("b.jpg", "a, 1.jpg", True, more={"light": "day"}),
        Pair("c.jpg", "d/e.jpg", False, more={"light": "night"}),
    ]
    assert found.columns == ("light",)
    assert found.photos == ["a, 1.jpg", "b.jpg", "c.jpg", "d/e.jpg"]
    assert found.folds == 1


def test_both_lists_of_lfw_are_read(tmp_path: Path) -> None:
    found = pairlists.read(_text(tmp_path, VIEW_1))
    assert found.pairs[0] == Pair("Ada/Ada_0001.jpg", "Ada/Ada_0002.jpg", True)
    assert found.pairs[3] == Pair("Bob/Bob_0001.jpg", "Eve/Eve_0003.jpg", False)
    found = pairlists.read(_text(tmp_path, VIEW_2))
    assert [(pair.same, pair.fold) for pair in found.pairs] == [(True, 0), (False, 0), (True, 1), (False, 1)]
    assert found.folds == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("first,second\na,b\n", r"line 1 has no column `same`; start with the header `first,second,same`"),
        ("first,second,same,same\na,b,1,1\n", r"line 1 has two columns `same`; rename one$"),
        ("first,second,same\na,b,1\na,c,maybe\n", r"line 3: same is 'maybe'; write 1 for one person or 0 for two$"),
        ("first,second,same\n\na,b\n", r"line 3 has 2 fields, but the header has 3; fix that line$"),
        ("first,second,same\na,,1\n", r"line 2 lacks the path of a photo; fix that line$"),
        ("first,second,same\na,./a,1\n", r"line 2 names one photo twice; give two different photos$"),
        ("first,second,same\na,b,1\n", r"holds no pairs of two people; a score needs pairs of one person and"),
        ("first,second,same\na,b,0\n", r"holds no pairs of one person; a score needs"),
        ("first,second,same\n", r"holds no pairs; a score needs"),
        ("\n \n", r"is empty; give a list of pairs$"),
        (VIEW_1.replace("Ada\t1\t3", "Ada\t1"), r"line 3 is not of the form `name i j` that is needed at this place"),
        (VIEW_1.replace("Ada\t1\tBob\t2", "Ada\t1\t2"), r"line 4 is not of the form `name i other j` that is needed"),
        (VIEW_1.replace("Ada\t1\t3", "Ada\t1\tx"), r"line 3: the number of a photo is not a number; write `name i j`$"),
        (VIEW_1.replace("Bob\t2", "Ada\t2"), r"line 4 is among the pairs of two people, but names only one; fix"),
        (VIEW_1.replace("Ada\t1\t2", "Ada\t2\t2"), r"line 2 names one photo twice"),
        (VIEW_1[: VIEW_1.index("Bob\t1")], r"has 3 pairs, but its first line says 2 \+ 2; download it again$"),
        (VIEW_1.replace("Ada\t1\t3", "Ada\t1\t" + "9" * 5000), r"line 3: the number of a photo is not a number; write"),
        ("9" * 5000 + "\nAda\t1\t2\n", r"line 1 has no column `first`; start with the header"),
        (VIEW_2 + "Ada\t1\t2\n", r"has 5 pairs, but its first line says 2 times 1 \+ 1; download it again$"),
    ],
)
def test_lists_with_a_fault_are_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(FacekitError, match=r"^[^\n]*pairs\.txt[^\n]*" + says):
        pairlists.read(_text(tmp_path, text))


def test_files_that_are_no_lists_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match=r"^no such file: .*none; give a list of pairs$"):
        pairlists.read(tmp_path / "none")
    with pytest.raises(FacekitError, match=r"is a folder; give a file$"):
        pairlists.read(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(images.encode(patch(0, 0)))
    with pytest.raises(FacekitError, match=r"photo\.jpg is not UTF-8 text; save it as UTF-8$"):
        pairlists.read(tmp_path / "photo.jpg")


def test_people_are_known_by_folder_or_by_their_pairs() -> None:
    pairs = [Pair("Ada/1", "Ada/2", True), Pair("Ada/1", "Bob/1", False)]
    assert pairlists.people(pairs) == ({"Ada/1": "Ada", "Ada/2": "Ada", "Bob/1": "Bob"}, "by folder")
    of, by = pairlists.people([Pair("1", "2", True), Pair("3", "2", True), Pair("1", "4", False), Pair("5", "4", True)])
    assert by == "by the pairs of one person"
    assert of["1"] == of["2"] == of["3"] != of["4"] == of["5"]
