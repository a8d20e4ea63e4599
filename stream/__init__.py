"""The service: a clip reference comes in from Kafka, a verdict goes out. Imports neither training nor torch.

    a clip's way    broker ─► worker ─► scoring ─► fetch, readers (clip), engine ─► verdict ─► broker
    beside it       metrics and ops, doctor
    before, after   sending; results, letters, page
    for all         records and messages, errors, settings, terminal, files, processes

`commands` joins them, one module for each command; `local` is a Kafka of one's own, and the demo.
"""
