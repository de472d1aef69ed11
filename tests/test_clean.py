"""Clean: repeats and bad pictures go with their reason and number; names with too few go; groups are drawn."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import Facekit, picture, plain_tree, read_tree, records, rejected

from facekit.base import images
from facekit.base.contract import FacekitError, Image
from facekit.base.files import replace_lines
from facekit.commands.clean import clean
from facekit.commands.clean.by_person import PersonRow, total
from facekit.dataset import Dataset
from facekit.dataset.reasons import LICENCE
from facekit.dataset.records import SOURCES, read_sources
from facekit.options.clean import Clean


def write(root: Path, files: dict[str, Image | bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data if isinstance(data, bytes) else images.encode_png(data))
    return root


def run(source: Path, **how: Any) -> Path:
    out = source.parent / "out"
    clean(Clean(**{"input": source, "output": out, "min_images": 1, **how}))
    return out


def kept(out: Path, source: Path) -> set[str]:
    """The paths in the source of what was kept."""
    names = {r.id: r.path for r in records(source)}
    return {names[r.id] for r in records(out)}


def reasons(out: Path) -> dict[str, tuple[str, Any]]:
    return {line["path"]: (line["reason"], line.get("value")) for line in rejected(out)}


def smaller(image: Image, side: int) -> Image:
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture
def face(drawn_faces: Path) -> Image:
    """A face with as much in it as a real one."""
    sharpest = max(records(drawn_faces), key=lambda r: images.sharpness(images.gray(images.read(drawn_faces / r.path))))
    return images.read(drawn_faces / sharpest.path)


def test_exact_copies_leave_the_lowest_id(tmp_path: Path) -> None:
    """Not by name or order: a second id for the same pixels, as of a photo saved twice without loss."""
    other = images.encode_png(picture(1)) + b"trailing"
    source = write(tmp_path / "in", {"Ada/a.png": picture(1), "Ada/b.png": other, "Ada/c.png": picture(2)})
    lowest = min(records(source), key=lambda r: (r.path == "Ada/c.png", r.id)).path
    out = run(source)
    assert kept(out, source) == {lowest, "Ada/c.png"}
    (gone,) = {"Ada/a.png", "Ada/b.png"} - {lowest}
    assert reasons(out) == {gone: ("repeat", lowest)}


def test_the_same_bytes_twice(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"Ada/a.png": picture(1), "Ada/b.png": picture(1)})
    assert reasons(run(source)) == {"Ada/b.png": ("same bytes as another", "Ada/a.png")}


def test_near_repeats_leave_the_largest(tmp_path: Path, face: Image) -> None:
    files = {
        "Ada/half.png": smaller(face, 80),
        "Ada/jpeg.jpg": images.encode(smaller(face, 120), 60),
        "Ada/mirror.png": np.ascontiguousarray(smaller(face, 100)[:, ::-1]),
        "Ada/trimmed.png": np.ascontiguousarray(face[2:-2, 1:-3]),
        "Ada/whole.png": face,
    }
    source = write(tmp_path / "in", files)
    out = run(source)
    assert kept(out, source) == {"Ada/whole.png"}
    assert set(reasons(out).values()) == {("repeat", "Ada/whole.png")}
    assert Counter(line["reason"] for line in rejected(out)) == {"repeat": 4}


def test_of_equal_size_the_sharpest_stays(tmp_path: Path, face: Image) -> None:
    soft = np.asarray(cv2.GaussianBlur(face, (0, 0), 0.8), np.uint8)
    source = write(tmp_path / "in", {"Ada/a.png": soft, "Ada/b.png": face})
    assert kept(run(source), source) == {"Ada/b.png"}


def test_what_a_face_was_in_its_photo_counts(faces: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    clean(Clean(input=faces, output=out, min_images=1, min_side=150))
    small = [line for line in rejected(out) if line["reason"] == "too small"]
    boxes = {r.id: r.box for r in records(faces)}
    assert small
    assert all(line["value"] == min(boxes[line["id"]][2:]) < 150 for line in small)
    assert all(min(r.box[2:]) >= 150 for r in records(out) if r.box)


def test_a_picture_under_two_names_is_left_out_of_both(tmp_path: Path, face: Image) -> None:
    files = {"Ada/1.png": face, "Bob/2.jpg": images.encode(smaller(face, 120), 70), "Bob/3.png": picture(3)}
    source = write(tmp_path / "in", files)
    out = run(source)
    assert kept(out, source) == {"Bob/3.png"}
    assert reasons(out) == {
        "Ada/1.png": ("under two names", "Bob/2.jpg"),
        "Bob/2.jpg": ("under two names", "Ada/1.png"),
    }


def test_each_bad_picture_has_its_reason_and_number(tmp_path: Path) -> None:
    good = picture(5)
    files = {
        "Ada/good.png": good,
        "Ada/blurred.png": np.asarray(cv2.GaussianBlur(picture(6), (0, 0), 9), np.uint8),
        "Ada/bright.png": (224 + picture(7) // 8).astype(np.uint8),
        "Ada/dark.png": (picture(8) // 8).astype(np.uint8),
        "Ada/small.png": picture(9, 39),
        "Ada/text.jpg": b"no picture",
    }
    source = write(tmp_path / "in", files)
    out = run(source)
    found = reasons(out)
    assert kept(out, source) == {"Ada/good.png"}
    assert {name: found[name][0] for name in found} == {
        "Ada/blurred.png": "blurred",
        "Ada/bright.png": "too bright",
        "Ada/dark.png": "too dark",
        "Ada/small.png": "too small",
        "Ada/text.jpg": "not a picture",
    }
    assert found["Ada/small.png"][1] == 39
    assert found["Ada/blurred.png"][1] < 40
    assert found["Ada/bright.png"][1] > 230
    assert 5 < found["Ada/dark.png"][1] < 25
    assert records(out)[0].quality["brightness"] == pytest.approx(images.gray(good).mean(), abs=0.01)


def test_what_is_flat_or_black_and_white_goes_where_that_is_asked_for(tmp_path: Path) -> None:
    flat = (110 + picture(6) // 16).astype(np.uint8)
    stark = np.repeat(np.where(picture(7)[..., :1] > 127, 255, 0), 3, axis=2).astype(np.uint8)
    source = write(tmp_path / "in", {"Ada/good.png": picture(5), "Ada/flat.png": flat, "Ada/stark.png": stark})
    out = run(source, min_sharpness=0, max_clipped=0.3, min_contrast=12)
    found = reasons(out)
    assert {name: reason for name, (reason, _) in found.items()} == {
        "Ada/flat.png": "too little contrast",
        "Ada/stark.png": "too much black or white",
    }
    assert found["Ada/flat.png"][1] < 12
    assert found["Ada/stark.png"][1] > 0.3


def test_how_far_a_face_may_be_turned(faces: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    clean(Clean(input=faces, output=out, min_images=1, max_yaw=4, max_roll=3, embedder="none"))
    for reason, name, limit in (("turned aside", "yaw", 4), ("leaning", "roll", 3)):
        values = [line["value"] for line in rejected(out) if line["reason"] == reason]
        assert values
        assert all(abs(value) > limit for value in values)
        assert all(abs(r.quality[name]) <= limit for r in records(out) if r.quality)


def test_the_folder_says_what_it_was_made_from(plain: Path, tmp_path: Path) -> None:
    run(plain, min_images=3)
    info = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert info["made_from"] == "../plain"
    (tmp_path / "further").mkdir()
    for name in ("plain", "out"):
        (tmp_path / name).rename(tmp_path / "further" / name)
    before = read_tree(tmp_path / "further" / "out")
    assert (
        clean(Clean(input=tmp_path / "further" / "plain", output=tmp_path / "further" / "out", min_images=3)).made == 0
    )
    assert read_tree(tmp_path / "further" / "out") == before


def test_names_with_too_few_and_names_beyond_the_best_filled(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 4, "Bob": 2, "Cy": 6, "Di": 4})
    out = run(source, min_images=3, people=2)
    assert Counter(r.label for r in records(out)) == {"Cy": 6, "Ada": 4}
    assert Counter((line["label"], line["reason"], line["value"]) for line in rejected(out)) == {
        ("Bob", "name with too few", 2): 2,
        ("Di", "name beyond --people", 4): 4,
    }


def test_what_is_left_out_does_not_fill_a_name(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 3, "Bob": 3})
    (source / "Ada" / "again.png").write_bytes(images.encode_png(smaller(picture(0), 60)))
    (source / "Ada" / "text.png").write_bytes(b"text")
    with pytest.raises(
        FacekitError, match=r"nothing is left; left out: 6 name with too few, 1 repeat, 1 not a picture"
    ):
        run(source, min_images=4)


def test_pictures_too_alike_for_both_sides_share_a_group(tmp_path: Path, faces: Path) -> None:
    out = tmp_path / "out"
    clean(Clean(input=faces, output=out, min_images=1))
    found = records(out)
    assert all(r.group for r in found)
    assert {r.group for r in found} <= {r.origin for r in records(faces)}
    by_origin: dict[str, set[str | None]] = {}
    for record in found:
        by_origin.setdefault(record.origin, set()).add(record.group)
    assert all(len(groups) == 1 for groups in by_origin.values())


def test_every_drawn_repeat_is_found(drawn_photos: Path, tmp_path: Path, drawn_faces: Path) -> None:
    kinds = {r.id: r.made_by for r in records(drawn_photos)}
    clean(Clean(input=drawn_faces, output=tmp_path / "out", min_images=1, min_sharpness=0, min_brightness=0))
    rejects = {line["id"] for line in rejected(tmp_path / "out")}
    repeats = {r.id for r in records(drawn_faces) if kinds[r.origin] in ("draw copy", "draw repeat")}
    originals = len(records(drawn_faces)) - len(repeats)
    assert len(records(tmp_path / "out")) >= 0.9 * (originals - len(repeats))
    assert len(rejects) >= len(repeats) - 1


def test_every_picture_is_kept_or_rejected_once(faces: Path, tmp_path: Path) -> None:
    clean(Clean(input=faces, output=tmp_path / "out", min_images=4))
    ids = Counter([r.id for r in records(tmp_path / "out")] + [line["id"] for line in rejected(tmp_path / "out")])
    assert ids == Counter(r.id for r in records(faces))


def test_run_again_it_does_nothing(plain: Path) -> None:
    out = run(plain, min_images=3)
    before = read_tree(out)
    report = clean(Clean(input=plain, output=out, min_images=3))
    assert (report.made, report.kept) == (0, 16)
    assert read_tree(out) == before


def test_workers_change_nothing(faces: Path, tmp_path: Path) -> None:
    for jobs in (1, 3):
        clean(Clean(input=faces, output=tmp_path / str(jobs), min_images=2, jobs=jobs))
    assert read_tree(tmp_path / "1") == read_tree(tmp_path / "3")


def test_a_source_that_changed_is_planned_anew(plain: Path) -> None:
    options = Clean(input=plain, output=plain.parent / "out", min_images=8)
    clean(options)
    (plain / "Ada" / "0000.png").unlink()
    (plain / "Ada" / "0001.png").rename(plain / "Bob" / "0001.png")
    plain_tree(plain, {"Cy": 9}, first=90)
    clean(options)
    assert Counter(r.label for r in records(options.output)) == {"Bob": 9, "Cy": 9}
    assert not (options.output / "Ada").exists()
    clean(Clean(input=plain, output=plain.parent / "anew", min_images=8))
    assert read_tree(options.output) == read_tree(plain.parent / "anew")


def test_a_picture_that_was_removed_or_moved_stays_so(plain: Path) -> None:
    options = Clean(input=plain, output=plain.parent / "out", min_images=2)
    clean(options)
    gone, moved = records(options.output)[:2]
    (options.output / gone.path).unlink()
    (options.output / moved.path).rename(options.output / "Bob" / Path(moved.path).name)
    plain_tree(plain, {"Ada": 1}, first=90)
    report = clean(options)
    assert (report.made, report.left) == (1, {"removed by hand": 1})
    assert Counter(r.label for r in records(options.output)) == {"Ada": 7, "Bob": 9}
    before = read_tree(options.output)
    assert clean(options).left == {"removed by hand": 1}
    assert read_tree(options.output) == before


def test_a_repeat_of_a_removed_picture_does_not_take_its_place(tmp_path: Path, face: Image) -> None:
    files = {"Ada/half.png": smaller(face, 80), "Ada/whole.png": face, "Ada/other.png": picture(4)}
    source = write(tmp_path / "in", files)
    out = run(source)
    (out / next(r.path for r in records(out) if r.id in {x.id for x in records(source) if "whole" in x.path})).unlink()
    run(source)
    assert kept(out, source) == {"Ada/other.png"}
    assert reasons(out) == {
        "Ada/half.png": ("repeat", "Ada/whole.png"),
        "Ada/" + _name(out, "removed by hand"): ("removed by hand", None),
    }


def test_a_moved_picture_is_not_under_two_names_for_its_repeats(tmp_path: Path, face: Image) -> None:
    files = {"Ada/half.png": smaller(face, 80), "Ada/whole.png": face, "Bob/other.png": picture(4)}
    source = write(tmp_path / "in", files)
    out = run(source)
    whole = next(r for r in records(out) if r.label == "Ada")
    there = (out / whole.path).rename(out / "Bob" / Path(whole.path).name)
    run(source)
    assert there.exists()
    assert kept(out, source) == {"Ada/whole.png", "Bob/other.png"}
    assert reasons(out) == {"Ada/half.png": ("repeat", "Ada/whole.png")}


def _name(out: Path, reason: str) -> str:
    return next(Path(line["path"]).name for line in rejected(out) if line["reason"] == reason)


def test_people_who_are_dropped_are_named_with_what_to_type(
    facekit: Facekit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 6, "Bob Babbage": 3, "Cy": 4})
    (source / "Ada" / "again.png").write_bytes((source / "Ada" / "0000.png").read_bytes())
    monkeypatch.setenv("COLUMNS", "80")
    words = ["clean", source, "-o", tmp_path / "out", "--min-side", 10, "--embedder", "none", "--min-images", 5]
    done = facekit(*words)
    assert done.code == 0
    lines = done.err.splitlines()
    table = [re.split(r" {2,}", line.strip()) for line in lines]
    assert ["person", "in", "kept", "repeat", "too few"] in table
    assert ["Cy", "4", "0", "0", "4"] in table
    assert ["Bob Babbage", "3", "0", "0", "3"] in table
    assert ["Ada", "7", "6", "1", "0"] in table
    assert ["all", "14", "6", "1", "7"] in table
    said = " ".join(" ".join(lines).split())
    assert "Dropped, as fewer than 5 good faces (--min-images): Cy (4), Bob Babbage (3). To keep their 7" in said
    (command,) = (line.strip() for line in lines if line.strip().startswith("facekit clean"))
    again = facekit(*shlex.split(command)[1:])
    assert again.code == 0
    assert len(records(tmp_path / "out")) == 13


def test_where_everybody_is_dropped_the_error_says_what_to_type(facekit: Facekit, tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 3, "Bob": 2})
    done = facekit("clean", source, "-o", tmp_path / "out", "--min-side", 10, "--embedder", "none")
    assert done.code == 2
    command = f"facekit clean {source} -o {tmp_path / 'out'} --min-images 2 --min-side 10 --embedder none --overwrite"
    assert done.out == "", "nothing is handed to the next command of a pipeline"
    assert done.err.splitlines()[-1].endswith(f"; keep Ada (3), Bob (2) with `{command}`")
    assert facekit(*shlex.split(command)[1:]).code == 0


def test_a_row_adds_up_and_says_how_many_of_those_kept_are_unsure() -> None:
    left: dict[str, Any] = {
        "wrong": 13,
        "no_face": 0,
        "repeats": 1,
        "blurred": 1,
        "rejected": 0,
        "dropped": 0,
        "other": 0,
        "beyond": False,
    }
    row = PersonRow(name="Ada", faces=59, kept=43, unsure=4, kept_unsure=3, **left)
    assert row.cells == ("Ada", "59", "43 (3 unsure)", "13", "0", "1", "1", "1", "0", "0", "0")
    assert replace(row, kept=40, kept_unsure=0).cells[2:] == ("40", "13", "0", "1", "1", "4", "0", "0", "0")
    twice = total([row, replace(row, name="Bob", dropped=2, faces=61)])
    assert twice.cells == ("all", "120", "86 (6 unsure)", "26", "0", "2", "2", "2", "0", "2", "0")


def test_the_rows_by_person_count_each_picture_once(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 4, "Bob": 2, "Cy": 6})
    (source / "Ada" / "text.png").write_bytes(b"text")
    for options in ({"min_images": 3}, {"min_images": 1, "people": 2}):
        report = clean(
            Clean(input=source, output=tmp_path / f"o{len(options)}", min_side=10, embedder="none", **options)
        )
        rows = {row["name"]: row for row in report.details["by_person"]}
        assert {name: row["faces"] for name, row in rows.items()} == {"Ada": 5, "Bob": 2, "Cy": 6}
        for row in rows.values():
            left = sum(row[key] for key in ("wrong", "no_face", "repeats", "blurred", "dropped", "other"))
            assert row["kept"] + left + row["unsure"] - row["kept_unsure"] == row["faces"]
        assert (rows["Bob"]["kept"], rows["Bob"]["dropped"]) == (0, 2)
        assert rows["Bob"]["beyond"] is ("people" in options)
        again = clean(
            Clean(input=source, output=tmp_path / f"o{len(options)}", min_side=10, embedder="none", **options)
        )
        assert again.details["by_person"] == report.details["by_person"], "also of a folder that is left as it is"


@pytest.mark.parametrize(
    ("wanted", "allowed"), [("open", {"CC BY-SA 4.0", "CC BY-NC 2.0"}), ("commercial", {"CC BY-SA 4.0"})]
)
def test_only_photos_under_a_licence(faces: Path, tmp_path: Path, wanted: Any, allowed: set[str]) -> None:
    licences = ("CC BY-SA 4.0", "CC BY-NC 2.0", None)
    sources = [
        replace(source, licence=licences[place % 3])
        for place, source in enumerate(read_sources(faces / SOURCES).values())
    ]
    replace_lines(faces / SOURCES, (source.to_json() for source in sources))
    known = {source.origin: source.licence for source in sources}
    options = Clean(input=faces, output=tmp_path / "out", min_images=1, embedder="none", license=wanted)
    report = clean(options)
    assert report.kept
    assert {known[record.origin] for record in records(options.output)} == allowed
    left = [one for one in rejected(options.output) if one["reason"] == LICENCE]
    assert len(left) == sum(known[record.origin] not in allowed for record in Dataset.open(faces).records)
    assert {one["value"] for one in left} == {licence or "not known" for licence in set(licences) - allowed}
    carried = {source.licence for source in read_sources(options.output / SOURCES).values()}
    assert carried == allowed, "licences travel along"
