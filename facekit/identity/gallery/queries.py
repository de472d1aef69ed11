"""What a gallery in SQL is asked: statements that every database understands."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import FacekitError
from facekit.base.names import fold
from facekit.base.text import counted
from facekit.identity.gallery.rowvalues import Bad, boxed
from facekit.identity.gallery.transactions import Sql, Transactions
from facekit.identity.gallery.values import MOST_CROP, Crop, Denials, Feedback, KnownFace, Person, Rows, Strangers

_BLOCK = 4096
"""Embeddings that are read at a time."""

_MOST_ACCESS = 1 << 20

_SAID = "id, correct, person, actual, similarity, answered"

_OF_FACE = "faces.id, path, sha256, box, origin, source, at"

_FACE = "id, path, sha256, box, origin, source, at"


class Queries(Transactions):
    """What is read of a gallery, each time in one transaction; `store.py` says what each method returns."""

    def rows(self) -> Rows:
        """Return who every face is, at one generation."""
        with self._reading() as sql:
            names = {self._read.number(n): self._read.text(t) for n, t in sql.execute("select id, name from people")}
            found = sql.execute("select slot, person from faces order by slot").fetchall()
            if any(not isinstance(value, int) for row in found for value in row):
                raise Bad("a number of a face")
            pairs = np.array(found, np.int64).reshape(-1, 2)
            if not set(pairs[:, 1].tolist()) <= names.keys():
                raise Bad("the person of a face")
            return Rows(self._number("generation"), pairs[:, 0], pairs[:, 1], names)

    def vectors(self, after: int = -1) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Yield slots, ascending, and embeddings of the faces with higher slots than one, block by block."""
        while True:
            with self._reading() as sql:
                found = sql.execute(
                    "select slot, vector from faces where slot > ? order by slot limit ?", (after, _BLOCK)
                ).fetchall()
                slots = np.array([self._read.number(row[0]) for row in found], np.int64)
                vectors = self._vectors([row[1] for row in found])
            if not len(slots):
                return
            yield slots, vectors
            after = int(slots[-1])

    def people(self) -> list[Person]:
        """Return the people, by name."""
        with self._reading() as sql:
            found = sql.execute(
                "select id, name, (select count(*) from faces where person = people.id),"
                " (select count(*) from denials where person = people.id) from people"
            ).fetchall()
            people = [Person(self._read.number(n), self._read.text(name), faces, no) for n, name, faces, no in found]
            return sorted(people, key=lambda one: (fold(one.name), one.name))

    def person(self, number: int) -> Person | None:
        """Return the person of a number; None where there is nobody."""
        with self._reading() as sql:
            row = sql.execute(
                "select id, name, (select count(*) from faces where person = people.id),"
                " (select count(*) from denials where person = people.id) from people where id = ?",
                (number,),
            ).fetchone()
            return None if row is None else Person(self._read.number(row[0]), self._read.text(row[1]), row[2], row[3])

    def find_person(self, name: str) -> Person | None:
        """Return the person of a name, however it is spelled."""
        return next((one for one in self.people() if fold(one.name) == fold(name)), None)

    def faces(self, person: int | None = None) -> Iterator[KnownFace]:
        """Yield the faces of a person, or of all."""
        return iter(self._known("faces", person))

    def denied(self, person: int | None = None) -> Iterator[KnownFace]:
        """Yield the faces that a person is not, or those of all."""
        return iter(self._known("denials", person))

    def denials(self) -> Denials:
        """Return the embeddings of the faces that somebody is not."""
        with self._reading() as sql:
            found = sql.execute("select person, vector from denials order by id").fetchall()
            people = np.array([self._read.number(row[0]) for row in found], np.int64)
            return Denials(self._vectors([row[1] for row in found]), people)

    def strangers(self) -> Strangers:
        """Return the strangers that were added."""
        with self._reading() as sql:
            found = sql.execute("select who, vector from strangers order by who, id").fetchall()
            return Strangers(self._vectors([row[1] for row in found]), [self._read.text(row[0]) for row in found])

    def stranger_ids(self) -> Iterator[tuple[str, str]]:
        """Yield the id of each stranger's face, and who it is."""
        with self._reading() as sql:
            found = sql.execute("select id, who from strangers order by who, id").fetchall()
            return iter([(self._read.text(one), self._read.text(who)) for one, who in found])

    def stranger_vectors(self) -> list[tuple[str, NDArray[np.float32]]]:
        """Return the id of each stranger's face, and its embedding."""
        with self._reading() as sql:
            found = sql.execute("select id, vector from strangers order by id").fetchall()
            vectors = self._vectors([row[1] for row in found])
            return [(self._read.text(row[0]), vector) for row, vector in zip(found, vectors, strict=True)]

    def pictures(self) -> dict[str, str]:
        """Return the SHA-256 of each picture that a face was enrolled from -> the name it is enrolled under."""
        with self._reading() as sql:
            found = sql.execute("select sha256, name from faces join people on people.id = person")
            return {self._read.text(one): self._read.text(name) for one, name in found}

    def slots(self) -> dict[str, int]:
        """Return the id of each enrolled face -> its slot."""
        with self._reading() as sql:
            found = sql.execute("select id, slot from faces").fetchall()
            return {self._read.text(face): self._read.number(slot) for face, slot in found}

    def vector(self, face: str) -> NDArray[np.float32] | None:
        """Return the embedding of an enrolled face, shape (dimensions,); None where it is not there."""
        with self._reading() as sql:
            row = sql.execute("select vector from faces where id = ?", (face,)).fetchone()
            return None if row is None else np.asarray(self._vectors([row[0]])[0])

    def crop(self, face: str) -> Crop | None:
        """Return the kept picture of a face, a denied face or a stranger's; None where none is kept."""
        with self._reading() as sql:
            row = sql.execute("select box, data from crops where id = ?", (face,)).fetchone()
            return None if row is None else Crop(self._read.data(row[1], MOST_CROP), boxed(row[0]))

    def promise(self) -> tuple[int, str] | None:
        """Return the promise that was stored last, as JSON, and the generation it was found at."""
        with self._reading() as sql:
            found = dict(sql.execute("select key, value from meta where key like 'promise%'").fetchall())
            if "promise" not in found:
                return None
            return self._number("promise_of"), self._read.text(found["promise"], 1 << 20)

    def face(self, face: str) -> KnownFace | None:
        """Return the enrolled face of an id; None where it is not there."""
        with self._reading() as sql:
            row = sql.execute(
                f"select people.name, (select count(*) from crops where id = faces.id), {_OF_FACE}"
                " from faces join people on people.id = person where faces.id = ?",
                (face,),
            ).fetchone()
            return None if row is None else self._read.known(self._read.text(row[0]), row[2:], bool(row[1]))

    def feedback(self) -> list[Feedback]:
        """Return what was said of answers, in the order of the answers."""
        with self._reading() as sql:
            if not self._has_feedback():
                return []
            found = sql.execute(f"select {_SAID} from feedback order by answered, id").fetchall()
            return [self._said(row) for row in found]

    def access(self) -> str | None:
        """Return who may ask a server about the gallery, as it was stored; None where nobody was let in yet."""
        with self._reading() as sql:
            return self._access(sql)

    def peek(self) -> tuple[int, str | None]:
        """Return the generation, and what `access` does, of one moment."""
        with self._reading() as sql:
            return self._number("generation"), self._access(sql)

    def check(self) -> list[str]:
        """Return what is wrong with the whole store, in words; nothing where it is whole."""
        try:
            with self._reading():
                faults = self._faults()
            for _ in self.vectors():
                pass
            count = len(list(self.faces())) - len(self.rows().slots)
            return [*faults, *([f"{counted(abs(count), 'face')} changed meanwhile"] if count else [])]
        except FacekitError as error:
            return [str(error)]

    def _access(self, sql: Sql) -> str | None:
        row = sql.execute("select value from meta where key = 'access'").fetchone()
        return None if row is None else self._read.text(row[0], _MOST_ACCESS)

    def _said(self, row: Sequence[Any]) -> Feedback:
        key, right, person, actual, similarity, answered = row
        if right not in (0, 1) or any(one is not None and not isinstance(one, int) for one in (person, actual)):
            raise Bad("what was said of an answer")
        if similarity is not None and not isinstance(similarity, float):
            raise Bad("a similarity")
        return Feedback(self._read.text(key), bool(right), person, actual, similarity, self._read.text(answered))

    @abstractmethod
    def _has_feedback(self) -> bool:
        """Whether there is a table of what was said of answers."""

    def _known(self, table: str, person: int | None) -> list[KnownFace]:
        with self._reading() as sql:
            names = dict(sql.execute("select id, name from people").fetchall())
            kept = {row[0] for row in sql.execute("select id from crops")}
            where, values = ("where person = ?", (person,)) if person is not None else ("", ())
            order = "slot" if table == "faces" else "at, id"
            found = sql.execute(f"select person, {_FACE} from {table} {where} order by {order}", values)
            return [self._read.known(self._read.text(names.get(row[0])), row[1:], row[1] in kept) for row in found]

    @abstractmethod
    def _faults(self) -> list[str]:
        """Return what the database itself says is wrong with the tables, in words."""

    def _vectors(self, columns: Sequence[Any]) -> NDArray[np.float32]:
        """Return embeddings, shape (n, dimensions), from what the column `vector` holds. Raises Bad."""
        return self._read.vectors(columns)
