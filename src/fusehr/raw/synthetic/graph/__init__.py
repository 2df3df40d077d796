"""The knowledge graph of the synthetic source: general facts, and planted ones that only it holds.

edges   fictional drugs against lasting diseases, drawn from the generator's seed
kg      all of it in PrimeKG's two tables
"""
