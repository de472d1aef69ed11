"""The threshold of a gallery: what it stands for, how well that is known, and what is said where it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from galleries import about, face

from facekit.identity.gallery import Gallery
from facekit.identity.gallery.promise import Promise

WIDE = 34
"""Dimensions in which people differ to dlib: made people are as far apart as real ones in these, and vary as much."""

PEOPLE, FACES = 0.079, 0.06
"""Deviations of a person and of a face, in each dimension."""


def made(folder: Path, count: int, seed: int = 0, fpir: float = 0.05) -> Gallery:
    """People around points of a normal distribution, four faces each."""
    gallery = Gallery.make(folder, about(fpir=fpir, dimensions=WIDE))
    gallery.store.enroll(drawn(count, seed))
    return gallery


def drawn(count: int, seed: int) -> dict:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    return {
        f"p{seed}-{number}": [face(f"p{seed}-{number}-{k}", centre + FACES * rng.normal(size=WIDE)) for k in range(4)]
        for number, centre in enumerate(PEOPLE * rng.normal(size=(count, WIDE)))
    }


def measured(gallery: Gallery, seed: int) -> float:
    """Share of strangers, drawn as the people were, who get a name."""
    namer = gallery.namer(repeats=True)
    vectors = np.stack([one.vector for some in drawn(1500, seed).values() for one in some[:1]])
    return float(np.mean([one.name is not None for one in namer.name(vectors)]))


def test_strangers_get_a_name_as_often_as_was_asked_for(tmp_path: Path) -> None:
    rates = []
    for seed in range(3):
        with made(tmp_path / str(seed), 60, seed) as gallery:
            promise = gallery.promise()
            rates.append(measured(gallery, 100 + seed))
        assert promise.interval is not None
        assert promise.interval[0] < 0.05 < promise.interval[1]
        assert promise.interval[0] / 1.5 < rates[-1] < 1.5 * promise.interval[1]
    assert 0.025 < float(np.mean(rates)) < 0.1


def test_the_interval_is_narrower_with_more_people_and_a_promise_follows(tmp_path: Path) -> None:
    found = []
    for count in (5, 20, 80, 300):
        with made(tmp_path / str(count), count) as gallery:
            found.append(gallery.promise())
    widths = [one.interval[1] / one.interval[0] for one in found if one.interval]
    assert widths == sorted(widths, reverse=True)
    assert [one.promised for one in found][0::3] == [False, True]
    assert all((one.enough is None) == one.promised for one in found)
    assert all(one.enough > one.open_set.people for one in found if one.enough)


@pytest.mark.parametrize("count", [1, 2, 5, 19])
def test_few_people_are_promised_nothing_and_told_how_many_would_do(tmp_path: Path, count: int) -> None:
    with made(tmp_path / "g", count) as gallery:
        promise = gallery.promise()
    assert not promise.promised
    assert promise.enough is not None
    assert promise.enough >= 20
    assert f"about {promise.enough} people" in promise.line
    assert "cannot be promised" in promise.line
    assert (promise.interval is None) == (count == 1)


def test_as_many_people_as_it_says_suffice(tmp_path: Path) -> None:
    with made(tmp_path / "few", 40, fpir=0.1) as gallery:
        enough = gallery.promise().enough
    assert enough is not None
    with made(tmp_path / "enough", round(1.3 * enough), fpir=0.1) as gallery:
        assert gallery.promise().promised


def test_the_interval_is_about_as_wide_as_the_rates_of_galleries_differ(tmp_path: Path) -> None:
    """Most of 12 galleries of 20 people lie in their interval, and it is not wider than these rates by far."""
    inside, rates, ends = 0, [], []
    for seed in range(12):
        with made(tmp_path / str(seed), 20, seed, fpir=0.1) as gallery:
            rates.append(measured(gallery, 100 + seed))
            interval = gallery.promise().interval
        assert interval is not None
        inside += interval[0] <= rates[-1] <= interval[1]
        ends.append(interval)
    assert inside >= 10
    assert np.median([high for _, high in ends]) < 4 * max(rates)


def test_strangers_narrow_the_interval(tmp_path: Path) -> None:
    with made(tmp_path / "g", 5) as gallery:
        alone = gallery.promise()
        others = [(who, one) for who, some in drawn(100, 50).items() for one in some]
        gallery.store.set_strangers(others)
        helped = gallery.promise()
    assert (helped.strangers, helped.open_set.people) == (100, 105)
    assert alone.interval is not None
    assert helped.interval is not None
    assert helped.interval[1] / helped.interval[0] < alone.interval[1] / alone.interval[0]
    assert "5 people left out in turn and 100 strangers" in helped.line


def test_a_lower_rate_asks_for_more_similarity(tmp_path: Path) -> None:
    with made(tmp_path / "g", 40) as gallery:
        found = [gallery.namer(rate).threshold for rate in (0.3, 0.05, 0.001)]
    assert found == sorted(found)
    assert len(set(found)) == 3


def test_it_is_found_anew_when_people_change_and_not_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with made(tmp_path / "g", 12) as gallery:
        before = gallery.promise()

        def again(*_: object) -> Promise:
            raise AssertionError("it was found again")

        with monkeypatch.context() as patch:
            patch.setattr("facekit.identity.gallery.promise.find", again)
            assert gallery.promise() == before
        gallery.store.enroll(drawn(1, 3))
        assert gallery.promise() != before


def test_one_face_a_person_has_a_calibration_too(tmp_path: Path) -> None:
    with Gallery.make(tmp_path / "g", about(dimensions=WIDE)) as gallery:
        gallery.store.enroll({name: some[:1] for name, some in drawn(6, 1).items()})
        open_set = gallery.promise().open_set
    assert open_set.slope > 0
    assert 0 < 1 / (1 + np.exp(-(open_set.slope * open_set.threshold + open_set.offset))) < 1
