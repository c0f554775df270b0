"""Push messages through Firebase Cloud Messaging."""

from notifications.channels.push_fcm.channel import FcmChannel, encode, read_answer, retry_after

__all__ = ["FcmChannel", "encode", "read_answer", "retry_after"]
