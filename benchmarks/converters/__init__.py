"""What the conversion is measured beside: each module converts one folder of MIMIC-IV's files."""
