"""Processes, ours and those we start: CPUs they may use, how they end when told to, and that none is left behind."""
