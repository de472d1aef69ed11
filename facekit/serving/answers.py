"""What the routes return, as the OpenAPI document describes it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from facekit.base.contract import Box as Place
from facekit.options.keys import Scope


class Box(BaseModel):
    """Where a face is in its picture, in pixels from the top left."""

    x: int
    y: int
    w: int
    h: int

    @classmethod
    def of(cls, place: Place | None) -> Box | None:
        """Return a box as an answer has it."""
        return None if place is None else cls(x=place.x, y=place.y, w=place.w, h=place.h)


class DetectedFace(BaseModel):
    """A face that was found."""

    box: Box
    score: Annotated[float, Field(description="How sure the detector is; its own measure, higher is surer.")]
    quality: Annotated[
        dict[str, float],
        Field(description="Sharpness, brightness, contrast, clipped pixels, size, and with landmarks the pose."),
    ]


class Detected(BaseModel):
    """The faces of a picture, largest first."""

    width: int
    height: int
    faces: list[DetectedFace]


class Near(BaseModel):
    """A person whom a face is near."""

    person: int
    name: str
    similarity: float
    denied: Annotated[bool, Field(description="Whether somebody has said of a face like it that it is not this one.")]


class IdentifiedFace(BaseModel):
    """Who a face is."""

    number: Annotated[int, Field(description="From 1, largest first: what enrolling and denying take as `face`.")]
    answer: Annotated[str | None, Field(description="What `/v1/feedback` takes; null where there is no answer.")] = None
    box: Box | None
    known: Annotated[bool, Field(description="False: a stranger, or a face that cannot be compared.")]
    person: Annotated[int | None, Field(description="The person's number; null for a stranger.")] = None
    name: str | None = None
    similarity: Annotated[
        float | None, Field(description="To that person, or to the nearest one: one minus a distance.")
    ] = None
    probability: Annotated[
        float | None, Field(description="That it is that person, were half of all faces those of strangers.")
    ] = None
    nearest: list[Near] = []
    reason: Annotated[str | None, Field(description="Why the face cannot be compared; else null.")] = None


class Identified(BaseModel):
    """Who is in a picture: its faces, largest first."""

    width: int
    height: int
    faces: list[IdentifiedFace]
    threshold: Annotated[float, Field(description="The similarity from which a face gets a name.")]
    fpir: Annotated[float, Field(description="Share of strangers' faces that get a name at that threshold.")]
    promised: Annotated[bool, Field(description="Whether the gallery is large enough to rely on that share.")]


class Verified(BaseModel):
    """Whether two pictures show one person: the main face of each is compared."""

    same: bool
    similarity: float
    probability: Annotated[float, Field(description="That they are one person, were half of all pairs.")]
    threshold: Annotated[float, Field(description="The similarity from which they count as one person.")]
    fmr: Annotated[float, Field(description="Share of pairs of different people above it.")]
    first: Box | None
    second: Box | None


class Guessed(BaseModel):
    """A label, and how sure a run is of it."""

    label: str
    confidence: float


class Shows(BaseModel):
    """What a face shows of a target, such as its expression, and how probable that is."""

    label: str
    probability: float


class LabelledFace(BaseModel):
    """What a run says of a face."""

    answer: Annotated[
        str | None, Field(description="What `/v1/feedback` takes; null where nothing is counted of the answers.")
    ] = None
    box: Box | None
    label: str | None
    confidence: float | None = None
    similarity: float | None = None
    probability: float | None = None
    top: list[Guessed] = []
    targets: Annotated[
        dict[str, Shows], Field(description="Of a run of several targets, what the face shows of each but the first.")
    ] = {}
    reason: Annotated[str | None, Field(description="Why the face has no label; else null.")] = None


class Analyzed(BaseModel):
    """What each run says of the faces of a picture, largest first."""

    width: int
    height: int
    runs: dict[str, list[LabelledFace]]


class PersonOut(BaseModel):
    """A person of the gallery."""

    person: int
    name: str
    faces: int
    denied: Annotated[int, Field(description="Faces of which somebody has said that they are not this person.")] = 0


class People(BaseModel):
    """People of the gallery, by name."""

    people: list[PersonOut]
    total: int


class PersonFace(BaseModel):
    """An enrolled face."""

    face: str
    box: Box | None
    at: Annotated[str, Field(description="When it was enrolled, in UTC.")]
    picture: Annotated[bool, Field(description="Whether a small picture of it is kept.")]


class PersonDetail(PersonOut):
    """A person and their faces."""

    enrolled: list[PersonFace]


class Enrolled(PersonOut):
    """A person after faces were enrolled."""

    new: Annotated[int, Field(description="Faces that were not enrolled before.")]
    enrolled: Annotated[list[str], Field(description="The id of the face of each picture, in order.")]


class Denied(BaseModel):
    """What was noted."""

    new: Annotated[bool, Field(description="False: it was noted before.")]


class Name(BaseModel):
    """A person's name."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "Ada Byron"}})

    name: Annotated[str, Field(min_length=1, max_length=200)]


class Others(BaseModel):
    """People who are the same person."""

    model_config = ConfigDict(json_schema_extra={"example": {"others": [2]}})

    others: Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]], Field(min_length=1, max_length=100)]


class Said(BaseModel):
    """Whether an answer was right."""

    model_config = ConfigDict(json_schema_extra={"example": {"answer": "ANSWER", "right": True}})

    answer: Annotated[str, Field(max_length=200, description="The `answer` of a face that was identified or labelled.")]
    right: bool
    person: Annotated[
        int | None,
        Field(
            ge=1, lt=2**63, description="The number of the person that it really is, where that is known. Of a gallery."
        ),
    ] = None


class KeyOut(BaseModel):
    """What the key of a request may do, and what is served."""

    scope: Annotated[Scope, Field(description="`admin` where the server asks for no keys.")]
    gallery: Annotated[bool, Field(description="Whether people can be identified and enrolled.")]
    runs: Annotated[list[str], Field(description="The runs that `/v1/analyze` asks.")]


class Health(BaseModel):
    """Whether the server runs."""

    status: str


class ProblemOut(BaseModel):
    """Why a request is refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
