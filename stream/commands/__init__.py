"""Commands of `python -m stream`, a module each: here parts are built and joined, and nowhere else.

Each module imports what its command uses, and is itself imported only when the command runs: `schema` starts without
OpenVINO, `score` without Kafka. What several share is in `cluster`, `sources` and `scoring`, apart
for that reason.
"""
