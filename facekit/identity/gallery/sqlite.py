"""A gallery in one SQLite file: what is read of it, and each change as one transaction."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from facekit.base import plain
from facekit.base.contract import FacekitError
from facekit.base.names import fold, stored
from facekit.base.text import counted, visible
from facekit.identity.gallery import opening
from facekit.identity.gallery.rowvalues import Bad, Reader, boxed, encodable, now, packed, placed
from facekit.identity.gallery.transactions import Transactions
from facekit.identity.gallery.values import (
    MOST_CROP,
    MOST_NAME,
    About,
    Crop,
    Denials,
    KnownFace,
    NewFace,
    Person,
    Rows,
    Strangers,
)

_BLOCK = 4096
"""Embeddings that are read at a time."""

_FACE = "id, path, sha256, box, origin, source, at"


class SqliteStore(Transactions):
    """The store of a folder. Several threads may share one, and several processes one folder."""

    def rows(self) -> Rows:
        """Return who every face is, at one generation."""
        with self._reading() as connection:
            names = {
                self._read.number(n): self._read.text(t) for n, t in connection.execute("select id, name from people")
            }
            found = connection.execute("select slot, person from faces order by slot").fetchall()
            if any(not isinstance(value, int) for row in found for value in row):
                raise Bad("a number of a face")
            pairs = np.array(found, np.int64).reshape(-1, 2)
            if not set(pairs[:, 1].tolist()) <= names.keys():
                raise Bad("the person of a face")
            return Rows(self._number("generation"), pairs[:, 0], pairs[:, 1], names)

    def vectors(self, after: int = -1) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Yield slots, ascending, and embeddings of the faces with higher slots than one, block by block."""
        while True:
            with self._reading() as connection:
                found = connection.execute(
                    "select slot, vector from faces where slot > ? order by slot limit ?", (after, _BLOCK)
                ).fetchall()
                slots = np.array([self._read.number(row[0]) for row in found], np.int64)
                vectors = self._read.vectors([row[1] for row in found])
            if not len(slots):
                return
            yield slots, vectors
            after = int(slots[-1])

    def people(self) -> list[Person]:
        """Return the people, by name."""
        with self._reading() as connection:
            found = connection.execute(
                "select id, name, (select count(*) from faces where person = people.id),"
                " (select count(*) from denials where person = people.id) from people"
            ).fetchall()
            people = [Person(self._read.number(n), self._read.text(name), faces, no) for n, name, faces, no in found]
            return sorted(people, key=lambda one: (fold(one.name), one.name))

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
        with self._reading() as connection:
            found = connection.execute("select person, vector from denials order by id").fetchall()
            people = np.array([self._read.number(row[0]) for row in found], np.int64)
            return Denials(self._read.vectors([row[1] for row in found]), people)

    def strangers(self) -> Strangers:
        """Return the strangers that were added."""
        with self._reading() as connection:
            found = connection.execute("select who, vector from strangers order by who, id").fetchall()
            return Strangers(self._read.vectors([row[1] for row in found]), [self._read.text(row[0]) for row in found])

    def stranger_ids(self) -> Iterator[tuple[str, str]]:
        """Yield the id of each stranger's face, and who it is."""
        with self._reading() as connection:
            found = connection.execute("select id, who from strangers order by who, id").fetchall()
            return iter([(self._read.text(one), self._read.text(who)) for one, who in found])

    def pictures(self) -> dict[str, str]:
        """Return the SHA-256 of each picture that a face was enrolled from -> the name it is enrolled under."""
        with self._reading() as connection:
            found = connection.execute("select sha256, name from faces join people on people.id = person")
            return {self._read.text(one): self._read.text(name) for one, name in found}

    def slots(self) -> dict[str, int]:
        """Return the id of each enrolled face -> its slot."""
        with self._reading() as connection:
            found = connection.execute("select id, slot from faces").fetchall()
            return {self._read.text(face): self._read.number(slot) for face, slot in found}

    def vector(self, face: str) -> NDArray[np.float32] | None:
        """Return the embedding of an enrolled face, shape (dimensions,); None where it is not there."""
        with self._reading() as connection:
            row = connection.execute("select vector from faces where id = ?", (face,)).fetchone()
            return None if row is None else np.asarray(self._read.vectors([row[0]])[0])

    def crop(self, face: str) -> Crop | None:
        """Return the kept picture of a face, a denied face or a stranger's; None where none is kept."""
        with self._reading() as connection:
            row = connection.execute("select box, data from crops where id = ?", (face,)).fetchone()
            return None if row is None else Crop(self._read.data(row[1], MOST_CROP), boxed(row[0]))

    def enroll(self, people: Mapping[str, Sequence[NewFace]], replace: bool = False) -> int:
        """Add faces to people, who are made where they are not there; return how many faces were new."""
        with self._changing() as connection:
            new = 0
            for name, faces in people.items():
                person = self._person(name)
                if replace:
                    self._drop_faces(connection, "person = ?", person)
                new += sum(self._add(person, face) for face in faces)
            return new

    def rename(self, person: int, name: str) -> None:
        """Give a person another name, which nobody else has. Raises FacekitError."""
        with self._changing() as connection:
            taken = connection.execute("select id from people where key = ? and id != ?", (fold(name), person))
            if taken.fetchone() is not None:
                raise FacekitError(
                    f"{visible(name)} is in the gallery already; use `gallery merge` to make two people one"
                )
            connection.execute("update people set name = ?, key = ? where id = ?", (_name(name), fold(name), person))

    def merge(self, into: int, others: Sequence[int]) -> None:
        """Give the faces and denials of others to one person, and remove the others."""
        with self._changing() as connection:
            for other in others:
                connection.execute("update faces set person = ? where person = ?", (into, other))
                for (one,) in connection.execute("select id from denials where person = ?", (other,)).fetchall():
                    twice = "select 1 from denials mine join denials other on mine.face = other.face"
                    if connection.execute(f"{twice} where mine.person = ? and other.id = ?", (into, one)).fetchone():
                        self._drop_denials(connection, "id = ?", one)
                connection.execute("update denials set person = ? where person = ?", (into, other))
                connection.execute("delete from people where id = ?", (other,))

    def remove(self, people: Iterable[int], faces: Iterable[str]) -> None:
        """Remove people with all they have, and single faces or denials by id."""
        with self._changing() as connection:
            for face in faces:
                self._drop_faces(connection, "id = ?", face)
                self._drop_denials(connection, "id = ?", face)
            for person in people:
                self._drop_faces(connection, "person = ?", person)
                self._drop_denials(connection, "person = ?", person)
                connection.execute("delete from people where id = ?", (person,))

    def deny(self, person: int, face: NewFace) -> bool:
        """Note that a face is not a person; return whether that was new."""
        with self._changing() as connection:
            where, there = face.where, "select 1 from denials where person = ? and face = ?"
            if connection.execute(there, (person, face.id)).fetchone():
                return False
            key = f"not-{secrets.token_hex(6)}"
            row = (key, person, face.id, *placed(where), now())
            connection.execute("insert into denials values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, self._bytes(face)))
            self._keep(key, face.crop)
            return True

    def set_strangers(self, faces: Sequence[tuple[str, NewFace]]) -> None:
        """Put strangers, each with who it is, in place of those before."""
        with self._changing() as connection:
            connection.execute("delete from crops where id in (select id from strangers)")
            connection.execute("delete from strangers")
            for who, face in faces:
                row = (f"stranger-{face.id}", encodable(who), self._bytes(face))
                if connection.execute("insert or ignore into strangers values (?, ?, ?)", row).rowcount:
                    self._keep(row[0], face.crop)

    def promise(self) -> tuple[int, str] | None:
        """Return the promise that was stored last, as JSON, and the generation it was found at."""
        with self._reading() as connection:
            found = dict(connection.execute("select key, value from meta where key like 'promise%'").fetchall())
            if "promise" not in found:
                return None
            return self._number("promise_of"), self._read.text(found["promise"], 1 << 20)

    def set_promise(self, generation: int, promise: str) -> None:
        """Store a promise, unless the gallery has changed since. This alone leaves the generation as it is."""
        with self._changing(counts=False):
            if self._number("generation") == generation:
                self._set("promise_of", str(generation))
                self._set("promise", promise)

    def set_about(self, about: About) -> None:
        """Change what the gallery says of itself."""
        with self._changing():
            self._set("about", plain.dump(about))
        self.about = about

    def clear(self, about: About) -> None:
        """Remove everybody and everything, and begin a new gallery in the same place."""
        with self._changing() as connection:
            for table in ("crops", "strangers", "denials", "faces", "people"):
                connection.execute(f"delete from {table}")
            connection.execute("delete from meta where key like 'promise%'")
            self._set("about", plain.dump(about))
        self.about, self._read = about, Reader(about.embedder.dimensions)

    def check(self) -> list[str]:
        """Return what is wrong with the whole store, in words; nothing where it is whole."""
        try:
            with self._reading() as connection:
                faults = opening.check_pages(connection, self.file, always=True)
                faults += [
                    f"row {row[1]} of {row[0]} names nobody" for row in connection.execute("pragma foreign_key_check")
                ]
            for _ in self.vectors():
                pass
            count = len(list(self.faces())) - len(self.rows().slots)
            return [*faults, *([f"{counted(abs(count), 'face')} changed meanwhile"] if count else [])]
        except FacekitError as error:
            return [str(error)]

    def _known(self, table: str, person: int | None) -> list[KnownFace]:
        with self._reading() as connection:
            names = dict(connection.execute("select id, name from people").fetchall())
            kept = {row[0] for row in connection.execute("select id from crops")}
            where, values = ("where person = ?", (person,)) if person is not None else ("", ())
            order = "slot" if table == "faces" else "at, id"
            found = connection.execute(f"select person, {_FACE} from {table} {where} order by {order}", values)
            return [self._read.known(self._read.text(names.get(row[0])), row[1:], row[1] in kept) for row in found]

    def _person(self, name: str) -> int:
        key = fold(name)
        row = self._connection.execute("select id from people where key = ?", (key,)).fetchone()
        if row is not None:
            return self._read.number(row[0])
        done = self._connection.execute("insert into people (name, key) values (?, ?)", (_name(name), key))
        return int(done.lastrowid or 0)

    def _add(self, person: int, face: NewFace) -> bool:
        where, slot = face.where, self._number("next_slot")
        row = (face.id, person, slot, *placed(where), now())
        done = self._connection.execute(
            "insert or ignore into faces values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, self._bytes(face))
        )
        if done.rowcount == 1:
            self._set("next_slot", str(slot + 1))
            self._keep(face.id, face.crop)
        return done.rowcount == 1

    def _bytes(self, face: NewFace) -> bytes:
        vector = np.asarray(face.vector, "<f4")
        if vector.shape != (self.about.embedder.dimensions,) or not np.isfinite(vector).all():
            raise ValueError(f"an embedding of shape {vector.shape} for a gallery of {self.about.embedder.dimensions}")
        return vector.tobytes()

    def _keep(self, key: str, crop: Crop | None) -> None:
        if crop is not None and len(crop.data) <= MOST_CROP:
            self._connection.execute(
                "insert or replace into crops values (?, ?, ?)", (key, packed(crop.box), crop.data)
            )

    @staticmethod
    def _drop_faces(connection: sqlite3.Connection, where: str, value: int | str) -> None:
        connection.execute(f"delete from crops where id in (select id from faces where {where})", (value,))
        connection.execute(f"delete from faces where {where}", (value,))

    @staticmethod
    def _drop_denials(connection: sqlite3.Connection, where: str, value: int | str) -> None:
        connection.execute(f"delete from crops where id in (select id from denials where {where})", (value,))
        connection.execute(f"delete from denials where {where}", (value,))


def _name(name: str) -> str:
    """Return a name as it is stored. Raises FacekitError for one that nobody has."""
    kept = stored(name)
    if not kept or not fold(kept) or len(kept) > MOST_NAME:
        raise FacekitError(f"{visible(name[:80])!r} is no name; give one of at most {MOST_NAME} characters")
    return kept
