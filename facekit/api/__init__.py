"""What `import facekit` gives, by name: nothing is imported before its name is asked for."""

from __future__ import annotations

from importlib import import_module

__all__ = ["PARTS", "get", "names", "public"]

PARTS = {
    "Box": "facekit.base.records",
    "Dataset": "facekit.api.dataset",
    "FacekitError": "facekit.base.errors",
    "Gallery": "facekit.api.gallery",
    "Identification": "facekit.api.gallery",
    "Model": "facekit.api.model",
    "Prediction": "facekit.identity.predictor",
    "Record": "facekit.base.records",
    "Report": "facekit.base.reporting",
    "Source": "facekit.base.records",
    "load": "facekit.api.loading",
}
"""Public name -> the module that has it. The functions of commands come from the registry, and are not listed."""

_FUNCTIONS = "facekit.api.functions"


def get(name: str) -> object:
    """Return what a public name stands for; `__all__` is the list of them. Raises AttributeError for any other."""
    if name == "__all__":
        return public()
    if name in PARTS:
        return getattr(import_module(PARTS[name]), name)
    return import_module(_FUNCTIONS).find(name)


def public() -> list[str]:
    """Return facekit's own public names, sorted."""
    return sorted(["__version__", *PARTS, *import_module(_FUNCTIONS).own()])


def names() -> list[str]:
    """Return the public names, and those of the commands of other packages, none of which is imported."""
    return [*public(), *import_module(_FUNCTIONS).foreign()]
