"""The rules: pure functions of frozen values. No clock, no random, no I/O, nothing but the standard library."""
