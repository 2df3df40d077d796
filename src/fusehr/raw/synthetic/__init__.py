"""The default source: synthetic patients whose true risk is known.

`latent` decides what happens to them and is where to read how; `rows` writes it down as a hospital
would; `vocabulary` holds the words for it. `cohort.write` is the way in.
"""
