from __future__ import annotations

import pytest

# The suites live in the package, where pytest does not explain failed assertions by itself.
pytest.register_assert_rewrite("joule.testing.engine_contract")
