"""A real Slurm cluster on loopback, and what ``read_sacct`` makes of its reports, beside a hand count.

Needs root and Debian's slurmctld, slurmd, slurmdbd, munge and mariadb-server. Everything but munge's socket
lives in a folder that is removed at the end. Run it by hand: python tools/slurm_cluster.py
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tokenbill.events import read_sacct

GPUS = 8
COLUMNS = "JobID,JobName,Account,State,Start,End,ElapsedRaw,Suspended,AllocTRES"
PORTS = {"mariadb": 33060, "slurmdbd": 36819, "slurmctld": 36817, "slurmd": 36818}

SLURM_CONF = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
SlurmctldPort={slurmctld}
SlurmdPort={slurmd}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={slurmdbd}
AccountingStorageTRES=gres/gpu,gres/gpu:h100
JobAcctGatherType=jobacct_gather/none
JobRequeue=1
MinJobAge=3600
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} Gres=gpu:h100:{gpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:8
"""

SLURMDBD_CONF = """\
AuthType=auth/munge
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={slurmdbd}
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={mariadb}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct
"""


class Cluster:
    """The daemons of one cluster, and its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.daemons = folder, list[subprocess.Popen[bytes]]()
        self.environment = {**os.environ, "SLURM_CONF": f"{folder}/slurm.conf"}

    def start(self) -> None:
        """Write the configuration, and start the daemons in their order."""
        values = {"folder": self.folder, "host": socket.gethostname(), "gpus": GPUS, "cpus": os.cpu_count()}
        for name in ("state", "spool", "mysql"):
            (self.folder / name).mkdir()
        for place in range(GPUS):
            os.mknod(self.folder / f"gpu{place}", 0o020666, os.makedev(1, 3))
        for name, text in (("slurm.conf", SLURM_CONF), ("slurmdbd.conf", SLURMDBD_CONF)):
            (self.folder / name).write_text(text.format(**values, **PORTS))
            (self.folder / name).chmod(0o600)
        gres = f"Name=gpu Type=h100 File={self.folder}/gpu[0-{GPUS - 1}]\n"
        (self.folder / "gres.conf").write_text(gres)
        self._start_munge()
        self._start_database()
        self._spawn("slurmdbd", "-D")
        wait_for(lambda: is_open(PORTS["slurmdbd"]), "slurmdbd")
        self.run("sacctmgr", "-i", "add", "cluster", "loopback", check=False)
        self._spawn("slurmctld", "-D", "-c")
        wait_for(lambda: is_open(PORTS["slurmctld"]), "slurmctld")
        self._spawn("slurmd", "-D", "-N", socket.gethostname())
        for account in ("acme", "globex"):
            self.run("sacctmgr", "-i", "add", "account", account, "Cluster=loopback", check=False)
            self.run("sacctmgr", "-i", "add", "user", "root", f"Account={account}", check=False)
        wait_for(lambda: "idle" in self.run("sinfo", "-h", "-o", "%T"), "an idle node")

    def _start_munge(self) -> None:
        if subprocess.run(["munge", "-n"], capture_output=True, check=False).returncode == 0:
            return  # one is running
        for name in ("/run/munge", "/var/log/munge", "/var/lib/munge"):
            Path(name).mkdir(parents=True, exist_ok=True)
            shutil.chown(name, "munge", "munge")
        munged = ["runuser", "-u", "munge", "--", "munged", "--foreground"]
        self.daemons.append(subprocess.Popen(munged, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_for(
            lambda: subprocess.run(["munge", "-n"], capture_output=True, check=False).returncode == 0, "munge"
        )

    def _start_database(self) -> None:
        data, sock = self.folder / "mysql", self.folder / "mysql.sock"
        shutil.chown(data, "mysql", "mysql")
        self.folder.chmod(0o755)
        install = ["mariadb-install-db", "--user=mysql", f"--datadir={data}", "--skip-test-db"]
        subprocess.run(install, check=True, capture_output=True)
        sock = data / "mysql.sock"
        options = ["--no-defaults", "--user=mysql", f"--datadir={data}", f"--socket={sock}"]
        self._spawn("mariadbd", *options, "--bind-address=127.0.0.1", f"--port={PORTS['mariadb']}")
        wait_for(sock.exists, "mariadb")
        grants = "create user slurm@'%' identified by 'slurm'; grant all on slurm_acct.* to slurm@'%';"
        grants += (
            "create user slurm@localhost identified by 'slurm'; grant all on slurm_acct.* to slurm@localhost;"
        )
        client = ["mariadb", "--no-defaults", f"--socket={sock}", "-u", "root", "-e", grants]
        wait_for(
            lambda: subprocess.run(client, capture_output=True, check=False).returncode == 0, "the database"
        )

    def _spawn(self, *command: str) -> None:
        log = (self.folder / f"{command[0]}.out").open("wb")
        self.daemons.append(subprocess.Popen(command, stdout=log, stderr=log, env=self.environment))

    def stop(self) -> None:
        """End what was started, the last first."""
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()

    def run(self, *command: str, check: bool = True, more: Mapping[str, str] | None = None) -> str:
        """What a command of Slurm writes."""
        environment = {**self.environment, **(more or {})}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if check and done.returncode:
            raise SystemExit(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def submit(self, name: str, seconds: int, gpus: int, account: str, *more: str) -> str:
        """Start a job that notes when each of its runs began and ended, and return its id."""
        note = self.folder / f"{name.replace('|', '_')}.times"
        script = f"echo begin $(date +%s.%N) >> {note}; sleep {seconds}; echo end $(date +%s.%N) >> {note}"
        options = ["-A", account, "-J", name, f"--gres=gpu:h100:{gpus}", "-o", "/dev/null", *more]
        return self.run("sbatch", "--parsable", *options, "--wrap", script).strip()

    def state(self, job: str) -> str:
        """The state of a job, as the controller sees it."""
        return self.run("squeue", "-h", "-j", job, "-o", "%T", "-t", "all", check=False).strip()

    def report(self, since: int, *more: str, **environment: str) -> str:
        """What sacct writes of all jobs."""
        until = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 5))
        span = ["-S", time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(since)), "-E", until]
        return self.run("sacct", "-a", *more, *span, more=environment)


def is_open(port: int) -> bool:
    """Whether something listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition: Callable[[], bool], what: str, seconds: int = 60) -> None:
    """Wait until a condition holds, or give up."""
    for _ in range(seconds * 5):
        if condition():
            return
        time.sleep(0.2)
    raise SystemExit(f"waited {seconds} s for {what}")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running cluster in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    made = Cluster(folder)
    try:
        made.start()
        yield made
    except SystemExit:
        for log in [*folder.glob("*.log"), *folder.glob("*.out")]:
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}", file=sys.stderr)
        raise
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Run jobs of every kind, and compare GPU-seconds from text and JSON with those that the clock gives."""
    with cluster() as slurm:
        since = int(time.time()) - 5
        plain = slurm.submit("plain", 6, 1, "acme")
        named = slurm.submit("a|b", 4, 1, "globex")
        held = slurm.submit("held", 8, 2, "acme")
        again = slurm.submit("again", 6, 1, "globex", "--requeue")
        wait_for(lambda: slurm.state(held) == slurm.state(again) == "RUNNING", "running jobs")
        time.sleep(2)
        began = time.time()
        slurm.run("scontrol", "suspend", held)
        slurm.run("scontrol", "requeue", again)
        never = slurm.submit("never", 60, 1, "globex", "--begin=now+1hour")
        slurm.run("scancel", never)
        time.sleep(5)
        slurm.run("scontrol", "resume", held)
        paused = time.time() - began
        for job in (plain, named, held):
            wait_for(lambda job=job: slurm.state(job) in ("COMPLETED", ""), f"job {job}")  # type: ignore[misc]
        slurm.run("scontrol", "update", f"JobId={again}", "StartTime=now", check=False)
        wait_for(lambda: slurm.state(again) in ("COMPLETED", ""), "the requeued job", 240)
        long = slurm.submit("long", 60, 3, "acme")
        wait_for(lambda: slurm.state(long) == "RUNNING", "the long job")
        time.sleep(4)
        options = ["-X", "-D", "-P", "-T", "--delimiter=;;", "-o", COLUMNS]
        text = slurm.report(since, *options, SLURM_TIME_FORMAT="%s")
        json = slurm.report(since, "-X", "-D", "--json")
        print(slurm.run("sacct", "--version").strip(), text, sep="\n")
        counted = hand_count(slurm.folder, {"plain": 1, "a_b": 1, "held": 2, "again": 1, "long": 3}, paused)
        found = [sum(int(job.gpu_seconds) for job in read_sacct(each)) for each in (text, json)]
        slurm.run("scancel", long)
        wait_for(lambda: slurm.state(long) in ("CANCELLED", ""), "the end of the long job")
        print(f"GPU-seconds: by the clock {counted:.1f}, from text {found[0]}, from JSON {found[1]}")
        # Slurm counts whole seconds: each run may be off by one on each of its GPUs
        return 0 if all(abs(each - counted) <= 9 for each in found) else 1


def hand_count(folder: Path, gpus: dict[str, int], paused: float) -> float:
    """GPU-seconds by the times that the jobs noted themselves; a run cut off ended at its requeue."""
    total = 0.0
    for name, count in gpus.items():
        words = [line.split() for line in (folder / f"{name}.times").read_text().splitlines()]
        begins = [float(at) for word, at in words if word == "begin"]
        ends = [float(at) for word, at in words if word == "end"]
        lasted = sum(ends) - sum(begins[-len(ends) :] if ends else [])
        if name == "long":
            lasted = time.time() - begins[0]
        if name == "again":
            lasted += 2.5  # its first run, cut off two seconds after it began
        if name == "held":
            lasted -= paused
        print(f"  {name}: {lasted:.1f} s × {count}")
        total += lasted * count
    return total


if __name__ == "__main__":
    sys.exit(main())
