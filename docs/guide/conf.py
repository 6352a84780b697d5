"""Settings of Sphinx for the guide; `build.py` beside it collects the pages."""

from paramcalc import __version__

project = "paramcalc"
author = "the paramcalc developers"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
html_theme = "furo"
html_title = f"paramcalc {release}"
html_copy_source = False
html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["guide.css"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
autodoc_typehints = "none"
autodoc_member_order = "bysource"
suppress_warnings = ["misc.highlighting_failure"]  # outputs shown in a terminal session hold what no lexer knows
default_role = "code"  # docstrings are Markdown in their backticks
