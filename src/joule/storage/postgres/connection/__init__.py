"""The way to the database: connections, transactions, questions, and what happens in an outage."""
