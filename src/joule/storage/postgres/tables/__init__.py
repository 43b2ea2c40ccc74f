"""The tables of streams, one file for each kind, and how rows get into them."""
