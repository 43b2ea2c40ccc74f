"""A reader that subscribes to topics of an MQTT broker."""

from __future__ import annotations

from joule.client.builtins.mqtt_reader.mqtt_reader import MqttReader

__all__ = ["MqttReader", "main"]


def main() -> None:
    """Run the module; the entry point of ``joule-mqtt-reader``."""
    MqttReader().start()
