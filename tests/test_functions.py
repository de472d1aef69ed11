"""`import facekit`: each command as a function, with its options, defaults and checks, and nothing loaded before."""

from __future__ import annotations

import ast
import inspect
import json
import logging
import multiprocessing
import os
import pickle
import pkgutil
import pydoc
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, Facekit, plain_tree, read_tree
from stub import STUB, rendered
from test_registry import GOOD, package

import facekit as api
from facekit.api import PARTS
from facekit.options import registry
from facekit.options.base import describe

COMMANDS = [name for name in registry.names() if registry.own(name).options.in_python]
IDS = [name.replace("-", "_") for name in COMMANDS]


def python(code: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120
    )


# What is there, and when it is loaded


def test_nothing_is_loaded_before_it_is_used(tmp_path: Path) -> None:
    code = """
import sys, facekit
first = {name for name in sys.modules if name.startswith("facekit.")}
dir(facekit), facekit.__all__, facekit.crop, facekit.train, facekit.FacekitError, facekit.Report, facekit.Record
print(first, {"numpy", "cv2", "typer", "rich", "keras", "PIL", "scipy"} & sys.modules.keys())
"""
    done = python(code, tmp_path)
    assert (done.stdout, done.stderr) == ("set() set()\n", "")


def test_bars_and_recipes_load_no_command_line(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(
        'output = "work"\n[[stage]]\ncommand = "draw"\npeople = 1\nphotos = 1\nfaults = false\n'
    )
    code = """
import sys, facekit
facekit.run("recipe.toml", progress=True)
print({"typer", "click"} & sys.modules.keys())
"""
    done = python(code, tmp_path)
    assert done.stdout == "set()\n", done.stderr
    assert "draw: 1/1" in done.stderr


def test_every_public_name_is_there() -> None:
    assert set(api.__all__) == {"__version__", *PARTS, *IDS}
    assert list(api.__all__) == sorted(api.__all__)
    assert set(api.__all__) <= set(dir(api))
    assert all(getattr(api, name) is getattr(api, name) for name in api.__all__)


def test_the_stub_is_what_the_options_say() -> None:
    assert STUB.read_text(encoding="utf-8") == rendered(), "run `make stub`"


def test_no_function_has_the_name_of_a_package() -> None:
    """`import facekit.NAME` would put the package in its place."""
    packages = {module.name for module in pkgutil.iter_modules([str(ROOT / "facekit")])}
    assert not packages & {*IDS, *PARTS}


def test_a_package_is_not_taken_for_a_public_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'cropp'"):
        _ = api.cropp  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="no attribute '_private'"):
        _ = api._private  # type: ignore[attr-defined]
    from facekit import world

    assert inspect.ismodule(world)


def test_a_command_for_a_terminal_is_no_function() -> None:
    with pytest.raises(AttributeError, match="`facekit demo` is for a terminal"):
        _ = api.demo  # type: ignore[attr-defined]
    assert "demo" not in dir(api)


def test_a_wheel_has_the_types(tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / done.stdout.split()[-1]) as wheel:
        assert {"facekit/py.typed", "facekit/__init__.pyi"} <= set(wheel.namelist())


SOUND = """
from pathlib import Path
import numpy as np
import facekit
report: facekit.Report = facekit.crop("photos", Path("faces"), size=160, faces="only", progress=True)
model = facekit.Model("model", fpir=0.01)
gallery = facekit.Gallery("gallery")
name: str = gallery.identify("photo.jpg")[0].name
either: facekit.Model | facekit.Gallery = facekit.load("model")
for face in model.predict(np.zeros((3, 3, 3), np.uint8)):
    label: str | None = face.label
for answer in facekit.predict("model", ["a.jpg", Path("b.jpg")]):
    picture: str = answer.picture
for left in facekit.rejected("faces"):
    reason: str = left.reason
record: facekit.Record = facekit.Dataset("faces").select(split="test")[0]
"""

UNSOUND = {
    'facekit.crop("photos", "faces", size="160")': "arg-type",
    'facekit.crop("photos", "faces", faces="most")': "arg-type",
    'facekit.crop("photos", "faces", sise=3)': "call-arg",
    'facekit.crop("photos")': "call-arg",
    'facekit.demo("demo")': "attr-defined",
}


@pytest.mark.slow
def test_a_type_checker_knows_each_option(tmp_path: Path) -> None:
    (tmp_path / "sound.py").write_text(SOUND)
    (tmp_path / "unsound.py").write_text("\n".join(["import facekit", *UNSOUND]))
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    command = [sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports", "--follow-imports=silent"]
    done = subprocess.run(
        [*command, "sound.py", "unsound.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    found = [line for line in done.stdout.splitlines() if "error:" in line]
    assert [line.partition(":")[0] for line in found] == ["unsound.py"] * len(UNSOUND), done.stdout + done.stderr
    assert [line.rpartition("[")[2].rstrip("]") for line in found] == list(UNSOUND.values())


# What a function takes and says


@pytest.mark.parametrize("command", COMMANDS, ids=IDS)
def test_a_function_takes_what_the_command_does(command: str) -> None:
    function = getattr(api, command.replace("-", "_"))
    takes = inspect.signature(function).parameters
    options = {option.name: option for option in describe(registry.own(command).options)}
    assert list(takes) == [*(name for name in takes if name in options), "progress"]
    assert takes.keys() - {"progress"} == options.keys()
    by_position = [name for name, one in takes.items() if one.kind is one.POSITIONAL_OR_KEYWORD]
    placed = [name for name, option in options.items() if option.positional]
    assert by_position[: len(placed)] == placed
    assert by_position[len(placed) :] == [name for name, option in options.items() if option.is_result]
    for name, option in options.items():
        default = takes[name].default
        if option.required:
            assert default is inspect.Parameter.empty
        else:
            assert type(option.default)(default) == option.default if default is not None else option.default is None


@pytest.mark.parametrize("command", COMMANDS, ids=IDS)
def test_what_a_function_returns_is_what_its_command_does(command: str) -> None:
    module, _, name = registry.own(command).target.partition(":")
    file = _defined(module, name)
    body = ast.parse(file.read_text()).body
    returns = next(node.returns for node in body if isinstance(node, ast.FunctionDef) and node.name == name)
    assert returns is not None
    answers = registry.own(command).options.answers
    assert (ast.unparse(returns) == "Report") is not answers
    said = inspect.signature(getattr(api, name)).return_annotation
    assert (said is api.Report) is not answers


def _defined(module: str, name: str) -> Path:
    """The file that defines a command's function: a package imports it. Nothing is imported here."""
    place = ROOT / module.replace(".", "/")
    if not place.is_dir():
        return place.with_suffix(".py")
    nodes = ast.parse((place / "__init__.py").read_text()).body
    imported = (node for node in nodes if isinstance(node, ast.ImportFrom))
    return _defined(str(next(node.module for node in imported if name in {one.name for one in node.names})), name)


@pytest.mark.parametrize("command", COMMANDS, ids=IDS)
def test_help_says_what_each_argument_does(command: str) -> None:
    name = command.replace("-", "_")
    text = pydoc.plain(pydoc.render_doc(getattr(api, name)))
    assert text.startswith(f"Python Library Documentation: function {name} in module facekit")
    for option in describe(registry.own(command).options):
        assert f"        {option.name}: " in text
    assert "stdin" not in text
    flags = {option.flag for option in describe(registry.own(command).options)}
    assert not {word.strip("`.,;)") for word in text.split()} & {*flags, *(f"--no-{flag[2:]}" for flag in flags)}


def test_help_has_texts_and_defaults() -> None:
    text = pydoc.plain(pydoc.render_doc(api.crop))
    assert "crop(input: str | os.PathLike[str], output: str | os.PathLike[str], *, detector: str = 'haar'" in text
    assert "size: Side of a saved face, in pixels. Default: 160." in text
    assert "with `detect=False`, each picture is taken as a face" in " ".join(text.split())
    assert '`split_by="person"`' in pydoc.plain(pydoc.render_doc(api.balance))


# What a function does


def test_a_function_makes_what_its_command_makes(plain: Path, facekit: Facekit, tmp_path: Path) -> None:
    done = facekit("crop", plain, "-o", tmp_path / "typed", "--no-detect", "--size", "32", "--json")
    report = api.crop(plain, tmp_path / "called", detect=False, size=32)
    assert done.code == 0, done.err
    said, told = json.loads(done.out), report.to_dict()
    for values in (said, told):
        del values["seconds"], values["folder"]
    assert told == said
    assert report.next.startswith("facekit clean ")
    assert read_tree(tmp_path / "called") == read_tree(tmp_path / "typed")


def test_nothing_is_printed(plain: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    api.crop(plain, tmp_path / "faces", detect=False, size=32)
    assert "Ada" in str(api.stats(tmp_path / "faces"))
    with pytest.raises(api.FacekitError):
        api.crop(plain, tmp_path / "other", size=3)
    assert capfd.readouterr() == ("", "")


def test_what_it_has_to_say_goes_to_the_log(plain: Path, caplog: pytest.LogCaptureFixture) -> None:
    (plain / "loose.png").write_bytes(next(plain.glob("Ada/*.png")).read_bytes())
    with caplog.at_level(logging.INFO, "facekit"):
        api.stats(plain)
    assert "outside any person's folder" in caplog.text
    assert {record.name.partition(".")[0] for record in caplog.records} == {"facekit"}


class Elsewhere:
    """A path of another library's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


def test_paths_and_numbers_may_be_of_other_libraries(plain: Path, tmp_path: Path) -> None:
    report = api.crop(Elsewhere(plain), str(tmp_path / "a"), detect=np.bool_(False), size=np.int64(32), margin=1)
    assert report.kept == 16
    again = api.crop(plain, Elsewhere(tmp_path / "b"), detect=False, size=32, margin=np.float32(1.0))
    assert (again.kept, read_tree(tmp_path / "b")) == (16, read_tree(tmp_path / "a"))


@pytest.mark.parametrize("kind", [list, tuple, iter, np.array], ids=["list", "tuple", "iterator", "array"])
def test_several_values_are_any_iterable(plain: Path, kind: Any) -> None:
    picture = str(next(plain.glob("Ada/*.png")))
    with pytest.raises(api.FacekitError, match="is not a trained model"):
        api.inspect(plain, kind([picture, picture]), layer=kind(["a", "b"]))


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (np.zeros((9, 9, 3), np.uint8), "PICTURES takes paths, and no pixels; `facekit.load"),
        ([np.zeros((9, 9, 3), np.uint8)], "PICTURES takes paths, and no pixels; `facekit.load"),
        ([3], "PICTURES is 3; it must be of type str"),
        ([["a.jpg"]], r"PICTURES is \['a.jpg'\]; it must be of type str"),
    ],
    ids=["pixels", "a list of pixels", "a number", "a list of lists"],
)
def test_what_is_no_path_is_refused(pictures: Any, message: str) -> None:
    with pytest.raises(api.FacekitError, match=message) as caught:
        api.predict("model", pictures)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "named", "message"),
    [
        (("photos",), {}, r"crop\(\): missing a required argument: 'output'"),
        (("photos", "faces", 160), {}, r"crop\(\): too many positional arguments"),
        (
            ("photos", "faces"),
            {"sise": 160},
            r"crop\(\): got an unexpected keyword argument 'sise'; did you mean size\?",
        ),
    ],
)
def test_other_arguments_are_refused_as_python_refuses_them(
    arguments: tuple[Any, ...], named: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        api.crop(*arguments, **named)


def test_an_option_of_an_earlier_version_says_where_it_is_now() -> None:
    with pytest.raises(TypeError, match="`facekit cross-validate RUN --folds N` has it now"):
        api.evaluate("model", folds=5)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"size": 3}, "--size is 3; it must be 16 or more"),
        ({"size": "large"}, "--size is 'large'; it must be of type int"),
        ({"faces": "most"}, "--faces is 'most'; choose from largest, all, only"),
        ({"detector": None}, "--detector is None; it must be of type str"),
        ({"size": np.arange(3)}, "--size is .*; it must be of type int"),
    ],
)
def test_values_are_checked_as_on_the_command_line(plain: Path, named: dict[str, Any], message: str) -> None:
    with pytest.raises(api.FacekitError, match=message):
        api.crop(plain, plain.parent / "out", **named)
    assert not (plain.parent / "out").exists()


def test_a_fault_keeps_the_report_of_what_was_done(plain: Path, tmp_path: Path) -> None:
    copied = tmp_path / "split"
    for part in ("train", "test"):
        plain_tree(copied / part, {"Ada": 3})
    with pytest.raises(api.FacekitError) as caught:
        api.audit(copied, strict=True)
    assert caught.value.report is not None
    assert caught.value.report.stage == "audit"


def test_a_report_says_in_words_what_was_done(plain: Path, tmp_path: Path) -> None:
    (plain / "Ada" / "text.jpg").write_text("no picture")
    report = api.crop(plain, tmp_path / "faces", detect=False, size=32)
    first, *rest = str(report).splitlines()
    assert first.startswith("crop: 16 new, 16 in all, 1 left out (1 not a picture), ")
    assert f"  folder: {tmp_path / 'faces'}" in rest


# Progress


class Seen:
    """A caller's own progress."""

    def __init__(self, interrupted: str = "", at: int = 0) -> None:
        self.counts: dict[str, int] = {}
        self._last = interrupted, at

    def __call__(self, items: Any, title: str, total: int | None = None, board: Any = None) -> Iterator[Any]:
        for count, item in enumerate(items, 1):
            self.counts[title] = count
            if (title, count) == self._last:
                raise KeyboardInterrupt
            yield item


def test_progress_may_be_the_callers_own(plain: Path, tmp_path: Path) -> None:
    seen = Seen()
    api.crop(plain, tmp_path / "faces", detect=False, size=32, progress=seen)
    assert seen.counts["crop"] == 16


def test_an_interrupted_function_goes_on_where_it_was(plain: Path, tmp_path: Path) -> None:
    api.crop(plain, tmp_path / "whole", detect=False, size=32)
    with pytest.raises(KeyboardInterrupt):
        api.crop(plain, tmp_path / "faces", detect=False, size=32, progress=Seen("crop", at=9))
    assert 0 < len(list((tmp_path / "faces").glob("*/*.jpg"))) < 16
    report = api.crop(plain, tmp_path / "faces", detect=False, size=32)
    assert 0 < report.made < 16
    assert read_tree(tmp_path / "faces") == read_tree(tmp_path / "whole")


# Processes


def test_functions_can_be_sent_to_other_processes(plain: Path) -> None:
    assert pickle.loads(pickle.dumps(api.crop)) is api.crop
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        report = pool.submit(api.stats, plain, labels=1).result(timeout=60)
    assert report.kept == 16


SCRIPT = """
import facekit
print("main")
print(facekit.draw("photos", people=2, photos={photos}, jobs=2).made)
"""


def test_a_script_needs_no_guard_of_its_main_module(tmp_path: Path) -> None:
    """Workers are processes of their own here, and none of them runs the script again."""
    from facekit.base.parallel import workers

    photos = 4 * workers(0) + 1
    (tmp_path / "script.py").write_text(SCRIPT.format(photos=photos))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr) == (f"main\n{2 * photos}\n", "")


# Commands of other packages


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with packages that register commands, which this process knows for a while."""
    site = tmp_path / "site"
    site.mkdir()
    package(site, "polite_package", "say-hello", GOOD)
    package(site, "broken_package", "fails", "raise ValueError('boom')")
    package(site, "shadow_package", "world", GOOD)
    monkeypatch.syspath_prepend(site)
    registry.foreign.cache_clear()
    yield site
    registry.foreign.cache_clear()
    for name in ("say_hello", "fails"):
        vars(api).pop(name, None)
    for name in ("polite_package", "broken_package", "shadow_package"):
        sys.modules.pop(name, None)


def test_another_packages_command_is_a_function_too(site: Path) -> None:
    assert {"say_hello", "fails"} <= set(dir(api))
    assert "say_hello" not in api.__all__
    hello = api.say_hello  # type: ignore[attr-defined]
    assert str(hello(name="Ada")) == "hello Ada"
    assert "name: Whom to greet. Default: 'you'." in pydoc.plain(pydoc.render_doc(hello))
    assert pickle.loads(pickle.dumps(hello)) is hello


def test_a_broken_one_says_why_it_is_not_there(site: Path) -> None:
    with pytest.raises(AttributeError, match="the command `fails` of broken_package is left out: ValueError: boom"):
        _ = api.fails  # type: ignore[attr-defined]
    assert not hasattr(api, "fails")
