"""What runs on this machine alone: `embedded` is a real Kafka made of `jars`, `demo` the whole way through it."""
