"""`facekit.Dataset`: records, pixels and arrays of whatever layout the commands read."""

from __future__ import annotations

import copy
import gc
import json
import multiprocessing
import os
import pickle
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import picture, plain_tree
from patches import tree

import facekit
from facekit.base import images
from facekit.base.parallel import workers


def manifest(root: Path) -> Path:
    return tree(root / "made", labels=2, split=("train", "train", "test", "validation"))


def plain_folders(root: Path) -> Path:
    return plain_tree(root / "plain", {"Ada": 3, "Bob": 2})


def parts(root: Path) -> Path:
    for number, part in enumerate(("Train", "val", "test")):
        plain_tree(root / "parts" / part, {"Ada": 3 - number, "Bob": 2}, first=10 * number)
    return root / "parts"


def described(root: Path) -> Path:
    folder = root / "described"
    (folder / "train").mkdir(parents=True)
    rows = []
    for seed, name in enumerate(("Zoë Ünal", "Bob", "Bob")):
        (folder / "train" / f"{seed}.png").write_bytes(images.encode_png(picture(seed)))
        rows.append({"file_name": f"train/{seed}.png", "label": name})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def flat(root: Path) -> Path:
    plain_tree(root, {"flat": 3})
    return root / "flat"


def single(root: Path) -> Path:
    return plain_folders(root) / "Ada" / "0000.png"


def zipped(root: Path) -> Path:
    return Path(shutil.make_archive(str(root / "zipped"), "zip", plain_folders(root)))


def tarred(root: Path) -> Path:
    with tarfile.open(root / "tarred.tar.gz", "w:gz") as file:
        file.add(manifest(root), "made")
    return root / "tarred.tar.gz"


LAYOUTS: dict[Callable[[Path], Path], tuple[dict[str, int], dict[str | None, int]]] = {
    manifest: ({"person0": 4, "person1": 4}, {"train": 4, "test": 2, "validation": 2}),
    plain_folders: ({"Ada": 3, "Bob": 2}, {None: 5}),
    parts: ({"Ada": 6, "Bob": 6}, {"train": 5, "validation": 4, "test": 3}),
    described: ({"Zoë Ünal": 1, "Bob": 2}, {"train": 3}),
    flat: ({"flat": 3}, {None: 3}),
    single: ({"0000": 1}, {None: 1}),
    zipped: ({"Ada": 3, "Bob": 2}, {None: 5}),
    tarred: ({"person0": 4, "person1": 4}, {"train": 4, "test": 2, "validation": 2}),
}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda one: one.__name__)
def test_every_layout_is_read(layout: Callable[[Path], Path], tmp_path: Path) -> None:
    labels, split = LAYOUTS[layout]
    dataset = facekit.Dataset(layout(tmp_path))
    assert Counter(dataset.names[record.label] for record in dataset) == {
        dataset.names[label]: count for label, count in labels.items()
    }
    assert set(dataset.labels) == set(labels)
    assert Counter(record.split for record in dataset) == split
    assert len(dataset) == sum(labels.values())
    pictures, classes = dataset.to_numpy(size=24)
    assert pictures.shape == (len(dataset), 24, 24, 3)
    assert [dataset.labels[number] for number in classes] == [record.label for record in dataset]
    for record in dataset:
        assert np.array_equal(dataset.image(record), images.read(dataset.path(record)))
        source = dataset.source(record)
        assert source is None or source.engine in ("folder", "archive")


@pytest.fixture
def made(tmp_path: Path) -> facekit.Dataset:
    return facekit.Dataset(manifest(tmp_path))


# Select


def test_it_is_a_sequence(made: facekit.Dataset) -> None:
    assert isinstance(made[0], facekit.Record)
    assert made[-1] == list(made)[-1]
    assert made[0] in made
    assert len(made[2:5]) == 3 and made[2:5][0] == made[2]
    with pytest.raises(IndexError):
        _ = made[8]
    assert repr(made) == f"<facekit.Dataset {str(made.folder)!r}: 8 pictures of 2 labels>"


def test_a_split_keeps_the_classes(made: facekit.Dataset) -> None:
    test = made.select(split="test")
    assert [record.split for record in test] == ["test", "test"]
    both = made.select(split=("train", "validation"))
    assert len(both) == 6
    only = made.select(split="test", where=lambda record: record.label == "person1")
    assert (only.labels, list(only.classes)) == (("person0", "person1"), [1])
    assert len(made) == 8, "what was selected from is as it was"


def test_a_label_is_a_folder_or_a_name(made: facekit.Dataset, tmp_path: Path) -> None:
    one = made.select(label="person1")
    assert (one.labels, len(one), list(one.classes)) == (("person1",), 4, [0] * 4)
    assert list(made.select(label="PERSON1")) == list(one)
    assert len(made.select(label=made.labels)) == 8
    named = facekit.Dataset(described(tmp_path))
    assert [record.name for record in named.select(label="zoe\u0308 ünal")] == ["Zoë Ünal"]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"label": "preson1"}, "has no label 'preson1'; did you mean 'person1'?"),
        ({"label": "Bob"}, "has no label 'Bob'; choose from person0, person1"),
        ({"split": "testing"}, "a split has no part 'testing'; did you mean 'test'?"),
        ({"label": "person0", "split": "valid"}, "a split has no part 'valid'"),
    ],
)
def test_what_is_not_there_is_refused(made: facekit.Dataset, named: dict[str, Any], message: str) -> None:
    with pytest.raises(facekit.FacekitError) as caught:
        made.select(**named)
    assert message in str(caught.value)


def test_a_part_without_pictures_is_refused(made: facekit.Dataset, plain: Path) -> None:
    with pytest.raises(facekit.FacekitError, match="has no pictures in test; choose another part"):
        made.select(split="train").select(split="test")
    with pytest.raises(facekit.FacekitError, match="has no split; draw one with facekit.balance"):
        facekit.Dataset(plain).select(split="test")


# Pixels


def test_a_size_makes_pictures_square(tmp_path: Path) -> None:
    (tmp_path / "Ada").mkdir()
    (tmp_path / "Ada" / "wide.png").write_bytes(images.encode_png(picture(1)[:32]))
    dataset = facekit.Dataset(tmp_path)
    assert dataset.image(dataset[0]).shape == (32, 64, 3)
    assert dataset.image(dataset[0], size=48).shape == (48, 48, 3)


def test_pictures_of_several_sizes_need_one(tmp_path: Path) -> None:
    plain_tree(tmp_path, {"Ada": 2})
    plain_tree(tmp_path, {"Bob": 1}, first=9, side=48)
    dataset = facekit.Dataset(tmp_path)
    with pytest.raises(facekit.FacekitError, match=r"several sizes, 64x64 and 48x48 \(Bob/0009.png\); give one"):
        dataset.to_numpy()
    assert dataset.to_numpy(size=32)[0].shape == (3, 32, 32, 3)
    with pytest.raises(facekit.FacekitError, match="no pictures are selected"):
        dataset.select(where=lambda record: False).to_numpy()
    with pytest.raises(facekit.FacekitError, match="size is 0; it must be 1 or more"):
        dataset.to_numpy(size=0)


def test_a_broken_picture_is_named(plain: Path) -> None:
    broken = sorted(plain.glob("Bob/*.png"))[0]
    broken.write_bytes(broken.read_bytes()[:200])
    dataset = facekit.Dataset(plain)
    with pytest.raises(facekit.FacekitError, match=f"{broken.name}: .*; give another picture, or leave this one out"):
        dataset.to_numpy()
    whole = dataset.select(where=lambda record: not record.path.endswith(broken.name))
    assert len(whole.to_numpy()[0]) == 15


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(facekit.FacekitError, match="no such file or folder"):
        facekit.Dataset(tmp_path / "nowhere")
    with pytest.raises(facekit.FacekitError, match="has no pictures"):
        facekit.Dataset(tmp_path)


# Archives, threads and processes


def test_what_an_archive_was_unpacked_to_goes_with_its_last_user(tmp_path: Path) -> None:
    dataset = facekit.Dataset(zipped(tmp_path))
    folder = dataset.path(dataset[0]).parent
    part = dataset.select(label="Ada")
    del dataset
    gc.collect()
    assert len(part.to_numpy()[0]) == 3
    del part
    gc.collect()
    assert not folder.exists()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_does_not_remove_it(tmp_path: Path) -> None:
    dataset = facekit.Dataset(zipped(tmp_path))
    child = os.fork()
    if child == 0:
        dataset._opened._close()
        os._exit(0)
    os.waitpid(child, 0)
    assert dataset.path(dataset[0]).exists()


def _total(dataset: facekit.Dataset, place: int) -> int:
    return int(dataset.image(dataset[place]).sum())


@pytest.mark.parametrize("layout", [manifest, zipped], ids=lambda one: one.__name__)
def test_other_threads_and_processes_read_the_same(layout: Callable[[Path], Path], tmp_path: Path) -> None:
    dataset = facekit.Dataset(layout(tmp_path))
    places = range(len(dataset))
    alone = [_total(dataset, place) for place in places]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda place: _total(dataset, place), places)) == alone
    again = pickle.loads(pickle.dumps(dataset))
    assert (list(again), again.labels) == (list(dataset), dataset.labels)
    del again
    gc.collect()
    if layout is zipped:  # one of the two is enough for what takes a second
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            assert pool.submit(_total, dataset, 0).result(timeout=60) == alone[0]
    assert copy.copy(dataset).path(dataset[0]).exists()


# Keras and PyTorch


def test_keras_gets_batches(made: facekit.Dataset) -> None:
    keras = pytest.importorskip("keras", reason="the extra `train` is not installed")
    batches = made.to_keras(size=24, batch=3)
    assert isinstance(batches, keras.utils.PyDataset)
    assert [len(classes) for _, classes in (batches[number] for number in range(len(batches)))] == [3, 3, 2]
    expected = made.to_numpy(size=24)
    for place in range(2):
        assert np.array_equal(np.concatenate([batches[n][place] for n in range(3)]), expected[place])
    network = keras.Sequential(
        [keras.Input((24, 24, 3)), keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    )
    network.compile("adam", "sparse_categorical_crossentropy")
    shuffled = made.to_keras(size=24, batch=3, shuffle=True, workers=2)
    history = network.fit(shuffled, epochs=2, validation_data=batches, verbose=0).history
    assert len(history["val_loss"]) == 2
    assert network.predict(batches, verbose=0).shape == (8, 2)


def test_each_epoch_has_an_order_of_its_own_that_the_seed_draws(made: facekit.Dataset) -> None:
    pytest.importorskip("keras", reason="the extra `train` is not installed")

    def order(batches: Any) -> list[int]:
        return [int(value) for value in batches[0][0].astype(np.int64).sum(axis=(1, 2, 3))]

    one, same, other = (made.to_keras(size=24, batch=8, shuffle=True, seed=seed) for seed in (1, 1, 2))
    first = order(one)
    assert order(same) == first and order(other) != first
    for batches in (one, same):
        batches.on_epoch_end()
    assert order(one) == order(same) != first
    assert sorted(order(one)) == sorted(first)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_pytorch_gets_tensors(made: facekit.Dataset) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from torch.utils.data import DataLoader, Dataset

    pictures = made.to_torch(size=24)
    assert isinstance(pictures, Dataset) and len(pictures) == 8
    tensor, number = pictures[5]
    assert (tensor.dtype, tuple(tensor.shape), number) == (torch.uint8, (3, 24, 24), made.classes[5])
    assert np.array_equal(tensor.numpy().transpose(1, 2, 0), made.image(made[5], size=24))
    halves = made.to_torch(size=24, transform=lambda one: one.float() / 255)
    assert 0 < float(halves[0][0].max()) <= 1
    for loader in (DataLoader(pictures, batch_size=3), DataLoader(pictures, batch_size=3, num_workers=2)):
        assert [tuple(batch.shape) for batch, _ in loader] == [(3, 3, 24, 24)] * 2 + [(2, 3, 24, 24)]
        assert torch.cat([numbers for _, numbers in loader]).tolist() == list(made.classes)


def test_without_pytorch_it_says_so(made: facekit.Dataset) -> None:
    try:
        import torch  # noqa: F401
    except ImportError:
        with pytest.raises(facekit.FacekitError, match="to_torch needs PyTorch: pip install torch"):
            made.to_torch()
    else:
        pytest.skip("PyTorch is installed")


def test_arrays_are_read_by_all_workers(made: facekit.Dataset) -> None:
    alone, together = made.to_numpy(jobs=1), made.to_numpy(jobs=2 * workers(0))
    assert np.array_equal(alone[0], together[0]) and np.array_equal(alone[1], together[1])
