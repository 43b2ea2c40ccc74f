"""The systemd unit that keeps ``jouled`` running."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

UNIT_NAME = "joule.service"
USER = "joule"

_UNIT = """\
[Unit]
Description=Joule: captures, processes and stores sensor data
After=network.target time-sync.target

[Service]
Type=exec
User={user}
Group={user}
ExecStart="{program}" --config "{config}"
# Module and stream files are read again, unchanged modules go on.
ExecReload=kill -HUP $MAINPID

Restart=always
RestartSec=5
# jouled ends its modules itself, in the order of the data, and is killed only when it does not.
KillMode=mixed
TimeoutStopSec=60
# A module that takes too much memory must not take the node with it.
OOMPolicy=continue
LimitNOFILE=65536

UMask=0027
StateDirectory=joule
StateDirectoryMode=0700
RuntimeDirectory=joule
RuntimeDirectoryMode=0750

# Modules run in the same cage, so devices, /home and /tmp stay open to them. What one of them
# needs beyond this belongs into a drop-in: systemctl edit {unit}
NoNewPrivileges=yes
ProtectSystem=full
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictSUIDSGID=yes

[Install]
WantedBy=multi-user.target
"""


def unit_text(program: Path, config: Path) -> str:
    """Give the unit for a ``jouled`` and its main file."""
    return _UNIT.format(user=USER, program=program, config=config, unit=UNIT_NAME)
