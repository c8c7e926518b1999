"""The report as one HTML file that needs no network and no server."""

from pyxhon.report.html.write import write_html

__all__ = ["write_html"]
