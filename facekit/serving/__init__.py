"""Serve HTTP on this machine only: a server, and the guard in front of its application."""

from facekit.serving.guard import Access, App, Guard, Limits
from facekit.serving.server import Server

__all__ = ["Access", "App", "Guard", "Limits", "Server"]
