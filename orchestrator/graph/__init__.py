"""Pictures of a lab: pure functions of the model, the same bytes for the same lab."""

from __future__ import annotations

from orchestrator.model import Lab


def tree(lab: Lab, *, colour: bool = False) -> str:
    """The lab as a tree for a terminal, without a newline at the end. colour: with ANSI escapes."""
    from orchestrator.graph.terminal import draw

    return draw(lab, colour=colour)


def svg(lab: Lab) -> str:
    """The lab as one self-contained SVG document, for light and dark backgrounds."""
    from orchestrator.graph.picture import draw

    return draw(lab)
