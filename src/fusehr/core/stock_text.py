"""Which texts are said of many patients, so that having one tells nobody apart."""

from __future__ import annotations

# Characters; texts that are no longer ("no acute process") are common to many patients.
STOCK_TEXT = 100
