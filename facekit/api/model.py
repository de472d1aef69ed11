"""A trained model in a program: loaded once, then used for many pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from os import PathLike
from pathlib import Path

from facekit.api.pixels import Picture, pixels_of
from facekit.identity.predictor import FoundFace, Prediction, Predictor
from facekit.options.predict import Predict
from facekit.runs.export import open_model


class Model:
    """A trained model that stays loaded. Several threads can use it at the same time."""

    def __init__(self, folder: str | PathLike[str], fpir: float | None = None) -> None:
        """Load the model in a folder. Raises FacekitError, as `load` does."""
        self._options = Predict(run=Path(folder), pictures=[], fpir=fpir)
        self._place = Path(os.path.abspath(self._options.run))  # noqa: PTH100 - links in it stay as they are
        run = open_model(self._options.run)
        self._predictor = Predictor(run, fpir)
        self.folder = run.folder
        """Where the model is."""
        self.labels = tuple(run.labels)
        """The labels that it can answer, besides `unknown`."""
        self.targets = {target.name: target.labels for target in run.targets}
        """What it answers of a face, `identity` alone or several targets -> the labels of each."""
        self.names = {label: run.name(label) for label in run.labels}
        """Label -> the person's name as it was given."""

    def predict(
        self, image: Picture, *, detect: bool = True, min_confidence: float = 0.5, min_probability: float = 0.0
    ) -> list[Prediction]:
        """Return who the faces in a picture are, the largest face first. The list is empty if no face is found.

        The answers are those of the command `facekit predict`. A model of people answers `unknown` for faces that are
        not similar enough to those it knows. A face that cannot be aligned is left out.

        Args:
            image: RGB pixels, shape (height, width, 3), dtype uint8; or a path, or a Pillow image.
            detect: Whether to look for faces. With False, the picture is taken as a face that is already cropped.
            min_confidence: The model's own confidence below which a face is `unknown`. It assumes that every face is of
                one of the model's people.
            min_probability: Probability below which a face is `unknown`.

        Raises:
            FacekitError: For an image that is none of these, a file that cannot be read, and a `min_confidence` or
                `min_probability` outside 0 to 1.
        """
        options = Predict(
            run=self.folder,
            pictures=[],
            detect=detect,
            min_confidence=min_confidence,
            min_probability=min_probability,
        )
        found = self._predictor.look(pixels_of(image), options.detect)
        faces = [face for face in found if isinstance(face, FoundFace)]
        return self._predictor.name(faces, options.least)

    def __repr__(self) -> str:
        return f"<facekit.Model {str(self.folder)!r}: {len(self.labels)} labels>"

    def __reduce__(self) -> tuple[Callable[..., Model], tuple[object, ...]]:
        """Let another process load the folder again: what is loaded cannot be sent."""
        return Model, (str(self._place), self._options.fpir)
