"""Tables that the room `rag` writes: the graph, what notes mention, what a sample retrieves."""

from __future__ import annotations

from fusehr.core.embed_schemas import SHA_RULE
from fusehr.core.frame.schemas import FLAG, FLOAT, INT, TEXT, TEXTS, Column, Table

ASSERTION_RULE = "assertion IN ('present', 'absent', 'historical', 'family', 'hypothetical')"
_SHA = Column("text_sha256", TEXT, rule=SHA_RULE, doc="of the text in UTF-8; see texts")

KG_NODES = Table(
    "kg_nodes",
    (
        Column("node_index", INT, rule="node_index >= 0"),
        Column("node_id", TEXT, doc="in its source: MONDO's without prefix, DrugBank's, ..."),
        Column("type", TEXT, doc="disease, drug, effect/phenotype, ..."),
        Column("name", TEXT),
        Column("source", TEXT),
    ),
    sort=("node_index",),
    unique=("node_index",),
)

KG_NAMES = Table(
    "kg_names",
    (
        Column("node_index", INT),
        Column("name", TEXT, rule="length(name) > 0"),
        Column("kind", TEXT, rule="kind IN ('name', 'synonym')"),
    ),
    sort=("node_index", "kind", "name"),
    unique=("node_index", "name"),
)

KG_EDGES = Table(
    "kg_edges",
    (
        Column("x", INT, doc="node_index"),
        Column("relation", TEXT),
        Column("display_relation", TEXT),
        Column("y", INT, doc="node_index"),
    ),
    sort=("x", "relation", "y", "display_relation"),
)

DEFINITIONS = Table(
    "definitions",
    (Column("node_index", INT), Column("text", TEXT, rule="length(text) > 0")),
    sort=("node_index",),
    unique=("node_index",),
)

KG_CODES = Table(
    "kg_codes",
    (
        Column("node_index", INT),
        Column("code", TEXT, doc="ICD9CM/... or ICD10CM/..., as in visits.diagnoses"),
    ),
    sort=("code", "node_index"),
    unique=("code", "node_index"),
)

ENTITIES = Table(
    "entities",
    (
        Column("note_id", TEXT),
        Column("sentence", INT, rule="sentence >= 0", doc="order in the note, from 0"),
        Column("start", INT, rule="start >= 0", doc="first character in the note"),
        Column("end", INT, rule='"end" > start', doc="character after the last"),
        Column("mention", TEXT, doc="as written"),
        Column("kind", TEXT, rule="kind IN ('disease', 'finding')"),
        Column("concept", TEXT, doc="name of the disease in the graph, or of the finding"),
        Column("assertion", TEXT, rule=ASSERTION_RULE),
        Column("listed", FLAG, doc="historical only as it stands in the list of past history"),
        Column("node_index", INT, null=True, doc="null: a finding that the graph has not"),
        Column("link", TEXT, rule="link IN ('name', 'cosine')", doc="how it was linked"),
        Column("score", FLOAT, rule="score BETWEEN -1 AND 1.000001", doc="1 for a name's own"),
    ),
    sort=("note_id", "start", "end", "kind"),
    unique=("note_id", "start", "end", "kind"),
)

SIGNALS = Table(
    "signals",
    (
        Column("sample_id", TEXT),
        Column("position", INT, rule="position >= 0", doc="farthest from the mean first"),
        Column("name", TEXT, doc="as in variables.csv"),
        Column("value", FLOAT, rule="isfinite(value)", doc="last one known by the index"),
        Column("z", FLOAT, rule="isfinite(z)", doc="in standard deviations of train samples"),
        Column("text", TEXT),
        _SHA,
    ),
    sort=("sample_id", "position"),
    unique=("sample_id", "position"),
)

FACTS = Table(
    "facts",
    (
        Column("sample_id", TEXT),
        Column("rank", INT, rule="rank >= 0", doc="own pairs first, definitions last"),
        Column("kind", TEXT, rule="kind IN ('own_pair', 'disease', 'drug', 'definition')"),
        Column("relation", TEXT),
        Column("x", INT, doc="node_index"),
        Column("y", INT, null=True, doc="node_index; null for a definition"),
        Column("text", TEXT),
        _SHA,
        Column("score", FLOAT, rule="isfinite(score)", doc="what ranked it within its kind"),
    ),
    sort=("sample_id", "rank"),
    unique=("sample_id", "rank"),
)

SUMMARIES = Table(
    "summaries",
    (
        Column("sample_id", TEXT),
        Column("text", TEXT, rule="length(text) > 0"),
        Column("backend", TEXT, doc="template, or chat/<model>"),
        Column("prompt_hash", TEXT, null=True, rule="length(prompt_hash) = 64"),
        Column("sentences", TEXTS, doc="SHA-256 of each sentence's text, in order"),
    ),
    sort=("sample_id",),
    unique=("sample_id",),
)

FACT_COUNTS = Table(
    "fact_counts",
    (
        Column("sample_id", TEXT),
        Column("feature", TEXT, doc="finding/<concept>/<assertion>, disease/<status>, pair/..."),
        Column("value", FLOAT, rule="value > 0", doc="a feature that is not there counts 0"),
    ),
    sort=("sample_id", "feature"),
    unique=("sample_id", "feature"),
)
