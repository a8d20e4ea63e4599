"""The worker: references in, outcomes out, in order, each exactly once; no library of Kafka or of a runtime in it.

`loop` is the whole way in one turn; `window` is what it has in hand, `pacing` says when outcomes are delivered and
`delivery` makes it so, `rejections` says when they are too many, `notes` what the next owner of a partition is told.
`telling` is for those who watch, with `lag`: how far behind it is.
"""
