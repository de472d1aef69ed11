"""All kinds of things that facekit writes. A module that writes anything belongs to one of them, or holds nobody."""

from __future__ import annotations

from facekit.removal.kinds.base import Kind
from facekit.removal.kinds.caches import Embeddings, Objects, Unpacked
from facekit.removal.kinds.cards import Cards
from facekit.removal.kinds.exports import Exports
from facekit.removal.kinds.galleries import Galleries
from facekit.removal.kinds.listed import Copies, Sorted
from facekit.removal.kinds.pages import Logs, Pages, Sheets, Tables
from facekit.removal.kinds.runs import Runs
from facekit.removal.kinds.searches import Searches
from facekit.removal.kinds.trees import Trees

KINDS: tuple[Kind, ...] = (
    *(Embeddings(), Objects(), Unpacked(), Galleries(), Trees(), Sorted(), Copies(), Runs(), Searches()),
    *(Exports(), Cards(), Pages(), Sheets(), Tables(), Logs()),
)
"""In no order; `order` says which come first."""

BY_NAME = {kind.name: kind for kind in KINDS}

HOLDS_NOBODY: dict[str, str] = {
    "facekit.base.appending": "writes what others hand over",
    "facekit.base.files": "writes what others hand over",
    "facekit.base.weights": "weights of published networks, as they came",
    "facekit.dataset.tombstones": "salted hashes of what was removed: they keep it away",
    "facekit.removal.journal": "the removal that is under way; it is deleted at its end",
    "facekit.report.receipt": "receipts, which have to say who was removed",
    "facekit.runs.pretrained": "weights of published networks, as they came",
    "facekit.serving.keys": "keys of programs, by name and hash",
    "facekit.serving.monitor.sqlite": "counts of answers by day",
    "facekit.training.together": "weights of a training, in a scratch folder that is gone at its end",
    "facekit.serving.workers": "sockets between the processes of a server",
    "facekit.sources.browser.grid": "addresses of browser sessions that are open",
    "facekit.video.inputs": "pictures that were fetched to be named; they go when the command ends",
    **{
        f"facekit.removal.kinds.{name}": "writes again, without a person, what others wrote"
        for name in ("listed", "pages", "runs", "scraping", "searches", "trees")
    },
}
"""Module that writes files -> why nobody is in them, or who takes care of it."""


def ordered() -> list[Kind]:
    """Return the kinds in the order in which they are worked on."""
    return sorted(KINDS, key=lambda kind: kind.order)
