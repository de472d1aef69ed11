"""How a gallery in SQL is changed: each change is one transaction, of statements that every database understands."""

from __future__ import annotations

import secrets
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.base import plain
from facekit.base.clock import now
from facekit.base.contract import FacekitError
from facekit.base.names import fold, stored
from facekit.base.text import visible
from facekit.identity.gallery.queries import Queries
from facekit.identity.gallery.rowvalues import Reader, encodable, packed, placed
from facekit.identity.gallery.transactions import Rows, Sql
from facekit.identity.gallery.values import MOST_CROP, MOST_NAME, About, Crop, Feedback, NewFace, Where


class Changes(Queries):
    """What is changed in a gallery; `store.py` says what each method does."""

    def enroll(self, people: Mapping[str, Sequence[NewFace]], replace: bool = False) -> int:
        """Add faces to people, who are made where they are not there; return how many faces were new."""
        with self._changing() as sql:
            first = slot = self._number("next_slot")
            for name, faces in people.items():
                person = self._person(sql, name)
                if replace:
                    self._drop_faces(sql, "person = ?", person)
                for face in faces:
                    slot += self._add(sql, person, slot, face)
            self._set("next_slot", str(slot))
            return slot - first

    def rename(self, person: int, name: str) -> None:
        """Give a person another name, which nobody else has. Raises FacekitError."""
        with self._changing() as sql:
            taken = sql.execute("select id from people where key = ? and id != ?", (fold(name), person))
            if taken.fetchone() is not None:
                raise FacekitError(
                    f"{visible(name)} is in the gallery already; use `gallery merge` to make two people one"
                )
            sql.execute("update people set name = ?, key = ? where id = ?", (_name(name), fold(name), person))

    def merge(self, into: int, others: Sequence[int]) -> None:
        """Give the faces and denials of others to one person, and remove the others."""
        with self._changing() as sql:
            for other in others:
                sql.execute("update faces set person = ? where person = ?", (into, other))
                for (one,) in sql.execute("select id from denials where person = ?", (other,)).fetchall():
                    twice = "select 1 from denials mine join denials other on mine.face = other.face"
                    if sql.execute(f"{twice} where mine.person = ? and other.id = ?", (into, one)).fetchone():
                        self._drop_denials(sql, "id = ?", one)
                sql.execute("update denials set person = ? where person = ?", (into, other))
                if self._has_feedback():
                    sql.execute("update feedback set person = ? where person = ?", (into, other))
                    sql.execute("update feedback set actual = ? where actual = ?", (into, other))
                sql.execute("delete from people where id = ?", (other,))

    def remove(self, people: Iterable[int], faces: Iterable[str]) -> None:
        """Remove people with all they have, and single faces or denials by id."""
        with self._changing() as sql:
            for face in faces:
                self._drop_faces(sql, "id = ?", face)
                self._drop_denials(sql, "id = ?", face)
            for person in people:
                self._drop_faces(sql, "person = ?", person)
                self._drop_denials(sql, "person = ?", person)
                if self._has_feedback():
                    sql.execute("delete from feedback where person = ? or actual = ?", (person, person))
                sql.execute("delete from people where id = ?", (person,))

    def remove_strangers(self, faces: Iterable[str]) -> None:
        """Remove the faces of strangers by id."""
        with self._changing() as sql:
            for face in faces:
                sql.execute("delete from crops where id = ?", (face,))
                sql.execute("delete from strangers where id = ?", (face,))

    def purge(self) -> None:
        """Leave nothing of what was removed: no threshold that was found with it, and no bytes in free pages."""
        with self._changing() as sql:
            sql.execute("delete from meta where key like 'promise%'")
        with self._lock, self._faults_told():
            self._ready()
            for statement in self._purging():
                row = self._sql.execute(statement)
                self._check_purged(statement, row)

    def _check_purged(self, statement: str, found: Rows) -> None:  # noqa: B027 - only some databases say something
        """Raise FacekitError where a statement says that it could not be done."""

    @abstractmethod
    def _purging(self) -> Sequence[str]:
        """Return the statements, outside a transaction, after which nothing of removed rows is left."""

    def deny(self, person: int, face: NewFace) -> bool:
        """Note that a face is not a person; return whether that was new."""
        with self._changing() as sql:
            if sql.execute("select 1 from denials where person = ? and face = ?", (person, face.id)).fetchone():
                return False
            key = f"not-{secrets.token_hex(6)}"
            row = (key, person, face.id, *_texts(face.where), self._column(face))
            sql.execute("insert into denials values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            self._keep(sql, key, face.crop)
            return True

    def set_strangers(self, faces: Sequence[tuple[str, NewFace]]) -> None:
        """Put strangers, each with who it is, in place of those before."""
        with self._changing() as sql:
            sql.execute("delete from crops where id in (select id from strangers)")
            sql.execute("delete from strangers")
            for who, face in faces:
                key = f"stranger-{face.id}"
                there = "insert into strangers values (?, ?, ?) on conflict (id) do nothing"
                if sql.execute(there, (key, encodable(who), self._column(face))).rowcount:
                    self._keep(sql, key, face.crop)

    def set_promise(self, generation: int, promise: str) -> None:
        """Store a promise, unless the gallery has changed since. This alone leaves the generation as it is."""
        with self._changing(counts=False):
            if self._number("generation") == generation:
                self._set("promise_of", str(generation))
                self._set("promise", promise)

    def note_feedback(self, said: Feedback) -> bool:
        """Keep what somebody says of an answer, in place of what was said before; the generation stays.

        False: a person of whom it speaks is not there any more, and nothing is kept.
        """
        with self._changing(counts=False) as sql:
            for number in (said.person, said.actual):
                there = "select 1 from people where id = ?"
                if number is not None and sql.execute(there, (number,)).fetchone() is None:
                    return False
            if not self._has_feedback():
                self._make_feedback()
            sql.execute("delete from feedback where id = ?", (said.id,))
            row = (said.id, int(said.right), said.person, said.actual, said.similarity, said.answered, now())
            sql.execute("insert into feedback values (?, ?, ?, ?, ?, ?, ?)", row)
            return True

    @abstractmethod
    def _make_feedback(self) -> None:
        """Make the table of what was said of answers."""

    def set_access(self, change: Callable[[str | None], str]) -> None:
        """Change who may ask a server about the gallery: what is stored is handed over. The generation stays."""
        with self._changing(counts=False) as sql:
            self._set("access", change(self._access(sql)))

    def set_about(self, about: About) -> None:
        """Change what the gallery says of itself."""
        with self._changing():
            self._set("about", plain.dump(about))
        self.about = about

    def clear(self, about: About) -> None:
        """Remove everybody and everything, and begin a new gallery in the same place."""
        with self._changing() as sql:
            said = ("feedback",) if self._has_feedback() else ()
            for table in (*said, "crops", "strangers", "denials", "faces", "people"):
                sql.execute(f"delete from {table}")
            sql.execute("delete from meta where key like 'promise%'")
            self._set("about", plain.dump(about))
        self.about, self._read = about, Reader(about.embedder.dimensions)

    @staticmethod
    def _encoded(vector: NDArray[np.float32]) -> Any:
        """Return an embedding as the column `vector` takes it."""
        return np.asarray(vector, "<f4").tobytes()

    def _column(self, face: NewFace) -> Any:
        """Return the embedding of a face as its column takes it. Raises ValueError for another gallery's."""
        vector = np.asarray(face.vector, np.float32)
        if vector.shape != (self.about.embedder.dimensions,) or not np.isfinite(vector).all():
            raise ValueError(f"an embedding of shape {vector.shape} for a gallery of {self.about.embedder.dimensions}")
        return self._encoded(vector)

    def _person(self, sql: Sql, name: str) -> int:
        row = sql.execute("select id from people where key = ?", (fold(name),)).fetchone()
        if row is None:
            new = "insert into people (name, key) values (?, ?) returning id"
            (row,) = sql.execute(new, (_name(name), fold(name))).fetchall()
        return self._read.number(row[0])

    def _add(self, sql: Sql, person: int, slot: int, face: NewFace) -> bool:
        row = (face.id, person, slot, *_texts(face.where), self._column(face))
        new = "insert into faces values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (id) do nothing"
        if sql.execute(new, row).rowcount != 1:
            return False
        self._keep(sql, face.id, face.crop)
        return True

    @staticmethod
    def _keep(sql: Sql, key: str, crop: Crop | None) -> None:
        if crop is not None and len(crop.data) <= MOST_CROP:
            sql.execute(
                "insert into crops values (?, ?, ?)"
                " on conflict (id) do update set box = excluded.box, data = excluded.data",
                (key, packed(crop.box), crop.data),
            )

    @staticmethod
    def _drop_faces(sql: Sql, where: str, value: int | str) -> None:
        sql.execute(f"delete from crops where id in (select id from faces where {where})", (value,))
        sql.execute(f"delete from faces where {where}", (value,))

    @staticmethod
    def _drop_denials(sql: Sql, where: str, value: int | str) -> None:
        sql.execute(f"delete from crops where id in (select id from denials where {where})", (value,))
        sql.execute(f"delete from denials where {where}", (value,))


def _texts(where: Where) -> tuple[str, ...]:
    """Return the columns `path, sha256, box, origin, source, at` of a face of today."""
    return (*placed(where), now())


def _name(name: str) -> str:
    """Return a name as it is stored. Raises FacekitError for one that nobody has."""
    kept = stored(name)
    if not kept or not fold(kept) or len(kept) > MOST_NAME or "\0" in kept:
        raise FacekitError(f"{visible(name[:80])!r} is no name; give one of at most {MOST_NAME} characters")
    return kept
