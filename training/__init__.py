"""Trains the network that the service runs, and generates clips to train and test it on.

    clips                   synthetic makes them, data keeps and selects them, sources says which a command takes
    a network that learns   recipe, networks, learning, as orders say; a checkpoint comes of it, with calibrate's rule
    what it is worth        scoring, measures; page, report and card for people, submission for the competition
    which is better         contest; probes ask what can be told without looking at the blood
    for all                 fields and words, outfile and own_code, pools, progress

`settings` say what each command can be told, and `commands` join the parts.
"""
