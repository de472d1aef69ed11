"""What a distance says, by one embedder and by two: vectors drawn in units of the threshold."""

from __future__ import annotations

import numpy as np
import pytest
from test_people import person, strangers

from facekit.identity.people import Embedded, Judged, judge, model_of
from facekit.identity.people.evidence import DLIB, MODELS, ODD, SFACE, Vectors, bounded, combined, log_odds
from facekit.identity.people.within import DOUBTFUL


def both(first: Vectors, second: Vectors, **more: object) -> Judged:
    """What two embedders say of the faces of one folder."""
    seen = [Embedded(first, DLIB), Embedded(second, DLIB)]
    return judge(seen, ["Ada"] * len(first), **more)  # type: ignore[arg-type]


def test_a_face_is_never_rejected_as_if_it_were_certain() -> None:
    """Of 250 right faces in search results two look like nobody, so nothing is surer than about that."""
    found = judge([Embedded(np.concatenate([person(1, 20), strangers(10)]))], ["Ada"] * 30).probability
    assert min(p for p in found if p is not None) >= 0.01
    assert max(p for p in found[20:] if p is not None) <= 0.05


def test_it_takes_both_embedders_to_reject_a_face() -> None:
    """The last face is a stranger to one embedder and the person to the other: it is not left out, nor is it sure."""
    first = np.concatenate([person(1, 21), strangers(5)])
    second = np.concatenate([person(2, 20), strangers(6, seed=1)])
    found = both(first, second).probability
    alone = judge([Embedded(second)], ["Ada"] * 26).probability
    assert alone[20] is not None
    assert found[20] is not None
    assert alone[20] <= 0.05 < found[20] < 0.95
    assert max(p for p in found[21:] if p is not None) <= 0.05
    assert min(p for p in found[:20] if p is not None) > 0.98


def test_a_face_that_one_embedder_does_not_see_is_judged_by_the_other() -> None:
    first, second = (np.concatenate([person(seed, 12), strangers(4, seed)]) for seed in (1, 2))
    second[[0, 13]] = np.nan
    found = both(first, second).probability
    assert found[0] is not None
    assert found[0] > 0.95
    assert found[13] is not None
    assert found[13] <= 0.05
    blind = both(first, np.full_like(second, np.nan)).probability
    assert blind == judge([Embedded(first)], ["Ada"] * 16).probability


def test_known_pictures_decide_for_both_embedders() -> None:
    first, second = (np.concatenate([person(seed, 10), person(seed + 10, 4)]) for seed in (1, 2))
    known = [{"Ada": person(seed + 10, 3, first=20)} for seed in (1, 2)]
    seen = [Embedded(vectors, DLIB, one) for vectors, one in zip((first, second), known, strict=True)]
    found = judge(seen, ["Ada"] * 14).probability
    assert max(p for p in found[:10] if p is not None) <= 0.05
    assert min(p for p in found[10:] if p is not None) > 0.9


def test_another_cluster_is_for_a_person_to_settle_and_goes_together() -> None:
    """Ten photos that are of one person and near the folder's: ten years ago, or a brother. None is in, none is out."""
    shift = np.zeros(128, np.float32)
    shift[0] = np.sqrt(0.5)
    vectors = np.concatenate([person(1, 30), person(1, 10, first=30) + shift, strangers(5)])
    found = judge([Embedded(vectors)], ["Ada"] * 45).probability
    apart = [p for p in found[30:40] if p is not None]
    assert max(apart) <= DOUBTFUL
    assert min(apart) > 0.05
    assert max(p for p in found[40:] if p is not None) <= 0.05


def test_odds_are_bounded_on_both_sides_and_keep_their_order() -> None:
    odds = np.array([-1e6, -20.0, -3.0, 0.0, 3.0, 20.0, 1e6])
    found = bounded(odds)
    assert (np.diff(found) >= 0).all()
    assert found[3] == pytest.approx(0, abs=1e-2)
    assert abs(found).max() == pytest.approx(-np.log(ODD), abs=1e-2)


def test_two_that_agree_say_more_than_one_and_less_than_twice_as_much() -> None:
    one = np.array([5.0, -3.0])
    assert (np.abs(combined([one, one])) > np.abs(one)).all()
    assert (np.abs(combined([one, one])) < 2 * np.abs(one)).all()
    assert combined([one, np.full(2, np.nan)]) == pytest.approx(combined([one]))
    assert combined([np.array([np.nan]), np.array([np.nan])]) == 0


def test_each_embedder_has_a_model_of_its_own() -> None:
    assert model_of("sface") == SFACE != model_of("dlib") == model_of("a run of mine") == DLIB
    for model in MODELS.values():
        distances = np.linspace(0.2, 1.6, 30)
        assert (np.diff(log_odds(distances, 10, model)) <= 0).all()
        # A face twice as far as the person's own are is neither surely the person nor surely somebody else.
        assert log_odds(0.3, 10, model) > 4
        assert log_odds(1.3, 10, model) < -4
