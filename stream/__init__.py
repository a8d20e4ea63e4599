"""The service: a clip reference comes in from Kafka, a verdict goes out. Imports neither training nor torch.

    a clip's way    broker ─► worker ─► scoring ─► fetch, readers (clip), engine ─► verdict ─► broker
    beside it       metrics and ops, logs, doctor
    before, after   sending; results with measures, letters, page with pictures
    for all         records, messages and schema; errors, validation, backoff; files, processes, terminal

`settings` say what each command can be told, and `commands` join the parts. `local` is a Kafka of one's own, and the
demo; `model` holds the model that is shipped.
"""
