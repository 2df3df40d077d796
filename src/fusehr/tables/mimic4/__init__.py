"""MIMIC-IV (synthetic, demo, full): its files to visits, stays, supports, values and notes."""
