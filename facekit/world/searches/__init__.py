"""Search engines as the drawn web plays them: their pages and answers, with every way in which they fail.

An engine is a module with `ROUTES`, path -> what answers there, and `VARIANTS`, the ways in which a search
may be made to end and what each is.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from facekit.world.searches import bing, commons, duckduckgo, google, openverse
from facekit.world.searches.base import BAD, Reply, Request, words

ENGINES: dict[str, ModuleType] = {
    "bing": bing,
    "google": google,
    "duckduckgo": duckduckgo,
    "commons": commons,
    "openverse": openverse,
}

ROUTES = {path: route for engine in ENGINES.values() for path, route in engine.ROUTES.items()}

__all__ = ["BAD", "ENGINES", "ROUTES", "Reply", "Request", "check", "find", "words"]


def check(variants: Mapping[str, str]) -> None:
    """Refuse a variant that no engine knows, or not the one that it is meant for. Raises ValueError."""
    for key, variant in variants.items():
        meant = [name for name in ENGINES if key.startswith(f"{name}:")] or list(ENGINES)
        if not any(variant in ENGINES[name].VARIANTS for name in meant):
            raise ValueError(f"no variant {variant!r} of {' or '.join(meant)}")


def find(variants: Mapping[str, str], engine: str, words: str) -> str:
    """Return how a search at an engine ends: `engine:words` goes before `words`, which is for all that know it."""
    variant = variants.get(f"{engine}:{words}", variants.get(words, ""))
    return variant if variant in ENGINES[engine].VARIANTS else ""
