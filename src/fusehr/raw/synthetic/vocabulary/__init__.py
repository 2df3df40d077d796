"""What the files name: codes, items, drugs, organisms, places, each with its real label."""
