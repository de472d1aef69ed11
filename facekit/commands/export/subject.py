"""What is exported of a run: its network, or its linear head with the network that it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from facekit import runs
from facekit.base.contract import FacekitError
from facekit.identity.embedders import backbone_of
from facekit.identity.embedders.graphs import Graph, graph_of
from facekit.identity.embedders.registry import load as load_embedder
from facekit.runs import HEAD, Run
from facekit.runs.head import Head

if TYPE_CHECKING:  # a linear head on an ONNX graph needs no Keras
    from facekit.networks.backend import Model


@dataclass(frozen=True)
class Subject:
    """A run, and the parts that formats are written from."""

    run: Run
    backbone: str | None
    """The embedder of a linear head: its name, or the folder of a run."""
    graph: Graph | None
    """The network of the embedder, where that is an ONNX graph."""

    @classmethod
    def of(cls, run: Run) -> Subject:
        """Find what a run consists of. Raises FacekitError where its embedder cannot be had."""
        backbone = backbone_of(run)
        return cls(run, backbone, None if backbone is None else graph_of(backbone))

    @property
    def is_keras(self) -> bool:
        """Whether all of it is a Keras network."""
        return self.backbone is None or Path(self.backbone).is_absolute()

    @property
    def side(self) -> int:
        """Side of the input in pixels; 0 where it takes embeddings."""
        if self.backbone is None:
            return self.run.size
        if self.is_keras:
            return runs.load(Path(self.backbone)).size
        return 0 if self.graph is None else self.graph.side

    @cached_property
    def head(self) -> Head:
        """The linear head. Raises FacekitError where it is gone or damaged."""
        embedder = load_embedder(str(self.backbone))
        return Head.read(self.run.folder / HEAD, embedder.dimensions, self.run.sizes)

    @cached_property
    def keras(self) -> Model:
        """The Keras network that takes uint8 faces. Raises FacekitError where weights are gone or damaged."""
        from facekit.runs.export import network

        if not self.is_keras:
            raise FacekitError(f"{self.run.folder} is a linear head on {self.backbone}, which is no Keras network")
        if self.backbone is None:
            return network.of_network(self.run.model())
        return network.of_head(runs.load(Path(self.backbone)).model(), self.head)
