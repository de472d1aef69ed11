"""deploy/: what the container and its companions are allowed, and alerts that fire and are routed."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from facekit.identity.gallery import Gallery

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
PROMETHEUS, RULES, ROUTES = (
    DEPLOY / "prometheus/prometheus.yml",
    DEPLOY / "prometheus/rules.yml",
    DEPLOY / "alertmanager/alertmanager.yml",
)
BOARD = DEPLOY / "grafana/dashboards/facekit.json"

COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def program(name: str) -> str:
    """The path of a program, which is not everywhere."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def passes(*command: str) -> None:
    done = subprocess.run(command, cwd=DEPLOY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dockerfile_is_one_that_hadolint_has_nothing_against() -> None:
    passes(program("hadolint"), "Dockerfile")


def test_prometheus_takes_its_files_and_the_rules_fire_when_they_should() -> None:
    promtool = program("promtool")
    passes(promtool, "check", "config", "--syntax-only", "prometheus/prometheus.yml")
    passes(promtool, "test", "rules", "prometheus/rules_test.yml")


def test_pages_and_tickets_reach_different_people() -> None:
    amtool = program("amtool")
    for severity, receiver in (("page", "pages"), ("ticket", "tickets")):
        routes = f"--config.file={ROUTES}"
        passes(amtool, "config", "routes", "test", routes, f"--verify.receivers={receiver}", f"severity={severity}")


def test_every_alert_is_tested_and_has_a_severity_that_is_routed() -> None:
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    tested = yaml.safe_load((DEPLOY / "prometheus/rules_test.yml").read_text())["tests"]
    assert {one["alert"] for one in rules} == {at["alertname"] for one in tested for at in one["alert_rule_test"]}
    assert {one["labels"]["severity"] for one in rules} == {"page", "ticket"}


def test_what_alerts_and_the_dashboard_ask_for_is_what_the_server_says() -> None:
    pytest.importorskip("prometheus_client", reason="the extra `serve` is not installed")
    from facekit.serving import metrics
    from facekit.serving.monitor import findings, gauges
    from facekit.serving.monitor.days import Reference

    counts = np.full(10, 20)
    days = {f"2026-03-{day:02}": {"brightness": counts} for day in range(1, 10)}
    references = {"brightness": Reference(edges=tuple(range(40, 220, 20)), counts=tuple(counts.tolist()))}
    assert findings.find(days, references).verdicts
    text = (metrics.rendered() + gauges.rendered(days, references)).decode()
    there = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    asked = re.findall(r"\bfacekit_\w+", RULES.read_text() + BOARD.read_text())
    assert {re.sub(r"_bucket$", "", name) for name in asked} <= there


def test_no_service_has_more_rights_than_it_needs() -> None:
    for name, service in COMPOSE["services"].items():
        assert "no-new-privileges:true" in service["security_opt"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        if name != "postgres":  # its own image changes its user, for which it needs to write
            assert service["read_only"] and service["cap_drop"] == ["ALL"], name
    assert "--no-keys" not in json.dumps(COMPOSE) and "--no-keys" not in DOCKERFILE
    assert re.search(r"^USER \d+", DOCKERFILE, re.MULTILINE) and "HEALTHCHECK" in DOCKERFILE
    settings = [
        setting for service in COMPOSE["services"].values() for setting in service.get("environment", {}).items()
    ]
    secret = [(name, value) for name, value in settings if re.search("PASS|KEY|SECRET", name)]
    assert secret and all(value.startswith("/run/") for _, value in secret)  # files, never the secrets themselves


def test_the_options_in_the_container_are_ones_that_serve_has() -> None:
    from facekit.options.base import make
    from facekit.options.serve import Serve

    command = COMPOSE["services"]["facekit"]["command"]
    assert command[0] == "serve" and command[1].startswith("postgresql://")
    flags = zip(command[2::2], command[3::2], strict=True)
    given: dict[str, Any] = {flag.removeprefix("--").replace("-", "_"): value for flag, value in flags}
    given |= {"workers": int(given["workers"]), "allowed_host": [given["allowed_host"]]}
    options = make(Serve, {"target": command[1], **given})
    assert options.keys and options.host == "0.0.0.0"


def test_a_gpu_that_is_asked_for_and_is_not_there_is_no_silent_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = pytest.importorskip("onnxruntime")
    from facekit.base.errors import FacekitError
    from facekit.base.onnx import GPU, providers

    assert f"{GPU}=$GPU" in DOCKERFILE
    assert providers(runtime) == ["CPUExecutionProvider"]
    monkeypatch.setenv(GPU, "1")
    if "CUDAExecutionProvider" not in runtime.get_available_providers():
        with pytest.raises(FacekitError, match="onnxruntime-gpu"):
            providers(runtime)


class Told:
    """A webhook that keeps what it is told."""

    def __init__(self) -> None:
        self.alerts: list[tuple[str, str, str]] = []
        told = self.alerts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                told.extend((self.path, one["status"], one["labels"]["alertname"]) for one in body["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def started(folder: Path, *command: str) -> Iterator[None]:
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def placed(file: Path, to: Path, **places: str) -> None:
    """Copy a file of deploy/ with addresses of this machine, and seconds in place of minutes; all else is as it is."""
    text = file.read_text()
    for name, value in places.items():
        text = text.replace(name.replace("__", ":"), value)
    text = re.sub(r"\b(for|group_wait|group_interval|scrape_interval|evaluation_interval): \w+", r"\1: 1s", text)
    to.write_text(text)


def darker_days(folder: Path) -> None:
    """Count eight usual days, and two dark ones, which end today."""
    from facekit.serving.monitor.recorder import Counted
    from facekit.serving.monitor.watched import recorder_of_gallery

    rng, today = np.random.default_rng(0), datetime.now(UTC).date()
    for back in range(9, -1, -1):
        with Gallery.open(folder) as gallery:
            recorder = recorder_of_gallery(gallery, 1, clock=lambda: today - timedelta(back))  # noqa: B023
            for _ in range(80):
                recorder.answer(Counted({"brightness": float(rng.normal(120 if back > 1 else 60, 15))}, True, 0.7))
            recorder.close()


def wait_for(what: str, there: Any, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < until, f"{what} did not come"
        time.sleep(0.5)


@pytest.mark.slow
def test_alerts_fire_and_reach_whom_they_should(enrolled: Path, tmp_path: Path) -> None:
    """The files as they are shipped, against a real server: drift is a ticket, and a server that is gone a page."""
    from asking import served

    prometheus, alertmanager = program("prometheus"), program("prometheus-alertmanager")
    gallery = Path(shutil.copytree(enrolled, tmp_path / "gallery"))
    darker_days(gallery)
    told, ports = Told(), (free_port(), free_port())
    placed(ROUTES, tmp_path / "alertmanager.yml", **{"127.0.0.1__9094": f"127.0.0.1:{told.server.server_port}"})
    placed(RULES, tmp_path / "rules.yml")
    with served(gallery) as api:
        (tmp_path / "key").write_text(api.keys["read"])
        placed(
            PROMETHEUS,
            tmp_path / "prometheus.yml",
            **{
                "facekit__8000": f"127.0.0.1:{api.port}",
                "alertmanager__9093": f"127.0.0.1:{ports[1]}",
                "127.0.0.1__9090": f"127.0.0.1:{ports[0]}",
                "/run/secrets/metrics-key": str(tmp_path / "key"),
            },
        )
        watched = ExitStack()
        watched.callback(told.close)
        addresses = [f"--web.listen-address=127.0.0.1:{port}" for port in ports]
        watched.enter_context(started(tmp_path, prometheus, "--config.file=prometheus.yml", addresses[0]))
        alone = ("--cluster.listen-address=", "--storage.path=alerts")
        watched.enter_context(started(tmp_path, alertmanager, "--config.file=alertmanager.yml", addresses[1], *alone))
        with ExitStack() as stack:
            stack.push(watched)
            wait_for("the ticket of drift", lambda: ("/tickets", "firing", "FacekitDrift") in told.alerts, 180)
            assert not any(path == "/pages" for path, _, _ in told.alerts)
            answers = [ask(ports[0], one["expr"]) for panel in panels() for one in panel["targets"]]
            assert all(one["status"] == "success" for one in answers)
            assert sum(bool(one["data"]["result"]) for one in answers) > 5
            stack.pop_all()
    with watched:
        wait_for("the page of a server that is gone", lambda: ("/pages", "firing", "FacekitDown") in told.alerts)


def panels() -> list[dict[str, Any]]:
    return json.loads(BOARD.read_text())["panels"]


def ask(port: int, expression: str) -> dict[str, Any]:
    address = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    with urllib.request.urlopen(address, timeout=20) as reply:
        return json.loads(reply.read())


def test_the_panels_have_places_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for one in panels():
        at = one["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and max(x for x, _ in cells) < 24, one["title"]
        taken |= cells
