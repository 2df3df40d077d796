"""Kinds of notes, named once: what a source's notes are told to be, and what recipes ask for."""

from __future__ import annotations

from typing import Literal

NoteKind = Literal["complaint", "triage_nursing", "nursing", "progress", "radiology", "discharge"]
