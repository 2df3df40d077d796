"""What fits, predicts and writes, whatever the recipe."""
