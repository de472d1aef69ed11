"""The route that takes whether an answer was right."""

from __future__ import annotations

from fastapi import APIRouter, Request

from facekit.identity.gallery.values import Feedback
from facekit.serving.answers import Said
from facekit.serving.describing import refusals
from facekit.serving.engine import Engine
from facekit.serving.noting import note
from facekit.serving.problems import Problem
from facekit.serving.tokens import Token, Tokens


def routes(engine: Engine, tokens: Tokens) -> APIRouter:
    """Return the route for feedback on the answers of a gallery, or of a run, of which it is counted alone."""
    router = APIRouter(prefix="/v1", tags=["ask"] if engine.live is None else ["people"])

    @router.post("/feedback", status_code=204, responses=refusals("not-found", picture=False))
    async def feedback(request: Request, said: Said) -> None:
        """Say whether an answer was right, and who it really is. Nothing of the picture is kept."""
        token = tokens.read(said.answer)
        if token is None:
            raise Problem("bad-value", "`answer` is not one that a server of this gallery or run has given")
        if engine.live is None:
            if said.person is not None:
                raise Problem("bad-value", "a run names no people by number; leave out `person`")
        else:
            _check(token, said)
            if not await engine.at_desk(engine.live.gallery.store.note_feedback, _kept(token, said)):
                raise Problem("not-found", "the person is not in the gallery any more")
        note(request, right=int(said.right))
        if engine.counting is not None:
            engine.counting.feedback(said.right)

    return router


def _check(token: Token, said: Said) -> None:
    if said.right and said.person not in (None, token.person):
        raise Problem("bad-value", "a right answer has named who it really is; leave out `person`")
    if not said.right and said.person is not None and said.person == token.person:
        raise Problem("bad-value", "the answer named that person, so it was right")


def _kept(token: Token, said: Said) -> Feedback:
    actual = token.person if said.right else said.person
    similarity = None if token.similarity is None else round(token.similarity, 4)
    return Feedback(token.id, said.right, token.person, actual, similarity, token.answered)
