"""Modules for tests: small scripts on the standard library alone, so that they start at once."""

from __future__ import annotations

import shlex
import sys
import textwrap

PREAMBLE = """
import json, os, signal, struct, sys, time
def pipes():
    return json.loads(json.loads(sys.argv[sys.argv.index("--pipes") + 1]))
def output(name="output"):
    return pipes()["outputs"][name]["fd"]
def input_(name="input"):
    return pipes()["inputs"][name]["fd"]
def row(stamp, value, kind="i"):
    return struct.pack("<q" + kind, stamp, value)
BREAK = bytes(12)
def write(*rows, name="output"):
    data = b"".join(rows)
    while data:
        data = data[os.write(output(name), data):]
def sleep():
    time.sleep(60)
"""


def exec_cmd(code: str) -> str:
    """A command line that runs ``code`` after the helpers above."""
    script = PREAMBLE + textwrap.dedent(code)
    return shlex.join([sys.executable, "-u", "-I", "-S", "-c", script])


def conf_text(name: str, code: str, **sections: dict[str, str]) -> str:
    """A module file; ``%`` is escaped as files need it."""
    command = exec_cmd(code).replace("%", "%%").replace("\n", "\n ")
    parts = [f"[Main]\nname = {name}\nexec_cmd = {command}\n"]
    for section, options in sections.items():
        lines = [f"{key} = {value}" for key, value in options.items()]
        parts.append("\n".join([f"[{section.capitalize()}]", *lines]) + "\n")
    return "\n".join(parts)
