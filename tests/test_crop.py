"""Crop: faces where they are drawn, square, upright, and a counted reason for every photo without one."""

import io
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
from conftest import STRIDE, Facekit, manifest, plain_tree, read_tree, records, rejected

from facekit.base import images, plugins
from facekit.base.contract import Box, Face, FacekitError, Image
from facekit.commands.audit import audit
from facekit.commands.clean import clean
from facekit.commands.crop import crop
from facekit.dataset import REPEATED, Dataset, read_info
from facekit.faces import detectors
from facekit.faces.alignment import DLIB
from facekit.faces.detectors.confirmed import Search
from facekit.faces.detectors.haar import Haar
from facekit.faces.landmarks import landmarks
from facekit.options.audit import Audit
from facekit.options.clean import Clean
from facekit.options.crop import Crop
from facekit.world.draw import empty_photo, photo
from facekit.world.people import people
from facekit.world.shot import shot


def overlap(a: Box, b: Box) -> float:
    w = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    h = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    common = max(w, 0) * max(h, 0)
    return common / (a.w * a.h + b.w * b.h - common)


def portrait(who: int, size: tuple[int, int] = (480, 640)) -> tuple[Image, Box]:
    plain = replace(shot(np.random.default_rng(3)), yaw=0, pitch=0, roll=0, face_size=0.45, noise=0, blur=0, quality=95)
    return photo(people(4, 5)[who], plain, size)


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ada and Bob alone; both together; an empty wall; a text file; the first photo again."""
    root = tmp_path_factory.mktemp("album")
    alone = [portrait(who)[0] for who in range(2)]
    files = {
        "Ada/alone.png": images.encode_png(alone[0]),
        "Ada/again.png": images.encode_png(alone[0]),
        "Ada/both.png": images.encode_png(np.hstack(alone)),
        "Ada/note.txt": b"remember the milk",
        "Bob/alone.png": images.encode_png(alone[1]),
        "Bob/broken.jpg": images.encode(alone[1])[:2000],
        "Bob/wall.png": images.encode_png(np.full((300, 300, 3), 180, np.uint8)),
    }
    for name, data in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(data)
    return root


def run(album: Path, out: Path, **how: object) -> Counter[str]:
    return crop(Crop(input=album, output=out, jobs=2, **how)).left


BAD = {"not a picture": 1, "truncated": 1, "same bytes as another": 1}


def test_every_photo_is_a_face_or_a_reason(album: Path, tmp_path: Path) -> None:
    report = crop(Crop(input=album, output=tmp_path / "out", jobs=2))
    assert (report.made, report.kept, report.left) == (3, 3, {**BAD, "no face": 1})
    assert report.details == {"photos": 7, "photos_with_several_faces": 1, "boxes_not_confirmed": 0}
    assert Counter(r.label for r in records(tmp_path / "out")) == {"Ada": 2, "Bob": 1}
    reasons = {line["path"]: (line["reason"], line.get("value")) for line in rejected(tmp_path / "out")}
    assert reasons == {
        "Ada/alone.png": ("same bytes as another", "Ada/again.png"),
        "Ada/note.txt": ("not a picture", None),
        "Bob/broken.jpg": ("truncated", 2000),
        "Bob/wall.png": ("no face", 0),
    }


def test_all_faces(album: Path, tmp_path: Path) -> None:
    assert run(album, tmp_path / "out", faces="all") == {**BAD, "no face": 1}
    faces = records(tmp_path / "out")
    assert len(faces) == 4
    both = [r for r in faces if r.quality and r.quality["faces"] == 2]
    assert len({r.origin for r in both}) == 1
    assert both[0].box[2] >= both[1].box[2]  # the largest first


def test_only_photos_that_show_one(album: Path, tmp_path: Path) -> None:
    assert run(album, tmp_path / "out", faces="only") == {**BAD, "no face": 1, "several faces": 1}
    (several,) = [line for line in rejected(tmp_path / "out") if line["reason"] == "several faces"]
    assert (several["path"], several["value"]) == ("Ada/both.png", 2)


def test_run_again_it_makes_and_counts_nothing_twice(album: Path, tmp_path: Path) -> None:
    first = run(album, tmp_path / "out", faces="all")
    before = read_tree(tmp_path / "out")
    for _ in range(2):
        report = crop(Crop(input=album, output=tmp_path / "out", faces="all"))
        assert (report.made, report.kept, report.left) == (0, 4, first)
        assert read_tree(tmp_path / "out") == before


def test_without_detection_every_picture_is_a_face(album: Path, tmp_path: Path) -> None:
    assert run(album, tmp_path / "out", detect=False, size=80) == BAD
    faces = records(tmp_path / "out")
    assert len(faces) == 4
    assert {images.read(tmp_path / "out" / r.path).shape for r in faces} == {(80, 80, 3)}
    assert all(r.box is None for r in faces)


@pytest.mark.parametrize("scale", [1, 3])
def test_boxes_are_in_pixels_of_the_whole_photo(scale: int) -> None:
    small, box = portrait(0)
    image = cv2.resize(small, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    (face,) = detectors.find(image, Crop(input=Path(), output=Path("out")))
    assert overlap(face.box, Box(*(scale * value for value in box))) > 0.6


def test_a_face_is_cut_at_full_resolution() -> None:
    image = cv2.resize(portrait(0)[0], None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    rows = np.arange(image.shape[0]) % 2 * 60
    fine = np.clip(image.astype(int) - rows[:, None, None], 0, 255).astype(np.uint8)  # lost when scaled down
    face = detectors.find(fine, Crop(input=Path(), output=Path("out")))[0]
    options = Crop(input=Path(), output=Path("out"), size=images.square(face.box, 0.2).w)
    cut = images.gray(detectors.cut_out(fine, face, options)).astype(int)
    assert np.abs(np.diff(cut, axis=0)).mean() > 40


def test_the_drawn_faces_are_where_they_were_found(drawn_photos: Path, drawn_faces: Path) -> None:
    photos = {r.id: r for r in records(drawn_photos)}
    faces = records(drawn_faces)
    assert len(faces) > 20
    for record in faces:
        assert record.parent == record.origin == photos[record.origin].id
        assert record.box is not None
        image = images.read(drawn_photos / photos[record.origin].path)
        again = detectors.cut_out(image, Face(record.box, 0), Crop(input=Path(), output=Path("out")))
        face = images.read(drawn_faces / record.path)
        assert face.shape == (160, 160, 3)
        assert np.abs(face.astype(int) - again).mean() < 4
        assert record.targets == photos[record.origin].targets


def test_margin_and_size() -> None:
    image, _ = portrait(1)
    for margin, size in ((0.0, 96), (1.0, 200)):
        options = Crop(input=Path(), output=Path("out"), margin=margin, size=size)
        face = detectors.find(image, options)[0]
        side = images.square(face.box, margin).w
        assert side == round(max(face.box.w, face.box.h) * (1 + margin))
        assert detectors.cut_out(image, face, options).shape == (size, size, 3)


def test_faces_below_the_smallest_are_not_faces() -> None:
    image, box = portrait(0)
    assert detectors.find(image, Crop(input=Path(), output=Path("out"), min_size=box.w - 60))
    assert not detectors.find(image, Crop(input=Path(), output=Path("out"), min_size=box.w + 140))


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_photo_is_turned_back(tmp_path: Path, orientation: int) -> None:
    image, _ = portrait(0)
    stored = np.rot90(image, {3: 2, 6: 1, 8: 3}[orientation]).copy()
    exif = PIL.Image.Exif()
    exif[0x112] = orientation
    file = io.BytesIO()
    PIL.Image.fromarray(stored).save(file, "JPEG", quality=95, exif=exif)
    for name, data in (("turned", file.getvalue()), ("upright", images.encode(image))):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "1.jpg").write_bytes(data)
    crop(Crop(input=tmp_path / "in", output=tmp_path / "out"))
    turned, upright = (images.read(tmp_path / "out" / r.path).astype(int) for r in records(tmp_path / "out"))
    assert np.abs(turned - upright).mean() < 3


def leaning(degrees: float) -> tuple[Image, Box]:
    plain = replace(shot(np.random.default_rng(3)), yaw=0, pitch=0, roll=0, face_size=0.45, noise=0, blur=0, quality=95)
    return photo(people(4, 5)[0], replace(plain, roll=np.radians(degrees)), (480, 640))


@pytest.mark.parametrize("margin", [0.0, 0.4])
def test_aligned_faces_have_level_eyes_at_one_place(finder: str, margin: float) -> None:
    options = Crop(input=Path(), output=Path("out"), detector=finder, align="eyes", margin=margin, size=150)
    for degrees in (-12.0, 0.0, 12.0):
        image, _ = leaning(degrees)
        face = detectors.cut_out(image, detectors.find(image, options)[0], options)
        assert face.shape == (150, 150, 3)
        found = np.asarray(landmarks(face, images.whole(face))) / 150
        wanted = (np.asarray(DLIB) - 0.5) / (1 + margin) + 0.5
        assert np.abs(found - wanted).max() < 0.08
        eyes = found[:2].mean(axis=0) - found[2:4].mean(axis=0)
        # dlib's landmarks are the measure, and YuNet's eyes of a drawn face lean by 6 degrees to them.
        assert abs(np.degrees(np.arctan2(eyes[1], eyes[0]))) < (12 if finder == "yunet" else 8)


class Odd(Haar):
    """A detector of another package, whose landmarks lie upon one another for every face right of the middle."""

    def __init__(self, options: Crop) -> None:
        super().__init__(min_size=options.min_size)

    def detect(self, image: Image) -> list[Face]:
        odd = ((0.0, 0.0),) * 5
        return [replace(face, points=odd if face.box.x > 400 else None) for face in super().detect(image)]


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(plugins.PARTS["detector"], "odd", f"{__name__}:Odd")
    return "odd"


def test_a_face_without_eyes_is_counted(album: Path, tmp_path: Path, odd: str) -> None:
    """Of a photo's two faces the one stays, and of the other it is said why not, once."""
    for _ in range(2):
        assert run(album, tmp_path / "out", faces="all", align="eyes", detector=odd) == {
            **BAD,
            "no face": 1,
            "no eyes found": 1,
        }
    assert len(records(tmp_path / "out")) == 3
    assert all(record.box for record in records(tmp_path / "out"))
    (said,) = [line for line in rejected(tmp_path / "out") if line["reason"] == "no eyes found"]
    assert (said["path"], said["value"]) == ("Ada/both.png", 1)


def test_killed_anywhere_an_aligned_tree_is_the_same(
    album: Path, tmp_path: Path, odd: str, dying: Callable[[int, Callable[[], Any]], Any]
) -> None:
    """Also between a photo's faces and the line about the one that has no eyes."""
    options = Crop(input=album, output=tmp_path / "whole", faces="all", align="eyes", detector=odd, jobs=1)
    crop(options)
    k = 1
    killed = replace(options, output=tmp_path / "killed")
    while dying(k, lambda: crop(killed)):
        k += 3
    assert k > 10
    crop(killed)
    assert read_tree(tmp_path / "killed") == read_tree(tmp_path / "whole")


def test_faces_that_need_no_finding_are_aligned_too(tmp_path: Path) -> None:
    image, box = leaning(10)
    face = images.resize(images.cut(image, images.square(box, 0.3)), 200)
    (tmp_path / "in" / "Ada").mkdir(parents=True)
    (tmp_path / "in" / "Ada" / "1.png").write_bytes(images.encode_png(face))
    crop(Crop(input=tmp_path / "in", output=tmp_path / "out", detect=False, align="eyes", size=150, margin=0))
    (record,) = records(tmp_path / "out")
    aligned = images.read(tmp_path / "out" / record.path)
    found = np.asarray(landmarks(aligned, images.whole(aligned))) / 150
    assert np.abs(found - np.asarray(DLIB)).max() < 0.08


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"detector": "harr"}, "no detector called 'harr'; choose from haar, yunet, dlib"),
        ({"cascade": "default,alt3"}, "no cascade called 'alt3'; choose from default, alt2, profile"),
    ],
)
def test_what_finds_no_faces_is_refused_before_the_work(
    album: Path, tmp_path: Path, how: dict[str, str], says: str
) -> None:
    with pytest.raises(FacekitError, match=says):
        crop(Crop(input=album, output=tmp_path / "out", **how))
    assert not (tmp_path / "out").exists()


def test_workers_and_order_change_nothing(photos: Path, drawn_faces: Path, tmp_path: Path) -> None:
    crop(Crop(input=photos, output=tmp_path / "one", jobs=1))
    assert read_tree(tmp_path / "one") == read_tree(drawn_faces)


def test_a_source_that_grew_is_extended(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 3, "Bob": 3})
    options = Crop(input=source, output=tmp_path / "out", detect=False, size=24)
    crop(options)
    before = {r.id: (tmp_path / "out" / r.path).stat().st_mtime_ns for r in records(tmp_path / "out")}
    plain_tree(source, {"Ada": 2, "Cy": 1}, first=50)
    report = crop(options)
    assert (report.made, report.kept) == (3, 9)
    now = {r.id: (tmp_path / "out" / r.path).stat().st_mtime_ns for r in records(tmp_path / "out")}
    assert before.items() <= now.items()  # nothing was written twice
    crop(Crop(input=source, output=tmp_path / "anew", detect=False, size=24))
    assert read_tree(tmp_path / "out") == read_tree(tmp_path / "anew")


def test_what_left_the_source_leaves_the_faces(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 3, "Bob": 3})
    options = Crop(input=source, output=tmp_path / "out", detect=False, size=24)
    crop(options)
    (source / "Ada" / "0000.png").unlink()
    shutil.move(source / "Ada" / "0001.png", source / "Bob")
    shutil.rmtree(source / "Bob" / "nowhere", ignore_errors=True)
    crop(options)
    assert Counter(r.label for r in records(tmp_path / "out")) == {"Ada": 1, "Bob": 4}
    crop(Crop(input=source, output=tmp_path / "anew", detect=False, size=24))
    assert read_tree(tmp_path / "out") == read_tree(tmp_path / "anew")


def test_a_folder_that_empties_goes(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 3, "Bob": 3})
    options = Crop(input=source, output=tmp_path / "out", detect=False, size=24)
    crop(options)
    shutil.rmtree(source / "Bob")
    loops: list[str] = []

    def track(items: Any, title: str, total: int | None = None, board: Any = None) -> Any:
        loops.append(title)
        return iter(items)

    crop(options, track)
    assert not (tmp_path / "out" / "Bob").exists()  # an empty folder would be a class to Keras
    assert {"read to compare", "compare pairs"}.isdisjoint(loops), "the photos that stay have been compared"


def test_a_removed_and_a_moved_face_stay_so_when_the_source_grows(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 4, "Bob": 3})
    out = tmp_path / "out"
    options = Crop(input=source, output=out, detect=False, size=24)
    crop(options)
    gone, moved = records(out)[:2]
    (out / gone.path).unlink()
    (out / moved.path).rename(out / "Bob" / Path(moved.path).name)
    plain_tree(source, {"Ada": 2}, first=50)
    report = crop(options)
    assert (report.made, report.kept, report.left) == (2, 8, {"removed by hand": 1})
    assert Counter(r.label for r in records(out)) == {"Ada": 4, "Bob": 4}
    assert [line["moved_from"] for line in manifest(out) if "moved_from" in line] == ["Ada"]
    # moved back, it is as if nothing had been
    (out / "Bob" / Path(moved.path).name).rename(out / moved.path)
    crop(options)
    assert Counter(r.label for r in records(out)) == {"Ada": 5, "Bob": 3}
    assert [line for line in manifest(out) if "moved_from" in line] == []


def test_one_of_two_faces_removed(album: Path, tmp_path: Path) -> None:
    options = Crop(input=album, output=tmp_path / "out", faces="all")
    crop(options)
    two = [r for r in records(tmp_path / "out") if r.quality and r.quality["faces"] == 2]
    (tmp_path / "out" / two[1].path).unlink()
    report = crop(options)
    assert (report.made, report.kept, report.left["removed by hand"]) == (0, 3, 1)


def test_no_face_at_all_is_an_error_that_says_so(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 2})
    with pytest.raises(FacekitError, match="nothing is left; left out: 2 no face; give other pictures"):
        crop(Crop(input=source, output=tmp_path / "out"))
    assert len(rejected(tmp_path / "out")) == 2


@pytest.fixture
def fooling(tmp_path: Path) -> Path:
    """Photos of a face, of two beside scenery that Haar takes for others, and of that scenery alone."""
    wall = empty_photo(np.random.default_rng(89))
    face = np.asarray(cv2.resize(portrait(0)[0], wall.shape[1::-1]), np.uint8)
    root = tmp_path / "fooling" / "Ada"
    root.mkdir(parents=True)
    row = np.hstack([face, wall])
    for name, image in (("alone", face), ("both", np.vstack([row, row[:, ::-1]])), ("wall", wall)):
        (root / f"{name}.png").write_bytes(images.encode_png(image))
    return root.parent


def test_boxes_that_are_not_confirmed_are_counted_and_a_photo_that_has_a_face_is_not_left_out(
    yunet: str, fooling: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    report = crop(Crop(input=fooling, output=out, faces="all", detect_at=1280, jobs=1))
    (left,) = rejected(out)
    assert (Path(left["path"]).stem, left["reason"]) == ("wall", "not confirmed as a face")
    beside = {
        record.parent: record.quality["unconfirmed"] for record in records(out) if "unconfirmed" in record.quality
    }
    assert len(beside) == 1  # `both`, whose faces are two
    assert sum(beside.values()) >= 1
    assert report.details["boxes_not_confirmed"] == left["value"] + sum(beside.values())
    assert (report.details["photos"], report.kept, report.left) == (3, 3, {"not confirmed as a face": 1})
    assert crop(Crop(input=fooling, output=out, faces="all", detect_at=1280, jobs=1)).details == report.details
    assert (read_info(out).crop.verify, read_info(out).options["verify"]) == (yunet, yunet)


@pytest.mark.parametrize("faces", ["largest", "only"])
def test_each_photo_has_a_face_or_is_left_out_once(yunet: str, fooling: Path, tmp_path: Path, faces: str) -> None:
    report = crop(Crop(input=fooling, output=tmp_path / "out", faces=faces, detect_at=1280, jobs=1))
    assert report.kept + report.left.total() == report.details["photos"] == 3


@pytest.mark.parametrize("begun", ["eyes", "none", "yunet"])
def test_a_folder_goes_on_as_it_was_begun(begun: str, yunet: str, album: Path, tmp_path: Path) -> None:
    """A folder of version 0.1.0, and one that was made where another set of extras is installed, is extended."""
    out = tmp_path / "out"
    crop(Crop(input=album, output=out, verify=begun, jobs=1))
    before = read_tree(out)
    crop(Crop(input=album, output=out, jobs=1))
    assert read_tree(out) == before
    with pytest.raises(FacekitError, match=f"with --verify {begun}, not"):
        crop(Crop(input=album, output=out, verify="eyes" if begun != "eyes" else "none", jobs=1))
    crop(Crop(input=album, output=out, overwrite=True, jobs=1))
    assert read_info(out).crop.verify == yunet


def test_a_kill_between_two_faces_of_a_photo_loses_none(
    yunet: str,
    fooling: Path,
    tmp_path: Path,
    dying: Callable[[int, Callable[[], Any]], bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known: dict[bytes, Search] = {}  # of detectors that need most of the time

    def look(image: Image, options: Crop) -> Search:
        key = image.tobytes()
        if key not in known:
            known[key] = detectors.search(image, options)
        return known[key]

    how = {"input": fooling, "faces": "all", "detect_at": 1280, "jobs": 1}
    crop(Crop(output=tmp_path / "whole", **how))
    whole = read_tree(tmp_path / "whole")
    assert sum(record.quality["faces"] == 2 for record in records(tmp_path / "whole")) == 2
    monkeypatch.setattr("facekit.commands.crop.search", look)
    for k in range(1, 60, STRIDE):
        out = tmp_path / f"out{k}"
        died = dying(k, lambda out=out: crop(Crop(output=out, **how)))
        crop(Crop(output=out, **how))
        assert read_tree(out) == whole, k
        if not died:
            break
    else:
        raise AssertionError("it never came to its end")


def test_a_crop_that_is_interrupted_has_noted_how_it_cuts(photos: Path, tmp_path: Path) -> None:
    """Whoever goes on with what there is reads it: a model of such faces must not cut others with the defaults."""

    def interrupted(items: Any, title: str, total: int | None = None, board: Any = None) -> Any:
        if title == "crop":
            raise KeyboardInterrupt
        return iter(items)

    with pytest.raises(KeyboardInterrupt):
        crop(Crop(input=photos, output=tmp_path / "faces", margin=0.4, jobs=1), interrupted)
    info = read_info(tmp_path / "faces")
    assert info is not None
    assert info.crop is not None
    assert (info.complete, info.crop.margin, info.drawn) == (False, 0.4, True)


def test_a_dry_run_searches_no_photo(tmp_path: Path, facekit: Facekit) -> None:
    source = plain_tree(tmp_path / "photos", {"Ada": 3, "Bob": 2})
    (source / "Ada" / "cut.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (source / "Bob" / "same.png").write_bytes((source / "Bob" / "0003.png").read_bytes())
    before = read_tree(tmp_path)
    done = facekit("crop", source, "-o", tmp_path / "faces", "--dry-run", "--json")
    assert done.code == 0, done.err  # noise has no face: that nothing is refused shows that nobody looked
    told = json.loads(done.out)
    assert (told["made"], told["left"]) == (0, {REPEATED: 1})
    open_question = "not known until the photos are searched"
    assert told["details"] == {"photos": 7, "photos_to_search": 6, "photos_done": 0, "faces": open_question}
    whole = json.loads(facekit("crop", source, "-o", tmp_path / "faces", "--dry-run", "--no-detect", "--json").out)
    assert (whole["made"], "faces" in whole["details"]) == (6, False)
    assert read_tree(tmp_path) == before


def test_an_interrupted_crop_forgets_no_source(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = plain_tree(tmp_path / "photos", {"Ada": 6, "Bob": 6})

    def interrupt(items: Iterable[Any], what: str, total: int | None = None) -> Iterator[Any]:
        for number, item in enumerate(items):
            if (what, number) == ("crop", 9):
                raise KeyboardInterrupt
            yield item

    options = Crop(input=source, output=tmp_path / "faces", detect=False, jobs=1)
    with pytest.raises(KeyboardInterrupt):
        crop(options, interrupt)
    begun = Dataset.open(tmp_path / "faces")
    assert len(begun.records) == 9
    assert {r.origin for r in begun.records} == set(begun.sources)
    assert (
        "for 9 of its pictures it is not known yet which show the same photo; run the same `facekit crop`"
        in caplog.text
    )
    clean(Clean(input=tmp_path / "faces", output=tmp_path / "good", min_images=1, embedder="none", jobs=1))
    assert set(Dataset.open(tmp_path / "good").sources) == {r.origin for r in Dataset.open(tmp_path / "good").records}
    audit(Audit(folder=tmp_path / "good", jobs=1))
    assert "not at hand" not in caplog.text  # their sources lead to them
    crop(options)
    crop(Crop(input=source, output=tmp_path / "whole", detect=False, jobs=1))
    for name in ("manifest.jsonl", "sources.jsonl", "rejected.jsonl"):
        assert (tmp_path / "faces" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_it_is_said_what_an_earlier_run_left_and_which_photos_are_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, dying: Callable[[int, Callable[[], Any]], bool]
) -> None:
    caplog.set_level("INFO", "facekit")
    source = plain_tree(tmp_path / "in", {"Ada": 4, "Bob": 2})
    (source / "Bob" / "none.jpg").write_bytes(b"remember the milk")
    options = Crop(input=source, output=tmp_path / "out", detect=False, size=24, jobs=1)
    assert dying(20, lambda: crop(options))
    there = len(records(tmp_path / "out"))
    assert there > 1
    (source / "Ada" / "0000.png").unlink()
    caplog.clear()
    crop(options)
    assert (
        f"{tmp_path / 'out'}: an earlier run did not come to its end; {there} pictures of it are there, the rest is "
        in (caplog.text)
    )
    (done,) = re.findall(r"(\d+) of 6 photos are done; still to search: (\d+),", caplog.text)
    assert sum(map(int, done)) == 6
    assert f"{source}: 1 picture that it read is gone; what was made of them is removed" in caplog.text

    (source / "Bob" / "none.jpg").unlink()  # of which nothing was made
    (source / "Ada" / "0003.png").unlink()
    caplog.clear()
    assert crop(options).made == 0
    assert "has changed since" in caplog.text
    assert "(pictures: 2 removed); the folder is brought up to date" in caplog.text
    caplog.clear()
    crop(options)
    assert caplog.messages == []
