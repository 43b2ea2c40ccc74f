"""``python -m joule.cli`` is the ``joule`` command."""

from __future__ import annotations

from joule.cli import main

main()
