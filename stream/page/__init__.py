"""A page of chosen outcomes: one HTML file that needs no network and no script, to be read on a screen or on paper.

`found` takes the outcomes from topics or a file, `looks` reads the clips again, in the same sandbox as a worker, and
`render` writes down what is known of each.
"""

from stream.page.found import Found, found_in_file, found_in_topics
from stream.page.looks import Look, look_at, surroundings
from stream.page.render import Subject, render_page

__all__ = ["Found", "Look", "Subject", "found_in_file", "found_in_topics", "look_at", "render_page", "surroundings"]
