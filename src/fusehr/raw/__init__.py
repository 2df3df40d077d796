"""Room `raw`: brings one source's tables into data/raw in MIMIC-IV's layout, checked and listed."""
