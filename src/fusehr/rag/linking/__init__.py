"""Mention strings linked to diseases of the knowledge graph: by name, then by vector."""
