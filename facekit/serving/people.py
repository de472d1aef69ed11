"""The routes that show and change who is in the gallery."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from facekit.base.names import fold
from facekit.identity.gallery import Person
from facekit.serving.answers import People, PersonOut
from facekit.serving.describing import refusals
from facekit.serving.engine import Engine
from facekit.serving.live import Live
from facekit.serving.noting import note

MOST_LISTED = 1000


def routes(engine: Engine, live: Live) -> APIRouter:
    """Return the routes for the people of a gallery."""
    router = APIRouter(prefix="/v1/people", tags=["people"])

    @router.get("", responses=refusals(picture=False))
    async def list_people(
        request: Request,
        search: Annotated[str, Query(max_length=200, description="Part of a name, however it is spelled.")] = "",
        offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
    ) -> People:
        """List the people of the gallery, by name."""
        found = await engine.at_desk(live.gallery.store.people)
        chosen = [one for one in found if fold(search) in fold(one.name)]
        note(request, people=len(chosen))
        return People(people=[shown(one) for one in chosen[offset : offset + limit]], total=len(chosen))

    return router


def shown(person: Person) -> PersonOut:
    """Return a person as an answer has them."""
    return PersonOut(person=person.number, name=person.name, faces=person.faces, denied=person.denied)
