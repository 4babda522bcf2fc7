"""How events are written: JSON, or by a schema that is registered; the schemas are generated from the events' types."""
