"""Files and how they go wrong: read with file and line in each complaint, written whole or not at all."""
