"""Compiles a checkpoint into an artifact: an engine that has proved what it computes."""
