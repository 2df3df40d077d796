"""Routes of the demo page, on the service's own application and behind its gatekeeper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from fusehr.serve.demo.explorer import Asks, Explorer
from fusehr.serve.demo.page import HEADERS, example_csv, page, text
from fusehr.serve.demo.told import Told
from fusehr.serve.http.reading import read_case

LISTED = 50  # ids of test samples in one answer
NEVER_KEPT = {**HEADERS, "cache-control": "no-store"}  # answers tell of people


def add_demo(app: FastAPI, service: Asks, root: Path, *, key: bool) -> Explorer:
    """Add /demo to `app`. key: the service asks for one."""
    explorer = Explorer(service, root, keyed=key)
    about = service.predictor.about
    files = {
        "/demo": (page(about, keyed=key), "text/html"),
        "/demo/page.css": (text("page.css"), "text/css"),
        "/demo/page.js": (text("page.js"), "text/javascript"),
        "/demo/example.csv": (example_csv(about), "text/csv"),
    }
    for path, (content, kind) in files.items():
        _add_file(app, path, content, kind)

    @app.post("/demo/case", include_in_schema=False)
    async def case(request: Request, response: Response) -> Told:
        response.headers.update(NEVER_KEPT)
        return await explorer.of_case(await read_case(request))

    @app.get("/demo/samples", include_in_schema=False)
    async def samples(
        response: Response, like: Annotated[str, Query(max_length=100)] = ""
    ) -> dict[str, list[str] | int]:
        response.headers.update(NEVER_KEPT)
        return await explorer.samples(like, LISTED)

    @app.get("/demo/sample", include_in_schema=False)
    async def sample(response: Response, id: Annotated[str, Query(max_length=100)]) -> Told:
        response.headers.update(NEVER_KEPT)
        return await explorer.of_sample(id)

    return explorer


def _add_file(app: FastAPI, path: str, content: str, kind: str) -> None:
    @app.get(path, include_in_schema=False)
    async def file() -> Response:
        return Response(content, media_type=f"{kind}; charset=utf-8", headers=HEADERS)
