"""Options of the commands that make a data set."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, get_args

from facekit.base.contract import FacekitError
from facekit.options.base import Aside, Limits, Options, Positional, Reads, Short
from facekit.options.folders import OutputFolder, PeopleTable, SplitBy, SplitShares, Stage, refuse_people

Cascade = Literal["default", "alt2", "profile"]
Faces = Literal["largest", "all", "only"]
Recipe = Literal["gentle", "standard", "strong"]
License = Literal["any", "open", "commercial"]
Verify = Literal["none", "eyes"]
Align = Literal["none", "eyes"]
Unsure = Literal["keep", "leave"]


def cascades(names: str) -> tuple[str, ...]:
    """Read `alt2,default` as the names of Haar cascades, each once. Raises FacekitError."""
    found = tuple(dict.fromkeys(name.strip() for name in names.split(",")))
    wrong = next((name for name in found if name not in get_args(Cascade)), None)
    if wrong is not None:
        raise FacekitError(f"--cascade: no cascade called {wrong!r}; choose from {', '.join(get_args(Cascade))}")
    return found


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
        Reads(cascades),
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
        SplitBy,
        "`group`: no photo crosses the split. `person`: nobody does, where folders are not the people themselves. "
        "`image`: copies of everything, split over files later.",
    ] = "group"
    people_from: PeopleTable = None

    def __post_init__(self) -> None:
        """Check the limits, and that a table of people is asked for. Raises FacekitError."""
        super().__post_init__()
        refuse_people(self.people_from, self.split_by)


@dataclass(frozen=True, kw_only=True)
class Augment(Stage):
    """Fill each folder to exactly COUNT pictures with changed copies of training photos."""

    count: Annotated[int, "Pictures in each folder.", Short("-n"), Limits(3, 1_000_000)] = 500
    recipe: Annotated[Recipe, "How much the children differ from their photo."] = "standard"
    split: SplitShares = "70/20/10"
    split_by: Annotated[
        Literal["group", "image"], "How to split a tree that has no split: see `balance`. A tree that has one keeps it."
    ] = "group"


@dataclass(frozen=True, kw_only=True)
class Draw(Options):
    """Draw a tree of invented people: whole photos with everything a scraped tree has."""

    output: OutputFolder
    people: Annotated[int, "People to invent.", Limits(1, 200)] = 6
    photos: Annotated[int, "Photos of each.", Limits(1, 1000)] = 40
    faults: Annotated[bool, "Wrong people, repeats, blurred, tiny and faceless pictures among them."] = True
