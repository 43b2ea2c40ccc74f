"""``jouled``: the program that puts a node together and runs it."""
