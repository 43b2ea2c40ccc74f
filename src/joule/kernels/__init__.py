"""The loops over packed rows that decide how fast the store is; knows nothing but numpy.

Each is there twice, with the same results: in C (``c/``, decision 0010) and in numpy
(:mod:`joule.kernels.plain`, which says what they mean). C is taken where it could be built, unless
the environment has ``JOULE_KERNELS=numpy``.
"""

from joule.kernels.choice import IS_NATIVE, check, group, shuffle, unshuffle
from joule.kernels.results import Bytes, Findings, Sums

__all__ = ["IS_NATIVE", "Bytes", "Findings", "Sums", "check", "group", "shuffle", "unshuffle"]
