"""Forget: remove a person, or single photos, from everything that facekit wrote."""

from __future__ import annotations

from pathlib import Path

from facekit.base.contract import FacekitError, Report, Track, quiet
from facekit.base.text import listed
from facekit.dataset import INFO, MANIFEST
from facekit.options.forget import Forget
from facekit.removal import Asked, remove
from facekit.runs import MODEL

STAGE = "forget"


def forget(options: Forget, track: Track = quiet) -> Report:
    """Remove what was asked for from all that facekit wrote in some folders, and write a receipt.

    Killed and typed again it goes on. Raises FacekitError, before anything is changed, for folders that are not
    facekit's, and where nobody of that name and no such photo is in them.
    """
    _check(options)
    return remove(
        Asked(
            command=STAGE,
            roots=options.in_,
            receipts=options.output,
            names=options.names,
            urls=options.url,
            hosts=[host.rstrip(".").partition(":")[0] for host in options.host],
            ids=options.id,
            photos=options.photo,
            keep_models=options.keep_models,
            likeness=options.likeness,
            dry_run=options.dry_run,
            jobs=options.jobs,
            shown=_shown(options),
        ),
        track,
    )


def _check(options: Forget) -> None:
    """Refuse photos that are not there, and a folder in the place of a name. Raises FacekitError."""
    for photo in options.photo:
        if not photo.is_file():
            raise FacekitError(f"--photo is {photo}, which is no file; give the photo itself, or its id with --id")
    for name in options.names:
        path = Path(name)
        if any((path / file).exists() for file in (INFO, MANIFEST, MODEL)):
            raise FacekitError(f"{name} is a folder that facekit made, not a name; give `--in {name}`")


def _shown(options: Forget) -> str:
    """Return what is removed, as a message says it."""
    kinds = {"--url": options.url, "--host": options.host, "--id": options.id, "--photo": list(map(str, options.photo))}
    return listed([f"{flag} {value}" for flag, values in kinds.items() for value in values])
