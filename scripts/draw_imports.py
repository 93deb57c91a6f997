"""Draw who imports whom, rooms and the product's folders, into `docs/images/imports.svg`.

    python -m scripts.draw_imports

Who imports stands above whom it imports, so every arrow points down. An arrow that follows from others is left out:
whoever imports the studio has what the studio imports. Graphviz would do the same, but is a program that contributors
would have to install.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from html import escape

from foundation.files import atomic_path
from scripts.imports import ROOT, arrows_of_folders, arrows_of_rooms

PLACE = ROOT / "docs" / "images" / "imports.svg"
LAYER_PX, BOX_PX, GAP_PX, MARGIN_PX, TITLE_PX, LETTER_PX, BEND_PX = 84, 30, 22, 20, 34, 7.6, 26
SWEEPS = 12
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2937; text-anchor: middle; dominant-baseline: central }
.title { font-weight: 600; font-size: 15px; text-anchor: start }
rect { fill: #f3f4f6; stroke: #6b7280; rx: 5px } path { fill: none; stroke: #6b7280; stroke-width: 1.2 }
"""
Arrows = Mapping[str, set[str]]


@dataclass(frozen=True)
class Drawn:
    """A drawing of one graph. boxes: name -> (x of its middle, y of its top). lines: an arrow's points, box to box."""

    boxes: dict[str, tuple[float, float]]
    lines: list[list[tuple[float, float]]]
    width_px: float
    height_px: float


def needed(arrows: Arrows) -> dict[str, set[str]]:
    """The arrows that do not follow from others (transitive reduction).

    Raises:
        CycleError: some import each other.
    """
    order = list(TopologicalSorter(arrows).static_order())  # the imported ones first
    reached: dict[str, set[str]] = {}
    for name in order:
        reached[name] = set(arrows.get(name, ())).union(*(reached[to] for to in arrows.get(name, ())))
    return {name: {to for to in targets if not any(to in reached[other] for other in targets - {to})}
            for name, targets in arrows.items()}  # fmt: skip


def layers_of(arrows: Arrows) -> dict[str, int]:
    """How deep each stands, 0 on top: just below the lowest of those that import it."""
    depth = dict.fromkeys(arrows, 0)
    for name in reversed(list(TopologicalSorter(arrows).static_order())):
        for to in arrows[name]:
            depth[to] = max(depth[to], depth[name] + 1)
    return depth


def laid_out(arrows: Arrows) -> Drawn:
    """Boxes in layers; arrows over several layers pass between the boxes."""
    depth, kept = layers_of(arrows), needed(arrows)
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for name in sorted(depth):
        rows[depth[name]].append(name)
    chains = []
    for name, to in sorted((name, to) for name, targets in kept.items() for to in targets):
        between = [f"{name}>{to}>{level}" for level in range(depth[name] + 1, depth[to])]
        for level, point in enumerate(between, depth[name] + 1):
            rows[level].append(point)
        chains.append([name, *between, to])
    links = [pair for chain in chains for pair in zip(chain, chain[1:], strict=False)]
    _untangle(rows, links)
    place, width = _spread(rows)
    top = {name: MARGIN_PX + TITLE_PX + level * LAYER_PX for level, row in enumerate(rows) for name in row}
    lines = []
    for chain in chains:
        points = [(place[chain[0]], top[chain[0]] + BOX_PX)]
        for point in chain[1:-1]:
            points += [(place[point], top[point]), (place[point], top[point] + BOX_PX)]
        lines.append([*points, (place[chain[-1]], top[chain[-1]])])
    boxes = {name: (place[name], top[name]) for name in depth}
    return Drawn(boxes, lines, width, MARGIN_PX + TITLE_PX + len(rows) * LAYER_PX)


def _untangle(rows: list[list[str]], links: Sequence[tuple[str, str]]) -> None:
    """Order each layer by the middle of its neighbours in the one before, down and up in turn."""
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for level in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            before = {name: i / max(1, len(rows[level - 1 if down else level + 1]) - 1)
                      for i, name in enumerate(rows[level - 1 if down else level + 1])}  # fmt: skip
            own = {name: i / max(1, len(rows[level]) - 1) for i, name in enumerate(rows[level])}
            near = {name: [before[a if down else b] for a, b in links if (b if down else a) == name] for name in own}
            middle = {name: sum(near[name]) / len(near[name]) if near[name] else own[name] for name in own}
            rows[level].sort(key=lambda name: (middle[name], name))


def _box_width(name: str) -> float:
    return 4.0 if ">" in name else 20 + LETTER_PX * len(name)


def _spread(rows: list[list[str]]) -> tuple[dict[str, float], float]:
    """Where each stands across, its layer in the middle; and the width of all."""
    widths = [sum(_box_width(name) + GAP_PX for name in row) for row in rows]
    whole, place = max(widths) + 2 * MARGIN_PX, dict[str, float]()
    for row, width in zip(rows, widths, strict=True):
        left = (whole - width) / 2
        for name in row:
            place[name] = round(left + (_box_width(name) + GAP_PX) / 2, 1)
            left += _box_width(name) + GAP_PX
    return place, whole


def _svg(title: str, drawn: Drawn, left_px: float) -> list[str]:
    parts = [f'<g transform="translate({left_px:g} 0)">',
             f'<text class="title" x="{MARGIN_PX}" y="{MARGIN_PX}">{escape(title)}</text>']  # fmt: skip
    for points in drawn.lines:
        path = f"M{points[0][0]:g} {points[0][1]:g}"
        for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
            straight = x0 == x1
            path += f" V{y1:g}" if straight else f" C{x0:g} {y0 + BEND_PX:g} {x1:g} {y1 - BEND_PX:g} {x1:g} {y1:g}"
        parts.append(f'<path d="{path}" marker-end="url(#tip)"/>')
    for name, (x, y) in drawn.boxes.items():
        width = _box_width(name)
        parts.append(f'<rect x="{x - width / 2:g}" y="{y:g}" width="{width:g}" height="{BOX_PX}"/>')
        parts.append(f'<text x="{x:g}" y="{y + BOX_PX / 2:g}">{escape(name)}</text>')
    return [*parts, "</g>"]


def drawing() -> str:
    """The SVG."""
    rooms, folders = laid_out(arrows_of_rooms()), laid_out(arrows_of_folders())
    width, height = rooms.width_px + folders.width_px, max(rooms.height_px, folders.height_px)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}">',
        f"<style>{STYLE}</style><rect width=\"100%\" height=\"100%\" style=\"fill: white; stroke: none\"/>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" style="fill: #6b7280; stroke: none"/></marker></defs>',
        *_svg("Rooms", rooms, 0), *_svg("Folders of talking_head", folders, rooms.width_px), "</svg>", "",
    ])  # fmt: skip


def main() -> None:
    """See the module."""
    with atomic_path(PLACE) as temporary:
        temporary.write_text(drawing(), encoding="utf-8")
    print(f"wrote {PLACE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
