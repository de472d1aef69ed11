"""Gallery: look into a gallery, and change who is in it."""

from facekit.commands.gallery.stage import gallery

__all__ = ["gallery"]
