"""Wallet passes: a `CardFace` goes in, bytes or JSON come out; no database and no web framework."""
