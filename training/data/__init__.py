"""Labelled clips: where they come from, how they are kept on disk, and how they are split."""
