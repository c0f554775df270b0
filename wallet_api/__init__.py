"""Carnet: the API, the rules engine and the ledger behind digital loyalty cards."""
