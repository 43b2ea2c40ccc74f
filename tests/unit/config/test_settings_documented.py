"""The page about the main file and what is read from one agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from joule.config.ini import Section
from joule.config.main_conf import main_config

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
ROW = re.compile(r"^\| `(\w+)` \|(.*)$", re.MULTILINE)
OLDER_NAME = re.compile(r"also: `(\w+)`")


def documented(section: str) -> set[str]:
    """The settings that the page has for a section, older names included."""
    text = PAGE.read_text().split(f"## `[{section}]`\n")[1].split("\n## ")[0]
    rows = ROW.findall(text)
    return {name for name, _ in rows} | {
        old for _, rest in rows for old in OLDER_NAME.findall(rest)
    }


@pytest.mark.parametrize("section", ["Main", "Security"])
def test_every_setting_is_written_about_and_no_other(
    section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: set[tuple[str, str]] = set()
    text = Section.text

    def noted(self: Section, option: str) -> str | None:
        read.add((self.name, option))
        return text(self, option)

    monkeypatch.setattr(Section, "text", noted)
    file = tmp_path / "main.conf"
    file.touch()
    security = "".join(f"{name}={file}\n" for name in documented("Security"))
    main_config(f"[Main]\nIPAddress=::1\nPort=1\n[Security]\n{security}", file)
    assert documented(section) == {option for where, option in read if where == section}
