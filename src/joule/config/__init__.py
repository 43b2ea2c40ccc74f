"""Configuration files of a node: text in, checked values out.

Nothing here opens a store, a socket or a process. Each kind of file has one module with one parse
function; every error is a :exc:`joule.errors.ConfigurationError` that names the file, the section
and the option.
"""
