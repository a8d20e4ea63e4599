"""The page of an evaluation: one HTML file that needs no network and no script, to be read on a screen or on paper."""

from training.page.head import Head
from training.page.render import render_page

__all__ = ["Head", "render_page"]
