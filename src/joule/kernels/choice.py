"""Which implementation of the kernels is used, decided once, when they are imported."""

from __future__ import annotations

import os
from typing import Final

from joule.kernels import plain

try:
    from joule.kernels import compiled
except ImportError:  # no compiler, when it was installed
    _is_built = False
else:
    _is_built = True

IS_NATIVE: Final = _is_built and os.environ.get("JOULE_KERNELS") != "numpy"
"""Whether the kernels are those in C."""

if IS_NATIVE:
    shuffle, unshuffle = compiled.shuffle, compiled.unshuffle
    group, check = compiled.group, compiled.check
else:
    shuffle, unshuffle = plain.shuffle, plain.unshuffle
    group, check = plain.group, plain.check
