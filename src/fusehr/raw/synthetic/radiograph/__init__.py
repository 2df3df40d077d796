"""Frontal chest films drawn from geometry: who is on them, how they were taken, what they show.

`drawing.draw_radiographs` is the way in; `pool` and `rows.images` say which films there are.
"""
