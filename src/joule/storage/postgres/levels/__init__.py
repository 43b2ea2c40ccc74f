"""Decimated rows as Joule 1.0 stores them: made, found and looked through."""
