"""References on their way to Kafka: `produce` has them from a folder or a table, `follow` from a folder that grows.

`journal` keeps what Kafka has acknowledged, so that the same command goes on from there.
"""
