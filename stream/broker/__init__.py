"""Reading from and writing to Kafka; the only package that imports its client.

    a worker's part      contract says what a broker is, kafka is the real one: joining, membership, start, positions,
                         ends; a watchdog ends what hangs
    its deliveries       exactly_once, by transactions, or at_least_once; limits says how large they may be
    reaching a cluster   cluster, handshakes, certificates, rights
    for other commands   topics, groups, reading; writing, and once where nothing may be written twice

`guards`, `handshakes` and `leaders` mend what is wrong in the very version of the client that is pinned.
"""
