"""The events of event streams."""
