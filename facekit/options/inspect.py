"""Options of `facekit inspect`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from facekit.base.contract import FacekitError
from facekit.options.base import Aside, InputPath, Limits, Options, OutputPath, Positional, Short
from facekit.options.common import RunFolder

Method = Literal["gradcam", "hirescam", "occlusion"]


@dataclass(frozen=True, kw_only=True)
class Inspect(Options):
    """Look into a trained network: its first filters, its maps of pictures, and what an answer rests on."""

    group = "score"
    after = "evaluate-pairs"
    in_recipes = True

    run: RunFolder
    pictures: Annotated[
        list[Path],
        "Pictures of faces as `crop` cuts them; else some that the run has not learned from.",
        Positional(),
        InputPath(),
    ] = field(default_factory=list)
    output: Annotated[
        Path | None, "Folder to write; else `inspection` in the run.", Short("-o"), Aside(), OutputPath()
    ] = None
    layer: Annotated[
        list[str], "Layers whose maps to show, again or by commas; else the last ones of a size, block by block."
    ] = field(default_factory=list)
    list_layers: Annotated[bool, "Print the network's layers and their shapes, and look at no picture."] = False
    label: Annotated[str | None, "Name whose answer is explained; else the first answer to each picture."] = None
    method: Annotated[
        Method,
        "`gradcam` and `hirescam`, place by place, follow gradients; `occlusion` hides places, for any model.",
    ] = "gradcam"
    cam_layer: Annotated[str | None, "Layer whose map gradients are followed to; else the last of 4x4 or more."] = None
    count: Annotated[int, "Pictures of the run's own to show.", Limits(1, 24)] = 6

    def __post_init__(self) -> None:
        """Refuse what does not go together. Raises FacekitError."""
        super().__post_init__()
        if self.cam_layer is not None and self.method == "occlusion":
            raise FacekitError("--method occlusion follows no gradient to a layer; leave --cam-layer out")
