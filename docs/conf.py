"""Sphinx's configuration: `make docs` runs it. The pages are put together in a folder below build/, see generate.py."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from docs import generate
from docs.console import Console
from orchestrator import __version__, labfile

project = "labctl"
release = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["attrs_inline", "deflist"]
myst_heading_anchors = 3
smartquotes = False  # they would turn the two hyphens of --json into a dash

html_theme = "furo"
html_title = "labctl"
html_static_path = [str(Path(__file__).parent / "static")]
html_css_files = ["labctl.css"]
html_show_copyright = False
html_show_sphinx = False
html_show_sourcelink = False
html_copy_source = False
html_use_index = False
html_show_search_summary = False  # it would fetch the pages, which a browser forbids for files
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


def setup(app: Sphinx) -> None:
    """Has the pages written before Sphinx looks for them. `more_labs`: paths of more lab files, with spaces between."""
    app.add_config_value("more_labs", "", "env", types=(str,))
    app.add_lexer("console", Console)
    app.connect("config-inited", _write)


def _write(app: Sphinx, config: Config) -> None:
    generate.write(Path(app.srcdir), [*labfile.shipped(), *map(Path, config.more_labs.split())])
