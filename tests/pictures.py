"""The pictures in the README, made again from drawn faces: `make pictures`. Needs tmux and a browser."""

from __future__ import annotations

import base64
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from leftovers import browse
from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

IMAGES = Path(__file__).parents[1] / "docs" / "images"

BEFORE = [
    "facekit draw -o photos --people 6 --photos 40",
    "facekit draw -o others --people 2 --photos 40 --seed 5",
    "facekit crop photos -o faces",
    "facekit clean faces -o kept --min-images 20",
    "facekit train kept -o model --backbone sface",
    "facekit evaluate model",
]
SHOWN = ["facekit clean faces -o good --min-images 20", "facekit predict model new"]
NEW = 3
"""Photos of each folder in `new`, of people in the model and of others."""
COLUMNS, LINES = 100, 60
WIDTH, HEIGHT = 1100, 1240


def terminal(folder: Path) -> str:
    """Type the commands into a real terminal; return its screen as SVG."""
    name = f"facekit-{os.getpid()}"
    tmux = ["tmux", "-L", name, "-f", os.devnull]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = ["env", f"PATH={path}", "PS1=$ ", "PROMPT_COMMAND=", "bash", "--norc", "--noprofile"]
    subprocess.run([*tmux, "new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), "-c", folder, *shell], check=True)
    try:
        while "$" not in subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True).stdout:
            time.sleep(0.2)  # what is typed before the shell is ready appears twice
        for number, line in enumerate(SHOWN):
            subprocess.run([*tmux, "send-keys", f"{line}; touch done-{number}", "Enter"], check=True)
            while not (folder / f"done-{number}").exists():
                time.sleep(0.2)
        screen = subprocess.run([*tmux, "capture-pane", "-e", "-p"], check=True, capture_output=True, text=True).stdout
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    return as_svg(screen.rstrip("\n"))


def as_svg(screen: str) -> str:
    """Draw a screen with its colours."""
    lines = [line for line in screen.splitlines() if line.strip() != "$"]
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        for line in lines:
            for number in range(len(SHOWN)):
                line = line.replace(f"; touch done-{number}", "")
            console.print(Text.from_ansi(line), soft_wrap=True)
        return console.export_svg(title="facekit", theme=SVG_EXPORT_THEME, unique_id="facekit")


def report(page: Path) -> bytes:
    """Return the top of a report as PNG."""
    with browse() as driver:
        driver.set_window_size(WIDTH, HEIGHT)
        driver.get(page.as_uri())
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT, "scale": 1}
        shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        return base64.b64decode(shot["data"])


def main() -> None:
    """Make both in a folder that is deleted afterwards."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for line in BEFORE:
            subprocess.run(
                [sys.executable, "-m", *shlex.split(line)], cwd=folder, check=True, stdout=subprocess.DEVNULL
            )
        (folder / "new").mkdir()
        for tree, people in (("photos", 2), ("others", 1)):
            for person in sorted(path for path in (folder / tree).iterdir() if path.is_dir())[:people]:
                for number, photo in enumerate(sorted(person.iterdir())[:NEW]):
                    shutil.copy(photo, folder / "new" / f"{person.name.split()[0].lower()}-{number}{photo.suffix}")
        (IMAGES / "terminal.svg").write_text(terminal(folder))
        (IMAGES / "report.png").write_bytes(report(folder / "model" / "evaluation" / "report.html"))


if __name__ == "__main__":
    main()
