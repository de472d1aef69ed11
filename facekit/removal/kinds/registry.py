"""All kinds of things that facekit writes. A module that writes anything belongs to one of them, or holds nobody."""

from __future__ import annotations

from facekit.removal.kinds.base import Kind
from facekit.removal.kinds.caches import Embeddings, Unpacked
from facekit.removal.kinds.exports import Exports
from facekit.removal.kinds.galleries import Galleries
from facekit.removal.kinds.listed import Copies, Sorted
from facekit.removal.kinds.pages import Logs, Pages, Sheets, Tables
from facekit.removal.kinds.runs import Runs
from facekit.removal.kinds.searches import Searches
from facekit.removal.kinds.trees import Trees

KINDS: tuple[Kind, ...] = (
    *(Embeddings(), Unpacked(), Galleries(), Trees(), Sorted(), Copies(), Runs(), Searches()),
    *(Exports(), Pages(), Sheets(), Tables(), Logs()),
)
"""In no order; `order` says which come first."""

BY_NAME = {kind.name: kind for kind in KINDS}

HOLDS_NOBODY: dict[str, str] = {}
"""Module that writes files -> why nobody is in them."""


def ordered() -> list[Kind]:
    """Return the kinds in the order in which they are worked on."""
    return sorted(KINDS, key=lambda kind: kind.order)
