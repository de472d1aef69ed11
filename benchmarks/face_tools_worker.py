"""What `face_tools.py` asks of one tool, in a process of its own: `python face_tools_worker.py TOOL TASK < JSON`.

It prints one line of JSON: answers, and the CPU and wall seconds of what was done after the first question.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Answer = Any


class Facekit:
    """Through its Python functions, as a program would call them."""

    def __init__(self) -> None:
        import facekit

        self._facekit, self._gallery = facekit, None

    def verify(self, first: str, second: str) -> Answer:
        """Whether two photos show one person; None where one shows no face."""
        try:
            (found,) = self._facekit.verify([first, second])
        except self._facekit.FacekitError:
            return None
        return found.same

    def enroll(self, folder: str, place: str) -> int:
        """Enroll the photos of a tree; return how many showed a face."""
        return int(self._facekit.enroll(folder, place).made)

    def open(self, folder: str, place: str) -> None:
        """Make ready to be asked."""
        self._gallery = self._facekit.load(place)

    def look(self, photo: str) -> Answer:
        """Who is in a photo; None where it shows no face."""
        found = self._gallery.identify(photo)
        return found[0].name if found else None


class DeepFace:
    """deepface with dlib's network and dlib's detector."""

    settings = {"model_name": "Dlib", "detector_backend": "dlib", "distance_metric": "euclidean", "silent": True}

    def __init__(self) -> None:
        from deepface import DeepFace as module

        self._module = module

    def verify(self, first: str, second: str) -> Answer:
        """Whether two photos show one person; None where one shows no face."""
        try:
            return bool(self._module.verify(first, second, **self.settings)["verified"])
        except ValueError:
            return None

    def enroll(self, folder: str, place: str) -> int:
        """Embed the photos of a tree; deepface keeps a pickle in the tree itself."""
        photo = next(path for path in sorted(Path(folder).rglob("*.jpg")))
        self._module.find(str(photo), folder, enforce_detection=False, **self.settings)
        return sum(1 for _ in Path(folder).rglob("*.jpg"))

    def open(self, folder: str, place: str) -> None:
        """Make ready to be asked: `find` reads the pickle each time."""
        self._folder = folder

    def look(self, photo: str) -> Answer:
        """Who is in a photo; None where it shows no face."""
        try:
            found = self._module.find(photo, self._folder, refresh_database=False, **self.settings)
        except ValueError:
            return None
        best = found[0]
        return Path(best["identity"].iloc[0]).parent.name if len(best) else "unknown"


class FaceRecognition:
    """face_recognition, with its defaults."""

    def __init__(self) -> None:
        import face_recognition

        self._module = face_recognition

    def verify(self, first: str, second: str) -> Answer:
        """Whether two photos show one person; None where one shows no face."""
        one, other = self._encoding(first), self._encoding(second)
        return None if one is None or other is None else bool(self._module.compare_faces([one], other)[0])

    def enroll(self, folder: str, place: str) -> int:
        """Embed the photos of a tree, and keep them in a file."""
        import numpy as np

        names, found = [], []
        for path in sorted(Path(folder).rglob("*.jpg")):
            encoding = self._encoding(str(path))
            if encoding is not None:
                names.append(path.parent.name)
                found.append(encoding)
        np.savez(place, names=names, found=found)
        return len(names)

    def open(self, folder: str, place: str) -> None:
        """Read the file."""
        import numpy as np

        with np.load(place + ".npz") as held:
            self._names, self._found = held["names"], held["found"]

    def look(self, photo: str) -> Answer:
        """Who is in a photo; None where it shows no face."""
        encoding = self._encoding(photo)
        if encoding is None:
            return None
        far = self._module.face_distance(self._found, encoding)
        return str(self._names[far.argmin()]) if far.min() <= 0.6 else "unknown"

    def _encoding(self, photo: str) -> Any:
        image = self._module.load_image_file(photo)
        found = self._module.face_encodings(image)
        return found[0] if found else None


TOOLS: dict[str, Callable[[], Any]] = {"facekit": Facekit, "deepface": DeepFace, "face_recognition": FaceRecognition}


def asked(tool: Any, task: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the answers to a task, and how long those after the first one took."""
    if task == "enroll":
        return {"answers": tool.enroll(given["folder"], given["place"])}
    if task == "look":
        tool.open(given["folder"], given["place"])
    ask = tool.look if task == "look" else tool.verify
    questions: Sequence[Sequence[str]] = given["questions"]
    answers = [ask(*questions[0])]
    cpu, wall = time.process_time(), time.perf_counter()
    answers += [ask(*question) for question in questions[1:]]
    return {"answers": answers, "cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


def main() -> None:
    """Answer what stdin asks. Tools that print on stdout do so on stderr."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    out.write(json.dumps(asked(TOOLS[sys.argv[1]](), sys.argv[2], json.load(sys.stdin))) + "\n")
    out.close()


if __name__ == "__main__":
    main()
