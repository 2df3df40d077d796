"""Ask an OpenAI-compatible chat endpoint, patiently, and never twice for the same prompt.

The interface is OpenAI's `POST /v1/chat/completions`
(https://platform.openai.com/docs/api-reference/chat), which vLLM, llama.cpp and Ollama serve too.
The key, if the endpoint wants one, is read from the environment (FUSEHR_CHAT_KEY, else
OPENAI_API_KEY). Temperature is 0. Prompts hold patients' data: no error and no log repeats them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from itertools import repeat

import requests
from tqdm import tqdm

from fusehr.core.chat.answers import Answers
from fusehr.core.frame.errors import InputError
from fusehr.core.params.chat import ChatParams

KEYS = ("FUSEHR_CHAT_KEY", "OPENAI_API_KEY")
PAUSE_S = 0.5  # before the first further attempt, then twice the last pause
TRY_AGAIN = frozenset({408, 409, 425, 429})  # and every 5xx


class _Retry(Exception):
    """This attempt failed and another may not."""


@dataclass(frozen=True)
class Chat:
    """The model at `url` (the part before /v1/chat/completions, or with /v1), and its answers."""

    url: str
    params: ChatParams
    answers: Answers

    @property
    def name(self) -> str:
        """What outputs call it: the model, not where it runs."""
        return f"chat/{self.params.model}"

    def prompt_hash(self, system: str, prompt: str) -> str:
        """SHA-256 over all that decides the answer, the address left out."""
        parts = (self.params.model, str(self.params.max_tokens), system, prompt)
        return sha256("\x00".join(parts).encode()).hexdigest()

    def ask(self, system: str, prompts: Sequence[str]) -> list[str]:
        """Answers in the order of `prompts`; those known are not asked for again.

        Every answer is kept as soon as it is there. Raises InputError, naming the address and what
        was found there, where one prompt fails all its attempts; no new one is begun then.
        """
        hashes = {prompt: self.prompt_hash(system, prompt) for prompt in prompts}
        known = {prompt: self.answers.get(key) for prompt, key in hashes.items()}
        missing = [prompt for prompt, answer in known.items() if answer is None]
        stopped: list[InputError] = []

        def one(prompt: str, session: requests.Session) -> None:
            if stopped:
                return
            try:
                answer = self._answer(system, prompt, session)
            except InputError as error:
                stopped.append(error)
                return
            self.answers.put(hashes[prompt], answer)
            known[prompt] = answer

        with (
            requests.Session() as session,
            ThreadPoolExecutor(self.params.concurrency) as pool,
        ):
            work = pool.map(one, missing, repeat(session))
            for _ in tqdm(work, total=len(missing), desc="asked", unit="prompt", disable=None):
                pass
        if stopped:
            raise stopped[0]
        return [known[prompt] or "" for prompt in prompts]

    def _answer(self, system: str, prompt: str, session: requests.Session) -> str:
        attempts = self.params.retries + 1
        for attempt in range(attempts):
            try:
                return self._once(system, prompt, session)
            except _Retry as problem:
                if attempt + 1 == attempts:
                    raise InputError(
                        f"{self.url}: expected an answer of {self.params.model} within "
                        f"{self.params.timeout_s:g} s, found {problem} ({attempts} attempts); "
                        "answers so far are kept, run again to go on"
                    ) from None
                time.sleep(PAUSE_S * 2**attempt)
        raise AssertionError("unreachable")

    def _once(self, system: str, prompt: str, session: requests.Session) -> str:
        body = {
            "model": self.params.model,
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": prompt},
            ],
            "temperature": 0,
            "max_tokens": self.params.max_tokens,
        }
        key = next((os.environ[name] for name in KEYS if os.environ.get(name)), "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        base = self.url if self.url.endswith("/v1") else f"{self.url}/v1"
        try:
            response = session.post(
                f"{base}/chat/completions",
                json=body,
                headers=headers,
                timeout=self.params.timeout_s,
            )
        except (requests.ConnectionError, requests.Timeout) as error:
            raise _Retry(type(error).__name__) from None
        except requests.RequestException as error:
            raise InputError(f"{self.url}: expected an address, found {error}") from None
        status = response.status_code
        if status >= 500 or status in TRY_AGAIN:
            raise _Retry(f"HTTP {status}")
        if status != 200:
            raise InputError(f"{self.url}: expected an answer, found HTTP {status}")
        try:
            answer = response.json()["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError):
            raise _Retry("an answer that is not as the interface says") from None
        if not isinstance(answer, str) or not answer.strip():
            raise _Retry("an empty answer")
        return answer.strip()
