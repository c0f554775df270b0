"""What would go out where nothing is set up to send it."""

from notifications.channels.console.channel import ConsoleChannel

__all__ = ["ConsoleChannel"]
