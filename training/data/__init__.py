"""Labelled clips: where they come from, how they are kept on disk, and how they are split.

    the competition's   metadata ──► selection ──► intake ──┐
    the generator's     generated ──────────────────────────┴──► cache_writer, with journal and shards ──► cache

`prepare` goes the first way from end to end. `clips` is what a cache gives to whoever trains or measures, `splits`
deals them out by project, and `notes` and `leak` say what such a set misleads by.
"""
