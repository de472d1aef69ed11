"""A network as an embedder: what comes before its names becomes an embedding, in place of names."""

from __future__ import annotations

from facekit.networks.assembly import EMBEDDING, HEAD, MOMENTUM
from facekit.networks.backend import Model, keras
from facekit.networks.blocks import features
from facekit.networks.catalogue import build

_NORM = f"{HEAD}_norm"

DIMENSIONS = 128
"""Numbers of an embedding, as in FaceNet, dlib and SFace."""


def build_embedder(name: str, size: int, dimensions: int, color: str = "rgb") -> Model:
    """Return the network of that name as an embedder, with random weights: pictures become embeddings.

    Raises FacekitError as `build` does.
    """
    return embedder(build(name, size, 2, color), dimensions)


def embedder(named: Model, dimensions: int = DIMENSIONS) -> Model:
    """Return a network up to its names, and from there to an embedding of so many numbers, shape (batch, dimensions).

    The layers that are added count as its head. A network that was published as an embedder has its own.
    """
    base = features(named)
    if base.layers[-1].name == EMBEDDING and base.output_shape[-1] == dimensions:
        return keras.Model(base.inputs, base.output, name=named.name)
    # Single precision, also where the rest of the network is computed in half: distances are small.
    x = keras.layers.Dense(dimensions, use_bias=False, dtype="float32", name=f"{HEAD}_embedding")(base.output)
    norm = keras.layers.BatchNormalization(momentum=MOMENTUM, scale=False, dtype="float32", name=_NORM)
    return keras.Model(base.inputs, norm(x), name=named.name)


def is_embedder(model: Model) -> bool:
    """Whether a network gives embeddings."""
    return model.layers[-1].name in (EMBEDDING, _NORM)
