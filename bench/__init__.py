"""Benchmarks: each beside its limit or its peer, in the same run. Ratios carry over to other machines, times do not."""
