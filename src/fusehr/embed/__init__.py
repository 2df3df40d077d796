"""Room `embed`: the texts of notes and indicators become vectors."""
