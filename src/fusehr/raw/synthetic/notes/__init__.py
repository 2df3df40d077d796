"""Clinical notes: when they are written, what they say, and what each sentence asserts.

Frailty (`flags["notes"]`) stands in them by binding alone. Every nursing, progress, triage and
discharge note mentions the same two frailty concepts and the same two decoys; the frail have the
former and not the latter, the others the reverse. Which words are used is drawn independently of
that, so that only who reads which assertion belongs to which concept learns it. `compose.draw`
writes a block's notes; `rows.notes.gold` says what they assert.
"""
