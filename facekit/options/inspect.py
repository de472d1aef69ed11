"""Options of `facekit inspect`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from facekit.base.errors import FacekitError
from facekit.base.reporting import Report
from facekit.options.base import Aside, InputPath, Limits, Options, OutputPath, Positional, Short
from facekit.options.common import RunFolder
from facekit.options.following import PHOTOS, command

Method = Literal["gradcam", "hirescam", "occlusion"]


@dataclass(frozen=True, kw_only=True)
class Inspect(Options):
    """Show a trained network's filters and feature maps, and which parts of a picture drive its answer."""

    group = "score"
    after = "evaluate-pairs"
    counts = False
    in_recipes = True
    begins_again = True

    run: RunFolder
    pictures: Annotated[
        list[Path],
        "Pictures of faces as `crop` cuts them; by default some that the run was not trained on.",
        Positional(),
        InputPath(),
    ] = field(default_factory=list)
    output: Annotated[
        Path | None, "Folder to write; by default `inspection` in the run.", Short("-o"), Aside(), OutputPath()
    ] = None
    layer: Annotated[
        list[str],
        "Layers whose feature maps to show (repeat, or separate by commas); by default the last of each size.",
    ] = field(default_factory=list)
    list_layers: Annotated[bool, "Only print the network's layers and their shapes."] = False
    target: Annotated[
        str | None, "Of a run of several targets, the one to explain, such as `expression`; by default the first."
    ] = None
    label: Annotated[str | None, "Name to explain; by default the most likely one for each picture."] = None
    method: Annotated[
        Method | None,
        "How to explain an answer: `gradcam` and `hirescam` use gradients, `occlusion` hides parts of the picture. By "
        "default, what suits the model: occlusion for a linear head, hirescam for a network that flattens its last "
        "map, such as cnn5, gradcam for any other.",
    ] = None
    cam_layer: Annotated[str | None, "Layer for the gradients; by default the last one of 4x4 or more."] = None
    count: Annotated[int, "How many of the run's own pictures to show.", Limits(1, 24)] = 6

    def __post_init__(self) -> None:
        """Refuse what does not go together. Raises FacekitError."""
        super().__post_init__()
        if self.cam_layer is not None and self.method == "occlusion":
            raise FacekitError("--method occlusion uses no gradients; remove --cam-layer")

    def next_command(self, report: Report) -> str | None:
        """Return the command that uses the model; nothing after a list of its layers."""
        if self.list_layers:
            return None
        return command("predict", self.run, PHOTOS)
