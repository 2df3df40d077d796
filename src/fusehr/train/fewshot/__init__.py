"""Train cases as examples for a chat model: what they hold, which ones, in what words."""
