"""What is in flight: offsets, outputs and dead letters. Knows no Kafka client."""
