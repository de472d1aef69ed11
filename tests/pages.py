"""What tests ask of a report page: what is its own, and whether it stands alone."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote


def content(page: str) -> str:
    """A page without its stylesheet and its script, which are the same in all."""
    return re.sub(r"<style>.*?</style>|<script>.*?</script>", "", page, flags=re.DOTALL)


def links(page: str) -> list[str]:
    """Where a page leads, without the links into itself, once each."""
    return list(dict.fromkeys(link for link in re.findall(r'href="([^"]*)"', page) if not link.startswith("#")))


def check_alone(file: Path) -> str:
    """Check that a page loads nothing, and that its links lead to files; return its content."""
    page = content(file.read_text())
    assert "default-src &#39;none&#39;; img-src data:; style-src &#39;sha256-" in page
    assert not re.search(r"(https?:|file:|javascript:|src=\"(?!data:)|\sstyle=|\son\w+=)", page)
    for link in links(page):
        assert (file.parent / unquote(link)).is_file(), link
    return page
