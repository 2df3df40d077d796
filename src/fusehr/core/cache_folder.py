"""The folder outside the workspace where what was once fetched or computed is kept.

Deleting it changes no output: it only saves the work of fetching or computing anew.
"""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

CACHE = "FUSEHR_CACHE"


def cache_folder(name: str) -> Path:
    """Folder `name` below FUSEHR_CACHE, else below the user's own cache folder; not created."""
    chosen = os.environ.get(CACHE)
    return (Path(chosen) if chosen else user_cache_path("fusehr")) / name
