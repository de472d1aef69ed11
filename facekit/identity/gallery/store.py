"""What keeps a gallery: the protocol that SQLite implements, and that a database of several servers can."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facekit.identity.gallery.values import About, Crop, Denials, Feedback, KnownFace, NewFace, Person, Rows, Strangers


class Store(Protocol):
    """The truth of one gallery. Every method that changes something is one transaction, whole or not at all.

    Each raises FacekitError where the store cannot be read or written, and says what to do.
    """

    about: About

    @property
    def generation(self) -> int:
        """How often the gallery has changed."""
        ...

    def rows(self) -> Rows:
        """Return who every face is, at one generation."""
        ...

    def vectors(self, after: int = -1) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Yield slots, ascending, and embeddings of the faces with higher slots than one, block by block."""
        ...

    def people(self) -> list[Person]:
        """Return the people, by name."""
        ...

    def faces(self, person: int | None = None) -> Iterator[KnownFace]:
        """Yield the faces of a person, or of all."""
        ...

    def denied(self, person: int | None = None) -> Iterator[KnownFace]:
        """Yield the faces that a person is not, or those of all."""
        ...

    def denials(self) -> Denials:
        """Return the embeddings of the faces that somebody is not."""
        ...

    def strangers(self) -> Strangers:
        """Return the strangers that were added."""
        ...

    def slots(self) -> dict[str, int]:
        """Return the id of each enrolled face -> its slot."""
        ...

    def vector(self, face: str) -> NDArray[np.float32] | None:
        """Return the embedding of an enrolled face, shape (dimensions,); None where it is not there."""
        ...

    def crop(self, face: str) -> Crop | None:
        """Return the kept picture of a face, a denied face or a stranger's; None where none is kept."""
        ...

    def stranger_ids(self) -> Iterator[tuple[str, str]]:
        """Yield the id of each stranger's face, and who it is."""
        ...

    def stranger_vectors(self) -> list[tuple[str, NDArray[np.float32]]]:
        """Return the id of each stranger's face, and its embedding, shape (dimensions,)."""
        ...

    def pictures(self) -> dict[str, str]:
        """Return the SHA-256 of each picture that a face was enrolled from -> the name it is enrolled under."""
        ...

    def person(self, number: int) -> Person | None:
        """Return the person of a number; None where there is nobody."""
        ...

    def find_person(self, name: str) -> Person | None:
        """Return the person of a name, however it is spelled."""
        ...

    def enroll(self, people: Mapping[str, Sequence[NewFace]], replace: bool = False) -> int:
        """Add faces to people, who are made where they are not there; return how many faces were new.

        With `replace` the earlier faces of these people are removed.
        """
        ...

    def rename(self, person: int, name: str) -> None:
        """Give a person another name, which nobody else has."""
        ...

    def merge(self, into: int, others: Sequence[int]) -> None:
        """Give the faces and denials of others to one person, and remove the others."""
        ...

    def remove(self, people: Iterable[int], faces: Iterable[str]) -> None:
        """Remove people with all they have, and single faces or denials by id."""
        ...

    def remove_strangers(self, faces: Iterable[str]) -> None:
        """Remove the faces of strangers by id."""
        ...

    def purge(self) -> None:
        """Leave nothing of what was removed: no threshold that was found with it, and no bytes in free pages."""
        ...

    def deny(self, person: int, face: NewFace) -> bool:
        """Note that a face is not a person; return whether that was new."""
        ...

    def set_strangers(self, faces: Sequence[tuple[str, NewFace]]) -> None:
        """Put strangers, each with who it is, in place of those before."""
        ...

    def promise(self) -> tuple[int, str] | None:
        """Return the promise that was stored last, as JSON, and the generation it was found at."""
        ...

    def set_promise(self, generation: int, promise: str) -> None:
        """Store a promise, unless the gallery has changed since. This alone leaves the generation as it is."""
        ...

    def face(self, face: str) -> KnownFace | None:
        """Return the enrolled face of an id; None where it is not there."""
        ...

    def feedback(self) -> list[Feedback]:
        """Return what was said of answers, in the order of the answers."""
        ...

    def note_feedback(self, said: Feedback) -> bool:
        """Keep what somebody says of an answer, in place of what was said before; the generation stays.

        False: a person of whom it speaks is not there any more, and nothing is kept.
        """
        ...

    def access(self) -> str | None:
        """Return who may ask a server about the gallery, as it was stored; None where nobody was let in yet."""
        ...

    def peek(self) -> tuple[int, str | None]:
        """Return the generation, and what `access` does, of one moment."""
        ...

    def set_access(self, change: Callable[[str | None], str]) -> None:
        """Change who may ask a server about the gallery: what is stored is handed over. The generation stays."""
        ...

    def set_about(self, about: About) -> None:
        """Change what the gallery says of itself."""
        ...

    def clear(self, about: About) -> None:
        """Remove everybody and everything, and begin a new gallery in the same place."""
        ...

    def check(self) -> list[str]:
        """Return what is wrong with the whole store, in words; nothing where it is whole."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...
