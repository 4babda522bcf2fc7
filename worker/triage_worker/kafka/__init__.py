"""Kafka clients, topics, connections and rights."""
