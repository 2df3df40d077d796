"""Answers of chat models by the hash of their prompt, a file each, outside the workspace.

Deleting the folder changes no output, as long as the model answers the same again: it is then asked
anew.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fusehr.core.frame.errors import InputError


@dataclass(frozen=True)
class Answers:
    """The folder that holds them (`cache_folder("chat")`)."""

    folder: Path

    def get(self, key: str) -> str | None:
        """The answer to the prompt of that hash; None where there is none, or a damaged one."""
        try:
            content = json.loads(self._path(key).read_text(encoding="utf-8"))
            answer, check = content["answer"], content["sha256"]
        except FileNotFoundError:
            return None
        except (ValueError, LookupError, TypeError):
            return None
        return answer if sha256(answer.encode()).hexdigest() == check else None

    def put(self, key: str, answer: str) -> None:
        """Keep it; whole or not at all, also with several writers."""
        path = self._path(key)
        content = {"answer": answer, "sha256": sha256(answer.encode()).hexdigest()}
        partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
            partial.replace(path)
        except OSError as error:
            raise InputError(
                f"{path}: expected to keep an answer there, found {error.strerror}; FUSEHR_CACHE "
                "may name another folder"
            ) from None

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"
