"""The application that a process serves: its routes behind the gate."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from facekit import __version__
from facekit.base.contract import FacekitError
from facekit.options.serve import Serve
from facekit.serving import asking, feedback, logs, metrics, page, people
from facekit.serving.answers import Health
from facekit.serving.describing import describe
from facekit.serving.engine import Engine
from facekit.serving.gate import Gate, Passing
from facekit.serving.problems import Problem
from facekit.serving.tokens import Tokens

_STATUSES = {404: "not-found", 405: "wrong-method"}


def build(settings: Serve) -> Gate:
    """Return the application. Raises FacekitError for what cannot be served."""
    engine = Engine(settings)

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        try:
            await engine.start()
        except Exception as error:
            logs.write_fault("not-started", error)  # uvicorn ends, and would say it where nothing is written
            raise
        yield
        await engine.stop()

    app = FastAPI(
        title="facekit",
        version=__version__,
        description="Find faces in pictures, say whose they are, and keep the gallery of people.",
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        lifespan=running,
    )
    tokens = None if engine.identity is None else Tokens(engine.identity)
    app.include_router(asking.routes(engine, tokens))
    if engine.live is not None:
        app.include_router(people.routes(engine, engine.live))
    if tokens is not None:
        app.include_router(feedback.routes(engine, tokens))
    app.include_router(page.routes(engine))
    _add_health(app, engine)
    _add_problems(app)
    describe(app)
    return Gate(app, settings, engine.access, _logged)


def _add_health(app: FastAPI, engine: Engine) -> None:
    @app.get("/healthz", tags=["health"])
    async def healthz() -> Health:
        """Say that the process runs."""
        return Health(status="ok")

    @app.get("/readyz", tags=["health"])
    async def readyz() -> Health:
        """Say whether the process can answer: its gallery was looked at a moment ago, and faces are embedded."""
        if engine.trouble is not None:
            raise Problem("not-ready", engine.trouble)
        return Health(status="ok")

    @app.get("/metrics", tags=["health"], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def numbers() -> Response:
        """Return numbers for Prometheus, those of all processes together."""
        drift = b"" if engine.counting is None else engine.counting.gauges()
        return Response(metrics.rendered() + drift, media_type=metrics.TYPE)


def _add_problems(app: FastAPI) -> None:
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response()

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        wrong = [{"where": list(one["loc"]), "why": one["msg"]} for one in error.errors()]
        where = ", ".join(sorted({".".join(map(str, one["loc"][1:])) or "the body" for one in error.errors()}))
        return Problem("bad-value", f"not as the description says: {where}"[:300], errors=wrong[:20]).response()

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        name = _STATUSES.get(error.status_code, "bad-request")
        answer = Problem(name, str(error.detail)).response()
        answer.headers.update(error.headers or {})
        return answer

    async def fault(request: Request, error: Exception) -> Response:
        logs.write_fault("gallery-fault", error)
        return Problem("not-ready", "the gallery cannot be used now; see the server's log").response()

    async def bug(request: Request, error: Exception) -> Response:  # the gate writes where it was
        return Problem("bug", "see the server's log", request=request.state.passing.id).response()

    app.add_exception_handler(Exception, bug)
    app.add_exception_handler(Problem, refused)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(FacekitError, fault)


def _logged(passing: Passing) -> None:
    """Write the line of a request that is answered, and count it."""
    seconds = time.perf_counter() - passing.began
    metrics.REQUESTS.labels(passing.route, passing.method, str(passing.status)).inc()
    metrics.SECONDS.labels(passing.route).observe(seconds)
    if isinstance(faces := passing.more.get("faces"), int):
        metrics.FACES.labels(passing.route).inc(faces)
    if (right := passing.more.get("right")) is not None:
        metrics.FEEDBACK.labels("yes" if right else "no").inc()
    logs.write(
        "request",
        request=passing.id,
        method=passing.method,
        route=passing.route,
        status=passing.status,
        ms=round(1000 * seconds, 1),
        bytes=passing.bytes,
        key=passing.key.id if passing.key is not None else None,
        **passing.more,
    )
