"""Use cases: one function, one file; each opens or is handed the transaction, locks, decides, writes, leaves."""
