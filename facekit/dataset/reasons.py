"""Why a picture was left out, as `rejected.jsonl` says it, where more than one module uses the word."""

from collections import Counter

from facekit.base.text import counted

SMALL, BLURRED, DARK, BRIGHT = "too small", "blurred", "too dark", "too bright"
FLAT, CLIPPED, TURNED, LEANING = "too little contrast", "too much black or white", "turned aside", "leaning"
REPEAT, SHARED, FEW, BEYOND = "repeat", "under two names", "name with too few", "name beyond --people"

REVIEWED = "rejected in review"
"""A person rejected it, and `clean` has applied that."""

LICENCE = "not under the licence asked for"
"""The value is the licence of the photo, or says that none is known."""

WRONG = "wrong person"
NO_FACE = "no face"
"""The box holds no face: a second detector sees none. The value is its score, from 0 to 1."""

UNCONFIRMED = "not confirmed as a face"
"""Of all boxes that the cascade found in a photo, a second detector confirms none. The value is how many they are."""

SEVERAL = "several faces"
"""The photo shows several faces where one was asked for. The value is how many."""

UNSURE = "unsure"
"""Neither surely the folder's person nor surely someone else; the value is the probability."""

NO_VECTOR = "no vector"
"""The face has no embedding; the value says why."""

NOBODY = "no clear person"
"""Nobody in its folder is clearly the one whose folder it is."""

OPEN = (UNSURE, NO_VECTOR, NOBODY)
"""The reasons of faces that a person has to decide on."""

REMOVED = "removed by hand"
"""A person deleted it from a stage's folder; it is not made again."""

REPEATED = "same bytes as another"
"""A plain tree holds it twice under one name."""

JOINED = "shown in an earlier part"
"""A group that was found after the split was drawn is in two parts; the value is the picture of the earlier one."""

HELD_OUT = "same bytes as a held-out picture"
"""A public data set has it in two parts of its split; it stays in the one that is scored on. The value is that one."""

THINNED = "beyond --count"
"""A good picture that is left out so that its folder holds exactly as many as were asked for."""


_COUNTS = {UNCONFIRMED: ("box", "boxes"), SEVERAL: ("face", "faces")}
"""Reason -> what its value counts."""

_NUMBERS = {
    WRONG: "{:.1%} likely to be this person",
    UNSURE: "{:.1%} likely to be this person",
    NO_FACE: "score {:.2g}",
    BLURRED: "sharpness {:.4g}",
    DARK: "brightness {:.4g}",
    BRIGHT: "brightness {:.4g}",
    FLAT: "contrast {:.4g}",
    CLIPPED: "{:.1%} of the pixels",
    SMALL: "side {:.4g} pixels",
    TURNED: "yaw {:.4g}°",
    LEANING: "roll {:.4g}°",
}
"""Reason -> what a person reads of its value, where the value is a number."""

TERMS = {
    "duplicate": (REPEAT, REPEATED, "near repeat", SHARED),
    "near duplicate": (REPEAT, "near repeat"),
    "exact duplicate": (REPEATED,),
    "blur": (BLURRED,),
    "low resolution": (SMALL,),
    "underexposed": (DARK,),
    "overexposed": (BRIGHT,),
    "low contrast": (FLAT,),
    "clipping": (CLIPPED,),
    "pose": (TURNED, LEANING),
    "yaw": (TURNED,),
    "roll": (LEANING,),
    "mislabelled": (WRONG,),
    "no face detected": (NO_FACE,),
    "multiple faces": (SEVERAL,),
    "leakage": (JOINED, HELD_OUT),
    "opt-out": ("opted out",),
    "corrupt": ("damaged", "truncated", "cannot be decoded", "not a picture", "empty file"),
}
"""What the field calls a reason -> the reasons of facekit that it means."""


def measured(reason: str, value: int | float | str | None) -> str:
    """Return for a person what decided that a picture was left out: a number with what it is, or a text as it is."""
    if value is None or isinstance(value, str):
        return value or ""
    if reason in _COUNTS:
        return counted(int(value), *_COUNTS[reason])
    if reason == NO_FACE and isinstance(value, int):  # of `crop`: no box was found, so there is no score
        return ""
    return _NUMBERS.get(reason, "{:.4g}").format(value)


def advice(left: Counter[str]) -> str:
    """Return what to do where a stage left out everything."""
    if not left:
        return "the input has no pictures that this stage can use"
    reasons = ", ".join(f"{count} {reason}" for reason, count in left.most_common(3))
    return f"left out: {reasons}; give other pictures or loosen the limit that left them out"
