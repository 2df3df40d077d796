"""The numbers that two sources are compared by, one row each, defined the same way for all."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

from fusehr.tables.database import read_sql

HERE = Path(__file__).parent
ROOM = HERE.parent

COLUMNS = ["name", "value", "n", "people", "others"]
QUARTILES = {"q25": "lower quartile", "median": "median", "q75": "upper quartile"}
DECIMALS = 4


def measure(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """COLUMNS of the source behind `con` (see source.open_source), in the order of `described`.

    value: a share, a mean or a quartile, rounded. n: visits, stays or patients that it is taken
    over. people: patients with the property, others: without it (only shares have these). What a
    source does not have at all gives no row.
    """
    shares = con.execute(read_sql("card/shares.sql")).df()
    wide = con.execute(read_sql("card/quantities.sql")).df()
    quantities = pd.concat(
        [
            wide[["name", "n", "people"]].assign(name=wide["name"] + f"/{key}", value=wide[key])
            for key in QUARTILES
        ]
    )
    amounts = con.execute(read_sql("card/amounts.sql")).df()
    presence = con.execute(read_sql("card/presence.sql")).df()
    found = pd.concat([shares, quantities, amounts, presence]).reindex(columns=COLUMNS)
    names = described()["name"]
    kinds = found.loc[found["name"].str.startswith("notes/"), "name"]
    order = [*names, *sorted(set(kinds) - set(names))]
    found = found.set_index("name").reindex([n for n in order if n in set(found["name"])])
    found["value"] = found["value"].astype(float).round(DECIMALS)
    counts = dict.fromkeys(("n", "people", "others"), "Int64")
    return found.astype(counts).reset_index()[COLUMNS]


def by_hour(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """code, hour, share, people, others (presence_by_hour.sql); codes in variables.csv's order."""
    found = con.execute(read_sql("card/presence_by_hour.sql")).df()
    names = pd.read_csv(ROOM / "variables.csv")["name"]
    place = {name: k for k, name in enumerate(names)}
    return found.sort_values("code", key=lambda c: c.map(place), kind="stable").reset_index(
        drop=True
    )


def described() -> pd.DataFrame:
    """name, group, title and unit of every measure, in the order in which they are shown."""
    parts = [pd.read_csv(HERE / "measures.csv")]
    phenotypes = pd.read_csv(ROOM / "phenotype_names.csv")
    parts.append(
        pd.DataFrame(
            {
                "name": "phenotype/" + phenotypes["phenotype"],
                "group": "Phenotypes",
                "title": phenotypes["title"],
                "unit": "share of ICU visits",
            }
        )
    )
    variables = pd.read_csv(ROOM / "variables.csv")
    parts.append(
        pd.DataFrame(
            {
                "name": "present/" + variables["name"],
                "group": "Measured in an hour",
                "title": variables["definition"],
                "unit": "share of stay-hours, first 48 h",
            }
        )
    )
    return pd.concat(parts, ignore_index=True)
