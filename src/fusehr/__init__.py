"""fusehr: reproducible multimodal electronic health records, from raw files to a leaderboard."""
