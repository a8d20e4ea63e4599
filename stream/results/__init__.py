"""What came of the references, read back from the topics: is each answered once, how well, how fast, and where is it?

    topics ─┬─► ledger, with tally ──► audit ──┬─► report
            └─► answers ───────────────────────┤
                                               └─► latest ──► table ──► parquet

`extent` says which references are meant, `expectations` what is known of them beforehand, `examples` keep a few of many
faults, and `shown` puts all of it before a person.
"""
