"""Keys: make, list and revoke what programs need to ask `facekit serve`."""

from __future__ import annotations

import shlex
import time

from facekit.base.contract import Listing, Report, Track, quiet
from facekit.base.plain import Json
from facekit.base.text import listed, visible
from facekit.options.keys import Keys as Options
from facekit.serving.keys import Key, Keys, create, revoke
from facekit.serving.targets import keys_of

STAGE = "keys"


def keys(options: Options, track: Track = quiet) -> Report:
    """Do what was asked with the keys of a gallery or a run.

    A new key is in the report, and nowhere else: its hash alone is kept. Raises FacekitError for a gallery or run that
    is not there, and for IDs that no key has.
    """
    began = time.monotonic()
    with keys_of(options.target) as kept:
        details, listing = _ACTIONS[options.action](options, kept)
    seconds = round(time.monotonic() - began, 2)
    return Report(STAGE, options.target, seconds=seconds, details=details, listing=listing)


def _created(options: Options, kept: Keys) -> tuple[dict[str, Json], Listing | None]:
    if options.dry_run:
        return {"lines": [f"a key with the scope {options.scope} would be made"]}, None
    given, key = create(kept, options.scope, options.name)
    return {"key": given, **_plain(key), "lines": [given]}, None


def _listed(options: Options, kept: Keys) -> tuple[dict[str, Json], Listing | None]:
    there = kept.access().keys
    rows = tuple((key.id, key.scope, key.made, visible(key.name)) for key in there)
    create_one = f"facekit keys create {shlex.quote(options.target)}"
    notes = () if there else (f"no keys yet; make one with `{create_one}`",)
    listing = Listing(("id", "scope", "made", "name"), rows, notes)
    return {"keys": [_plain(key) for key in there], "lines": [*listing.lines(), *notes]}, listing


def _revoked(options: Options, kept: Keys) -> tuple[dict[str, Json], Listing | None]:
    if options.dry_run:
        gone = [key for key in kept.access().keys if key.id in options.ids]
    else:
        gone = list(revoke(kept, options.ids))
    return {"revoked": [key.id for key in gone], "lines": [f"revoked: {listed([key.id for key in gone])}"]}, None


def _plain(key: Key) -> dict[str, Json]:
    return {"id": key.id, "scope": key.scope, "made": key.made, "name": key.name}


_ACTIONS = {"create": _created, "list": _listed, "revoke": _revoked}
