"""Search for people with browser bots and download their pictures; which are kept is decided by rank alone."""

from facekit.commands.scrape.stage import scrape

__all__ = ["scrape"]
