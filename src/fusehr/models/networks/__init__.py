"""Networks that recipes are built of, and how they are fitted."""
