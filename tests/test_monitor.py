"""What answers were like by day: counted by several at once, compared, and said in plain words."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import galleries
import numpy as np
import pytest
from conftest import Facekit

from facekit.base import images
from facekit.base.contract import FacekitError
from facekit.identity.gallery import Gallery, NewFace
from facekit.identity.gallery.place import place_of
from facekit.identity.gallery.values import Crop, Where
from facekit.serving.monitor import counting, findings, places, reference, sqlite, words
from facekit.serving.monitor.days import Days, Reference
from facekit.serving.monitor.measures import BY_NAME, counted, place, quantiles, typical
from facekit.serving.monitor.recorder import Counted, Recorder, measured
from facekit.serving.monitor.watched import recorder_of_gallery
from facekit.world.draw import photo
from facekit.world.people import people
from facekit.world.shot import shot

FIRST = date(2026, 3, 1)

REMEDY = "facekit enroll PHOTOS -o GALLERY"


class Clock:
    """Whatever day a test says it is."""

    def __init__(self) -> None:
        self.day = FIRST

    def __call__(self) -> date:
        return self.day


def shots(count: int, seed: int = 0) -> Iterator[tuple[str, images.Image, images.Box]]:
    """Drawn photos of ten people: who it is, the photo, and where the face is."""
    rng, ten = np.random.default_rng(seed), people(10, seed=1)
    for number in range(count):
        yield ten[number % 10].name, *photo(ten[number % 10], shot(rng), (240, 320))


@pytest.fixture(scope="module")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of 40 made embeddings with drawn pictures of the faces. Not to be changed."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("pictured") / "g"
    enrolled: dict[str, list[NewFace]] = {}
    for number, (name, image, box) in enumerate(shots(40)):
        where = Where(f"{number}.jpg", f"{number:064}", box)
        vector = np.eye(galleries.DIMENSIONS)[number % 8] + 0.02 * rng.normal(size=galleries.DIMENSIONS)
        enrolled.setdefault(name, []).append(NewFace(where, vector.astype(np.float32), Crop(images.encode(image), box)))
    with Gallery.make(folder, galleries.about()) as gallery:
        gallery.store.enroll(enrolled)
    return folder


def made(values: dict[str, list[list[float]]], edges: dict[str, tuple[float, ...]] | None = None) -> Days:
    """Days of such values: measure -> the values of each day."""
    found: Days = {}
    for name, each in values.items():
        limits = (edges or {}).get(name, BY_NAME[name].edges)
        for number, some in enumerate(each):
            found.setdefault(str(FIRST + timedelta(number)), {})[name] = counted(limits, some)
    return found


def plain(name: str) -> dict[str, Reference]:
    return {name: Reference(edges=BY_NAME[name].edges)}


def test_values_lie_in_bins_between_quantiles_and_the_median_is_told_from_them() -> None:
    values = np.random.default_rng(0).normal(100, 10, 500).tolist()
    edges = quantiles(values)
    assert edges is not None and len(edges) == 9
    counts = counted(edges, values)
    assert counts.sum() == 500 and counts.min() >= 49
    assert len(quantiles(values[:40]) or ()) == 3
    assert typical(BY_NAME["brightness"], edges, counts) == pytest.approx(100, abs=1.5)
    assert (place(edges, -1e9), place(edges, 1e9)) == (0, 9)
    assert quantiles(values[:29]) is None and quantiles([1.0] * 500) is None
    assert typical(BY_NAME["unknown"], (0.5,), np.array([3, 1])) == 0.25
    assert typical(BY_NAME["size"], edges, np.zeros(10, np.int64)) is None


def test_several_workers_add_to_one_place(place: str) -> None:
    galleries.made(place).store.close()

    def work(number: int) -> None:
        store = places.of_place(place_of(place))
        try:
            store.set_references(plain("brightness"))
            for _ in range(20):
                store.add({("2026-03-01", "brightness", 3): 1, ("2026-03-02", "brightness", number): 2})
        finally:
            store.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    store = places.of_place(place_of(place))
    try:
        found = store.days()
        assert found["2026-03-01"]["brightness"].tolist() == [0, 0, 0, 80, 0, 0, 0, 0, 0, 0]
        assert found["2026-03-02"]["brightness"].tolist()[:5] == [40, 40, 40, 40, 0]
        assert list(store.days("2026-03-02")) == ["2026-03-02"]
        other = {"brightness": Reference(edges=(1.0, 2.0))}
        assert store.set_references(other)["brightness"].edges == BY_NAME["brightness"].edges  # the first stay
        store.clear()
        assert store.days() == store.references() == {}
    finally:
        store.close()


def normal(rng: np.random.Generator, mean: float, count: int) -> list[float]:
    return [float(value) for value in rng.normal(mean, 20, count)]


def test_darker_days_are_found_and_said_in_plain_words() -> None:
    rng = np.random.default_rng(0)
    light = [normal(rng, 120 if day < 20 else 75, 60) for day in range(24)]
    unknown = [(rng.random(60) < (0.05 if day < 20 else 0.4)).astype(float).tolist() for day in range(24)]
    found = findings.find(
        made({"brightness": light, "unknown": unknown}), {**plain("brightness"), **plain("unknown")}, "first"
    )
    assert [(one.measure.name, one.since) for one in found.changed] == [
        ("brightness", str(FIRST + timedelta(20))),
        ("unknown", str(FIRST + timedelta(20))),
    ]
    light_line, people_line, advice = words.lines(found, REMEDY)
    assert re.match(
        r"light: faces are darker since 2026-03-21 \(brightness \d+, in the first days \d+; PSI", light_line
    )
    assert people_line.startswith("people: more faces are unknown since 2026-03-21 (unknown 2")
    assert REMEDY in advice and "more faces are unknown" in advice


@pytest.mark.parametrize("count", [10, 200])
def test_neither_quiet_days_nor_ten_pictures_raise_an_alarm(count: int) -> None:
    rng = np.random.default_rng(1)
    quiet = [normal(rng, 120, count) for _ in range(30)]
    values = normal(rng, 120, 300)
    edges = quantiles(values)
    assert edges is not None
    enrolled = Reference(edges=edges, counts=tuple(counted(edges, values).tolist()))
    found = findings.find(made({"brightness": quiet}, {"brightness": edges}), {"brightness": enrolled})
    assert found.changed == [] and not any(one.changed for one in found.verdicts[0].days)
    assert words.lines(found, REMEDY) == ["nothing has changed"]
    one_day = made({"brightness": [normal(rng, 75, 10)]}, {"brightness": edges})
    (verdict,) = findings.find(one_day, {"brightness": enrolled}).verdicts
    assert verdict.last is None and not verdict.changed


def test_pictures_that_change_without_worse_answers_ask_for_a_look_alone() -> None:
    rng = np.random.default_rng(2)
    size = [normal(rng, 150 if day < 10 else 60, 60) for day in range(14)]
    found = findings.find(made({"size": size}), plain("size"), "first")
    line, advice = words.lines(found, REMEDY)
    assert line.startswith("size: faces are smaller since 2026-03-11 (size ")
    assert "nothing has to be enrolled" in advice


def test_what_cannot_be_told_is_said() -> None:
    found = findings.find(made({"unknown": [[0.0] * 40] * 3}), plain("unknown"))
    assert words.lines(found, REMEDY)[0].startswith("too few answers to tell")
    assert words.lines(findings.find({}, {}), REMEDY) == []


def test_a_gallery_is_compared_with_its_enrolled_faces(pictured: Path, tmp_path: Path, facekit: Facekit) -> None:
    folder, clock = Path(shutil.copytree(pictured, tmp_path / "g")), Clock()
    photos = [(image, box) for _, image, box in shots(40, seed=5)]
    with Gallery.open(folder) as gallery, recorder_of_gallery(gallery, 1, clock=clock) as recorder:
        for dark in (False, True):
            for image, box in photos:
                seen = (image * 0.45).astype(np.uint8) if dark else image
                recorder.picture([Counted(measured(seen, box), True, 0.9)])
            recorder.feedback(right=True)
            if not dark:
                recorder.flush()
                done = facekit("monitor", folder, "--fail-on-drift")
                assert done.code == 0, done.out + done.err
                assert "brightness" in done.out and "enrolled faces" in done.out
                clock.day += timedelta(1)
    page = tmp_path / "page.html"
    done = facekit("monitor", folder, "--fail-on-drift", "--page", page, "--json")
    assert done.code == 1, done.err
    details = json.loads(done.out)["details"]
    assert details["changed"]
    told = {one["measure"]: one for one in details["measures"]}
    assert told["brightness"]["since"] == "2026-03-02" and told["brightness"]["now"] < told["brightness"]["then"]
    assert not told["size"]["changed"] and not told["yaw"]["changed"]
    assert "faces are darker since 2026-03-02" in page.read_text()
    assert facekit("monitor", folder, "--overwrite").out == "no answer was counted yet\n"


def test_enrolled_faces_are_measured_again_in_the_same_bins_when_people_change(pictured: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(pictured, tmp_path / "g"))
    with Gallery.open(folder) as gallery:
        store = places.of_place(gallery.place)
        before = reference.of_gallery(gallery, store, 1)
        assert sum(before["brightness"].counts) == 40 and before["unknown"].counts == ()
        assert reference.of_gallery(gallery, store, 1) == before
        gallery.store.remove([gallery.store.people()[0].number], [])
        after = reference.of_gallery(gallery, store, 1)
        assert sum(after["brightness"].counts) == 36 and after["brightness"].edges == before["brightness"].edges
        store.close()


def test_identify_counts_and_keeps_no_picture_and_no_name(
    enrolled: Path, drawn_photos: Path, tmp_path: Path, facekit: Facekit
) -> None:
    folder = Path(shutil.copytree(enrolled, tmp_path / "g"))
    refused = facekit("monitor", folder)
    assert refused.code == 2 and "--monitor" in refused.err and refused.err.count("\n") == 1
    photos = sorted(drawn_photos.rglob("*.jpg"))[:8]
    done = facekit("identify", folder, *photos, "--monitor", "-j", "1")
    assert done.code == 0, done.err
    answers = [json.loads(line) for line in done.out.splitlines()]
    with sqlite3.connect(folder / sqlite.FILE) as connection:
        kept = connection.execute("select measure, sum(count) from monitor_days group by measure").fetchall()
        kinds = connection.execute(
            "select distinct typeof(bin), typeof(count), length(day) from monitor_days"
        ).fetchall()
    assert kinds == [("integer", "integer", 10)]
    counts = dict(kept)
    faces = [one for one in answers if one["name"] is not None]
    assert counts["unknown"] == counts["brightness"] == len(faces)
    assert counts["similarity"] == sum(one["name"] != "unknown" for one in faces)
    assert counts["faces a picture"] == len({one["picture"] for one in answers})
    data = (folder / sqlite.FILE).read_bytes()
    with Gallery.open(folder) as gallery:
        assert not any(one.name.encode() in data for one in gallery.store.people())
    assert (folder / sqlite.FILE).stat().st_mode & 0o077 == 0
    assert "known after 7 days" in facekit("monitor", folder).out


def test_what_waits_to_be_counted_is_little(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        def __init__(self) -> None:
            self.go, self.seen = threading.Event(), list[int]()

        def picture(self, faces: Sequence[object]) -> None:
            self.go.wait(20)
            self.seen.append(len(faces))

        def close(self) -> None: ...

    slow, image = Slow(), np.zeros((500, 500, 3), np.uint8)
    monkeypatch.setattr(counting, "MOST_BYTES", 2_000_000)
    box, said = images.Box(150, 150, 200, 200), counting.Asked(None, named=True)
    count = counting.Counting(lambda: slow, lambda name, error: None)  # type: ignore[arg-type, return-value]
    one = count.hold(image, [box])  # 320 x 320 pixels, 307,200 bytes
    assert one is not None and [face.image.shape for face in one.faces] == [(320, 320, 3)]
    del one
    held = [count.hold(image, [box, box]) for _ in range(5)]
    assert [found is not None for found in held] == [True] * 3 + [False] * 2
    for found in held:
        count.count(found, [said, None])
    del held, found
    assert count.hold(image, [box, box]) is None  # they are waited for
    slow.go.set()
    count.close()
    assert slow.seen == [1, 1, 1]
    whole = count.hold(np.zeros((2000, 2000, 3), np.uint8), [None])  # one picture alone may be larger
    assert whole is not None


@pytest.mark.parametrize("spoil", ["garbage", "tables", "count", "reference", "link"])
def test_a_broken_file_is_refused_in_one_line(spoil: str, pictured: Path, tmp_path: Path, facekit: Facekit) -> None:
    folder = Path(shutil.copytree(pictured, tmp_path / "g"))
    file = folder / sqlite.FILE
    if spoil == "garbage":
        file.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 20)
    elif spoil == "link":
        (tmp_path / "other").write_bytes(b"")
        file.symlink_to(tmp_path / "other")
    else:
        store = sqlite.in_folder(folder)
        store.set_references(plain("brightness"))
        store.close()
        with sqlite3.connect(file) as connection:
            connection.execute({
                "tables": "create view v as select 1",
                "count": "insert into monitor_days values ('2026-03-01', 'brightness', 99, 1)",
                "reference": "update monitor_reference set reference = '{\"edges\": [2, 1]}'",
            }[spoil])  # fmt: skip
    done = facekit("monitor", folder)
    assert done.code == 2 and done.err.splitlines()[-1].startswith("error: ") and "Traceback" not in done.err, done.err


def test_answers_go_on_where_counts_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Full:
        """A store whose disk is full at first."""

        full, kept = True, 0

        def add(self, more: dict[tuple[str, str, int], int]) -> None:
            if self.full:
                raise FacekitError("the disk is full")
            self.kept += sum(more.values())

        def close(self) -> None: ...

    store = Full()
    recorder = Recorder(store, {})  # type: ignore[arg-type]
    for _ in range(2):
        recorder.answer(Counted({}, False))
        recorder.flush()
    assert caplog.text.count("the disk is full") == 1
    store.full = False
    recorder.close()
    assert store.kept == 2
