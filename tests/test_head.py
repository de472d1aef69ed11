"""The linear head: it parts what can be parted, says how sure it is, and is kept as plain arrays."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from facekit.base.contract import FacekitError
from facekit.runs import head as heads
from facekit.runs.export import onnx_file
from facekit.runs.head import Head, Known, accuracy, fit, parted


def cloud(names: int, each: int, spread: float, seed: int = 0) -> Known:
    """Vectors about a middle a name, as an embedder would give them."""
    middles = np.random.default_rng(99).normal(size=(names, 16))
    noise = np.random.default_rng(seed).normal(size=(names * each, 16)) * spread
    classes = np.repeat(np.arange(names), each)
    return Known((middles[classes] + noise).astype(np.float32), classes)


@pytest.mark.parametrize("names", [2, 5])
def test_it_names_vectors_it_has_not_seen(names: int) -> None:
    head = fit(cloud(names, 20, 0.3), cloud(names, 5, 0.3, seed=1), names)
    unseen = cloud(names, 40, 0.3, seed=2)
    assert head.weights.shape == (16, names)
    assert accuracy(head, unseen) > 0.98
    shares = head.probabilities(unseen.vectors)
    assert shares.dtype == np.float32
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)


def test_held_vectors_decide_how_surely_it_fits() -> None:
    """Where names overlap the freest fit is too sure of itself, and is not the one that is taken."""
    train, held = cloud(4, 12, 2.0), cloud(4, 60, 2.0, seed=1)
    chosen = fit(train, held, 4)
    each = {strength: heads._loss(heads._fit(train, 4, strength), held) for strength in heads.STRENGTHS}
    assert heads._loss(chosen, held) == min(each.values()) < each[max(heads.STRENGTHS)]


def test_without_held_vectors_it_is_fitted_all_the_same() -> None:
    nothing = Known(np.empty((0, 16), np.float32), np.empty(0, np.int64))
    assert accuracy(fit(cloud(3, 20, 0.3), nothing, 3), cloud(3, 20, 0.3, seed=4)) > 0.98


def test_weights_let_a_rare_name_count() -> None:
    known = cloud(2, 50, 3.0)
    rare = np.r_[0:50, 50:55]
    train = Known(known.vectors[rare], known.classes[rare])
    evened = Known(train.vectors, train.classes, [0.55 if number == 0 else 5.5 for number in train.classes])
    unseen = Known(*(lambda k: (k.vectors[100:], k.classes[100:]))(cloud(2, 100, 3.0, seed=5)))
    nothing = Known(np.empty((0, 16), np.float32), np.empty(0, np.int64))
    assert accuracy(fit(evened, nothing, 2), unseen) > accuracy(fit(train, nothing, 2), unseen)


def test_a_vector_that_is_not_there_has_no_probabilities() -> None:
    head = Head(np.ones((4, 2), np.float32), np.zeros(2, np.float32))
    shares = head.probabilities(np.array([[np.nan] * 4, [1.0] * 4], np.float32))
    assert np.isnan(shares[0]).all()
    assert shares[1] == pytest.approx([0.5, 0.5])
    assert head.probabilities(np.empty((0, 4), np.float32)).shape == (0, 2)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    head = fit(cloud(3, 10, 0.3), cloud(3, 5, 0.3, seed=1), 3)
    head.write(tmp_path / "head.npz")
    again = Head.read(tmp_path / "head.npz", 16, 3)
    assert np.array_equal(again.weights, head.weights)
    assert np.array_equal(again.bias, head.bias)


def test_what_is_no_head_is_refused_and_runs_no_code(tmp_path: Path) -> None:
    file = tmp_path / "head.npz"
    with pytest.raises(FacekitError, match=r"head.npz is gone; train again with --overwrite$"):
        Head.read(file, 16, 3)

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    for data in (b"", b"PK\x03\x04 broken", pickle.dumps(Evil())):
        file.write_bytes(data)
        with pytest.raises(FacekitError, match=r"head.npz is not a head that facekit wrote .*; train again"):
            Head.read(file, 16, 3)
    np.savez(file, weights=np.array([Evil()], dtype=object), bias=np.zeros(1))
    with pytest.raises(FacekitError, match="is not a head that facekit wrote"):
        Head.read(file, 16, 3)
    assert not (tmp_path / "ran").exists()


def _drawn(rng: np.random.Generator, dimensions: int, names: int) -> Head:
    return Head(rng.normal(size=(dimensions, names)).astype(np.float32), rng.normal(size=names).astype(np.float32))


def test_heads_of_several_targets_stand_side_by_side_and_each_answers_as_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    alone = [_drawn(rng, 4, names) for names in (3, 2)]
    both = Head.side_by_side(alone)
    both.write(tmp_path / "head.npz")
    read = Head.read(tmp_path / "head.npz", 4, [3, 2])
    vectors = rng.normal(size=(6, 4)).astype(np.float32)
    first, second = parted(read.probabilities(vectors), read.sizes)
    for place, found in enumerate((first, second)):
        assert np.allclose(found.sum(axis=1), 1, atol=1e-6)
        assert np.allclose(found, alone[place].probabilities(vectors), atol=1e-6)
        assert np.allclose(found, read.only(place).probabilities(vectors), atol=1e-6)


def test_an_exported_head_of_several_targets_answers_alike() -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(4)
    alone = [_drawn(rng, 4, names) for names in (3, 2, 2)]
    head = Head.side_by_side(alone)
    session = runtime.InferenceSession(onnx_file.of_head_alone(head), providers=["CPUExecutionProvider"])
    vectors = rng.normal(size=(5, 4)).astype(np.float32)
    (found,) = session.run(["probabilities"], {"vectors": vectors})
    assert np.allclose(found, head.probabilities(vectors), atol=1e-6)
