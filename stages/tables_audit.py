"""Stage `tables-audit`: honesty rules 1 to 3 on the tables, whatever their source."""

from __future__ import annotations

from pathlib import Path

from fusehr.core.frame.files import write_json
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.stage import run, say
from fusehr.tables.audit import audit


def main() -> None:
    """Check data/tables; write what was checked to metrics/audit.json."""
    threads = stage_params("tables-audit").section("tables.threads", int)
    write_json("metrics/audit.json", audit(Path("data/tables"), threads=threads))
    say("tables-audit: rules 1 to 3 hold; wrote metrics/audit.json")


if __name__ == "__main__":
    run(main)
