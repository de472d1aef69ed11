"""Inspect: a run's filters, its feature maps and what its answers are based on, as PNG files and one page."""

from __future__ import annotations

import difflib
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit import runs
from facekit.base.contract import BadImage, FacekitError, Image, Listing, Report, Track, quiet
from facekit.base.files import check_ours, delete, guarded, replace_file
from facekit.base.names import spelled_as
from facekit.base.plain import Json
from facekit.base.text import visible
from facekit.commands.inspect import draw, network
from facekit.commands.inspect.heat import Cam, occlusion
from facekit.commands.inspect.pictures import Choice, Chosen, given, own, safe
from facekit.dataset import check_places
from facekit.dataset.changes import Seen
from facekit.dataset.made_from import MadeFrom
from facekit.identity import classifier
from facekit.networks import inputs, layers
from facekit.options.inspect import Inspect
from facekit.options.typed import typed
from facekit.report import inspect as page
from facekit.report.inspect import Filters, Inspection, Share
from facekit.runs import INSPECTED, Run
from facekit.runs.pictures import CHANGED
from facekit.runs.renewal import check_no_additions

STAGE = "inspect"
FILTERS = "00-filters.png"

_BATCH = 32

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Subject:
    """What is looked into: how it sees and answers, what explains an answer, and its network, where it has one."""

    sees: Callable[[Image], Image]
    answers: Callable[[Sequence[Image]], Floats]
    heat: Callable[[Image, int], Floats]
    about: str
    """How the heat is found, in words."""
    model: Any = None
    maps: Callable[[Image], Mapping[str, Floats]] = lambda seen: {}


def inspect(options: Inspect, track: Track = quiet) -> Report:
    """Write `report.html` and its pictures as PNG: filters, maps, and the heat of an answer for each picture.

    With `list_layers`, say only which layers there are. Raises FacekitError: not a trained run, a layer or a
    name that it does not have, no picture that can be read, a linear head with a method that needs gradients.
    """
    began = time.monotonic()
    run = runs.load(options.run).only(options.target)
    classifier.refuse_embedder(run)
    _check_method(run, options)
    if options.list_layers:
        return _listed(run)
    number = _number(run, options.label)
    output = options.output or run.folder / INSPECTED
    if options.output is None:
        runs.refuse_link(output)
    _check_output(run, output)
    choice = given(options.pictures) if options.pictures else own(run, options.count, options.seed)
    if not options.pictures and not choice.left[CHANGED]:
        check_no_additions(run, f"name the pictures: `facekit inspect {shlex.quote(visible(str(run.folder)))} PICTURE`")
    made_from = _made_from(run, choice, options)
    if not options.overwrite:
        made_from.check(output, typed(options, overwrite=True))
    report = Report(STAGE, str(output), 0, len(choice.pictures), choice.left)
    if options.dry_run:
        return report
    subject = _subject(run, options)
    files = _Files(output)
    sights = list(_sights(run, subject, choice, number, files, report, track))
    if not sights:
        raise FacekitError("the model finds no face in these pictures; give others")
    filters = _filters(run, subject, files)
    inspection = Inspection(run, choice.of, subject.about, filters, sights, files.written)
    page.write(output, inspection)
    made_from.write(output)
    report.made, report.kept = len(files.written), len(sights)
    report.details |= {"pictures": choice.of, "explained by": subject.about, **inspection.weights.rows()}
    report.details["report"] = str(output / page.PAGE)
    report.seconds = round(time.monotonic() - began, 2)
    return report


def _made_from(run: Run, choice: Choice, options: Inspect) -> MadeFrom:
    """Return what the page is of: the pictures given, or all of the run's own, of which it shows some."""
    if not options.pictures:
        return MadeFrom.of(run.split, run.folder)
    pictures = tuple(Seen(one.true or "", one.file.name, one.sha256) for one in choice.pictures)
    return MadeFrom(model=str(run.folder.resolve()), pictures=pictures)


def _check_method(run: Run, options: Inspect) -> None:
    if run.backbone is None:
        return
    if options.list_layers or options.layer or options.cam_layer:
        raise FacekitError(f"{run.folder} is a linear head on {run.backbone}, which has no layers to show")
    if options.method not in (None, "occlusion"):
        raise FacekitError(f"{run.folder} is a linear head on {run.backbone}, which has no gradients; remove --method")


def _number(run: Run, label: str | None) -> int | None:
    """Return the place of a label, or of the name that it stands for, among the answers."""
    if label is None:
        return None
    called = {run.name(known): place for place, known in enumerate(run.labels)}
    called |= {known: place for place, known in enumerate(run.labels)}
    label = spelled_as([label], called)[label]
    if label not in called:
        near = difflib.get_close_matches(label, called, 3, 0.5) or list(run.labels)[:5]
        raise FacekitError(f"--label: {run.folder} has no label {label!r}; choose from {', '.join(near)}")
    return called[label]


def _check_output(run: Run, output: Path) -> None:
    check_places(output, run.root)
    check_ours(output, "inspect", (output / page.FACTS).exists())


def _subject(run: Run, options: Inspect) -> Subject:
    if run.backbone is not None:
        head = classifier.load(run)
        answers = partial(_stacked, partial(head.probabilities, batch=_BATCH))
        return Subject(head.sees, answers, partial(occlusion, probabilities=answers), _HIDDEN)
    model = run.model()
    wanted = [name.strip() for text in options.layer for name in text.split(",") if name.strip()]
    chosen = layers.pick(model, wanted or layers.ends(model))
    sees, maps = partial(inputs.as_input, size=run.size), network.Maps(model, chosen)
    hides = options.method == "occlusion"
    answers = partial(_stacked, partial(inputs.probabilities, model, batch=_BATCH if hides else 1))
    if hides:
        return Subject(sees, answers, partial(occlusion, probabilities=answers), _HIDDEN, model, maps)
    at = options.cam_layer or layers.last_map(model)
    place_by_place = options.method == "hirescam" or (options.method is None and layers.flattens(model))
    cam = Cam(model, at, place_by_place)  # which refuses a layer that will not do
    about = f"{'HiResCAM' if place_by_place else 'Grad-CAM'} at {at}, {_which_map(model, at)}"
    if layers.flattens(model) and not place_by_place:
        about += "; this network weighs each place separately, so --method hirescam suits it better"
    return Subject(sees, answers, cam, about, model, maps)


_HIDDEN = "occlusion: a patch hides one place after another, and the map shows how much less sure the answer becomes"


def _which_map(model: Any, name: str) -> str:
    """Say at which map an answer is followed, and what became of the maps after it."""
    known = layers.named(model)
    sizes = {called: layers.shape(layer)[:2] for called, layer in known.items() if len(layers.shape(layer)) == 3}
    height, width = sizes[name]
    last = list(sizes.values())[-1]
    why = f"; the network's last map, {last[0]}x{last[1]}, is coarser" if last < (height, width) else ""
    return f"a map of {height}x{width}, from the score before the softmax{why}"


def _stacked(probabilities: Callable[[Sequence[Image]], Iterator[Floats]], pictures: Sequence[Image]) -> Floats:
    return np.stack(list(probabilities(pictures)))


class _Files:
    """The folder that is written: its pictures, and what an earlier look left there."""

    def __init__(self, root: Path) -> None:
        self.root, self.written = root, list[str]()
        with guarded(root):
            root.mkdir(parents=True, exist_ok=True)
        replace_file(root / page.FACTS, b"{}\n")  # what a kill leaves is known for facekit's own
        for stale in root.glob("[0-9][0-9]-*.png"):
            delete(stale)

    def png(self, name: str, image: Image) -> bytes:
        data = draw.png(image)
        replace_file(self.root / name, data)
        self.written.append(name)
        return data


def _sights(
    run: Run, subject: Subject, choice: Choice, number: int | None, files: _Files, report: Report, track: Track
) -> Iterator[page.Sight]:
    for chosen in track(choice.pictures, STAGE, len(choice.pictures)):
        try:
            seen = subject.sees(chosen.image)
        except BadImage as error:
            report.left[error.reason] += 1
            continue
        yield _sight(run, subject, chosen, seen, number, files)


def _sight(run: Run, subject: Subject, chosen: Chosen, seen: Image, number: int | None, files: _Files) -> page.Sight:
    shares = subject.answers([seen])[0]
    if not np.isfinite(shares).all():
        raise FacekitError(f"{run.folder} answers with numbers that are not finite; train again with --overwrite")
    order = np.argsort(-shares, kind="stable")[:3]
    explained = int(order[0]) if number is None else number
    heat = subject.heat(seen, explained)

    def share(place: int) -> Share:
        return Share(run.name(run.labels[place]), float(shares[place]))

    return page.Sight(
        chosen.file,
        None if chosen.true is None else run.name(chosen.true),
        tuple(share(int(place)) for place in order),
        share(explained),
        files.png(f"{chosen.stem}.png", draw.enlarged(seen)),
        files.png(f"{chosen.stem}-heat.png", draw.heated(seen, heat)),
        bool(heat.any()),
        tuple(_map(name, one, chosen.stem, files) for name, one in subject.maps(seen).items()),
    )


def _map(name: str, activations: Floats, stem: str, files: _Files) -> page.Map:
    height, width, channels = activations.shape
    tiles = network.drawn(activations, network.strongest(activations))
    data = files.png(f"{stem}-{safe(name)}.png", draw.grid(tiles))
    return page.Map(name, f"{height}x{width}", channels, len(tiles), data)


def _filters(run: Run, subject: Subject, files: _Files) -> Filters | None:
    tiles = network.filters(subject.model, run.color) if subject.model is not None else []
    return Filters(len(tiles), files.png(FILTERS, draw.grid(tiles))) if tiles else None


@dataclass(frozen=True)
class Layer:
    """A line of the list of layers, as text."""

    layer: str
    kind: str
    shape: str
    shown: str
    """What it is shown for where nothing else is asked for."""


def _listed(run: Run) -> Report:
    """Say which layers there are, and which the default chooses."""
    model = run.model()
    chosen, at = layers.ends(model), layers.last_map(model)
    rows = [
        Layer(
            name,
            type(layer).__name__,
            "x".join(str(side) for side in layers.shape(layer)),
            ", ".join([*(["maps"] if name in chosen else []), *(["Grad-CAM"] if name == at else [])]),
        )
        for name, layer in layers.named(model).items()
    ]
    listing = Listing(tuple(field.name for field in fields(Layer)), tuple(map(astuple, rows)))
    details: dict[str, Json] = {"layers": [asdict(row) for row in rows], "lines": [*listing.lines()]}
    return Report(STAGE, str(run.folder), kept=len(rows), details=details, listing=listing)
