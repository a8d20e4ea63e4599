"""References that were rejected, or end their workers: `letter` reads them, `render` shows one in full.

`requeue` sends them back, each once; `skip` moves a group past a reference that no worker survives.
"""
