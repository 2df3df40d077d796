"""Peer of assertion.py: medspaCy's ConText with its default rules; run there, in its environment.

Reads a JSON list of {sentence, concept} from stdin, writes a JSON list of lists of the flags that
are set (is_negated, is_historical, is_family, is_hypothetical, is_uncertain) to stdout. Each row is
given as one sentence, with every concept of that sentence marked, as our own reader gets it.
"""

import json
import sys
from collections import defaultdict

import medspacy
from spacy.tokens import Doc
from spacy.util import filter_spans

FLAGS = ("is_negated", "is_historical", "is_family", "is_hypothetical", "is_uncertain")


def main() -> None:
    rows = json.load(sys.stdin)
    pipeline = medspacy.load(medspacy_enable=["medspacy_tokenizer", "medspacy_context"])
    context = pipeline.get_pipe("medspacy_context")
    concepts: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        concepts[row["sentence"]].append(row["concept"])
    flags: dict[tuple[str, str], list[str]] = {}
    for sentence, wanted in concepts.items():
        doc: Doc = pipeline.make_doc(sentence)
        for token in doc:
            token.is_sent_start = token.i == 0
        spans = {}
        for concept in wanted:
            start = sentence.index(concept)
            spans[concept] = doc.char_span(
                start, start + len(concept), label="CONCEPT", alignment_mode="expand"
            )
        doc.ents = filter_spans(spans.values())
        context(doc)
        for concept, span in spans.items():
            entity = next(e for e in doc.ents if e.start <= span.start and e.end >= span.end)
            flags[sentence, concept] = [flag for flag in FLAGS if getattr(entity._, flag)]
    json.dump([flags[row["sentence"], row["concept"]] for row in rows], sys.stdout)


if __name__ == "__main__":
    main()
