"""`fusehr serve` as a process: it starts clean, ends gracefully, and survives rude clients."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from fusehr.models.distilled.exported import load_exported
from fusehr.serve.models import STUDENTS
from fusehr.serve.scratch import PREFIX, scratch_place

from ..models.distilled.small_student import TEXTS

SOURCES = Path(__file__).parents[2] / "src"
COMMAND = [sys.executable, "-c", "from fusehr.cli import main; main()", "serve"]


class Served:
    """A running service. url: where it listens."""

    def __init__(self, root: Path, port: int, timeout_s: int, **environment: str) -> None:
        self.url, self.port = f"http://127.0.0.1:{port}", port
        kept = {k: v for k, v in os.environ.items() if not k.startswith("FUSEHR_")}
        options = ["--model", "student", "--port", str(port)]
        options += ["--timeout-s", str(timeout_s)]
        self.process = subprocess.Popen(
            [*COMMAND, *options],
            cwd=root,
            env=kept | {"PYTHONPATH": str(SOURCES)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait(self) -> None:
        until = time.monotonic() + 300  # loading libraries takes long where others compute
        while time.monotonic() < until:
            assert self.process.poll() is None, self.process.stdout and self.process.stdout.read()
            try:
                if httpx.get(f"{self.url}/healthz").status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError("the service did not start")

    def ask(self, text: str, **headers: str) -> httpx.Response:
        return httpx.post(f"{self.url}/predict", json={"text": text}, headers=headers, timeout=120)

    def end(self) -> tuple[int, str]:
        """Exit status and output after a request to stop."""
        self.process.send_signal(signal.SIGTERM)
        said, _ = self.process.communicate(timeout=120)
        return self.process.returncode, said


@pytest.fixture
def start(served: Path) -> Iterator[Callable[..., Served]]:
    begun: list[Served] = []

    def begin(port: int = 0, timeout_s: int = 60, **environment: str) -> Served:
        begun.append(Served(served, port or free_port(), timeout_s, **environment))
        begun[-1].wait()
        return begun[-1]

    yield begin
    for one in begun:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def expected(served: Path) -> np.ndarray:
    return load_exported(served / STUDENTS / "next_diagnoses").probabilities(TEXTS)[0]


def told(response: httpx.Response) -> list[float]:
    return list(response.json()["probabilities"].values())


def test_it_answers_as_offline_and_ends_when_told(
    start: Callable[..., Served], served: Path
) -> None:
    service = start()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(service.ask, TEXTS))
    assert np.abs(np.array([told(one) for one in found]) - expected(served)).max() < 1e-5
    status, said = service.end()
    assert status in (0, -signal.SIGTERM)
    assert "POST /predict 200" in said
    assert not any(text[:20] in said for text in TEXTS)


def test_requests_under_way_are_answered_before_it_ends(start: Callable[..., Served]) -> None:
    service = start()
    rows = "text\n" + "\n".join(f'"{text}"' for text in TEXTS * 100) + "\n"
    with httpx.stream(
        "POST",
        f"{service.url}/predict/batch",
        content=rows.encode(),
        headers={"content-type": "text/csv"},
        timeout=240,
    ) as response:
        lines = response.iter_lines()
        next(lines)
        service.process.send_signal(signal.SIGTERM)
        answers = [line for line in lines if line]
    assert len(answers) == len(TEXTS) * 100
    # rows that were not asked yet when it was told to stop say so; none is missing or wrong
    assert all(line.count(",") >= 3 for line in answers)
    service.process.communicate(timeout=120)
    with pytest.raises(httpx.ConnectError):
        service.ask(TEXTS[0])


def test_killed_under_load_it_starts_again_clean(
    start: Callable[..., Served], served: Path
) -> None:
    service = start()
    until = time.monotonic() + 300

    def ask(number: int) -> httpx.Response:
        """Until there is an answer, as a client does whose service is started again."""
        while True:
            try:
                return service.ask(TEXTS[number % len(TEXTS)])
            except httpx.HTTPError:
                assert time.monotonic() < until
                time.sleep(0.05)

    gone = scratch_place() / f"{PREFIX}-{service.process.pid}-abc"
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, k) for k in range(200)]
        while not any(one.done() for one in asked):
            time.sleep(0.005)
        service.process.kill()
        service.process.communicate()
        assert not all(one.done() for one in asked)
        gone.mkdir()
        start(service.port)
        found = [told(one.result()) for one in asked]
    truth = expected(served)
    assert np.abs(np.array(found) - truth[np.arange(200) % len(TEXTS)]).max() < 1e-5
    assert not gone.exists()


def test_the_key_comes_from_the_environment(start: Callable[..., Served]) -> None:
    service = start(FUSEHR_API_KEY="from outside")
    assert service.ask(TEXTS[0]).status_code == 401
    assert service.ask(TEXTS[0], **{"x-api-key": "from outside"}).status_code == 200


def test_slow_and_vanishing_clients_hold_nobody_up(start: Callable[..., Served]) -> None:
    service = start(timeout_s=4)
    head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    slow = socket.create_connection(("127.0.0.1", service.port))
    slow.sendall(head + b"content-length: 100\r\n\r\n{")
    for _ in range(20):
        gone = socket.create_connection(("127.0.0.1", service.port))
        body = b'{"text": "short of breath"}'
        gone.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        gone.close()
    broken = socket.create_connection(("127.0.0.1", service.port))
    broken.sendall(b"\x00\xff garbage\r\n\r\n")
    assert broken.recv(100).startswith(b"HTTP/1.1 400")
    broken.close()
    assert service.ask(TEXTS[0]).status_code == 200
    slow.settimeout(60)
    assert slow.recv(100).startswith(b"HTTP/1.1 408")
    slow.close()
    _, said = service.end()
    assert "Traceback" not in said, said


def test_a_reader_that_leaves_gives_the_place_of_its_upload_back(
    start: Callable[..., Served],
) -> None:
    service = start()
    rows = "text\n" + "\n".join(f'"{text}"' for text in TEXTS * 500) + "\n"
    until = time.monotonic() + 120
    left = 0
    while left < 5:  # more than may upload at once
        with httpx.stream(
            "POST",
            f"{service.url}/predict/batch",
            content=rows.encode(),
            headers={"content-type": "text/csv"},
            timeout=120,
        ) as response:
            if response.status_code == 200:
                assert next(response.iter_lines()).startswith("row,")
                left += 1
        assert time.monotonic() < until
    assert service.ask(TEXTS[0]).status_code == 200
    _, said = service.end()
    assert "Traceback" not in said, said


def test_fifty_megabytes_are_refused_as_they_come_and_are_not_kept(
    start: Callable[..., Served],
) -> None:
    service = start()
    before = resident_mib(service.process.pid)
    head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=120) as told_size:
        told_size.sendall(head + b"content-length: %d\r\n\r\n" % (50 << 20))
        assert told_size.recv(100).startswith(b"HTTP/1.1 413")
    part = b"10000\r\n" + b"a" * (1 << 16) + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", service.port), timeout=120) as untold:
        untold.sendall(head + b"transfer-encoding: chunked\r\n\r\n")
        try:
            for _ in range(800):
                untold.sendall(part)
                sent += 1
        except OSError:
            pass  # the service hung up, as it may: it reads no more
    assert sent < 800
    assert resident_mib(service.process.pid) < before + 40
    assert service.ask(TEXTS[0]).status_code == 200
    _, said = service.end()
    assert "POST /predict 413" in said and "Traceback" not in said, said


def resident_mib(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def test_what_cannot_be_served_is_one_clear_message(served: Path, tmp_path: Path) -> None:
    for options, message in (
        (["--model", "other"], "--model: expected one of"),
        (["--model", "student", "--task", "readmission"], "--task: expected one of"),
        (["--model", "triage_fusion"], "expected a trained recipe"),
        (["--model", "student", "--queue", "0"], "serve.queue"),
    ):
        done = subprocess.run(
            [*COMMAND, *options],
            cwd=served,
            env=os.environ | {"PYTHONPATH": str(SOURCES)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 1
        assert message in done.stderr and "Traceback" not in done.stderr
