"""From rows in PrimeKG's columns to its nodes, and to each edge once.

A row is parsed into a few integers and let go again, so that PrimeKG's 8.1 million rows need little
more memory than its 4 million edges: an edge is one 64-bit number, and sorting these removes the
other direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_file
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.rag_schemas import KG_EDGES
from fusehr.rag.knowledge.wording import wording

Ints = npt.NDArray[np.int64]
Batches = Callable[[str], Iterable[pa.RecordBatch]]  # side whose columns are wanted: "x" or "y"
Directed = frozenset[tuple[str, str, str]]  # relation, name of x, name of y, in lower case

NODE_BITS, KIND_BITS = 24, 12  # 16.7 million nodes, 4,096 pairs of relation and display_relation
BLOCK = 4 << 20  # bytes of a file parsed at once
ROWS_AT_ONCE = 1 << 17


def columns_of(side: str) -> list[str]:
    """What is read of each row: its relation, both ends, and what the node on `side` is."""
    of_node = [f"{side}_{name}" for name in ("id", "type", "name", "source")]
    return ["relation", "display_relation", "x_index", "y_index", *of_node]


def file_batches(path: Path) -> Batches:
    """Rows of a file with commas, or of a `.tab` or `.tsv` file; either may be packed (`.gz`).

    Raises InputError, naming the file, for a missing column, or a line that is no row.
    """
    words = pa.dictionary(pa.int32(), pa.string())
    types: dict[str, pa.DataType] = {"x_index": pa.int32(), "y_index": pa.int32()}
    types |= dict.fromkeys(("relation", "display_relation"), words)
    for side in "xy":
        types |= {f"{side}_type": words, f"{side}_source": words}
        types |= {f"{side}_id": pa.string(), f"{side}_name": pa.string()}
    layout = csv.ParseOptions(
        delimiter="," if path.name.removesuffix(".gz").endswith(".csv") else "\t"
    )
    needed = dict.fromkeys([*columns_of("x"), *columns_of("y")])

    def batches(side: str) -> Iterator[pa.RecordBatch]:
        try:
            with csv.open_csv(path, parse_options=layout) as opened:
                there = opened.schema.names
            for name in needed:
                if name not in there:
                    raise InputError(f"{path}: column {name}: expected, found {', '.join(there)}")
            yield from csv.open_csv(
                path,
                read_options=csv.ReadOptions(block_size=BLOCK),
                parse_options=layout,
                convert_options=csv.ConvertOptions(
                    column_types=types, include_columns=columns_of(side), strings_can_be_null=False
                ),
            )
        except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
            reason = str(error.args[0]).splitlines()[0]
            raise InputError(f"{path}: expected PrimeKG's columns, found: {reason}") from None
        except FileNotFoundError:
            raise InputError(f"{path}: expected a file, found none") from None

    return batches


@dataclass
class EdgeList:
    """nodes: node_index, id, type, name, source, sorted. kinds: (relation, display_relation).

    edges: int64 (n,), sorted, each `kind << 48 | lower node << 24 | higher node`.
    """

    nodes: pa.Table
    kinds: list[tuple[str, str]]
    edges: Ints


@dataclass
class _Nodes:
    """Nodes as they come by; `type_of` holds the number of a node's type, -1 while unknown."""

    types: dict[str, int] = field(default_factory=dict)
    type_of: npt.NDArray[np.int16] = field(default_factory=lambda: np.full(1 << 17, -1, np.int16))
    parts: list[pa.Table] = field(default_factory=list)

    def add(self, batch: pa.RecordBatch, side: str) -> None:
        index = _numbers(batch, f"{side}_index")
        while index.size and index.max() >= len(self.type_of):
            self.type_of = np.concatenate([self.type_of, np.full_like(self.type_of, -1)])
        told = _codes(batch[f"{side}_type"], self.types).astype(np.int16)
        fresh = np.flatnonzero(self.type_of[index] < 0)
        if len(fresh):
            _, first = np.unique(index[fresh], return_index=True)
            rows = fresh[first]
            self.type_of[index[rows]] = told[rows]
            of_node = batch.take(pa.array(rows)).select(
                [f"{side}_{name}" for name in ("index", "id", "type", "name", "source")]
            )
            index_column, *words = of_node.columns
            strings = [index_column.cast(pa.int64()), *(word.cast(pa.string()) for word in words)]
            names = ["node_index", "id", "type", "name", "source"]
            self.parts.append(pa.table(strings, names=names))
        # two nodes under one index would become one without a word
        twice = np.flatnonzero(self.type_of[index] != told)
        if len(twice):
            raise InputError(
                f"knowledge graph: expected one node per index, found two types for node "
                f"{index[twice[0]]}"
            )

    def table(self) -> pa.Table:
        if not self.parts:
            words = dict.fromkeys(("id", "type", "name", "source"), pa.string())
            return pa.schema({"node_index": pa.int64()} | words).empty_table()
        return pa.concat_tables(self.parts).sort_by("node_index")


def read_edges(batches: Batches, relations: frozenset[str] | None = None) -> EdgeList:
    """Nodes and edges of all rows, or of those whose relation is one of `relations`.

    A second pass reads the nodes that are no row's x; PrimeKG has none. Raises InputError where an
    index stands for nodes of two types, or is no number from 0 to 2**24 - 1.
    """
    nodes = _Nodes()
    kinds: dict[tuple[str, str], int] = {}
    relation_codes: dict[str, int] = {}
    display_codes: dict[str, int] = {}
    parts: list[Ints] = []
    ends_seen = np.zeros(0, dtype=bool)
    for whole in batches("x"):
        batch = _only(whole, relations)
        nodes.add(batch, "x")
        x, y = _numbers(batch, "x_index"), _numbers(batch, "y_index")
        if len(x) and max(x.max(), y.max()) >= len(ends_seen):
            more = np.zeros(2 * int(max(x.max(), y.max())) + 2, dtype=bool)
            more[: len(ends_seen)] = ends_seen
            ends_seen = more
        ends_seen[y] = True
        pair = _codes(batch["relation"], relation_codes) << 16 | _codes(
            batch["display_relation"], display_codes
        )
        names = (list(relation_codes), list(display_codes))
        found, place = np.unique(pair, return_inverse=True)
        number = np.array(
            [
                kinds.setdefault((names[0][p >> 16], names[1][p & 0xFFFF]), len(kinds))
                for p in found.tolist()
            ],
            dtype=np.int64,
        )
        if len(kinds) >> KIND_BITS:
            raise InputError(
                f"knowledge graph: expected at most {1 << KIND_BITS} kinds of relation, "
                f"found {len(kinds)}"
            )
        kind = number[place] if len(place) else np.zeros(0, dtype=np.int64)
        low, high = np.minimum(x, y), np.maximum(x, y)
        parts.append(kind << 2 * NODE_BITS | low << NODE_BITS | high)
    known = nodes.type_of >= 0
    wanted = np.flatnonzero(ends_seen)
    if len(wanted) and (wanted[-1] >= len(known) or not known[wanted].all()):
        for whole in batches("y"):
            nodes.add(_only(whole, relations), "y")
    keys = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    parts.clear()
    keys.sort()
    once = keys[np.flatnonzero(np.diff(keys, prepend=-1))]
    return EdgeList(nodes.table(), list(kinds), once)


def write_edges(path: Path, found: EdgeList, directed: Directed = frozenset()) -> int:
    """Write `kg_edges`; the number of edges.

    The first end of an edge is the one that comes first in the relation's sentence (wording.csv).
    Where both are of one type it is the one that `directed` puts first, else the lower index.
    """
    mask = (1 << NODE_BITS) - 1
    kind = found.edges >> 2 * NODE_BITS
    low, high = found.edges >> NODE_BITS & mask, found.edges & mask
    backward = _backward(found, kind, low, high, directed)
    x, y = np.where(backward, high, low), np.where(backward, low, high)
    # numbers in the order of the words, so that sorting numbers sorts words
    relations = sorted({relation for relation, _ in found.kinds})
    shown = sorted({display for _, display in found.kinds})
    of_relation = np.array([relations.index(r) for r, _ in found.kinds], dtype=np.int64)
    of_display = np.array([shown.index(d) for _, d in found.kinds], dtype=np.int64)
    order = np.lexsort((of_display[kind], y, of_relation[kind])) if len(kind) else kind
    order = order[np.argsort(x[order], kind="stable")]
    with output_file(path) as partial:
        with pq.ParquetWriter(partial, KG_EDGES.arrow(), compression="zstd") as writer:
            for start in range(0, max(len(order), 1), ROWS_AT_ONCE):
                rows = order[start : start + ROWS_AT_ONCE]
                columns = {
                    "x": pa.array(x[rows]),
                    "relation": pa.array(relations, pa.string()).take(
                        pa.array(of_relation[kind[rows]])
                    ),
                    "display_relation": pa.array(shown, pa.string()).take(
                        pa.array(of_display[kind[rows]])
                    ),
                    "y": pa.array(y[rows]),
                }
                writer.write_table(pa.table(columns, schema=KG_EDGES.arrow()))
        check_parquet(partial, KG_EDGES, name=str(path))
    return len(order)


def _backward(
    found: EdgeList, kind: Ints, low: Ints, high: Ints, directed: Directed
) -> npt.NDArray[np.bool_]:
    """(n,) whether the higher index is the first end."""
    index = found.nodes["node_index"].to_numpy()
    types = found.nodes["type"].to_pylist()
    numbers = {name: i for i, name in enumerate(sorted(set(types)))}
    type_of = np.full(int(index.max(initial=0)) + 1, -1, dtype=np.int64)
    type_of[index] = [numbers[name] for name in types]
    first_types: dict[str, set[int]] = {}
    for row in wording().select(["relation", "x_type"]).to_pylist():
        first_types.setdefault(row["relation"], set()).add(numbers.get(row["x_type"], -2))
    first = np.zeros((len(found.kinds), len(numbers) + 1), dtype=bool)
    for i, (relation, _) in enumerate(found.kinds):
        first[i, [n for n in first_types.get(relation, ()) if n >= 0]] = True
    backward = first[kind, type_of[high]] & ~first[kind, type_of[low]]
    if directed:
        backward |= _told_backward(found, kind, low, high, type_of, directed)
    return backward


def _told_backward(
    found: EdgeList,
    kind: Ints,
    low: Ints,
    high: Ints,
    type_of: Ints,
    directed: Directed,
) -> npt.NDArray[np.bool_]:
    names = dict(
        zip(found.nodes["node_index"].to_pylist(), found.nodes["name"].to_pylist(), strict=True)
    )
    told = np.zeros(len(kind), dtype=bool)
    relations = {relation for relation, _, _ in directed}
    of_one_type = np.array([relation in relations for relation, _ in found.kinds], dtype=bool)
    for row in np.flatnonzero(of_one_type[kind] & (type_of[low] == type_of[high])).tolist():
        relation = found.kinds[int(kind[row])][0]
        ends = (names[int(high[row])].lower(), names[int(low[row])].lower())
        told[row] = (relation, *ends) in directed
    return told


def _only(batch: pa.RecordBatch, relations: frozenset[str] | None) -> pa.RecordBatch:
    if relations is None:
        return batch
    told: dict[str, int] = {}
    codes = _codes(batch["relation"], told)
    wanted = np.array([name in relations for name in told], dtype=bool)
    return batch.take(pa.array(np.flatnonzero(wanted[codes]))) if len(codes) else batch


def _codes(column: pa.Array, codes: dict[str, int]) -> Ints:
    """(n,) number of each word in `codes`, which learns new ones."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    lookup = np.array(
        [codes.setdefault(word or "", len(codes)) for word in column.dictionary.to_pylist()],
        dtype=np.int64,
    )
    places = column.indices.to_numpy(zero_copy_only=False)
    return lookup[places] if len(lookup) else np.zeros(0, dtype=np.int64)


def _numbers(batch: pa.RecordBatch, name: str) -> Ints:
    column = batch[name]
    if column.null_count:
        raise InputError(f"knowledge graph: column {name}: expected a number in every row")
    numbers = column.to_numpy(zero_copy_only=False).astype(np.int64)
    if numbers.size and (numbers.min() < 0 or numbers.max() >> NODE_BITS):
        raise InputError(
            f"knowledge graph: column {name}: expected 0 to {(1 << NODE_BITS) - 1}, "
            f"found {numbers.min()} to {numbers.max()}"
        )
    return numbers
