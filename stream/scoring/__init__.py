"""From a reference to its outcome, without Kafka: `scorer` fetches, reads and scores, for the worker and for `score`.

Its `parts` hand it bytes and pixels, a `job` is a clip on its way, `stores` tells a store that is away from a clip that
is lost, and `outcomes` makes verdicts and rejections. `score` and `outcomefile` are the way of files, which can be
taken up again where it ended.
"""
