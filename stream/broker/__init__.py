"""Reading from and writing to Kafka; the only package that imports its client."""
