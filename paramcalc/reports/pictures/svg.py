"""SVG elements as text, escaped, and the colours of components."""

from __future__ import annotations

from html import escape

COLOURS = {
    "token_embedding": "#1f5f8b", "position_embedding": "#31708e", "other_embedding": "#155e75", "attention": "#8b3a62",
    "state_mixer": "#6b4c9a", "ffn": "#28704a", "moe_router": "#7a5c00", "moe_experts": "#1b6e6e",
    "moe_shared": "#3f6212", "norm": "#555b66", "lm_head": "#1d4ed8", "pooler": "#9a3412", "vision": "#a44a06",
    "audio": "#8a1c96", "projector": "#9f1239", "other": "#475569",
}
"""A colour for each component, each with a contrast of at least 4.5 to white text (WCAG 2.2, 1.4.3)."""
SERIES = ("#1f5f8b", "#a44a06", "#28704a", "#8b3a62", "#6b4c9a", "#7a5c00", "#1d4ed8", "#9f1239", "#555b66")
"""Colours of lines and of parts of memory; each is also named beside it."""


def colour(component: str) -> str:
    """The fill of a component's area."""
    return COLOURS.get(component, COLOURS["other"])


def element(tag: str, *children: str, **attributes: object) -> str:
    """One element; `children` are elements or text that is already escaped, attribute names take `_` for `-`."""
    pairs = ((name.rstrip("_").replace("_", "-"), escape(str(value))) for name, value in attributes.items())
    opening = tag + "".join(f' {name}="{value}"' for name, value in pairs)
    return f"<{opening}>{''.join(children)}</{tag}>" if children else f"<{opening}/>"


def text(content: str, x: float, y: float, **attributes: object) -> str:
    """A line of text whose baseline starts at a place."""
    return element("text", escape(content), x=number(x), y=number(y), **attributes)


def number(value: float) -> str:
    """A coordinate in pixels, rounded to hundredths."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def picture(width: int, height: int, label: str, *children: str, role: str = "img") -> str:
    """A whole picture that scales with its place and reads its label to a screen reader.

    The role is `group` where parts of it can be chosen.
    """
    return element("svg", element("title", escape(label)), *children, xmlns="http://www.w3.org/2000/svg",
                   viewBox=f"0 0 {width} {height}", preserveAspectRatio="xMinYMin",
                   role=role, aria_label=label, font_family="system-ui, sans-serif", font_size=12)


def figure(drawn: str) -> str:
    """The place of a picture on a page; a narrow screen scrolls it, and so do keys."""
    return f'<figure class="picture" tabindex="0">{drawn}</figure>'
