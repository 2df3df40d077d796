"""The cohort of a task as a flow chart, in SVG that stands in the page itself."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, STEP = 250, 40, 64  # of a box, and from one to the next; pixels


def flow_chart(title: str, steps: Sequence[tuple[str, str, str]]) -> str:
    """steps: what is left, in words; how many; why others were left out (empty at the first)."""
    tall = STEP * (len(steps) - 1) + HEIGHT + 4
    label = escape(f"Cohort of {title}", quote=True)
    parts = [f'<svg viewBox="0 0 560 {tall}" role="img" aria-label="{label}">']
    for i, (name, left, out) in enumerate(steps):
        y = 2 + i * STEP
        if i:
            parts.append(f'<path class="flow" d="M125 {y - STEP + HEIGHT}V{y}"/>')
            middle = y - (STEP - HEIGHT) / 2
            parts.append(f'<path class="flow" d="M125 {middle:g}H258"/>')
            parts.append(f'<text class="out" x="264" y="{middle + 4:g}">{escape(out)}</text>')
        parts.append(f'<rect class="flow" x="1" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="3"/>')
        parts.append(f'<text x="125" y="{y + 17}" text-anchor="middle">{escape(name)}</text>')
        parts.append(f'<text x="125" y="{y + 33}" text-anchor="middle">{escape(left)}</text>')
    return "".join([*parts, "</svg>"])
