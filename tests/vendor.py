"""The libraries inlined into report pages, fetched anew: `make vendor`, after changing a version in `vendored.json`."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from facekit.report.assets import VENDOR

LIST = VENDOR / "vendored.json"


def fetch(library: dict[str, Any]) -> None:
    """Write the files of one library, and their SHA-256 into its entry. npm checks what it downloads."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = f"{library['package']}@{library['version']}"
        subprocess.run(["npm", "pack", "--silent", wanted], cwd=folder, check=True)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as files:
            for one in library["files"]:
                member = files.extractfile(one["from"])
                assert member is not None, one["from"]
                data = member.read()
                (VENDOR / one["file"]).write_bytes(data)
                one["sha256"] = hashlib.sha256(data).hexdigest()


def main() -> None:
    """Fetch each library of the list."""
    libraries = json.loads(LIST.read_text())
    for library in libraries:
        fetch(library)
    LIST.write_text(json.dumps(libraries, indent=2) + "\n")


if __name__ == "__main__":
    main()
