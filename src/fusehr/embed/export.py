"""Export embedded texts as one flat table a task, in the columns that BiA's model reads.

A row a sample: for each structured indicator `<name>` its value and `<name>_emb`, the vector of its
words as JSON; `text_sent1` to `text_sent23`, vectors of the segments of the newest note, "MASK"
behind the last one; and the label. Vectors are the reduced ones.
"""

from __future__ import annotations
