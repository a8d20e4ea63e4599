"""Reading from and writing to Kafka; the only package that imports kafka (with audit)."""
