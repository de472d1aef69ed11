"""Who is who: vectors drawn as an embedder would give them, in units of its threshold."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facekit.identity import people
from facekit.identity.embedders.metrics import squared_distances
from facekit.identity.people import Embedded, Judged, scaled
from facekit.identity.people.clusters import Cluster, find_clusters, group_looks
from facekit.identity.people.evidence import CELLS, Vectors, chunks, combined, log_odds
from facekit.identity.people.within import Folder, Person, View, evidence, probabilities

DIMENSIONS = 128


def person(seed: int, count: int, first: int = 0) -> Vectors:
    """Faces of one person: as far from their mean, and from other people, as dlib's vectors of LFW are."""
    centre = np.random.default_rng([seed, 1]).normal(0, np.sqrt(0.62 / DIMENSIONS), DIMENSIONS)
    noise = np.random.default_rng([seed, 2]).normal(0, np.sqrt(0.28 / DIMENSIONS), (first + count, DIMENSIONS))
    return np.asarray(centre + noise[first:], np.float32)


def strangers(count: int, seed: int = 0) -> Vectors:
    return np.concatenate([person(1, 0), *(person(10_000 + 1000 * seed + n, 1) for n in range(count))])


def judge(
    vectors: Vectors,
    labels: list[str],
    repeats: Iterable[tuple[int, int]] = (),
    photos: Sequence[str | None] = (),
    known: Mapping[str, Vectors] | None = None,
    confirmed: Sequence[bool] = (),
) -> Judged:
    """What one embedder says of faces."""
    return people.judge([Embedded(vectors, known=known or {})], labels, repeats, photos, confirmed)


def chances(vectors: Vectors, labels: list[str], **more: object) -> list[float | None]:
    return judge(vectors, labels, **more).probability  # type: ignore[arg-type]


def test_the_folders_person_is_told_from_strangers() -> None:
    vectors = np.concatenate([person(1, 20), strangers(10)])
    found = judge(vectors, ["Ada"] * 30)
    assert min(p for p in found.probability[:20] if p is not None) > 0.95
    assert max(p for p in found.probability[20:] if p is not None) < 0.05
    named = found.names["Ada"]
    assert named.folder.counts[0] == 20
    assert named.faces == 30
    assert named.right == pytest.approx((20 + 4) / 35, abs=0.02)


def test_the_one_stranger_of_a_clean_folder_is_found() -> None:
    found = chances(np.concatenate([person(1, 400), strangers(1)]), ["Ada"] * 401)
    assert found[400] is not None
    assert found[400] < 0.05
    assert np.mean([p is not None and p > 0.99 for p in found[:400]]) > 0.99


def test_of_two_people_the_one_seen_more_often_is_the_folders() -> None:
    found = judge(np.concatenate([person(1, 12), person(2, 18)]), ["Ada"] * 30)
    assert max(p for p in found.probability[:12] if p is not None) < 0.05
    assert min(p for p in found.probability[12:] if p is not None) > 0.95
    assert found.names["Ada"].folder.counts == [18, 12]


def test_a_folder_of_two_people_is_named_and_not_guessed() -> None:
    found = judge(np.concatenate([person(1, 10), person(2, 9)]), ["Ada"] * 19)
    assert found.probability == [None] * 19
    assert found.names["Ada"].folder.person is None
    assert found.names["Ada"].folder.counts == [10, 9]


def test_a_folder_of_strangers_is_nobodys() -> None:
    found = judge(strangers(40), ["Ada"] * 40)
    assert found.probability == [None] * 40
    assert found.names["Ada"].right is None


@pytest.mark.parametrize(("right", "wrong", "known"), [(1, 0, False), (2, 0, False), (2, 1, False), (3, 1, True)])
def test_a_small_folder_says_no_more_than_it_knows(right: int, wrong: int, known: bool) -> None:
    found = chances(np.concatenate([person(1, right), strangers(wrong)]), ["Ada"] * (right + wrong))
    assert [p is not None for p in found] == [known] * (right + wrong)
    if known:
        assert all(p is not None and p > 0.9 for p in found[:right])


def test_repeats_of_a_photo_vote_once() -> None:
    one = person(2, 1)
    copies = np.repeat(one, 30, axis=0) + np.random.default_rng(0).normal(0, 0.001, (30, DIMENSIONS))
    vectors = np.concatenate([person(1, 8), copies]).astype(np.float32)
    fooled = judge(vectors, ["Ada"] * 38)
    assert fooled.names["Ada"].folder.counts[0] == 30
    found = judge(vectors, ["Ada"] * 38, [(8, n) for n in range(9, 38)])
    assert found.names["Ada"].folder.counts[0] == 8
    assert min(p for p in found.probability[:8] if p is not None) > 0.9
    assert max(p for p in found.probability[8:] if p is not None) < 0.01


def test_a_face_does_not_vouch_for_itself() -> None:
    """A face of the heap, and a second cut of its photo, are held against the mean of the other photos."""
    points = person(1, 5)
    faces = np.concatenate([points, points[2:3] + np.float32(0.01), person(2, 1)])
    point_of = np.array([0, 1, 2, 3, 4, 2, 5])
    heap = Cluster(points.mean(0), np.arange(5), 5)
    view = View(faces, np.concatenate([points, faces[6:]]))
    found = evidence([view], point_of, Folder(Person([(heap,)])))
    others = points[[0, 1, 3, 4]].mean(0)[None]
    twice = log_odds(squared_distances(faces[[2, 5]], others)[:, 0], 4)
    other = log_odds(squared_distances(faces[6:], heap.centre[None])[:, 0], 5)
    assert found[[2, 5, 6]] == pytest.approx(combined([np.concatenate([twice, other])]), abs=1e-3)


def test_two_looks_are_one_person() -> None:
    """With dark glasses on, dlib's vectors move by .19 (squared, in thresholds); the most of 42 people by .37."""
    shift = np.zeros(DIMENSIONS, np.float32)
    shift[0] = np.sqrt(0.3)
    vectors = np.concatenate([person(1, 30), person(1, 12, first=30) + shift, strangers(8)])
    found = judge(vectors, ["Ada"] * 50)
    assert min(p for p in found.probability[:42] if p is not None) > 0.8
    assert max(p for p in found.probability[42:] if p is not None) < 0.05


def test_people_who_look_alike_are_told_apart() -> None:
    """The mean of a heap of two is near both, so heaps that fall in two are parted."""
    shift = np.zeros(DIMENSIONS, np.float32)
    shift[0] = np.sqrt(0.45)
    vectors = np.concatenate([person(1, 30), person(1, 20, first=30) + shift])
    first, second = find_clusters(vectors)
    assert set(first.members) <= set(range(30))
    assert set(second.members) <= set(range(30, 50))
    assert (first.votes, second.votes) >= (29, 19)
    found = chances(vectors, ["Ada"] * 50)
    assert all(p is not None and p > 0.99 for p in found[:30])
    # As near as two looks of one person can be: they are for a person to settle.
    assert np.median([p for p in found[30:] if p is not None]) < 0.5


def test_known_pictures_decide() -> None:
    vectors = np.concatenate([person(1, 20), person(2, 5)])
    found = judge(vectors, ["Ada"] * 25, known={"Ada": person(2, 2, first=40)})
    assert found.names["Ada"].folder.person is not None
    assert found.names["Ada"].folder.person.from_references
    assert max(p for p in found.probability[:20] if p is not None) < 0.05
    assert min(p for p in found.probability[20:] if p is not None) > 0.9
    assert found.names["Ada"].folder.counts == [5, 20]


def test_known_pictures_of_two_looks_both_count() -> None:
    shift = np.zeros(DIMENSIONS, np.float32)
    shift[0] = 0.9
    vectors = np.concatenate([person(1, 6), person(1, 6, first=6) + shift])
    known = np.concatenate([person(1, 1, first=20), person(1, 1, first=21) + shift])
    assert min(p for p in chances(vectors, ["Ada"] * 12, known={"Ada": known}) if p is not None) > 0.9


def test_a_known_person_without_a_folder_is_recognised_in_others() -> None:
    vectors = np.concatenate([person(1, 10), person(2, 1)])
    found = judge(vectors, ["Ada"] * 11, known={"Bob": person(2, 4, first=3)})
    assert found.like == [None] * 10 + ["Bob"]
    assert list(found.names) == ["Ada"]


def test_what_someone_told_decides_where_nobody_is_clear() -> None:
    vectors = np.concatenate([person(1, 10), person(2, 10)])
    confirmed = [False] * 12 + [True] * 3 + [False] * 5
    found = chances(vectors, ["Ada"] * 20, confirmed=confirmed)
    assert max(p for p in found[:10] if p is not None) < 0.05
    assert min(p for p in found[10:] if p is not None) > 0.9
    clear = judge(np.concatenate([person(1, 20), person(2, 3)]), ["Ada"] * 23, confirmed=[False] * 20 + [True] * 3)
    assert clear.names["Ada"].folder.person is not None
    assert not clear.names["Ada"].folder.person.from_references


def test_faces_without_a_vector_are_not_judged() -> None:
    vectors = np.concatenate([person(1, 8), np.full((1, DIMENSIONS), np.nan, np.float32)])
    found = judge(vectors, ["Ada"] * 9)
    assert found.probability[8] is None
    assert found.names["Ada"].faces == 8
    blind = judge(np.full((3, DIMENSIONS), np.nan, np.float32), ["Bob"] * 3)
    assert blind.probability == [None] * 3
    assert blind.names["Bob"].faces == 0


def test_a_face_under_the_wrong_name_is_recognised() -> None:
    vectors = np.concatenate([person(1, 20), person(2, 2, first=30), person(2, 20)])
    found = judge(vectors, ["Ada"] * 22 + ["Bob"] * 20)
    assert found.like == [None] * 20 + ["Bob"] * 2 + [None] * 20
    assert all(p is not None and p < 0.05 for p in found.probability[20:22])
    assert found.twins == []


def test_two_names_that_are_one_person_are_named() -> None:
    vectors = np.concatenate([person(1, 15), person(1, 15, first=15), person(2, 15)])
    found = judge(vectors, ["Ada"] * 15 + ["Ada L."] * 15 + ["Bob"] * 15)
    assert [(pair.first, pair.second) for pair in found.twins] == [("Ada", "Ada L.")]
    assert found.twins[0].distance < 0.35
    assert found.like == [None] * 45
    assert min(p for p in found.probability if p is not None) > 0.9


def test_of_the_faces_in_one_photo_one_is_the_person() -> None:
    """Of two that would each pass, the less likely one is doubted; two that are both beyond doubt are a collage."""
    odds = np.array([9.0, 2.0, 9.0, -4.0])
    alone = probabilities(odds)[0]
    together = probabilities(odds, [np.array([0, 1])])[0]
    assert alone[1] > 0.95
    assert together[0] > 0.99
    assert together[1] < 0.6
    assert probabilities(odds, [np.array([0, 2])])[0][[0, 2]].min() > 0.99
    assert probabilities(np.full(60, 50.0), [np.arange(60)])[0].min() > 0.99
    assert probabilities(np.full(60, -50.0), [np.arange(60)])[0].max() < 0.01


def test_faces_are_held_to_their_photo() -> None:
    near = person(1, 12).mean(0)[None] * 0.35 + person(2, 1) * 0.65
    vectors = np.asarray(np.concatenate([person(1, 13), near]), np.float32)
    photos = [None] * 12 + ["group"] * 2
    alone, together = (chances(vectors, ["Ada"] * 14, photos=given)[13] for given in ((), photos))
    assert alone is not None
    assert together is not None
    assert 0.2 < alone < 1
    assert together / (1 - together) < alone / (1 - alone) / 10
    repeats = chances(vectors, ["Ada"] * 14, photos=photos, repeats=[(12, 13)])
    assert repeats[12] is not None
    assert repeats[12] > 0.9


def test_the_order_of_the_faces_changes_nothing() -> None:
    vectors = np.concatenate([person(1, 20), strangers(6), person(2, 15), person(1, 2, first=30)])
    labels = ["Ada"] * 26 + ["Bob"] * 17
    order = np.random.default_rng(0).permutation(len(labels))
    straight = chances(vectors, labels)
    mixed = chances(vectors[order], [labels[n] for n in order])
    assert [mixed[n] for n in np.argsort(order)] == pytest.approx(straight, abs=2e-4)


def test_a_cosine_embedder_is_judged_in_its_own_units() -> None:
    """Vectors of length 1 whose squared distance is twice one minus the cosine, whatever length they come at."""
    raw = np.concatenate([person(1, 3), person(2, 1)])
    raw = np.asarray(raw * np.array([[1], [5], [0.2], [3]]), np.float32)
    units = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    found = squared_distances(*[scaled(raw, "cosine", 0.4)] * 2)
    assert np.allclose(found, (1 - units @ units.T) / 0.4, atol=1e-5)
    assert np.allclose(
        squared_distances(*[scaled(raw, "euclidean", 2.0)] * 2), squared_distances(raw / 2, raw / 2), atol=1e-5
    )


def test_odds_follow_distance_and_the_number_of_known_faces() -> None:
    distances = np.linspace(0, 3, 50)
    assert (np.diff(log_odds(distances, 5)[:20]) < 0).all()
    assert (np.diff(log_odds(distances, 5)) <= 0).all()
    # Two faces at the embedder's threshold are about as likely one person's as two people's; in search results more so.
    assert abs(float(log_odds(1.0, 1))) < 2
    # The same face against more of them: what is near the mean of many is surer to be right.
    assert log_odds(0.28, 100) > log_odds(0.28 * 2, 1) > 0
    assert log_odds(1.4, 100) < log_odds(1.4 + 0.28, 1) < 0


def test_probabilities_hold_for_any_share_of_strangers() -> None:
    """Faces drawn from the model itself: of those called 80%, 80% are right, in clean and in dirty folders."""
    rng = np.random.default_rng(0)
    values, truth = [], []
    for folder in range(300):
        count = 60
        right = rng.random(count) < (0.95, 0.8, 0.6)[folder % 3]
        odds = np.where(right, rng.normal(2, 2, count), rng.normal(-2, 2, count))  # exact log odds of two normals
        values.append(probabilities(odds)[0])
        truth.append(right)
    found, right = np.concatenate(values), np.concatenate(truth)
    for low in np.arange(0, 1, 0.2):
        inside = (found >= low) & (found < low + 0.2)
        assert abs(found[inside].mean() - right[inside].mean()) < 0.04


def test_a_folder_of_ten_thousand_needs_no_matrix_of_pairs() -> None:
    vectors = np.concatenate([person(1, 7000), person(2, 1500), np.tile(strangers(150), (10, 1))])
    vectors += np.random.default_rng(0).normal(0, 0.03, vectors.shape).astype(np.float32)
    tracemalloc.start()
    try:
        found = judge(vectors, ["Ada"] * len(vectors))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.names["Ada"].folder.counts[:2] == pytest.approx([7000, 1500], rel=0.05)
    assert np.mean([p is not None and p > 0.9 for p in found.probability[:7000]]) > 0.999
    assert np.mean([p is not None and p < 0.1 for p in found.probability[7000:]]) > 0.999
    assert peak < len(vectors) ** 2 * 4 / 3  # a third of what the distances of all pairs take


def test_blocks_cover_every_row_and_are_bounded() -> None:
    for rows, columns in ((0, 5), (1, 1), (7, CELLS), (10_000, 10_000)):
        parts = list(chunks(rows, columns))
        assert [n for part in parts for n in range(part.start, part.stop)] == list(range(rows))
        assert all((part.stop - part.start) * columns <= max(CELLS, columns) for part in parts)


def test_nothing_to_judge() -> None:
    assert group_looks(find_clusters(np.zeros((0, DIMENSIONS), np.float32))) == []
    found = judge(np.zeros((0, DIMENSIONS), np.float32), [])
    assert (found.probability, found.names) == ([], {})


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from("AB"), st.booleans()), max_size=25),
    st.floats(0, 3),
)
def test_any_folder_is_judged(faces: list[tuple[int, str, bool]], spread: float) -> None:
    """Equal vectors, folders of one, folders without a vector: each face gets a probability or none."""
    centres = np.random.default_rng(5).normal(0, spread / np.sqrt(DIMENSIONS), (5, DIMENSIONS))
    vectors = np.array([centres[who] for who, _, _ in faces], np.float32).reshape(-1, DIMENSIONS)
    blind = [n for n, (_, _, sees) in enumerate(faces) if not sees]
    vectors[blind] = np.nan
    found = judge(vectors, [label for _, label, _ in faces])
    assert len(found.probability) == len(found.like) == len(faces)
    assert all(p is None or 0 <= p <= 1 for p in found.probability)
    assert all(found.probability[n] is None for n in blind)
