"""PostgreSQL: every SQL statement of Carnet stands in this package, as SQL."""
