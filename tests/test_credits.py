"""Licence and creator of a photo stand wherever it is shown, and in what is made of it for others."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import plain_tree
from exporting import network_run
from PIL import Image
from PIL.ExifTags import Base

from facekit import runs
from facekit.base import images
from facekit.base.contract import Rejection, Source
from facekit.base.files import append_line, replace_lines
from facekit.commands.audit import audit
from facekit.commands.clean.page import render
from facekit.commands.crop import crop
from facekit.commands.export.describing import describe
from facekit.commands.predict import predict
from facekit.commands.rejected import rejected
from facekit.dataset import MANIFEST, REJECTED, SOURCES, Dataset, annotate
from facekit.dataset.credits import credit_of
from facekit.options.audit import Audit
from facekit.options.clean import Clean
from facekit.options.crop import Crop
from facekit.options.predict import Predict
from facekit.options.rejected import Rejected
from facekit.report import pairs
from facekit.report.annotated import Annotated

CREDIT = "Jane <b>Doe</b>, CC BY 4.0"

ON_A_PAGE = "photo: Jane &lt;b&gt;Doe&lt;/b&gt;, CC BY 4.0"


def credited(tree: Path) -> Path:
    """Say of all photos of a tree who made them, and under which licence they are."""
    replace_lines(
        tree / SOURCES,
        (
            Source(
                one, engine="commons", licence="CC BY 4.0", licence_url="https://x.example/by", creator=who
            ).to_json()
            for one in sorted({record.origin for record in Dataset.open(tree).records})
            for who in ["Jane <b>Doe</b>"]
        ),
    )
    return tree


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Faces that `crop` made."""
    photos = plain_tree(tmp_path / "photos", {"Ada": 3, "Bob": 3}, side=24)
    crop(Crop(input=photos, output=tmp_path / "faces", detect=False, size=24, jobs=1))
    return credited(tmp_path / "faces")


@pytest.fixture
def less(faces: Path) -> Path:
    """Faces of which one was left out."""
    root = Path(shutil.copytree(faces, faces.parent / "less"))
    info = (root / "dataset.json").read_text().replace('"made_from": "photos"', '"made_from": "faces"')
    (root / "dataset.json").write_text(info.replace("../photos", "../faces"))
    one = Dataset.open(faces).records[0]
    (root / one.path).unlink()
    (root / SOURCES).unlink()  # what is left out has its source in the folder before
    left = Rejection("clean", one.id, one.label, one.path, "blurred", 3.0, origin=one.origin)
    append_line(root / REJECTED, left.to_json())
    return root


def test_in_the_list_and_the_sheet_of_what_was_left_out(less: Path, tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    (one,) = rejected(Rejected(tree=less, reason="blurred", sheet=tmp_path / "sheet.html"))
    assert (one.licence, one.creator, one.row()["credit"]) == ("CC BY 4.0", "Jane <b>Doe</b>", CREDIT)
    page = (tmp_path / "sheet.html").read_text()
    assert ON_A_PAGE in page and "<b>Doe" not in page


def test_on_the_page_of_clean(less: Path, faces: Path) -> None:
    pytest.importorskip("jinja2")
    page = render(less, Dataset.open(faces), Clean(input=faces, output=less), less.parent)
    assert ON_A_PAGE in page


def test_in_an_annotated_photo(faces: Path, tmp_path: Path) -> None:
    photo = next((faces / "Ada").iterdir())
    drawn = Annotated("--annotate", tmp_path / "drawn").write(photo, images.read(photo), [])
    with Image.open(drawn) as picture:
        exif = picture.getexif()
        picture.load()
    assert exif[Base.Artist] == "Jane <b>Doe</b>"
    assert exif[Base.Copyright] == "CC BY 4.0 https://x.example/by"


def test_on_the_sheet_of_predict_and_in_an_export(tmp_path: Path) -> None:
    pytest.importorskip("keras", reason="the extra `train` is not installed")
    pytest.importorskip("jinja2")
    run = runs.load(network_run(tmp_path))
    assert describe(run, "onnx", 32, known_faces=False).card.licences == {}, "a plain folder says nothing of it"
    replace_lines(run.root / MANIFEST, (replace(one, split=None).to_json() for one in run.split))
    annotate(run.root, complete=True)
    credited(run.root)
    card = describe(run, "onnx", 32, known_faces=False).card
    photos = len({one.origin for one in run.part("train")})
    assert (dict(card.licences), card.creators) == ({"CC BY 4.0": photos}, ("Jane <b>Doe</b>",))
    list(predict(Predict(run=run.folder, pictures=[str(run.root)], detect=False, grid=tmp_path / "g.html", jobs=1)))
    assert ON_A_PAGE in (tmp_path / "g.html").read_text()


def test_on_the_pages_of_an_audit_and_of_pairs(faces: Path, tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    audit(
        Audit(folder=faces, other=Path(shutil.copytree(faces, tmp_path / "again")), output=tmp_path / "audit", jobs=1)
    )
    page = (tmp_path / "audit" / "report.html").read_text()
    assert page.count(ON_A_PAGE) > 1
    paths = tuple(sorted(str(file.relative_to(faces)) for file in faces.glob("*/*.jpg"))[:2])
    [(_, pictures)] = pairs._pictures(faces, [pairs.Couple(paths, 0.5, wrong=True)], tmp_path)
    assert [credit_of(file) for *_, file in pictures] == [CREDIT, CREDIT]


def test_a_picture_of_nobody_knows_where_has_none(faces: Path, tmp_path: Path) -> None:
    photo = next((faces / "Ada").iterdir())
    assert credit_of(photo) == CREDIT
    assert credit_of(tmp_path / "photos" / "Ada" / "0000.png") == ""
    assert credit_of(None) == credit_of(Path("x.jpg")) == ""
    broken = Path(shutil.copytree(faces, tmp_path / "broken"))
    (broken / SOURCES).write_text("[]\n")
    assert credit_of(broken / photo.relative_to(faces)) == ""
