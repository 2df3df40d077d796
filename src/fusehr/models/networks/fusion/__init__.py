"""Ways to fuse modalities, each in a module of its own.

`pairs` and `mag.AdaptationGate` join vectors, `texts` two texts. The others join streams, tokens of
one width each, of which every sample has one at least (see projectors.Missing), and give a vector a
sample and the weights that tokens had in it.
"""
