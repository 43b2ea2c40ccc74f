"""Modules that come with Joule, one folder each: code, description and sample configuration."""
