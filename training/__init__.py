"""Trains the network that the service runs, and generates clips to train and test it on.

    clips                   synthetic makes them, data keeps and selects them, sources says which a command takes
    a network that learns   recipe and networks, learning, progress; checkpoint and card are what comes of it
    what it is worth        scoring and calibrate, measures, page and report; submission for the competition
    which is better         contest; probes ask what can be told without looking at the blood

`commands` joins them, one module for each command.
"""
