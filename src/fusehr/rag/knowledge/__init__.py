"""The knowledge graph: from one of its sources to nodes, names, edges, definitions and codes."""
