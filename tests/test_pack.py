"""The memory map holds what the pictures show, and its feed is drawn by seed and epoch alone."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from patches import patch, tree

from facekit.base import images
from facekit.base.contract import FacekitError, quiet
from facekit.dataset import Dataset
from facekit.networks.backend import keras
from facekit.networks.cnn import cnn3
from facekit.networks.inputs import as_input, probabilities
from facekit.training.callbacks import Progress
from facekit.training.feed import Feed
from facekit.training.labels import NO_LABEL, class_weights, picture_weights
from facekit.training.pack import Pack, pack


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset.open(tree(tmp_path / "tree", split=None, photos=5))


def test_the_map_equals_the_decoded_pictures(dataset: Dataset, tmp_path: Path) -> None:
    packed = pack(dataset.root, dataset.records, 32, tmp_path / "p.u8", jobs=2)
    assert packed.pixels.shape == (15, 32, 32, 3)
    assert isinstance(packed.pixels, np.memmap)
    assert not packed.pixels.flags.writeable
    for record, pixels in zip(packed.records, packed.pixels, strict=True):
        assert np.array_equal(pixels, images.resize(images.read(dataset.root / record.path), 32))


def test_the_unreadable_are_counted_with_their_reason(dataset: Dataset, tmp_path: Path) -> None:
    (dataset.root / dataset.records[0].path).write_bytes(b"")
    (dataset.root / dataset.records[7].path).write_text("no picture")
    packed = pack(dataset.root, dataset.records, 32, tmp_path / "p.u8")
    assert packed.left == {"empty file": 1, "not a picture": 1}
    assert packed.records == [r for i, r in enumerate(dataset.records) if i not in (0, 7)]
    assert len(packed.pixels) == 13


def test_no_readable_picture_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    for record in dataset.records:
        (dataset.root / record.path).write_bytes(b"")
    with pytest.raises(FacekitError, match=r"none of 15 pictures can be read; give readable pictures$"):
        pack(dataset.root, dataset.records, 32, tmp_path / "p.u8")


def test_a_full_disk_is_refused_before_decoding(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 1000))
    with pytest.raises(FacekitError, match=r"0\.0 GB free and the packed pictures need 0\.0 GB; free some"):
        pack(dataset.root, dataset.records, 32, tmp_path / "p.u8")
    assert not (tmp_path / "p.u8").exists()


def test_a_picture_is_squared_before_it_is_scaled() -> None:
    wide = np.zeros((20, 40, 3), np.uint8)
    wide[:, 20:] = 200
    seen = as_input(wide, 40)
    assert seen.shape == (40, 40, 3)
    assert (seen[:, :20] == 0).all()
    assert (seen[:, 20:] == 200).all()


def _feed(count: int, seed: int | None) -> Feed:
    pixels = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 32, 3), np.uint8)
    return Feed(Pack(pixels, []), range(count), list(range(count)), batch=4, seed=seed)


def _order(feed: Feed) -> list[int]:
    return [int(number) for place in range(len(feed)) for number in feed[place][1]]


def test_an_epoch_feeds_each_picture_once_with_its_own_class() -> None:
    feed = _feed(10, seed=7)
    feed.shuffle(3)
    assert len(feed) == 3
    assert [len(feed[i][1]) for i in range(3)] == [4, 4, 2]
    assert sorted(_order(feed)) == list(range(10))
    for place in range(3):
        pixels, classes = feed[place]
        assert pixels.dtype == np.uint8
        assert np.array_equal(pixels[:, 0, 0, 0], classes)


def test_the_order_is_drawn_by_seed_and_epoch() -> None:
    one, other = _feed(40, seed=7), _feed(40, seed=7)
    one.shuffle(0)
    first = _order(one)
    one.shuffle(5)
    other.shuffle(5)
    assert _order(one) == _order(other) != first
    held = _feed(10, seed=None)
    held.shuffle(5)
    assert _order(held) == list(range(10))


def test_rare_classes_weigh_more_and_even_ones_alike() -> None:
    assert class_weights([0, 1, 2, 0, 1, 2], 3) is None
    weights = class_weights([0, 0, 0, 1, 1, 2], 3)
    assert weights == pytest.approx([2 / 3, 1, 2])
    pixels, truth = np.zeros((6, 32, 32, 3), np.uint8), np.array([[0], [0], [0], [1], [1], [2]])
    assert picture_weights(truth, [3], even=False) is None
    each = picture_weights(truth, [3], even=True)
    batches = Feed(Pack(pixels, []), range(6), truth, batch=4, seed=3, weights=each)
    batches.shuffle(0)
    for place in range(len(batches)):
        _, classes, counts = batches[place]
        assert np.allclose(counts, np.array(weights)[classes])


def test_a_label_that_is_missing_counts_nothing_and_the_others_as_much_more() -> None:
    """So the loss of a target is the mean over the pictures that have a label for it, however few there are."""
    truth = np.array([[0, NO_LABEL], [1, 0], [0, NO_LABEL], [1, 1], [0, NO_LABEL], [1, 0]])
    weights = picture_weights(truth, [2, 2], even=False)
    assert weights is not None
    assert weights.tolist() == [[1, 0], [1, 2], [1, 0], [1, 2], [1, 0], [1, 2]]
    even = picture_weights(truth, [2, 2], even=True)
    assert even is not None
    assert even[:, 1].tolist() == [0, 1.5, 0, 3, 0, 1.5]
    assert even.mean(axis=0).tolist() == [1, 1]


class _Noted(Feed):
    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.fed: list[list[int]] = []

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        pixels, classes = super().__getitem__(index)
        self.fed.append(classes.tolist())
        return pixels, classes


def test_fit_gets_the_order_of_its_epoch_also_when_it_begins_later() -> None:
    """What Keras asks for last in each epoch is what it trains on; it may peek at batches before."""
    pixels = np.zeros((12, 32, 32, 3), np.uint8)
    for begin in (0, 2):
        feed = _Noted(Pack(pixels, []), range(12), list(range(12)), batch=4, seed=1)
        model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(12)])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(feed, initial_epoch=begin, epochs=3, callbacks=[Progress(feed, quiet, 3)], shuffle=False, verbose=0)
        expected = Feed(Pack(pixels, []), range(12), list(range(12)), batch=4, seed=1)
        expected.shuffle(2)
        assert feed.fed[-3:] == [expected[i][1].tolist() for i in range(3)]


def test_probabilities_come_in_order_whatever_the_batch() -> None:
    model = cnn3(32, 3)
    pictures = [patch(i % 3, i, 32) for i in range(7)]
    whole = np.stack(list(probabilities(model, iter(pictures), 7)))
    parts = np.stack(list(probabilities(model, iter(pictures), 3)))
    assert whole.shape == (7, 3)
    assert np.allclose(whole, parts, atol=1e-5)
    assert list(probabilities(model, [], 3)) == []
