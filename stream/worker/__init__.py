"""The worker: references in, outcomes out, in order, each exactly once; no library of Kafka or of a runtime in it.

`loop` is the whole way in one screen; `window` is what it has in hand, `pacing` says when outcomes are delivered,
`rejections` when they are too many, `notes` what the next owner of a partition is told, and `lag` how far behind it is.
"""
