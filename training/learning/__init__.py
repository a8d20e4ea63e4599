"""How a network learns: `loop` takes steps over `batches`, which `augment` varies; `fitting` does it as often as asked.

It begins from what `start` says (`kinetics` reads published weights), where `devices` says.
`states` are what a killed run goes on from; `watch` and `board` show how it goes.
"""
