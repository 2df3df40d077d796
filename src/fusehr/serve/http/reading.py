"""A request's body as a case: JSON, or a form with the case in JSON and the image as a file."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from fusehr.serve.cases.case import IMAGE_BYTES, Case
from fusehr.serve.http.refusals import RefusedError, in_words

JSON, FORM = "application/json", "multipart/form-data"
CASE, IMAGE = "case", "image"


async def read_case(request: Request) -> Case:
    """The case; RefusedError where the body is none."""
    kind = media_type(request)
    if kind == FORM:
        return await _of_form(request)
    if kind == JSON:
        return case_of(await request.body())
    raise RefusedError(415, f"Content-Type: expected {JSON} or {FORM}")


def case_of(content: bytes | str, *, image: bytes | None = None) -> Case:
    """From JSON, with `image` beside it; RefusedError where it is none."""
    try:
        case = Case.model_validate_json(content)
        if image is None:
            return case
        if case.image is not None:
            raise RefusedError(422, "image: expected in the case or as a file, found both")
        return case.model_copy(update={"image": image})
    except ValidationError as error:
        raise RefusedError(422, in_words(error)) from None


def media_type(request: Request) -> str:
    """Content-Type without its parameters."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


async def _of_form(request: Request) -> Case:
    try:
        async with request.form(max_files=1, max_fields=1, max_part_size=IMAGE_BYTES) as form:
            unknown = set(form) - {CASE, IMAGE}
            if unknown:
                raise RefusedError(422, f"expected the fields {CASE} and {IMAGE}, found others")
            text, file = form.get(CASE), form.get(IMAGE)
            if text is not None and not isinstance(text, str):
                raise RefusedError(422, f"{CASE}: expected JSON, found a file")
            image = None if file is None else await _bytes(file)
    except HTTPException as error:
        raise RefusedError(400, f"expected a form: {error.detail}") from None
    if text is not None:
        return case_of(text, image=image)
    if image is None:
        raise RefusedError(422, f"expected the fields {CASE} or {IMAGE}, found none")
    return Case(image=image)


async def _bytes(file: Any) -> bytes:
    if not isinstance(file, UploadFile):
        raise RefusedError(422, f"{IMAGE}: expected a file")
    # the name is never used; one that is a path comes from nobody who means well
    if any(sign in (file.filename or "") for sign in ("/", "\\", "\x00", "..")):
        raise RefusedError(422, f"{IMAGE}: expected the name of a file, found a path")
    content = await file.read(IMAGE_BYTES + 1)
    if not content:
        raise RefusedError(422, f"{IMAGE}: expected a PNG or JPEG, found an empty file")
    if len(content) > IMAGE_BYTES:
        raise RefusedError(413, f"{IMAGE}: expected at most {IMAGE_BYTES} bytes")
    return content
