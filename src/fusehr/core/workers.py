"""The same work on several inputs at once, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

Calls = Sequence[tuple[Any, ...]]
SideBySide = Callable[[Callable[..., Any], Calls], Iterator[Any]]

WAIT_S = 0.2


def in_processes(
    work: Callable[..., Any],
    calls: Calls,
    *,
    most: int,
    log: Callable[[Any], None],
) -> Iterator[Any]:
    """Results of `work(*call, log=...)`, in the order of `calls`, at most `most` at once.

    What `work` logs in its process is passed to `log` in this one while it runs. Processes are
    started anew: forked ones would share the threads' locks of the libraries loaded here. An error
    of any of them is raised here.
    """
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(most, mp_context=context) as pool:
        logged = manager.Queue()
        futures = [pool.submit(work, *call, log=logged.put) for call in calls]
        for future in futures:
            while not future.done():
                _drain(logged, log)
            _drain(logged, log)
            yield future.result()


@contextmanager
def workers(most: int) -> Iterator[SideBySide]:
    """What gives the results of `work(*call)`, in the order of `calls`, at most `most` at once.

    Its processes are started once, whatever it is called with; where `most` is 1 there are none.
    """
    if most == 1:
        yield lambda work, calls: (work(*call) for call in calls)
        return
    with ProcessPoolExecutor(most, mp_context=multiprocessing.get_context("spawn")) as pool:

        def side_by_side(work: Callable[..., Any], calls: Calls) -> Iterator[Any]:
            futures = [pool.submit(work, *call) for call in calls]
            return (future.result() for future in futures)

        yield side_by_side


def _drain(logged: Any, log: Callable[[Any], None]) -> None:
    try:
        log(logged.get(timeout=WAIT_S))
        while True:
            log(logged.get_nowait())
    except queue.Empty:
        return
