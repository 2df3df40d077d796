"""Dynamic micro-batching: requests that wait together are predicted together.

One thread predicts. While it is at a batch others gather; when it is free it takes all that wait,
up to `most`, and if they are few waits `wait_s` for more. The queue is bounded, so that a service
that cannot keep up says so at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


class QueueFullError(Exception):
    """More requests wait than the queue holds."""


class StoppingError(Exception):
    """The service takes no more requests."""


@dataclass(frozen=True, eq=False)
class Waiting:
    """What one request waits for."""

    prepared: Any
    answer: asyncio.Future[np.ndarray]


class Batcher:
    """Predicts what `submit` is given, in batches.

    predict: of prepared cases, (n, n_classes). most: cases in a batch; wait_s: for more of them
    when the thread is free; capacity: cases that may wait; told: called with each batch's size.
    """

    def __init__(
        self,
        predict: Callable[[Sequence[Any]], np.ndarray],
        *,
        most: int,
        wait_s: float,
        capacity: int,
        told: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._predict, self._told = predict, told
        self._most, self._wait_s, self._capacity = most, wait_s, capacity
        self._queue: deque[Waiting] = deque()
        self._arrived, self._room = asyncio.Event(), asyncio.Event()
        self._stopping = False
        self._worker: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="predict")

    @property
    def waiting(self) -> int:
        """Cases in the queue."""
        return len(self._queue)

    def start(self) -> None:
        """Begin to predict; called within the event loop."""
        self._room.set()
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Refuse what comes, answer what waits, end."""
        self._stopping = True
        self._arrived.set()
        self._room.set()
        if self._worker is not None:
            await self._worker
        self._thread.shutdown()

    async def submit(self, prepared: Any, *, patient: bool = False) -> np.ndarray:
        """Probabilities (n_classes,) of a prepared case.

        patient: wait for a place in the queue. Raises QueueFullError where there is none, else
        StoppingError; a caller that is cancelled gives its place free.
        """
        while patient and len(self._queue) >= self._capacity and not self._stopping:
            self._room.clear()
            await self._room.wait()
        if self._stopping:
            raise StoppingError
        if len(self._queue) >= self._capacity:
            raise QueueFullError
        own = Waiting(prepared, asyncio.get_running_loop().create_future())
        self._queue.append(own)
        self._arrived.set()
        try:
            return await own.answer
        finally:
            if own.answer.cancelled() and own in self._queue:
                self._queue.remove(own)

    async def between(self, work: Callable[[], T]) -> T:
        """What `work` returns, done by the thread that predicts, between two batches.

        For what shares the model with them. Raises StoppingError where no more is taken.
        """
        if self._stopping:
            raise StoppingError
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._queue:
                if self._stopping:
                    return
                self._arrived.clear()
                await self._arrived.wait()
                continue
            if len(self._queue) < self._most and not self._stopping:
                await self._for_more()
            batch = [self._queue.popleft() for _ in range(min(self._most, len(self._queue)))]
            batch = [one for one in batch if not one.answer.done()]
            self._room.set()
            if batch:
                self._told(len(batch))
                await loop.run_in_executor(self._thread, self._answer, loop, batch)

    async def _for_more(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._wait_s
        while len(self._queue) < self._most and not self._stopping:
            self._arrived.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._arrived.wait()
            except TimeoutError:
                return

    def _answer(self, loop: asyncio.AbstractEventLoop, batch: Sequence[Waiting]) -> None:
        """In the thread: predict the batch, or, where that fails, each of it alone."""
        try:
            found: Any = self._predict([one.prepared for one in batch])
        except Exception as error:
            found = [error] if len(batch) == 1 else [self._alone(one) for one in batch]
        for one, p in zip(batch, found, strict=True):
            loop.call_soon_threadsafe(_settle, one.answer, p)

    def _alone(self, one: Waiting) -> np.ndarray | Exception:
        try:
            return self._predict([one.prepared])[0]
        except Exception as error:
            return error


def _settle(answer: asyncio.Future[np.ndarray], found: np.ndarray | Exception) -> None:
    if answer.done():  # the caller has gone
        return
    if isinstance(found, Exception):
        answer.set_exception(found)
    else:
        answer.set_result(found)
