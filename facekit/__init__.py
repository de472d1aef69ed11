"""From a list of names to a face model that can be trusted.

Each command is a function, with the command's options and defaults; a model or a gallery says who is in a picture; a
data set hands its pictures to other libraries::

    import facekit

    report = facekit.crop("photos", "faces", size=160)

    model = facekit.load("model")
    for face in model.predict("party.jpg"):
        print(face.label, face.box)

    gallery = facekit.load("gallery")
    for face in gallery.identify("party.jpg"):
        print(face.name, face.box)

    for record in facekit.Dataset("faces").select(split="test"):
        print(record.label, record.path)

Whatever the user can fix raises `facekit.FacekitError`. Importing facekit loads neither NumPy nor anything else:
each name is loaded when it is first used.
"""

from importlib import import_module
from importlib.machinery import PathFinder

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load a name of the public API: type checkers and editors see them all in `__init__.pyi`."""
    hidden = name.startswith("_") and name != "__all__"
    # A package of facekit's is found by `import` itself, which asks here first.
    if hidden or PathFinder.find_spec(f"{__name__}.{name}", __path__) is not None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    value = import_module(f"{__name__}.api").get(name)
    # Two threads may come here at once. Both get what came first: pickle goes by identity.
    return globals().setdefault(name, value)


def __dir__() -> list[str]:
    """Return what is public, the commands of other packages included."""
    every = (name for name in globals() if name.startswith("__"))
    return sorted({*every, *import_module(f"{__name__}.api").names()})
