"""The routes that answer questions about pictures, and keep nothing of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from facekit.base.contract import BadImage, Image
from facekit.faces.landmarks import NO_FACE
from facekit.identity.comparing import matched
from facekit.identity.faces import Seen, SeenFaces
from facekit.identity.gallery.answers import Answer, NoAnswer, named
from facekit.identity.predictor import Prediction
from facekit.options.common import STRANGER
from facekit.serving import metrics, uploads
from facekit.serving.answers import (
    Analyzed,
    Box,
    Detected,
    DetectedFace,
    Guessed,
    Identified,
    IdentifiedFace,
    LabelledFace,
    Near,
    Shows,
    Verified,
)
from facekit.serving.describing import picture_body, refusals
from facekit.serving.engine import Engine
from facekit.serving.live import Live, Now
from facekit.serving.monitor.counting import Asked, Counting, Held
from facekit.serving.noting import note
from facekit.serving.problems import Problem
from facekit.serving.tokens import Tokens

Count = Annotated[
    bool,
    Query(
        description="Whether the answers are counted for the monitor and for what /metrics says of faces. `false` for "
        "pictures of which there are many of the same people, such as the stills of a camera that somebody looks into, "
        "and for probes."
    ),
]


def routes(engine: Engine, tokens: Tokens | None) -> APIRouter:
    """Return the routes for what an engine has: a gallery, runs, or both."""
    router = APIRouter(prefix="/v1", tags=["ask"])
    _add_detect(router, engine)
    _add_verify(router, engine)
    if engine.live is not None and tokens is not None:
        _add_identify(router, engine, engine.live, tokens)
    if engine.labels:
        _add_analyze(router, engine, tokens if engine.live is None else None)
    return router


def _add_detect(router: APIRouter, engine: Engine) -> None:
    @router.post("/detect", openapi_extra=picture_body("picture"), responses=refusals("bad-picture"))
    async def detect(request: Request) -> Detected:
        """Find the faces of a picture."""
        image, found = await engine.measure((await uploads.read(request)).one("picture"))
        note(request, faces=len(found))
        faces = [DetectedFace(box=_box(one.face.box), score=one.face.score, quality=one.quality) for one in found]
        return Detected(**_size(image), faces=faces)


def _add_identify(router: APIRouter, engine: Engine, live: Live, tokens: Tokens) -> None:
    @router.post("/identify", openapi_extra=picture_body("picture"), responses=refusals("bad-picture"))
    async def identify(request: Request, count: Count = True) -> Identified:
        """Name the faces of a picture by the gallery, or say that they are strangers'."""
        counting = engine.counting if count else None
        seen = await engine.look((await uploads.read(request)).one("picture"), partial(_Looked.at, counting))
        vectors, reasons = await engine.embed([face.aligned for face in seen.faces])
        now = live.now
        answers = list(named("", [face.box for face in seen.faces], reasons, now.namer.name(vectors), now.namer))
        note(request, faces=len(answers), known=sum(map(_is_known, answers)))
        if count:
            _count(answers)
        if counting is not None:
            counting.count(seen.held, [None if one.name is None else _asked(one) for one in answers])
        return Identified(
            width=seen.width,
            height=seen.height,
            faces=[_face(number, answer, now, seen.sha256, tokens) for number, answer in enumerate(answers, 1)],
            threshold=round(now.namer.threshold, 4),
            fpir=now.namer.rate,
            promised=now.namer.promise.promised,
        )


def _add_verify(router: APIRouter, engine: Engine) -> None:
    @router.post("/verify", openapi_extra=picture_body("first", "second"), responses=refusals("bad-picture"))
    async def verify(request: Request) -> Verified:
        """Say whether two pictures show one person."""
        upload = await uploads.read(request)
        names = ("first", "second")
        both = [await _shown(engine, upload.one(name), name) for name in names]
        vectors, reasons = await engine.embed([seen.faces[0].aligned for seen in both])
        answer = matched(engine.matcher, names, (both[0], both[1]), vectors, reasons)
        if answer.same is None or answer.similarity is None or answer.probability is None:
            raise Problem("bad-picture", answer.reason or NO_FACE)
        note(request, faces=2)
        return Verified(
            same=answer.same,
            similarity=answer.similarity,
            probability=answer.probability,
            threshold=answer.threshold,
            fmr=answer.fmr,
            first=Box.of(answer.first_box),
            second=Box.of(answer.second_box),
        )


def _add_analyze(router: APIRouter, engine: Engine, tokens: Tokens | None) -> None:
    @router.post("/analyze", openapi_extra=picture_body("picture"), responses=refusals("bad-picture"))
    async def analyze(request: Request, count: Count = True) -> Analyzed:
        """Label the faces of a picture, by each run that the server was started with."""
        found = await engine.label((await uploads.read(request)).one("picture"))
        note(request, faces=max(map(len, found.faces.values())))
        first = engine.labels[0]
        counting = engine.counting if count and engine.live is None else None  # it is kept in the run that is served
        if counting is not None:
            guessed = [_guessed(one) for one in found.faces[first.name] if isinstance(one, Prediction)]
            counting.picture(found.image, guessed)
        runs = {name: [_labelled(one) for one in faces] for name, faces in found.faces.items()}
        if tokens is not None:  # feedback is about the run that is served
            for number, face in enumerate(runs[first.name], 1):
                face.answer = _token(tokens, found.sha256, number, face, first.predictor.run.labels)
        return Analyzed(**_size(found.image), runs=runs)


def _asked(answer: Answer) -> Asked:
    return Asked(answer.box, _is_known(answer), answer.similarity)


def _guessed(one: Prediction) -> Asked:
    confidence = one.probability if one.similarity is None else None
    return Asked(one.box, one.label not in (None, STRANGER), one.similarity, confidence)


@dataclass(frozen=True, kw_only=True)
class _Looked(SeenFaces):
    """A picture that was looked at: its pixels are let go, but for what is held to be counted."""

    width: int
    height: int
    held: Held | None = None

    @classmethod
    def at(cls, counting: Counting | None, seen: Seen) -> _Looked:
        held = None if counting is None else counting.hold(seen.image, [face.box for face in seen.faces])
        return cls(sha256=seen.sha256, faces=seen.faces, held=held, **_size(seen.image))


async def _shown(engine: Engine, data: bytes, name: str) -> SeenFaces:
    """Return the main face of a picture. Raises Problem, which says which picture shows none."""
    try:
        seen = await engine.look(data, partial(_Looked.at, None), only_foremost=True)
    except Problem as problem:
        raise Problem(problem.name, f"{name}: {problem.detail}") from None
    if not seen.faces:
        raise Problem("bad-picture", f"{name}: {NO_FACE}")
    return seen


def _size(image: Image) -> dict[str, int]:
    return {"width": image.shape[1], "height": image.shape[0]}


def _box(place: Any) -> Box:
    return Box(x=place.x, y=place.y, w=place.w, h=place.h)


def _is_known(answer: Answer) -> bool:
    return answer.name not in (None, STRANGER)


def _count(answers: Sequence[Answer]) -> None:
    for answer in answers:
        if answer.name is not None:
            known = "yes" if _is_known(answer) else "no"
            metrics.IDENTIFIED.labels(known).inc()
            if answer.similarity is not None:
                metrics.SIMILARITY.labels(known).observe(answer.similarity)


def _face(number: int, answer: Answer, now: Now, picture: str, tokens: Tokens) -> IdentifiedFace:
    if isinstance(answer, NoAnswer):
        return IdentifiedFace(number=number, box=Box.of(answer.box), known=False, reason=answer.reason)
    known = answer.name if _is_known(answer) else None
    person = None if known is None else now.numbers[known]
    return IdentifiedFace(
        number=number,
        answer=tokens.make(picture, number, person, answer.similarity),
        box=Box.of(answer.box),
        known=known is not None,
        person=person,
        name=known,
        similarity=answer.similarity,
        probability=answer.probability,
        nearest=[Near(person=now.numbers[one.name], **vars(one)) for one in answer.nearest],
    )


def _labelled(one: Prediction | BadImage) -> LabelledFace:
    if isinstance(one, BadImage):
        return LabelledFace(box=None, label=None, reason=one.reason)
    return LabelledFace(
        box=Box.of(one.box),
        label=one.label,
        confidence=one.confidence,
        similarity=one.similarity,
        probability=one.probability,
        top=[Guessed(label=guess.label, confidence=guess.confidence) for guess in one.top],
        targets={name: Shows(**vars(shown)) for name, shown in (one.targets or {}).items()},
    )


def _token(tokens: Tokens, picture: str, number: int, face: LabelledFace, labels: Sequence[str]) -> str | None:
    if face.label is None:
        return None
    label = labels.index(face.label) + 1 if face.label in labels else None
    return tokens.make(picture, number, label, face.similarity)
