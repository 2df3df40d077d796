"""One page of a run, to read, print and hand on: report.html."""
