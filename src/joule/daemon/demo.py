"""The example pipeline of ``--demo``: ordinary configuration files that can be copied and changed.

Two readers, one measuring this machine and one making random numbers, each followed by a mean
filter. A file that is there already is left as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.client.builtins.host_reader import data_stream_conf
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from joule.config.main_conf import Folders

HOST_RAW, HOST_MEAN = "/live/host/raw", "/live/host/mean"
RANDOM_RAW, RANDOM_MEAN = "/live/random/raw", "/live/random/mean"

_HOST_READER = f"""\
[Main]
name = host-reader
description = load of this machine, 5 rows a second
exec_cmd = joule-host-reader

[Arguments]
rate = 5

[Outputs]
output = {HOST_RAW}
"""

_RANDOM_STREAM = """\
[Main]
name = raw
path = /live/random
datatype = float32
keep = 1d
description = uniform random numbers

[Element1]
name = x

[Element2]
name = y

[Element3]
name = z
"""

_RANDOM_READER = f"""\
[Main]
name = random-reader
description = random numbers, 100 rows a second
exec_cmd = joule-random-reader

[Arguments]
width = 3
rate = 100

[Outputs]
output = {RANDOM_RAW}
"""

_FILTER = """\
[Main]
name = {name}
description = moving average over {window} rows
exec_cmd = joule-mean-filter

[Arguments]
window = {window}

[Inputs]
input = {source}

[Outputs]
output = {destination}
"""


def write_demo(folders: Folders) -> None:
    """Write the example files that are absent; ``ConfigurationError`` when one cannot be."""
    host_filter = _FILTER.format(name="host-mean", window=5, source=HOST_RAW, destination=HOST_MEAN)
    # Without a file of its own: the stream is created as the inline configuration says.
    random_filter = _FILTER.format(
        name="random-mean",
        window=11,
        source=RANDOM_RAW,
        destination=f"{RANDOM_MEAN}:float32[x, y, z]",
    )
    files = {
        folders.data_streams / "host_raw.conf": data_stream_conf(HOST_RAW),
        folders.data_streams / "host_mean.conf": data_stream_conf(HOST_MEAN),
        folders.data_streams / "random_raw.conf": _RANDOM_STREAM,
        folders.modules / "host_reader.conf": _HOST_READER,
        folders.modules / "host_mean.conf": host_filter,
        folders.modules / "random_reader.conf": _RANDOM_READER,
        folders.modules / "random_mean.conf": random_filter,
    }
    for file, text in files.items():
        _write_new(file, text)


def _write_new(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigurationError(f"Cannot write [{file}]: {error.strerror}") from error
