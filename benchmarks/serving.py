"""Requests per second of `fusehr serve` against the same model in a plain FastAPI handler.

    python benchmarks/serving.py [--model triage_fusion] [--seconds 20] [--rounds 2]

Run in the repository root, over the outputs of the last `dvc repro`. Sides, each a process of its
own on loopback, by turns:

- plain: a handler that predicts the one case it is given, in FastAPI's threads;
- fusehr: `fusehr serve`, which predicts together what waits together.

Locust sends the OpenAPI document's triage case (vitals, texts and a small image), with another
number in its text each time, over connections that are kept open. 512 connections are more than
fusehr lets wait: what is refused is answered by 429. Any other error ends the benchmark.

Printed and written to serving.json and serving.md beside this script: the better round of each row,
the latencies of what was answered, and what memory the service held after the row. Then fusehr is
asked on, over 64 connections, and its memory noted four times. Locust's environment is kept in
--cache.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.load import Load, loaded

HERE = Path(__file__).parent
CONNECTIONS = {"plain": (1, 8, 64), "fusehr": (1, 8, 64, 512)}
WARMED = (8, 5.0)  # connections and seconds before the first row: threads and buffers are there
AIM = (64, 3.0)  # at so many connections so many times the plain handler's requests
COLUMNS = (
    *("side", "connections", "requests/s", "p50 ms", "p95 ms", "p99 ms"),
    *("answered", "refused (429)", "RSS MiB"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="triage_fusion")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each row")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--soak", type=float, default=240.0, help="seconds asked on for the memory")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "fusehr-serving"))
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    best: dict[str, dict[int, dict[str, Any]]] = {side: {} for side in CONNECTIONS}
    for number in range(given.rounds):
        for side in CONNECTIONS:
            for row in rows(side, given.model, given.seconds, given.cache):
                print(f"round {number + 1} {line(side, row)}", flush=True)
                connections = row["connections"]
                kept = best[side].get(connections)
                if kept is None or row["per_second"] > kept["per_second"]:
                    best[side][connections] = row
    found = {
        "model": given.model,
        "seconds": given.seconds,
        "soak": soaked(given.model, given.soak, given.cache),
        "sides": {side: list(own.values()) for side, own in best.items()},
    }
    (HERE / "serving.json").write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    (HERE / "serving.md").write_text(markdown(found))
    print(markdown(found))


def rows(side: str, model: str, seconds: float, cache: Path) -> Iterator[dict[str, Any]]:
    """Start a service, load it with more and more connections, end it."""
    from fusehr.serve.http.examples import TRIAGE

    with service(side, model, cache) as (url, process):
        connections, warm = WARMED
        loaded(url, TRIAGE, connections=connections, seconds=warm, cache=cache)
        for connections in CONNECTIONS[side]:
            load = loaded(url, TRIAGE, connections=connections, seconds=seconds, cache=cache)
            expect_answers(side, load)
            yield {"connections": connections, **load.as_json(), "rss_mib": rss(process)}


def soaked(model: str, seconds: float, cache: Path) -> dict[str, Any]:
    """Requests answered and MiB held, at the start and after each quarter of the time."""
    from fusehr.serve.http.examples import TRIAGE

    connections = AIM[0]
    with service("fusehr", model, cache) as (url, process):
        held, answered = [], 0
        for part in (WARMED[1], *[seconds / 4] * 4):
            load = loaded(url, TRIAGE, connections=connections, seconds=part, cache=cache)
            expect_answers("fusehr", load)
            held.append(rss(process))
            answered += load.statuses[200]
    return {"seconds": seconds, "answered": answered, "rss_mib": held}


def expect_answers(side: str, load: Load) -> None:
    """End where a request met anything but an answer, or 429 past what the queue holds."""
    may = {200, 429} if load.connections > AIM[0] else {200}
    if set(load.statuses) - may:
        sys.exit(f"error: {side}, {load.connections} connections: statuses {load.statuses}")


@contextmanager
def service(side: str, model: str, cache: Path) -> Iterator[tuple[str, int]]:
    """A running service: where it listens, and its process."""
    port = free_port()
    command = {
        "plain": [str(HERE / "services/plain.py")],
        "fusehr": ["-c", "from fusehr.cli import main; main()", "serve"],
    }[side]
    with (cache / f"{side}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--model", model, "--port", str(port)],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait(port, process, Path(log.name))
            yield f"http://127.0.0.1:{port}", process.pid
            if process.poll() is not None:
                sys.exit(f"error: {side} ended under load, see {log.name}")
        finally:
            process.terminate()
            process.wait()


def wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the service listens."""
    while process.poll() is None:
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    sys.exit(f"{log.read_text()[-2000:]}\nerror: the service did not start")


def rss(process: int) -> int:
    """MiB of memory that a process holds."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20))


def free_port() -> int:
    """One that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def cells(side: str, row: dict[str, Any]) -> list[str]:
    """Of the table."""
    times = [f"{row[key]:.0f}" for key in ("p50_ms", "p95_ms", "p99_ms")]
    counts = [str(row["statuses"].get(status, 0)) for status in ("200", "429")]
    shown = [side, str(row["connections"]), f"{row['per_second']:.1f}"]
    return [*shown, *times, *counts, str(row["rss_mib"])]


def line(side: str, row: dict[str, Any]) -> str:
    """A row while it runs."""
    return ", ".join(f"{k} {v}" for k, v in zip(COLUMNS, cells(side, row), strict=True))


def markdown(found: dict[str, Any]) -> str:
    """The page."""
    about = (__doc__ or "").strip().splitlines()
    lines = ["# Serving with and without batches", "", *about[4:]]
    lines += ["", f"Model: {found['model']}; {found['seconds']:g} seconds a row.", ""]
    lines += [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for side, own in found["sides"].items():
        lines += [f"| {' | '.join(cells(side, row))} |" for row in own]
    connections, aim = AIM
    rates = [
        next(row["per_second"] for row in own if row["connections"] == connections)
        for own in (found["sides"]["plain"], found["sides"]["fusehr"])
    ]
    times = rates[1] / rates[0]
    lines += ["", f"At {connections} connections fusehr answers {times:.1f} times as many; "]
    soak = found["soak"]
    memory = ", ".join(map(str, soak["rss_mib"]))
    lines[-1] += f"the aim is {aim:g}.\nAsked on for {soak['seconds']:g} seconds "
    lines[-1] += f"({soak['answered']:,} answers) it held {memory} MiB,\n"
    lines[-1] += "before that and after each quarter."
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
