"""A PostgreSQL server of the tests' own, in a folder that goes away with it."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 60


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`, of the newest version where Debian has several."""
    known = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    complete = [folder for folder in (*known, *reversed(debian)) if (folder / "postgres").exists()]
    return complete[0] if complete else None


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The URL of a new server; it listens on a socket in its own folder, and on no port.

    The server refuses to run as root, and then runs as nobody.
    """
    with tempfile.TemporaryDirectory(prefix="tokenbill-pg-") as home:
        who = {}
        if os.geteuid() == 0:
            import pwd  # not there on Windows

            nobody = pwd.getpwnam("nobody")
            who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(home, nobody.pw_uid, nobody.pw_gid)
        log = Path(home, "log")
        with log.open("wb") as output:
            shared = {"cwd": home, "stdout": output, "stderr": output, **who}
            made = ["-D", f"{home}/data", "-U", "billing", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
            subprocess.run([folder / "initdb", *made], check=True, **shared)
            settings = ["listen_addresses=", f"unix_socket_directories={home}", "fsync=off"]
            options = [part for setting in settings for part in ("-c", setting)]
            running = subprocess.Popen([folder / "postgres", "-D", f"{home}/data", *options], **shared)
        url = f"postgresql:///postgres?host={home}&user=billing"
        try:
            wait_for(url, running, log)
            yield url
        finally:
            running.send_signal(signal.SIGINT)  # at once; SIGTERM waits for clients to leave
            running.wait(PATIENCE)


def wait_for(url: str, running: subprocess.Popen, log: Path) -> None:
    """Return when the server answers."""
    import psycopg

    for _ in range(PATIENCE * 10):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            assert running.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(log.read_text())
