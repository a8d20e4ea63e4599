"""Engines: the contract, the artifact they come in, and one module for each runtime."""
