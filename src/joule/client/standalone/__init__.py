"""Modules run by hand: the streams of a module file are read and written through a node's API.

Loaded only for such runs; a module under a node needs none of it.
"""
