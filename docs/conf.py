"""Sphinx configuration: Markdown by MyST, the Python reference from docstrings."""

from importlib.metadata import version as installed_version

project = "Ringway"
copyright = "the Ringway contributors"  # noqa: A001 - Sphinx's name
version = release = installed_version("ringway")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "generate"]
nitpicky = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"

html_theme = "furo"
html_title = f"Ringway {release}"
html_copy_source = False
