"""The rows of data streams: pending ones, commits, reads, and changes of older rows."""
