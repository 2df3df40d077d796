"""How the service runs: sizes, waits and limits, each an option of `fusehr serve` or fixed here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fusehr.core.frame.params import frozen

MIB = 1 << 20


@frozen
class Settings:
    """Options of `fusehr serve`.

    max_batch: cases predicted together; max_wait_ms: that a case waits for others while nothing is
    predicted; queue: cases that may wait before the answer is 429; timeout_s: for an answer, and
    for the rest of a body that comes slowly; body_mib: of one case, image included; batch_mib: of
    an upload of many; uploads: of many cases at once.
    """

    max_batch: Annotated[int, Field(ge=1, le=1024)] = 64
    max_wait_ms: Annotated[float, Field(ge=0, le=1000)] = 10.0
    queue: Annotated[int, Field(ge=1, le=100_000)] = 256
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    body_mib: Annotated[int, Field(ge=1, le=1024)] = 16
    batch_mib: Annotated[int, Field(ge=1, le=1024)] = 64
    uploads: Annotated[int, Field(ge=1, le=64)] = 2
