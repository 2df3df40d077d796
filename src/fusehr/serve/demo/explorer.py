"""What the demo page shows, put together: prediction, explanation, retrieval."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from fusehr.core.frame.errors import InputError
from fusehr.serve.cases.case import Case
from fusehr.serve.cases.tables import since_hours
from fusehr.serve.demo.retrieval import Retrieval, Retrieved, recorded
from fusehr.serve.demo.stays import Stay, Stays
from fusehr.serve.demo.told import Told, Withheld, told
from fusehr.serve.http.answers import Prediction
from fusehr.serve.http.batching import Batcher, StoppingError
from fusehr.serve.http.refusals import RefusedError
from fusehr.serve.http.settings import Settings
from fusehr.serve.predictors.contract import Explaining, Predictor
from fusehr.train.engine.contract import WITHHELD

PLACES = 4  # cases that are explained or wait for it: each keeps the model from predictions
CLASSES = 5  # that are explained, the likeliest first
LATER = {"retry-after": "5"}
T = TypeVar("T")
log = logging.getLogger("fusehr.serve")


class Asks(Protocol):
    """The service, as far as the page needs it."""

    predictor: Predictor
    settings: Settings
    batcher: Batcher

    async def ask(self, case: Case, *, patient: bool = False) -> Prediction:
        """The answer to a case."""
        ...

    def prepared(self, case: Case) -> Any:
        """The case ready to be predicted."""
        ...


class Explorer:
    """Cases and test samples with what is predicted of them, and why.

    keyed: the service asks for a key, without which test samples of credentialed data stay hidden.
    """

    def __init__(self, service: Asks, root: Path, *, keyed: bool) -> None:
        self._service, self._root, self._keyed = service, root, keyed
        self._stays = Stays(root, service.predictor.about)
        # tables and the graph are read beside the thread that predicts, one case at a time
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="explore")
        self._under_way: set[asyncio.Task[Told]] = set()

    async def of_case(self, case: Case) -> Told:
        """Of a case that a caller tells; RefusedError where there is no answer."""
        return await self._whole(self._told(case, None))

    async def of_sample(self, sample_id: str) -> Told:
        """Of a test sample; RefusedError where there is none of that id."""

        async def found() -> Told:
            stay = await self._read(partial(self._stay, sample_id))
            return await self._told(stay.case, stay)

        return await self._whole(found())

    async def samples(self, like: str, most: int) -> dict[str, list[str] | int]:
        """Ids that hold `like`, `most` at most, how many there are, and some to begin with."""

        def found() -> dict[str, list[str] | int]:
            self._expect_shown()
            try:
                ids, examples = self._stays.ids, self._stays.examples
            except InputError as error:
                raise RefusedError(404, f"no test samples: {error}") from None
            chosen = [name for name in ids if like in name]
            return {"samples": chosen[:most], "count": len(chosen), "examples": list(examples)}

        return await self._read(found)

    def close(self) -> None:
        """Take no more."""
        self._reading.shutdown(wait=False, cancel_futures=True)

    async def _whole(self, work: Awaitable[Told]) -> Told:
        """`work`, in one of the places, which it keeps to its end whether or not someone waits."""
        if len(self._under_way) >= PLACES:
            _dropped(work)
            raise RefusedError(429, "too many cases are explained; try again", LATER)
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        seconds = self._service.settings.timeout_s
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(task)
        except TimeoutError:
            raise RefusedError(503, f"no answer within {seconds:g} s", LATER) from None
        except StoppingError:
            raise RefusedError(503, "the service is stopping") from None
        except RefusedError:
            raise
        except Exception as error:
            # its message could hold what was sent
            log.error("an explanation failed: %s", type(error).__name__)
            raise RefusedError(500, "the explanation failed") from None

    def _ended(self, task: asyncio.Task[Told]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited for it was told

    async def _told(self, case: Case, stay: Stay | None) -> Told:
        service = self._service
        prediction = await service.ask(case)
        prepared = await asyncio.to_thread(service.prepared, case)
        predictor, explained = service.predictor, None
        retrieved = asyncio.ensure_future(self._read(partial(self._retrieved, case, stay)))
        try:
            if isinstance(predictor, Explaining):
                likeliest = sorted(prediction.probabilities.items(), key=lambda one: -one[1])
                names = [name for name, _ in likeliest[:CLASSES]]
                explained = await service.batcher.between(
                    partial(predictor.explain, prepared, names)
                )
            withheld = await service.batcher.between(partial(self._withheld, prepared))
        finally:
            found = await retrieved
        image = _newest_image(case) if "images" in predictor.about.reads else None
        return await asyncio.to_thread(told, prediction, explained, withheld, image, found, stay)

    def _withheld(self, prepared: Any) -> list[Withheld]:
        predictor = self._service.predictor
        reads, names = set(predictor.about.reads), predictor.about.classes
        # a model of one source would be left with nothing
        sources = [
            source
            for source, modalities in WITHHELD.items()
            if reads & set(modalities) and reads - set(modalities)
        ]
        if not sources:
            return []
        found = predictor.predict_without(prepared, [WITHHELD[source] for source in sources])
        return [
            Withheld(source=source, probabilities=dict(zip(names, p, strict=True)))
            for source, p in zip(sources, found.tolist(), strict=True)
        ]

    def _retrieved(self, case: Case, stay: Stay | None) -> Retrieved | str:
        try:
            if stay is not None:
                return recorded(self._root, stay.sample_id)
            return self._retrieval.of_case(case)
        except InputError as error:
            return f"no facts: {error}"

    @cached_property
    def _retrieval(self) -> Retrieval:
        return Retrieval(self._root)

    def _stay(self, sample_id: str) -> Stay:
        self._expect_shown()
        try:
            return self._stays.read(sample_id)
        except InputError as error:
            raise RefusedError(404, str(error)) from None

    def _expect_shown(self) -> None:
        if not self._keyed and self._stays.restricted:
            raise RefusedError(
                403, "test samples of credentialed data are shown by a service with a key alone"
            )

    async def _read(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, work)


def _newest_image(case: Case) -> bytes | None:
    """The one that models read, of several equally new ones the first; none of earlier visits."""
    since = since_hours(case)
    current = [one for one in case.all_images if one.hours <= since]
    return min(current, key=lambda one: one.hours).data if current else None


def _dropped(work: Awaitable[Told]) -> None:
    if asyncio.iscoroutine(work):
        work.close()
