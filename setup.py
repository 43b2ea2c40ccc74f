"""Builds the kernels in C, where there is a compiler; pyproject.toml has all the rest."""

from setuptools import Extension, setup

C = "src/joule/kernels/c"

native = Extension(
    "joule.kernels._native",
    sources=[f"{C}/{name}.c" for name in ("module", "transpose", "groups", "check")],
    depends=[f"{C}/kernels.h", f"{C}/groups_of.h"],
    extra_compile_args=["-O3", "-Wall", "-Wextra", "-Wno-psabi"],
    define_macros=[("Py_LIMITED_API", "0x030b0000")],
    py_limited_api=True,
    optional=True,
)

setup(ext_modules=[native], options={"bdist_wheel": {"py_limited_api": "cp311"}})
