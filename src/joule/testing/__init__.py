"""The test kit: suites for storage engines, and strategies for random data.

It needs pytest and hypothesis; nothing at run time imports it.
"""
