"""A chat model behind an OpenAI-compatible endpoint, and what it once answered."""
