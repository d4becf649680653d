"""Groups of horizontal bars as SVG. Each group has its own scale, written out at every bar: steps differ a thousandfold."""

import dataclasses
from xml.sax.saxutils import escape

# Told apart by people with any kind of colour vision (Okabe and Ito).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
WIDTH, LABEL_WIDTH, TOOL_WIDTH, BAR_WIDTH = 860, 250, 90, 420
BAR_HEIGHT, GROUP_GAP = 16, 12


@dataclasses.dataclass
class Group:
    title: str
    values: dict  # tool: value
    unit: str


def svg(groups):
    """The picture; text and bars only, readable on white."""
    parts, y = [], GROUP_GAP
    for group in groups:
        parts.append(text(10, y + BAR_HEIGHT - 4, group.title, weight="bold"))
        largest = max([*group.values.values(), 0]) or 1
        for number, (tool, value) in enumerate(group.values.items()):
            width = max(1, round(BAR_WIDTH * max(value, 0) / largest))
            left = LABEL_WIDTH + TOOL_WIDTH
            parts.append(text(LABEL_WIDTH, y + BAR_HEIGHT - 4, tool))
            parts.append(f'<rect x="{left}" y="{y + 2}" width="{width}" height="{BAR_HEIGHT - 4}" fill="{COLOURS[number % len(COLOURS)]}"/>')
            parts.append(text(left + width + 6, y + BAR_HEIGHT - 4, f"{value:.4g} {group.unit}"))
            y += BAR_HEIGHT
        y += GROUP_GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="12">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{y}" fill="white"/>', *parts, "</svg>"]) + "\n"


def text(x, y, words, weight="normal"):
    return f'<text x="{x}" y="{y}" font-weight="{weight}">{escape(words)}</text>'
