"""The service: a clip reference comes in from Kafka, a verdict goes out. Imports neither training nor torch."""
