"""The page of `clean --report`: nothing private in it, nothing from outside that acts on whoever reads it."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from conftest import picture, plain_tree

from facekit.base import files as lines
from facekit.base import images
from facekit.base.contract import Record, Rejection, replace
from facekit.commands.clean import clean
from facekit.commands.clean.page import render
from facekit.dataset import MANIFEST, REJECTED, Dataset
from facekit.options.clean import Clean

OPTIONS = Clean(input=Path("plain"), output=Path("good"))


@pytest.fixture
def cleaned(tmp_path: Path) -> tuple[Path, Dataset]:
    """A cleaned folder and its source."""
    source = plain_tree(tmp_path / "plain", {"Ada": 4, "Bob": 3})
    clean(Clean(input=source, output=tmp_path / "good", min_images=1, min_side=1, embedder="none"))
    return tmp_path / "good", Dataset.open(source)


def pixels(page: str) -> list[bytes]:
    """The pictures in a page."""
    return [base64.b64decode(data) for data in re.findall(r'"data:image/jpeg;base64,([^"]+)"', page)]


def test_a_line_shows_the_picture_that_it_is_about_and_no_other_file(
    cleaned: tuple[Path, Dataset], tmp_path: Path
) -> None:
    root, source = cleaned
    private = tmp_path / "home" / "private.png"
    private.parent.mkdir()
    private.write_bytes(images.encode_png(picture(99)))
    record = source.records[0]
    honest = Rejection("clean", record.id, record.label, record.path, "blurred", 3.0)
    for path in ("../home/private.png", str(private), "Ada/../../home/private.png"):
        for label, id in ((record.label, "f" * 64), ("home", "f" * 64), (record.label, record.sha256[::-1])):
            lines.append_line(root / REJECTED, replace(honest, path=path, label=label, id=id).to_json())
    assert pixels(render(root, source, OPTIONS, root.parent)) == []
    lines.append_line(root / REJECTED, replace(honest, path="../home/private.png").to_json())
    (data,) = pixels(render(root, source, OPTIONS, root.parent))
    shown, own = images.decode(data), images.read(source.root / record.path)
    assert abs(shown.astype(int) - own.astype(int)).mean() < 20


def test_names_and_reasons_cannot_act_on_the_page(cleaned: tuple[Path, Dataset]) -> None:
    root, source = cleaned
    evil = "<script>alert(1)</script>\u202egpj.\x1b[2J\"'><img src=x onerror=alert(1)>"
    record = source.records[0]
    line = Rejection("clean", record.id, "Ada", record.path, evil, evil, like=evil.replace("/", "|"))
    lines.append_line(root / REJECTED, line.to_json())
    known = lines.read_lines(root / MANIFEST, Record)
    lines.replace_lines(root / MANIFEST, (replace(one, name=evil).to_json() for one in known))
    page = render(root, source, OPTIONS, root.parent)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", page)
    assert r"\u202egpj.\x1b[2J" in page


def test_the_page_says_what_its_numbers_are_and_which_repeat_was_kept(cleaned: tuple[Path, Dataset]) -> None:
    root, source = cleaned
    first, second, third = source.records[:3]
    left = Rejection("clean", first.id, first.label, first.path, "repeat", second.path)
    cut = Rejection("clean", third.id, third.label, third.path, "unsure", 0.014)
    for line in (left, cut):
        lines.append_line(root / REJECTED, line.to_json())
    known = lines.read_lines(root / MANIFEST, Record)
    quality = [{**(one.quality or {}), "person": 1.0 if place else 0.3} for place, one in enumerate(known)]
    lines.replace_lines(root / MANIFEST, (replace(a, quality=b).to_json() for a, b in zip(known, quality, strict=True)))
    page = render(root, source, OPTIONS, root.parent)
    assert "30.0% likely to be this person" in page
    assert "1.4% likely to be this person; unsure because the edge of the photo cuts it off" in page
    assert "<h2>Left out, unsure: 1</h2>" in page
    assert "left out, unsure</span>" in page
    kept = len(known)
    assert f"<b>{kept}</b><span>kept, 1 of them unsure</span>" in page
    (repeat,) = re.findall(r"<h2>Repeat: 1</h2>.*?</section>", page, re.S)
    stem = [Path(one.path).stem for one in (first, second)]
    assert re.search(rf"left out:</span>.*{stem[0]}.*kept:</span>.*{stem[1]}", repeat, re.S)
    (total,) = re.findall(r"<tfoot><tr>(.*?)</tr>", page)
    assert re.findall(r"<td>(.*?)</td>", total)[:3] == ["all", f"{kept + 2}", f"{kept} (1 unsure)"]


def test_a_folder_without_measured_qualities_has_a_page(cleaned: tuple[Path, Dataset]) -> None:
    root, source = cleaned
    known = lines.read_lines(root / MANIFEST, Record)
    lines.replace_lines(root / MANIFEST, (replace(one, quality=None).to_json() for one in known))
    assert "What was kept, by quality" not in render(root, source, OPTIONS, root.parent)
    odd = {"sharpness": 1e300, "size": 5.0, "yaw": 5.0}
    lines.replace_lines(root / MANIFEST, (replace(one, quality=odd).to_json() for one in known))
    page = render(root, source, OPTIONS, root.parent)
    assert re.findall(r'data-chart="chart-quality[^>]*aria-label="(\w+);', page) == ["Size", "Yaw"]
