"""What was left out of a tree on its way: as a list, by reason, and as a sheet."""

from __future__ import annotations

import json
import os
from io import StringIO
from pathlib import Path

import pytest
from conftest import Facekit, plain_tree, read_tree

from facekit.base import images
from facekit.base.contract import FacekitError
from facekit.cli.answers import show
from facekit.cli.console import Console
from facekit.cli.streams import Output
from facekit.commands.balance import balance
from facekit.commands.crop import crop
from facekit.commands.rejected import LeftOut, Listed, rejected
from facekit.dataset.reasons import TERMS
from facekit.options.balance import Balance
from facekit.options.crop import Crop
from facekit.options.rejected import Rejected


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, the faces of them, of which one was removed by hand, and a balanced tree."""
    root = tmp_path_factory.mktemp("rejected")
    photos = plain_tree(root / "photos", {"Ada": 5, "Bob": 5}, side=24)
    (photos / "Ada" / "broken.jpg").write_bytes(b"no picture")
    (photos / "Ada" / "same.png").write_bytes((photos / "Ada" / "0000.png").read_bytes())
    (photos / "Bob" / "0009.png").rename(photos / "Bob" / "[red]evil\x1b[31m.png")
    options = Crop(input=photos, output=root / "faces", detect=False, size=24, jobs=1)
    crop(options)
    next((root / "faces" / "Bob").glob("*.jpg")).unlink()
    crop(options)
    balance(Balance(input=root / "faces", output=root / "even", count=5, jobs=1))
    return root


def reasons(found: list[LeftOut]) -> list[tuple[str, str]]:
    return sorted((one.stage, one.reason) for one in found)


def test_a_terminal_gets_a_few_rows_beside_a_sheet_and_says_below_them_what_there_is(
    place: Path, facekit: Facekit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.html"
    piped = facekit("rejected", place / "even", "--sheet", sheet)
    assert len(piped.out.splitlines()) == 3
    assert piped.err.splitlines()[-1].startswith(f"{place / 'even'}: 3 pictures were left out: ")
    assert piped.err.splitlines()[-1].endswith(f"; {sheet} shows them")
    monkeypatch.setattr("facekit.commands.rejected._WITH_SHEET", 1)
    listed = rejected(Rejected(tree=place / "even", sheet=sheet))
    assert isinstance(listed, Listed)
    assert listed.most == 1
    console = Console()
    shown = StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: True)
    console.out = Output(shown)
    assert show(listed, console, as_json=False) == 0
    assert "… and 2 more; `--json`, or a pipe, lists all" in shown.getvalue()
    assert [Path(one.picture).name in shown.getvalue() for one in listed.found] == [True, False, False]


def test_what_was_left_out_on_the_way_is_listed_with_its_file(place: Path) -> None:
    before = read_tree(place)
    found = list(rejected(Rejected(tree=place / "even")))
    assert reasons(found) == [
        ("crop", "not a picture"),
        ("crop", "removed by hand"),
        ("crop", "same bytes as another"),
    ]
    same = next(one for one in found if one.reason == "same bytes as another")
    assert (same.picture, same.value, same.label) == ("Ada/same.png", "Ada/0000.png", "Ada")
    assert same.file is not None
    assert Path(same.file).read_bytes() == (place / "photos" / "Ada" / "same.png").read_bytes()
    assert read_tree(place) == before


@pytest.mark.parametrize(
    ("reason", "count"),
    [
        ("same bytes as another", 1),
        ("SAME-BYTES-AS-ANOTHER", 1),
        ("duplicate", 1),
        ("corrupt", 1),
        ("Removed_by_hand", 1),
    ],
)
def test_a_reason_is_known_as_it_is_written_and_by_the_terms_of_the_field(place: Path, reason: str, count: int) -> None:
    assert len(list(rejected(Rejected(tree=place / "faces", reason=reason)))) == count


def test_terms_mean_reasons_that_commands_give() -> None:
    code = "".join(path.read_text() for path in (Path(__file__).parents[1] / "facekit").rglob("*.py"))
    terms = code.index("TERMS = {")
    code = code[:terms] + code[code.index("}", terms) :]
    assert [reason for reasons in TERMS.values() for reason in reasons if f'"{reason}"' not in code] == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"reason": "ugly"}, r"^--reason ugly: nothing was left out this way; choose from .*not a picture \(1\).*"),
        ({"stage": "clean"}, r"^--stage clean: nothing was left out this way; choose from crop \(3\)$"),
        ({"sheet": Path("out.jpg")}, r"^--sheet is out.jpg; give a name that ends in .png or .html$"),
        ({"sheet": Path("nowhere/out.png")}, r"^--sheet is nowhere/out.png, which cannot be a file"),
    ],
)
def test_what_is_not_there_is_one_line_with_what_is(place: Path, more: dict[str, str], why: str) -> None:
    with pytest.raises(FacekitError, match=why):
        rejected(Rejected(tree=place / "faces", **more))  # type: ignore[arg-type]


def test_folders_of_others_have_no_such_list(place: Path, tmp_path: Path) -> None:
    with pytest.raises(
        FacekitError, match=r"photos was not made by facekit, so there is no record of what was left out; `fac"
    ):
        rejected(Rejected(tree=place / "photos"))
    with pytest.raises(FacekitError, match="no such folder: nowhere; give a folder that facekit made"):
        rejected(Rejected(tree=Path("nowhere")))


def test_the_sheet_shows_what_can_still_be_shown(place: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("matplotlib")
    list(rejected(Rejected(tree=place / "faces", sheet=tmp_path / "out.png")))
    assert images.read(tmp_path / "out.png").shape[0] > 100
    # The removed face is gone, its photo is not; the broken file cannot be shown.
    list(rejected(Rejected(tree=place / "faces", reason="corrupt", sheet=tmp_path / "none.png")))
    assert not (tmp_path / "none.png").exists()
    assert "all of the pictures are gone or unreadable" in caplog.text
    list(rejected(Rejected(tree=place / "faces", sheet=tmp_path / "dry.png", dry_run=True)))
    assert not (tmp_path / "dry.png").exists()


def test_a_face_that_was_left_out_leads_to_its_photo(place: Path, tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    even = tmp_path / "even"
    balance(Balance(input=place / "faces", output=even, count=3, jobs=1))
    (face, *_) = (one for one in rejected(Rejected(tree=even)) if one.reason == "beyond --count")
    assert face.file is not None
    assert face.photo is not None
    # The faces are whole pictures here: of all photos, the one named is the one that looks like it.
    (label,) = {Path(file).parent.name for file in (face.file, face.photo)}
    pixels = images.read(Path(face.file)).astype(int)
    photos = {file: images.read(file).astype(int) for file in (place / "photos" / label).glob("00*.png")}
    alike = min(photos, key=lambda file: abs(photos[file] - pixels).mean())
    assert Path(face.photo) == Path(os.path.relpath(alike))
    assert face.row()["photo"] == f"from {face.photo}"
    list(rejected(Rejected(tree=even, sheet=tmp_path / "out.html", reason="beyond --count")))
    page = (tmp_path / "out.html").read_text()
    assert os.path.relpath(face.photo, tmp_path).replace(" ", "%20") in page
    # Where the face is gone as well, as one that was removed by hand is, its photo still says which it was.
    removed = next(one for one in rejected(Rejected(tree=even)) if one.reason == "removed by hand")
    assert removed.file is None
    assert removed.photo is not None
    assert Path(removed.photo).parent.name == "Bob"
    # A photo has no other that it was cut from.
    same = next(one for one in rejected(Rejected(tree=even)) if one.reason == "same bytes as another")
    assert (same.photo, same.row()["photo"]) == (same.file, "")


@pytest.mark.parametrize(
    ("reason", "value", "shown"),
    [
        ("not confirmed as a face", 2, "2 boxes"),
        ("wrong person", 0.0123, "1.2% likely to be this person"),
        ("not confirmed as a face", 1, "1 box"),
        ("no face", 0, ""),
        ("no face", 0.04, "score 0.04"),
        ("blurred", 41.237, "sharpness 41.24"),
        ("turned aside", -51.2, "yaw -51.2°"),
        ("repeat", "Ada/0000.png", "Ada/0000.png"),
        ("removed by hand", None, ""),
    ],
)
def test_the_number_that_decided_is_shown_with_what_it_is(reason: str, value: float | str | None, shown: str) -> None:
    assert LeftOut("a.jpg", "Ada", "clean", reason, value, None).row()["value"] == shown


def test_the_command_prints_a_line_for_each(place: Path, facekit: Facekit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    done = facekit("rejected", "faces", "--reason", "duplicate")
    assert done.code == 0, done.err
    (line,) = map(json.loads, done.out.splitlines())
    assert line == {
        "picture": "Ada/same.png",
        "label": "Ada",
        "stage": "crop",
        "reason": "same bytes as another",
        "value": "Ada/0000.png",
        "file": "photos/Ada/same.png",
        "photo": "photos/Ada/same.png",
        "licence": None,
        "creator": None,
    }
    assert "faces: 1 picture was left out: 1 same bytes as another" in done.err


def test_a_folder_from_a_stranger_leads_to_no_other_file(place: Path, tmp_path: Path) -> None:
    home = plain_tree(tmp_path / "home", {"private": 1}, first=700)
    secret = home / "private" / "0700.png"
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "dataset.json").write_text(json.dumps({"stage": "crop", "made_from": "../home"}))
    (tree / "manifest.jsonl").write_text("")
    line = {"stage": "crop", "id": "0" * 64, "label": "private", "path": "private/0700.png", "reason": "blurred"}
    (tree / "rejected.jsonl").write_text(json.dumps(line) + "\n" + json.dumps({**line, "path": str(secret)}) + "\n")
    assert [one.file for one in rejected(Rejected(tree=tree))] == [None, None]
