"""What runs on this machine alone: `embedded` is a real Kafka, `demo` the whole way through it."""
