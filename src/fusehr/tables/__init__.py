"""Room tables: MIMIC-shaped files to OneEHR tables, samples, labels and splits."""
