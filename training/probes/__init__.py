"""Probes: what can be told of a clip's label from things that should not tell it, such as its length."""
