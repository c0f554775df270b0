"""What happens after the commit: events become messages, messages are delivered, time is looked at."""
