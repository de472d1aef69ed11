"""What is inlined into every page: libraries as published, with their licences, and a policy that fits them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest

from facekit.report import assets
from facekit.report.html import data, render

LIBRARIES = json.loads((assets.VENDOR / "vendored.json").read_text())


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library["package"])
def test_a_library_is_as_it_was_published(library: dict[str, Any]) -> None:
    for one in library["files"]:
        assert hashlib.sha256((assets.VENDOR / one["file"]).read_bytes()).hexdigest() == one["sha256"], one["file"]
    licences = [(assets.VENDOR / one["file"]).read_text() for one in library["files"] if "LICEN" in one["file"]]
    assert library["licence"] == "MIT"
    assert any("Permission is hereby granted, free of charge" in text for text in licences)
    scripts = [(assets.VENDOR / one["file"]).read_text() for one in library["files"] if one["file"].endswith(".js")]
    assert all(library["version"] in script[:200] for script in scripts)


def test_every_file_of_a_library_is_listed() -> None:
    listed = {one["file"] for library in LIBRARIES for one in library["files"]}
    assert {file.name for file in assets.VENDOR.iterdir()} == listed | {"vendored.json"}


def test_nothing_that_is_inlined_evaluates_text_or_reaches_the_network() -> None:
    inlined = assets.load()
    calls = r"\beval\(|new Function|\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|import\(|innerHTML|document\.write"
    own = "".join((assets.STATIC / name).read_text() for name in ("charts.js", "tables.js", "page.js"))
    assert not re.search(calls, own)
    assert not re.search(calls.replace("|innerHTML", ""), inlined.script)
    assert not re.search(r"</script|</style|<!--", inlined.script + inlined.style, re.IGNORECASE)
    assert not re.search(r"@import|url\(", inlined.style)


def test_the_policy_names_what_is_inlined() -> None:
    page = render("base.html", title="A & B")
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    for kind in ("style", "script"):
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src &#39;sha256-{digest}&#39;" in policy
    assert "unsafe" not in policy


def test_data_cannot_end_the_element_that_holds_it() -> None:
    evil = ["</script><script>alert(1)</script>", "<!--", "\u202egpj.exe", {"<b>": "]]>&amp;"}]
    text = data(evil)
    assert not re.search("[<>&\u202e]", text)
    assert json.loads(text) == [evil[0], evil[1], "\\u202egpj.exe", {"<b>": "]]>&amp;"}]
