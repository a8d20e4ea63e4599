"""What somebody types and is told: a command's settings, errors in one line, the console."""
