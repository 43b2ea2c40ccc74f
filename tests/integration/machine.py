"""A machine to set up: this one, with folders of its own where a service puts its files.

Its processes see /etc, /var/lib and /run as they are here and change copies of them; they end with
it. There is no systemd in it: a script does what the unit asks for, as far as that can be done.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from types import TracebackType

_COPIED = ("/etc", "/var/lib", "/run")
_NEEDED = ("unshare", "nsenter", "setpriv", "useradd")

_MOUNT = """\
set -e
mount -t tmpfs own {place}
for folder in {folders}; do
    work={place}/$(echo $folder | tr / _)
    mkdir -p $work/upper $work/work
    chmod 755 $work/upper
    mount -t overlay own -o lowerdir=$folder,upperdir=$work/upper,workdir=$work/work $folder
done
touch {ready}
exec sleep infinity
"""

_SYSTEMCTL = """\
#!/bin/sh
# systemd, for the units of these tests: it makes the folders and starts the program as the user.
echo "$*" >> {told}
[ "$1 $2" = "enable --now" ] || exit 0
unit=/etc/systemd/system/$3
setting() {{ sed -n "s/^$1=//p" $unit; }}
user=$(setting User)
install -d -o $user -g $user -m $(setting RuntimeDirectoryMode) /run/$(setting RuntimeDirectory)
install -d -o $user -g $user -m $(setting StateDirectoryMode) /var/lib/$(setting StateDirectory)
umask $(setting UMask)
eval set -- $(setting ExecStart)
cd /
export USER=$user PATH=/usr/bin:/bin
# ProtectSystem=full, NoNewPrivileges=yes, and Restart=always unless it was stopped
unshare --mount sh -c '
    mount --bind /etc /etc && mount -o remount,bind,ro /etc
    while setpriv --reuid=$USER --regid=$USER --init-groups --no-new-privs \\
        sh -c "echo \\$\\$ >&3; exec \\"\\$@\\"" sh "$@"; [ $? = 1 ]; do sleep 0.5; done
' sh "$@" > {log} 2>&1 3> {pid} &
"""


class Machine:
    """A context manager; entering skips the test where there can be none."""

    def __init__(self, folder: Path) -> None:
        self.told = folder / "told"
        """What systemctl was told, a line each time."""
        self.log = folder / "service.log"
        self._folder = folder
        self._ready = folder / "ready"
        self._pid = folder / "service.pid"
        self._first: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Machine:
        if os.geteuid():
            pytest.skip("needs root")
        if missing := [name for name in _NEEDED if shutil.which(name) is None]:
            pytest.skip(f"needs {', '.join(missing)}")
        place, programs = self._folder / "place", self._folder / "programs"
        for made in (place, programs, self._folder / "home"):
            made.mkdir()
        systemctl = programs / "systemctl"
        systemctl.write_text(_SYSTEMCTL.format(told=self.told, log=self.log, pid=self._pid))
        systemctl.chmod(0o755)
        script = _MOUNT.format(place=place, folders=" ".join(_folders()), ready=self._ready)
        self._first = subprocess.Popen(
            ["unshare", "--mount-proc", "--pid", "--fork", "--kill-child", "sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        while not self._ready.exists():
            if self._first.poll() is not None:
                assert self._first.stderr is not None
                pytest.skip(f"there can be no other machine: {self._first.stderr.read()!r}")
            time.sleep(0.01)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._first is not None:
            self._first.kill()
            self._first.communicate()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program there."""
        assert self._first is not None
        [inside] = psutil.Process(self._first.pid).children()
        programs = [str(self._folder / "programs"), str(Path(sys.executable).parent)]
        return subprocess.run(
            ["nsenter", "--mount", "--pid", "--target", str(inside.pid), *words],
            env={
                "PATH": os.pathsep.join([*programs, "/usr/sbin", "/usr/bin", "/sbin", "/bin"]),
                "HOME": str(self._folder / "home"),
                "LOGNAME": "tester",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def shell(self, line: str) -> str:
        """Run a line of shell there, and give what it prints."""
        result = self.run("sh", "-c", line)
        assert result.returncode == 0, (line, result.stderr)
        return result.stdout

    def signal(self, name: str) -> None:
        """Send the service a signal."""
        self.shell(f"kill -{shlex.quote(name)} $(tail -n 1 {self._pid})")


def _folders() -> list[str]:
    """Give what is copied: also folders of the interpreter that only their owner may enter."""
    program = Path(sys.executable).resolve()
    closed = [parent for parent in program.parents if not parent.stat().st_mode & 0o001]
    return [*_COPIED, *(str(parent) for parent in closed)]
