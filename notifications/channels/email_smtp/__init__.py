"""E-mail over SMTP."""

from notifications.channels.email_smtp.channel import EmailChannel, SmtpServer

__all__ = ["EmailChannel", "SmtpServer"]
