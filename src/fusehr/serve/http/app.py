"""The service as an ASGI application over one loaded model."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from fusehr.core.frame.errors import InputError
from fusehr.serve.cases.case import Case, ranges
from fusehr.serve.demo.routes import add_demo
from fusehr.serve.http import card as cards
from fusehr.serve.http import many
from fusehr.serve.http.answers import Health, Model, Prediction, Problem, Variable, prediction
from fusehr.serve.http.batching import Batcher, QueueFullError, StoppingError
from fusehr.serve.http.counters import Counters
from fusehr.serve.http.examples import PREDICT_BODY, PREDICT_MANY_BODY
from fusehr.serve.http.gatekeeper import Gatekeeper
from fusehr.serve.http.reading import media_type, read_case
from fusehr.serve.http.refusals import RefusedError
from fusehr.serve.http.settings import Settings
from fusehr.serve.predictors.choose import trained
from fusehr.serve.predictors.contract import Predictor

LATER = {"retry-after": "1"}
log = logging.getLogger("fusehr.serve")

REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body breaks off, or is no form"},
    401: {"model": Problem, "description": "Without the key of this service"},
    404: {"model": Problem, "description": "Another model than the one that is served"},
    408: {"model": Problem, "description": "The body did not come in time"},
    413: {"model": Problem, "description": "The body is too large"},
    415: {"model": Problem, "description": "A type of content that is not read"},
    422: {"model": Problem, "description": "Not a case, or not one that the model can read"},
    429: {"model": Problem, "description": "Too many wait; try again"},
    503: {"model": Problem, "description": "No answer in time, or the service is stopping"},
}


class Service:
    """One loaded model, its queue and its counters."""

    def __init__(self, predictor: Predictor, root: Path, settings: Settings) -> None:
        self.predictor, self.root, self.settings = predictor, root, settings
        about = predictor.about
        self.counters = Counters(about.model, about.task, lambda: self.batcher.waiting)
        self.batcher = Batcher(
            predictor.predict,
            most=settings.max_batch,
            wait_s=settings.max_wait_ms / 1000,
            capacity=settings.queue,
            told=self.counters.predicted,
        )
        self.uploads = 0

    async def ask(self, case: Case, *, patient: bool = False) -> Prediction:
        """The answer to a case; RefusedError where there is none."""
        try:
            async with asyncio.timeout(None if patient else self.settings.timeout_s):
                # images are decoded beside the thread that predicts
                prepared = await asyncio.to_thread(self.prepared, case)
                p = await self.batcher.submit(prepared, patient=patient)
        except RefusedError:
            raise
        except QueueFullError:
            raise RefusedError(429, "too many cases wait; try again", LATER) from None
        except StoppingError:
            raise RefusedError(503, "the service is stopping") from None
        except TimeoutError:
            raise RefusedError(
                503, f"no answer within {self.settings.timeout_s:g} s", LATER
            ) from None
        except Exception as error:
            # its message could hold what was sent
            log.error("a prediction failed: %s", type(error).__name__)
            raise RefusedError(500, "the prediction failed") from None
        return prediction(self.predictor, case, p)

    def prepared(self, case: Case) -> Any:
        """`case` ready to be predicted; RefusedError where the model cannot read it."""
        try:
            return self.predictor.prepare(case)
        except InputError as error:
            raise RefusedError(422, str(error)) from None

    def expect_model(self, model: str | None) -> None:
        """Raise RefusedError where `model` is named and not the one that is served."""
        served = self.predictor.about.model
        if model is not None and model != served:
            raise RefusedError(404, f"model: expected {served}, the one that is served")


def create_app(predictor: Predictor, root: Path, settings: Settings, *, key: str = "") -> FastAPI:
    """The application. root: of the repository, for cards and models; key: '' for none."""
    service = Service(predictor, root, settings)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        service.batcher.start()
        yield
        await service.batcher.stop()
        explorer.close()

    about = predictor.about
    app = FastAPI(
        title=f"fusehr: {about.model} for {about.task}",
        description=cards.NOT_A_DEVICE,
        version="1",
        lifespan=life,
        redoc_url=None,
    )
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(HTTPException, _not_served)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(Exception, _failed)
    _add_predictions(app, service)
    _add_reports(app, service)
    explorer = add_demo(app, service, root, key=bool(key))
    routes = frozenset(getattr(route, "path", "") for route in app.routes) | {"/openapi.json"}
    app.add_middleware(
        Gatekeeper,
        settings=settings,
        key=key,
        routes=routes | frozenset(app.openapi()["paths"]),
        told=service.counters.answered,
    )
    return app


def _add_predictions(app: FastAPI, service: Service) -> None:
    @app.post(
        "/predict",
        responses=REFUSALS,
        openapi_extra={"requestBody": PREDICT_BODY},
        summary="Probabilities of one case",
    )
    async def predict(request: Request, model: str | None = None) -> Prediction:
        service.expect_model(model)
        return await service.ask(await read_case(request))

    @app.post(
        "/predict/batch",
        responses={
            **REFUSALS,
            200: {
                "description": "A line for each row, in their order, in the form of the upload",
                "content": {many.JSONL: {}, many.CSV: {}},
            },
        },
        response_class=Response,
        openapi_extra={"requestBody": PREDICT_MANY_BODY},
        summary="Probabilities of many cases, streamed",
    )
    async def predict_many(request: Request, model: str | None = None) -> Response:
        service.expect_model(model)
        if service.uploads >= service.settings.uploads:
            raise RefusedError(429, "too many uploads at once; try again", {"retry-after": "5"})
        service.uploads += 1
        try:
            kind, lines = await _many(request, service)
        except BaseException:
            service.uploads -= 1
            raise
        return UploadAnswer(lines, kind, service)


async def _many(request: Request, service: Service) -> tuple[str, AsyncIterator[bytes]]:
    ask, settings = partial(service.ask, patient=True), service.settings
    at_once = min(2 * settings.max_batch, settings.queue)
    kind = media_type(request)
    if kind in (many.JSONL, "application/jsonl"):
        rows = many.jsonl_rows(await request.body())
        return many.JSONL, many.as_jsonl(many.answered(rows, ask, at_once=at_once))
    if kind == many.CSV:
        carried, rows = many.csv_rows(await request.body())
        found = many.answered(rows, ask, at_once=at_once)
        return many.CSV, many.as_csv(found, service.predictor.about, carried)
    raise RefusedError(415, f"Content-Type: expected {many.JSONL} or {many.CSV}")


class UploadAnswer(StreamingResponse):
    """Lines as they are known; the upload's place is free again when they end, or nobody reads."""

    def __init__(self, lines: AsyncIterator[bytes], kind: str, service: Service) -> None:
        super().__init__(lines, media_type=kind)
        self._service = service

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._service.uploads -= 1


def _add_reports(app: FastAPI, service: Service) -> None:
    about = service.predictor.about

    @app.get("/models", responses={401: REFUSALS[401]}, summary="Trained models")
    async def models() -> list[Model]:
        found = trained(service.root)
        found.setdefault(about.model, [about.task])
        return [
            Model(
                model=name,
                tasks=tasks,
                loaded=True,
                task=about.task,
                classes=list(about.classes),
                reads=list(about.reads),
            )
            if name == about.model
            else Model(model=name, tasks=tasks, loaded=False)
            for name, tasks in sorted(found.items())
        ]

    @app.get(
        "/model-card",
        responses={
            401: REFUSALS[401],
            422: {"model": Problem, "description": "Another format"},
            200: {
                "description": "The card",
                "content": {"text/markdown": {}, "application/json": {}},
            },
        },
        response_class=Response,
        summary="What is served: data, metrics, intended use",
    )
    async def model_card(format: Literal["markdown", "json"] = "markdown") -> Response:
        if format == "markdown":
            return Response(cards.card(service.root, about), media_type="text/markdown")
        return JSONResponse(
            {
                "model": about.model,
                "recipe": about.recipe,
                "task": about.task,
                "classes": list(about.classes),
                "seed": about.seed,
                "split_sha": about.split_sha,
                "metrics": cards.metrics(service.root, about),
                "use": cards.NOT_A_DEVICE,
            }
        )

    @app.get("/variables", responses={401: REFUSALS[401]}, summary="Names of measurements")
    async def variables() -> list[Variable]:
        return [
            Variable(name=name, unit=unit, low=low, high=high)
            for name, (low, high, unit) in ranges().items()
        ]

    @app.get("/healthz", summary="Whether the service answers")
    async def healthz() -> Health:
        return Health(
            status="ok", model=about.model, task=about.task, waiting=service.batcher.waiting
        )

    @app.get("/metrics", responses={401: REFUSALS[401]}, response_class=Response)
    async def metrics() -> Response:
        """In Prometheus's format."""
        return Response(service.counters.text(), media_type="text/plain; version=0.0.4")


async def _refused(_: Request, error: Any) -> Response:
    return JSONResponse({"error": error.message}, error.status, error.headers)


async def _not_served(_: Request, error: Any) -> Response:
    return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)


async def _not_valid(_: Request, error: Any) -> Response:
    names = ", ".join(str(one["loc"][-1]) for one in error.errors())
    return JSONResponse({"error": f"not as expected: {names}"}, 422)


async def _failed(_: Request, error: Exception) -> Response:
    log.error("a request failed: %s", type(error).__name__)
    return JSONResponse({"error": "the service failed"}, 500)
