"""Requests that wait together are predicted together, and none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from fusehr.serve.http.batching import Batcher, QueueFullError, StoppingError

from .fakes import FakePredictor, answer

Body = Callable[[FakePredictor, Batcher], Awaitable[None]]


def run(body: Body, **changes: Any) -> FakePredictor:
    predictor = FakePredictor()
    usual: dict[str, Any] = {"most": 8, "wait_s": 0.02, "capacity": 64}

    async def main() -> None:
        batcher = Batcher(predictor.predict, **usual | changes)
        batcher.start()
        await body(predictor, batcher)
        predictor.going.set()
        await batcher.stop()

    asyncio.run(main())
    return predictor


def prepared(number: int) -> tuple[str, bytes]:
    return f"text {number}", b""


def test_each_gets_its_own_answer_and_batches_are_full() -> None:
    async def body(_: FakePredictor, batcher: Batcher) -> None:
        found = await asyncio.gather(*(batcher.submit(prepared(k)) for k in range(40)))
        for k, p in enumerate(found):
            assert np.array_equal(p, answer(f"text {k}"))

    assert run(body).sizes == [8] * 5


def test_one_alone_waits_no_longer_than_told() -> None:
    async def body(_: FakePredictor, batcher: Batcher) -> None:
        async with asyncio.timeout(5):
            await batcher.submit(prepared(0))

    assert run(body, wait_s=0.05).sizes == [1]


def test_a_full_queue_refuses_and_then_goes_on() -> None:
    async def body(predictor: FakePredictor, batcher: Batcher) -> None:
        predictor.going.clear()
        tasks = [asyncio.create_task(batcher.submit(prepared(0)))]
        await asyncio.sleep(0.1)  # it is being predicted
        tasks += [asyncio.create_task(batcher.submit(prepared(k))) for k in range(1, 5)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await batcher.submit(prepared(9))
        predictor.going.set()
        assert len(await asyncio.gather(*tasks)) == 5
        assert np.array_equal(await batcher.submit(prepared(9)), answer("text 9"))

    run(body, most=1, capacity=4)


def test_a_patient_caller_waits_for_a_place() -> None:
    async def body(_: FakePredictor, batcher: Batcher) -> None:
        many = (batcher.submit(prepared(k), patient=True) for k in range(50))
        found = await asyncio.gather(*many)
        assert all(np.array_equal(p, answer(f"text {k}")) for k, p in enumerate(found))

    run(body, most=2, capacity=2)


def test_one_that_fails_does_not_fail_the_others() -> None:
    async def body(predictor: FakePredictor, batcher: Batcher) -> None:
        predictor.broken = "text 1"
        asked = (batcher.submit(prepared(k)) for k in range(3))
        found: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(found[1], ValueError)
        assert np.array_equal(found[0], answer("text 0"))
        assert np.array_equal(found[2], answer("text 2"))

    run(body)


def test_who_has_gone_is_not_predicted() -> None:
    async def body(predictor: FakePredictor, batcher: Batcher) -> None:
        predictor.going.clear()
        first = asyncio.create_task(batcher.submit(prepared(0)))
        await asyncio.sleep(0.1)
        gone = asyncio.create_task(batcher.submit(prepared(1)))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        assert batcher.waiting == 0
        predictor.going.set()
        await first

    assert run(body).sizes == [1]


def test_what_waits_is_answered_before_the_end() -> None:
    async def body(predictor: FakePredictor, batcher: Batcher) -> None:
        predictor.going.clear()
        tasks = [asyncio.create_task(batcher.submit(prepared(k))) for k in range(20)]
        await asyncio.sleep(0.1)
        stopping = asyncio.create_task(batcher.stop())
        await asyncio.sleep(0)
        with pytest.raises(StoppingError):
            await batcher.submit(prepared(99))
        predictor.going.set()
        found = await asyncio.gather(*tasks)
        assert all(np.array_equal(p, answer(f"text {k}")) for k, p in enumerate(found))
        await stopping

    run(body)
