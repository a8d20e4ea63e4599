"""From a reference to its outcome, without Kafka: `scorer` fetches, reads and scores, for the worker and for `score`.

`stores` tells a store that is away from a clip that is lost, `outcomes` makes verdicts and rejections; `score` and
`outcomefile` are the way of files, which can be taken up again where it ended.
"""
