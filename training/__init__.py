"""Trains the network that the service runs, and generates clips to train and test it on."""
