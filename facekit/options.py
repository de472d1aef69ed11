"""Each command's options: names, defaults, help and limits, written once.

The command line, the TOML recipe and Python callers use the same classes, and every limit is
checked when an object is made, so that nothing is refused after an hour's work.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from dataclasses import Field as DataclassField
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from facekit.contract import FacekitError

Cascade = Literal["default", "alt2", "profile"]
Faces = Literal["largest", "all", "only"]
Recipe = Literal["gentle", "standard", "strong"]
SplitBy = Literal["group", "image"]
Monitor = Literal["val_accuracy", "accuracy"]
Part = Literal["test", "validation", "train", "all"]
License = Literal["any", "open", "commercial"]
Verify = Literal["none", "eyes"]
Align = Literal["none", "eyes"]
Unsure = Literal["keep", "leave"]
Color = Literal["rgb", "gray"]
Schedule = Literal["constant", "cosine", "plateau"]
Precision = Literal["auto", "float32", "mixed_bfloat16"]
ClassWeights = Literal["auto", "none"]

O = TypeVar("O", bound="Options")  # noqa: E741 - a type variable, not a name one reads


@dataclass(frozen=True)
class Limits:
    """The smallest and the largest value that an option may have; None is no limit."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Short:
    """A one-letter name of an option on the command line."""

    flag: str


@dataclass(frozen=True)
class Aside:
    """Marks an option that says where or how fast, not what: it is no part of a folder's identity."""


@dataclass(frozen=True)
class Positional:
    """Marks an option that the command line takes by position."""


@dataclass(frozen=True)
class Field:
    """One option of a class, as the command line needs it."""

    name: str
    type: Any
    help: str
    default: Any
    limits: Limits
    short: str | None
    aside: bool
    positional: bool

    @property
    def required(self) -> bool:
        """Whether the option has no default."""
        return self.default is MISSING

    @property
    def flag(self) -> str:
        """The option's name on the command line."""
        return "--" + self.name.replace("_", "-")


InputFolder = Annotated[
    Path, "Folder with one folder of pictures a person; `-` reads it from stdin.", Aside(), Positional()
]
OutputFolder = Annotated[Path, "Folder to write.", Short("-o"), Aside()]
SplitShares = Annotated[str, "Shares of train/test/validation, in percent."]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every command takes."""

    seed: Annotated[int, "Seed of everything drawn by chance.", Limits(0, 2**32 - 1)] = 42
    jobs: Annotated[int, "Workers; 0 is one a core.", Limits(0, 512), Short("-j"), Aside()] = 0
    overwrite: Annotated[bool, "Delete what an earlier run made here, and start anew.", Aside()] = False
    dry_run: Annotated[bool, "Say what would be done; write nothing.", Aside()] = False

    def __post_init__(self) -> None:
        """Turn strings into paths and refuse what is outside an option's limits. Raises FacekitError."""
        for option in describe(type(self)):
            value = _coerce(option, getattr(self, option.name))
            object.__setattr__(self, option.name, value)
            _check(option, value)


@dataclass(frozen=True, kw_only=True)
class Stage(Options):
    """A command that makes one folder from another."""

    input: InputFolder
    output: OutputFolder


@dataclass(frozen=True, kw_only=True)
class Scrape(Options):
    """Search for each name with browser bots and download pictures, a folder a name."""

    names: Annotated[list[str], "Names, or a file with one a line, or `-` for stdin.", Aside(), Positional()] = field(
        default_factory=list
    )
    output: OutputFolder = field(default=Path("raw"))
    per_name: Annotated[int, "Pictures to keep for each name.", Limits(1, 1000)] = 100
    bots: Annotated[int, "Browsers that search at the same time.", Limits(1, 200), Aside()] = 10
    engine: Annotated[
        str, "Where to search; of several, as in `bing,commons`, each fills what those before left.", Aside()
    ] = "bing"
    base_url: Annotated[str | None, "Another address of the engine, as for a test server.", Aside()] = None
    query: Annotated[str, "What to search for; {name} is the name."] = "{name}"
    face_only: Annotated[bool, "Ask the engine for pictures of faces alone."] = False
    min_width: Annotated[int, "Narrowest original to ask the engine for, in pixels; 0 asks for any.", Limits(0)] = 0
    safe: Annotated[bool, "Ask the engine to leave out what is not for everyone."] = True
    since: Annotated[
        str | None, "Only pictures as new as `day`, `week`, `month`, `year` or a date like 2024-01-31."
    ] = None
    license: Annotated[License, "Licences to ask the engine for: `any`, `open`, or open to `commercial` use."] = "any"
    min_side: Annotated[int, "Shortest side of a picture worth keeping, in pixels.", Limits(1, 10_000)] = 100
    search_interval: Annotated[
        float,
        "Seconds between two searches of all bots together; none on loopback.",
        Limits(0, 3600),
        Aside(),
    ] = 5.0
    contact: Annotated[str, "Address or URL that the user agent names, so that a host can reach you.", Aside()] = ""
    grid: Annotated[str | None, "Address of a Selenium Grid to run the browsers on.", Aside()] = None
    probe: Annotated[
        str | None, "Search this engine once, say what its page held and how it was read, and keep nothing.", Aside()
    ] = None


@dataclass(frozen=True, kw_only=True)
class Crop(Stage):
    """Find the face in each photo and save it as a square picture."""

    detector: Annotated[str, "What finds faces: `haar`, `yunet` or `dlib`."] = "haar"
    cascade: Annotated[
        str,
        "Haar cascade: frontal `default` or `alt2`, or `profile`; of several, as in `alt2,default`, all are used.",
    ] = "alt2"
    verify: Annotated[Verify, "Keep a doubtful Haar face only where `eyes` are found in it."] = "eyes"
    roll: Annotated[
        float,
        "Where no face is found, look again with the photo turned so far both ways, in degrees; 0 not.",
        Limits(0, 45),
    ] = 0.0
    align: Annotated[Align, "Turn and scale each face so that its `eyes` stand where a face model expects them."] = (
        "none"
    )
    detect: Annotated[bool, "Look for faces; without it the pictures are faces already."] = True
    faces: Annotated[Faces, "The `largest` face of a photo, `all` of them, or `only` photos that show one."] = "largest"
    min_size: Annotated[int, "Smallest face, in pixels of the photo.", Limits(10, 10_000)] = 40
    margin: Annotated[float, "Room around the face, as a share of its side.", Limits(0, 2)] = 0.2
    size: Annotated[int, "Side of a saved face, in pixels.", Limits(16, 2048)] = 160
    detect_at: Annotated[int, "Longest side of the picture that is searched, in pixels.", Limits(64, 8192)] = 640


@dataclass(frozen=True, kw_only=True)
class Clean(Stage):
    """Leave out repeats, bad pictures and other people, then names with too few; draw the groups."""

    min_images: Annotated[int, "Leave out names with fewer pictures.", Limits(1)] = 30
    people: Annotated[int, "Names to keep at most, best-filled first.", Limits(1)] = 100
    min_side: Annotated[int, "Smallest face in its photo, in pixels.", Limits(1, 10_000)] = 40
    min_sharpness: Annotated[
        float, "Least variance of the Laplacian at 96 pixels; below it a picture is blurred.", Limits(0)
    ] = 40.0
    min_brightness: Annotated[float, "Least mean grey value.", Limits(0, 255)] = 25.0
    max_brightness: Annotated[float, "Greatest mean grey value.", Limits(0, 255)] = 230.0
    min_contrast: Annotated[float, "Least standard deviation of the grey values.", Limits(0, 127)] = 12.0
    max_clipped: Annotated[float, "Greatest share of pixels that are all black or all white.", Limits(0, 1)] = 1.0
    max_yaw: Annotated[float, "Farthest that a face may be turned aside, in degrees.", Limits(0, 90)] = 90.0
    max_roll: Annotated[float, "Farthest that a face may lean, in degrees.", Limits(0, 180)] = 180.0
    embedder: Annotated[
        str, "What tells people apart: `dlib`, `sface`, a trained run's folder, `none`; `auto` is dlib where installed."
    ] = "auto"
    reference: Annotated[Path | None, "Folder with a few known pictures of each person: they decide who is who."] = None
    keep_at: Annotated[float, "Least probability of being the folder's person at which a face stays.", Limits(0, 1)] = (
        0.5
    )
    reject_at: Annotated[float, "Probability at or below which a face is someone else.", Limits(0, 1)] = 0.05
    unsure: Annotated[Unsure, "`keep` or `leave` out faces between the two until someone has reviewed them."] = "keep"
    apply: Annotated[bool, "Carry out what was decided in `facekit review`.", Aside()] = False
    report: Annotated[Path | None, "HTML file to write: what was left out and why, with pictures.", Aside()] = None

    def __post_init__(self) -> None:
        """Check the limits, and that they leave no gap. Raises FacekitError."""
        super().__post_init__()
        if self.reject_at > self.keep_at:
            raise FacekitError(f"--reject-at is {self.reject_at:g}; it must not be above --keep-at {self.keep_at:g}")


@dataclass(frozen=True, kw_only=True)
class Review(Options):
    """Serve a page on which a person decides what `clean` was not sure of."""

    folder: Annotated[Path, "Folder that `clean` made; `-` reads it from stdin.", Aside(), Positional()]
    port: Annotated[int, "Port on 127.0.0.1; 0 takes a free one.", Limits(0, 65535), Aside()] = 0
    live: Annotated[bool, "Carry out each decision at once, not with the next `clean --apply`.", Aside()] = False
    browser: Annotated[bool, "Open the page in your browser.", Aside()] = True


@dataclass(frozen=True, kw_only=True)
class Balance(Stage):
    """Draw the split by group, then make exactly COUNT pictures a folder."""

    count: Annotated[int, "Pictures in each folder.", Short("-n"), Limits(3, 1_000_000)] = 50
    split: SplitShares = "70/20/10"
    split_by: Annotated[
        SplitBy, "`group`: no photo crosses the split. `image`: copies of everything, split over files later."
    ] = "group"


@dataclass(frozen=True, kw_only=True)
class Augment(Stage):
    """Fill each folder to exactly COUNT pictures with changed copies of training photos."""

    count: Annotated[int, "Pictures in each folder.", Short("-n"), Limits(3, 1_000_000)] = 500
    recipe: Annotated[Recipe, "How much the children differ from their photo."] = "standard"
    split: SplitShares = "70/20/10"
    split_by: Annotated[
        SplitBy, "How to split a tree that has no split: see `balance`. A tree that has one keeps it."
    ] = "group"


@dataclass(frozen=True, kw_only=True)
class Train(Stage):
    """Train a network on a folder-per-person tree, or a linear head on a frozen one."""

    backbone: Annotated[
        str | None, "Learn names from the vectors of `dlib`, `sface` or a trained run's folder, in place of a network."
    ] = None
    network: Annotated[str, "The network: see `facekit models`."] = "inception_v3"
    color: Annotated[Color, "Whether the network sees `rgb` or `gray`."] = "rgb"
    weights: Annotated[
        str, "Weights to begin with, the head apart: `none`, `imagenet`, a .weights.h5 file or a run's folder."
    ] = "none"
    size: Annotated[int, "Side of the network's input, in pixels.", Limits(32, 512)] = 96
    epochs: Annotated[int, "Most epochs.", Limits(1, 100_000)] = 52
    warmup_epochs: Annotated[int, "Of these, first ones in which the head alone learns.", Limits(0, 100_000)] = 0
    unfreeze: Annotated[int, "Learn in this many last blocks of the network alone; 0 is all.", Limits(0, 1000)] = 0
    batch: Annotated[int, "Pictures in a step.", Limits(1, 8192)] = 64
    learning_rate: Annotated[float, "Adam's step size.", Limits(1e-8, 1)] = 1e-3
    finetune_rate: Annotated[float, "Adam's step size after the warm-up.", Limits(1e-8, 1)] = 1e-4
    schedule: Annotated[
        Schedule, "How the step size falls: not, along a cosine, or by half where epochs get no better."
    ] = "constant"
    stop_at: Annotated[float, "Stop when the monitored accuracy reaches this.", Limits(0.01, 1.01)] = 0.97
    patience: Annotated[int, "Stop after so many epochs without a better one; 0 is never.", Limits(0, 100_000)] = 0
    monitor: Annotated[Monitor, "The accuracy that decides when to stop and which epoch was best."] = "val_accuracy"
    light_augment: Annotated[
        bool, "Flip, shift, zoom and brighten each training picture a little, anew in every epoch."
    ] = False
    label_smoothing: Annotated[float, "Share of certainty that is spread over all names.", Limits(0, 0.5)] = 0.0
    class_weights: Annotated[
        ClassWeights, "`auto` counts a picture for more where its name has fewer than others; `none` does not."
    ] = "auto"
    precision: Annotated[
        Precision, "Numbers to compute with; `auto` is mixed_bfloat16 on an accelerator, float32 on cores."
    ] = "auto"
    deterministic: Annotated[bool, "Compute so that the same run gives the very same numbers; slower."] = False
    split: SplitShares = "70/20/10"
    split_by: Annotated[SplitBy, "How to split a tree that has no split: see `balance`."] = "group"
    resume: Annotated[bool, "Go on from the last checkpoint of an interrupted run.", Aside()] = False
    tensorboard: Annotated[bool, "Write logs for TensorBoard.", Aside()] = False

    def __post_init__(self) -> None:
        """Refuse also what no epoch could do. Raises FacekitError."""
        super().__post_init__()
        if self.warmup_epochs >= self.epochs:
            raise FacekitError(f"--warmup-epochs is {self.warmup_epochs}; it must be less than --epochs {self.epochs}")
        frozen = "warmup_epochs" if self.warmup_epochs else "unfreeze" if self.unfreeze else None
        if frozen and self.weights == "none":
            flag = "--" + frozen.replace("_", "-")
            raise FacekitError(f"{flag} keeps layers as they are, which need to have learned something; give --weights")


@dataclass(frozen=True, kw_only=True)
class Evaluate(Options):
    """Score a trained model on pictures it has not learned from."""

    run: Annotated[Path, "Folder of a trained model; `-` reads it from stdin.", Aside(), Positional()]
    data: Annotated[Path | None, "Another folder-per-person tree; else the one it was trained on."] = None
    output: Annotated[Path | None, "Folder for the report; else `evaluation` in the run.", Short("-o"), Aside()] = None
    part: Annotated[Part | None, "Part of the split; else test, or every picture of --data."] = None
    batch: Annotated[int, "Pictures in a step.", Limits(1, 8192), Aside()] = 128


@dataclass(frozen=True, kw_only=True)
class Predict(Options):
    """Name the faces in photos: one JSON line a face."""

    run: Annotated[Path, "Folder of a trained model.", Aside(), Positional()]
    pictures: Annotated[list[Path], "Photos, or folders of photos.", Positional()]
    min_confidence: Annotated[float, "Below this a face is `unknown`.", Limits(0, 1)] = 0.5
    detect: Annotated[bool, "Look for faces; without it the pictures are faces already."] = True
    grid: Annotated[Path | None, "PNG to draw: each face with its predicted name, right or wrong.", Aside()] = None


@dataclass(frozen=True, kw_only=True)
class Draw(Options):
    """Draw a tree of invented people: whole photos with everything a scraped tree has."""

    output: OutputFolder
    people: Annotated[int, "People to invent.", Limits(1, 200)] = 6
    photos: Annotated[int, "Photos of each.", Limits(1, 1000)] = 40
    faults: Annotated[bool, "Wrong people, repeats, blurred, tiny and faceless pictures among them."] = True


@dataclass(frozen=True, kw_only=True)
class Run(Options):
    """Run the stages of a TOML recipe in order."""

    recipe: Annotated[Path, "The recipe.", Aside(), Positional()]
    input: Annotated[Path | None, "Folder, or file of names, for the first stage; else the recipe's.", Aside()] = None
    output: Annotated[Path | None, "Folder of the results; else the recipe's own.", Short("-o"), Aside()] = None


@dataclass(frozen=True, kw_only=True)
class Demo(Options):
    """Draw a small world, scrape it with real browsers, train on it, and score the model."""

    output: OutputFolder = field(default=Path("demo"))
    bots: Annotated[int, "Browsers that search at the same time.", Limits(1, 64), Aside()] = 2


@dataclass(frozen=True, kw_only=True)
class Models(Options):
    """List networks, embedders and detectors with their weights, licences and published accuracy."""


@dataclass(frozen=True, kw_only=True)
class Doctor(Options):
    """Say what is there and what is missing."""


def describe(cls: type[Options]) -> list[Field]:
    """Return the options of a class: the command's own first, then what every command takes."""
    hints = get_type_hints(cls, include_extras=True)
    common = {f.name for f in fields(Options)}
    ordered = sorted(fields(cls), key=lambda f: f.name in common)
    return [_field(f.name, hints[f.name], _default(f)) for f in ordered]


def settled(options: Options) -> dict[str, Any]:
    """Return the options that decide a result, as plain values: what `dataset.json` keeps."""
    values = {f.name: getattr(options, f.name) for f in describe(type(options)) if not f.aside}
    return {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}


def from_mapping(cls: type[O], values: Mapping[str, Any], where: str) -> O:
    """Make options from a recipe's table. Raises FacekitError that names `where` and the mend."""
    known = {f.name: f for f in describe(cls)}
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}"
            raise FacekitError(f"{where}: no option called {key!r}; {hint}")
    missing = [name for name, option in known.items() if option.required and name not in values]
    if missing:
        raise FacekitError(f"{where}: {missing[0]} is missing; add `{missing[0]} = …`")
    try:
        return cls(**values)
    except FacekitError as error:
        raise FacekitError(f"{where}: {error}") from None


def shares(split: str) -> tuple[float, float, float]:
    """Read `70/20/10` as the shares of train, test and validation, which sum to 1. Raises FacekitError."""
    try:
        train, test, validation = (float(part) for part in split.split("/"))
    except ValueError:
        raise FacekitError(f"--split is {split!r}; give three shares like 70/20/10") from None
    if min(train, test, validation) < 0 or train <= 0 or abs(train + test + validation - 100) > 1e-6:
        raise FacekitError(f"--split is {split!r}; the shares must sum to 100, and train's be above 0")
    return train / 100, test / 100, validation / 100


def cascades(names: str) -> tuple[str, ...]:
    """Read `alt2,default` as the names of Haar cascades, each once. Raises FacekitError."""
    found = tuple(dict.fromkeys(name.strip() for name in names.split(",")))
    wrong = next((name for name in found if name not in get_args(Cascade)), None)
    if wrong is not None:
        raise FacekitError(f"--cascade: no cascade called {wrong!r}; choose from {', '.join(get_args(Cascade))}")
    return found


def _default(field: DataclassField[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _field(name: str, hint: Any, default: Any) -> Field:
    base, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    text = next((mark for mark in marks if isinstance(mark, str)), "")
    limits = next((mark for mark in marks if isinstance(mark, Limits)), Limits())
    short = next((mark.flag for mark in marks if isinstance(mark, Short)), None)
    aside, positional = (any(isinstance(mark, kind) for mark in marks) for kind in (Aside, Positional))
    return Field(name, base, text, default, limits, short, aside, positional)


def bare(hint: Any) -> Any:
    """Return the type of an option that may be None: `Path | None` gives Path."""
    if get_origin(hint) in (Union, types.UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint


def _coerce(option: Field, value: Any) -> Any:
    kind = bare(option.type)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is float and type(value) is int:
        return float(value)
    if get_origin(kind) is list:
        values = [value] if isinstance(value, str | Path) else list(value)
        return [Path(v) for v in values] if get_args(kind) == (Path,) else values
    return value


def _check(option: Field, value: Any) -> None:
    kind = bare(option.type)
    if value is None and kind is not option.type:
        return
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise FacekitError(f"{option.flag} is {value!r}; choose from {', '.join(get_args(kind))}")
        return
    plain = get_origin(kind) or kind
    if not isinstance(value, plain) or (plain is not bool and isinstance(value, bool)):
        raise FacekitError(f"{option.flag} is {value!r}; it must be of type {plain.__name__}")
    _check_limits(option, value)
    reader = {"split": shares, "cascade": cascades}.get(option.name)
    if reader is not None:
        reader(value)


def _check_limits(option: Field, value: Any) -> None:
    low, high = option.limits.low, option.limits.high
    if low is not None and not value >= low:  # `not >=` also refuses nan
        raise FacekitError(f"{option.flag} is {value}; it must be {low:g} or more")
    if high is not None and not value <= high:
        raise FacekitError(f"{option.flag} is {value}; it must be {high:g} or less")
