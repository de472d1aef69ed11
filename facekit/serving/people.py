"""The routes that show and change who is in the gallery."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from facekit.base.contract import BadImage, FacekitError, Image
from facekit.base.names import fold
from facekit.base.text import counted
from facekit.dataset import tombstones
from facekit.faces.landmarks import NO_FACE
from facekit.identity.faces import Seen, SeenFace, kept
from facekit.identity.gallery import NewFace, Person
from facekit.identity.gallery.values import Crop, KnownFace, Where
from facekit.serving import uploads
from facekit.serving.answers import (
    Box,
    Denied,
    Enrolled,
    Name,
    Others,
    People,
    PersonDetail,
    PersonFace,
    PersonOut,
)
from facekit.serving.describing import picture_body, refusals
from facekit.serving.engine import Engine
from facekit.serving.live import Live
from facekit.serving.noting import note
from facekit.serving.problems import Problem
from facekit.serving.uploads import Upload

MOST_LISTED = 1000

UPLOADED = "uploaded"
"""What the gallery says of where a face came from: nothing of the file that was sent is kept."""

Number = Annotated[int, Path(ge=1, lt=2**63, description="The person's number.")]
FaceId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="The face's id.")]

MOST_NAME = 200
"""Characters of a name."""

_NAME = {"type": "string", "minLength": 1, "maxLength": MOST_NAME}
_FACE = {
    "type": "integer",
    "minimum": 1,
    "description": "Which face of the picture, from 1, largest first; by default the main one.",
}


def routes(engine: Engine, live: Live) -> APIRouter:
    """Return the routes for the people of a gallery."""
    router = APIRouter(prefix="/v1/people", tags=["people"])
    desk = Desk(engine, live)
    _add_showing(router, desk)
    _add_enrolling(router, desk)
    _add_changing(router, desk)
    return router


@dataclass(frozen=True)
class _Read:
    """A face of a picture that was sent, before it is embedded."""

    where: Where
    aligned: Image | BadImage
    crop: Crop | None


class Desk:
    """What the routes do with the gallery. Whoever asks next, of any process, sees it within a second."""

    def __init__(self, engine: Engine, live: Live) -> None:
        """Take the engine and its gallery."""
        self.engine, self.live, self.store = engine, live, live.gallery.store

    async def person(self, number: int) -> Person:
        """Return a person. Raises Problem where there is nobody of that number."""
        found = await self.engine.at_desk(self.store.person, number)
        if found is None:
            raise Problem("not-found", f"nobody has the number {number}")
        return found

    async def faces(self, upload: Upload, foremost: bool) -> list[NewFace]:
        """Return the one face of each picture that was sent, embedded. Raises Problem where one shows none."""
        pictures = upload.some("picture")
        number = _face_number(upload, len(pictures))
        read = list[_Read]()
        for at in range(0, len(pictures), self.engine.threads):  # more pixels at a time would only fill the memory
            some = enumerate(pictures[at : at + self.engine.threads], at + 1)
            work = (self._read(data, number, foremost, _which(place, len(pictures))) for place, data in some)
            # All are waited for, so that nothing is left to do for a request that is refused.
            read += map(_unless_refused, await asyncio.gather(*work, return_exceptions=True))
        vectors, reasons = await self.engine.embed([one.aligned for one in read])
        for place, reason in enumerate(reasons, 1):
            if reason is not None:
                raise Problem("bad-picture", f"{_which(place, len(pictures))}{reason}")
        return [NewFace(one.where, vector, one.crop) for one, vector in zip(read, vectors, strict=True)]

    async def _read(self, data: bytes, number: int | None, foremost: bool, which: str) -> _Read:
        """Return the face of a picture that is meant. The picture itself is let go."""
        return await self.engine.look(data, partial(self._meant, number, which), foremost and number is None)

    def _meant(self, number: int | None, which: str, seen: Seen) -> _Read:
        try:
            tombstones.check(seen.image, seen.sha256)
        except BadImage as error:
            raise Problem("bad-picture", f"{which}{error.reason}") from None
        face = _chosen(seen.faces, number, which)
        crop = kept(seen.image, face.box) if self.live.gallery.about.keep_crops else None
        return _Read(Where(UPLOADED, seen.sha256, face.box), face.aligned, crop)

    def enroll(self, name: str, faces: list[NewFace]) -> tuple[Person, int]:
        """Add faces to a person. Raises Problem for a face that is enrolled as somebody else."""
        for face in faces:
            known = self.store.face(face.id)
            if known is not None and fold(known.name) != fold(name):
                raise Problem("conflict", "the face is enrolled as somebody else", face=face.id)
        try:
            new = self.store.enroll({name: faces})
        except FacekitError as error:
            if "is no name" in str(error):
                raise Problem("bad-value", "that is no name") from None
            raise
        person = self.store.find_person(name)
        if person is None:
            raise Problem("conflict", "the person was deleted at the same time")
        return person, new

    def rename(self, number: int, name: str) -> None:
        """Rename a person. Raises Problem for a name that somebody else has, and one that is none."""
        other = self.store.find_person(name)
        if other is not None and other.number != number:
            raise Problem("conflict", "somebody else has that name; merge the two if they are one", person=other.number)
        try:
            self.store.rename(number, name)
        except FacekitError as error:
            if "is no name" in str(error):
                raise Problem("bad-value", "that is no name") from None
            raise

    def remove(self, people: list[int], faces: list[str]) -> None:
        """Remove people or faces, and blank them in the index too."""
        self.store.remove(people, faces)
        self.live.refresh()


def _add_showing(router: APIRouter, desk: Desk) -> None:
    @router.get("", responses=refusals(picture=False))
    async def list_people(
        request: Request,
        search: Annotated[str, Query(max_length=200, description="Part of a name, however it is spelled.")] = "",
        offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
    ) -> People:
        """List the people of the gallery, by name."""
        found = await desk.engine.at_desk(desk.store.people)
        chosen = [one for one in found if fold(search) in fold(one.name)]
        note(request, people=len(chosen))
        return People(people=[shown(one) for one in chosen[offset : offset + limit]], total=len(chosen))

    @router.get("/{person}", responses=refusals("not-found", picture=False))
    async def show_person(person: Number) -> PersonDetail:
        """Show a person and the faces they are enrolled with."""
        found = await desk.person(person)
        faces: list[KnownFace] = await desk.engine.at_desk(lambda: list(desk.store.faces(person)))
        listed = [PersonFace(face=one.id, box=Box.of(one.where.box), at=one.at, picture=one.has_crop) for one in faces]
        return PersonDetail(**shown(found).model_dump(), enrolled=listed)

    @router.get(
        "/{person}/faces/{face}/picture",
        response_class=Response,
        responses={**refusals("not-found", picture=False), 200: {"content": {"image/jpeg": {}}}},
    )
    async def show_face(person: Number, face: FaceId) -> Response:
        """Return the small picture that is kept of an enrolled face."""
        await _of_person(desk, person, face)
        crop = await desk.engine.at_desk(desk.store.crop, face)
        if crop is None:
            raise Problem("not-found", "no picture of this face is kept")
        return Response(crop.data, media_type="image/jpeg")


def _add_enrolling(router: APIRouter, desk: Desk) -> None:
    body = picture_body("picture", fields={"name": _NAME}, optional={"face": _FACE}, many=True)

    @router.post("", status_code=201, openapi_extra=body, responses=refusals("bad-picture", "conflict"))
    async def enroll(request: Request) -> Enrolled:
        """Enroll the main face of each picture under a name. Sent again, it changes nothing."""
        upload = await uploads.read(request)
        name = _named(upload.fields.get("name", ""))
        faces = await desk.faces(upload, foremost=True)
        person, new = await desk.engine.at_desk(desk.enroll, name, faces)
        note(request, faces=len(faces), new=new)
        return Enrolled(**shown(person).model_dump(), new=new, enrolled=[face.id for face in faces])

    denial = picture_body("picture", optional={"face": _FACE})

    @router.post("/{person}/deny", openapi_extra=denial, responses=refusals("bad-picture", "not-found"))
    async def deny(request: Request, person: Number) -> Denied:
        """Note that the face in a picture is not this person: it and faces like it get another name, or none."""
        upload = await uploads.read(request)
        await desk.person(person)
        upload.one("picture")
        faces = await desk.faces(upload, foremost=False)
        return Denied(new=await desk.engine.at_desk(desk.store.deny, person, faces[0]))


def _add_changing(router: APIRouter, desk: Desk) -> None:
    @router.patch("/{person}", responses=refusals("not-found", "conflict", picture=False))
    async def rename(person: Number, wanted: Name) -> PersonOut:
        """Give a person another name."""
        await desk.person(person)
        await desk.engine.at_desk(desk.rename, person, _named(wanted.name))
        return shown(await desk.person(person))

    @router.post("/{person}/merge", responses=refusals("not-found", picture=False))
    async def merge(person: Number, wanted: Others) -> PersonOut:
        """Give this person the faces of others, who are the same person, and remove the others."""
        others = [other for other in dict.fromkeys(wanted.others) if other != person]
        for number in (person, *others):
            await desk.person(number)
        await desk.engine.at_desk(desk.store.merge, person, others)
        return shown(await desk.person(person))

    @router.delete("/{person}", status_code=204, responses=refusals("not-found", picture=False))
    async def delete_person(person: Number) -> None:
        """Delete a person with their faces and pictures, and what was said of answers that named them."""
        await desk.person(person)
        await desk.engine.at_desk(desk.remove, [person], [])

    @router.delete("/{person}/faces/{face}", status_code=204, responses=refusals("not-found", picture=False))
    async def delete_face(person: Number, face: FaceId) -> None:
        """Delete one face of a person, with its picture."""
        await _of_person(desk, person, face)
        await desk.engine.at_desk(desk.remove, [], [face])


async def _of_person(desk: Desk, number: int, face: str) -> None:
    """Check that a face is enrolled as a person. Raises Problem."""
    person, known = await desk.person(number), await desk.engine.at_desk(desk.store.face, face)
    if known is None or fold(known.name) != fold(person.name):
        raise Problem("not-found", f"person {number} has no face {face}")


def _named(given: str) -> str:
    """Return a name that was sent. Raises Problem for one that is too long, or in which nothing can be read."""
    name = given.strip()
    if len(name) > MOST_NAME or not any(map(str.isalnum, name)):
        raise Problem("bad-value", f"send a name of at most {MOST_NAME} characters as `name`")
    return name


def _face_number(upload: Upload, pictures: int) -> int | None:
    given = upload.fields.get("face", "")
    if not given:
        return None
    if pictures != 1:
        raise Problem("bad-request", "`face` says which face of one picture; send one picture")
    if not (given.isascii() and given.isdigit() and 0 < int(given[:6]) <= 9999):
        raise Problem("bad-value", "`face` is the number of a face, from 1, largest first")
    return int(given)


def shown(person: Person) -> PersonOut:
    """Return a person as an answer has them."""
    return PersonOut(person=person.number, name=person.name, faces=person.faces, denied=person.denied)


def _unless_refused(read: _Read | BaseException) -> _Read:
    if isinstance(read, BaseException):
        raise read
    return read


def _chosen(faces: Sequence[SeenFace], number: int | None, which: str) -> SeenFace:
    """Return the face of a picture that is meant. Raises Problem for none, and where it is not clear which."""
    if not faces:
        raise Problem("bad-picture", f"{which}{NO_FACE}")
    if number is None and len(faces) > 1:
        raise Problem(
            "bad-picture", f"the picture shows {len(faces)} faces; say which one as `face`, from 1, largest first"
        )
    if number is not None and number > len(faces):
        raise Problem("bad-value", f"the picture shows {counted(len(faces), 'face')}")
    return faces[(number or 1) - 1]


def _which(place: int, pictures: int) -> str:
    return "" if pictures == 1 else f"picture {place}: "
