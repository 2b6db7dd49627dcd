"""Several machines, here processes on the loopback, give the digits of one, a user's own price included."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import venv
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.engines import engine_of

JOB = Path(__file__).with_name("cluster_job.py")
ROOT = Path(__file__).parents[3]
PATIENCE = 500


def environment(folder):
    """An environment with its own copy of tokenbill; all else comes from the one of the tests."""
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    shutil.copytree(ROOT / "tokenbill", packages / "tokenbill", ignore=shutil.ignore_patterns("__pycache__"))
    others = [path for path in sys.path if path.endswith("-packages")]
    (packages / "others.pth").write_text("\n".join(others), encoding="utf-8")
    return folder


def surroundings(path=None, **more):
    """The variables of a user's program: none by which tests of other files tell Spark its Python."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON")
    }
    return {**kept, **more, **({} if path is None else {"PATH": f"{path}/bin:{os.environ['PATH']}"})}


def sent(where, folder, path):
    """What the job prints, run outside the checkout by the environment of a user."""
    python = shutil.which("python3", path=f"{path}/bin")
    ran = subprocess.run(
        [python, JOB, where, folder],
        cwd=folder,
        env=surroundings(path),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    return json.loads(ran.stdout)


def alone(folder, path):
    found = sent("pyarrow", folder, path)
    assert len(found["bills"]) > 11 * 5  # fees, three meters under two versions, taxes
    return found["bills"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def started(tmp_path):
    """Start programs that end with the test; what they wrote is in a file each."""
    running = []

    def start(name, command, path=None, **place):
        log = tmp_path / f"{name}.log"
        variables = surroundings(path, **place)
        with log.open("wb") as out:
            running.append(
                subprocess.Popen(command, cwd=tmp_path, env=variables, stdout=out, stderr=subprocess.STDOUT)
            )
        return log

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait(timeout=30)


def wait_for(log, words):
    began = time.monotonic()
    while not re.search(words, log.read_text(encoding="utf-8", errors="replace")):
        assert time.monotonic() - began < PATIENCE, log.read_text(encoding="utf-8")[-4000:]
        time.sleep(0.2)


@pytest.mark.slow
def test_a_spark_cluster_of_two_workers_gives_the_digits_of_one_process(tmp_path, started):
    engine_of("pyspark")
    home = Path(find_spec("pyspark").origin).parent
    driver, *workers = [environment(tmp_path / name) for name in ("driver", "first", "second")]
    port = free_port()
    common = {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(tmp_path / "work"),
    }

    def launch(name, kind, arguments, path):
        program = f"org.apache.spark.deploy.{kind}"
        asked = ["--host", "127.0.0.1", "--webui-port", "0", *arguments]
        return started(name, [home / "bin" / "spark-class", program, *asked], path, **common)

    master = f"spark://127.0.0.1:{port}"
    wait_for(launch("master", "master.Master", ["--port", str(port)], driver), "I have been elected leader")
    for number, path in enumerate(workers):
        asked = ["--cores", "1", "--memory", "1g", master]
        wait_for(launch(f"worker-{number}", "worker.Worker", asked, path), "registered with master")

    found = sent(master, tmp_path, driver)

    assert found["homes"] == sorted(map(str, workers))
    assert found["bills"] == alone(tmp_path, driver)


@pytest.mark.slow
def test_a_scheduler_of_dask_with_two_workers_gives_the_digits_of_one_process(tmp_path, started):
    pytest.importorskip("distributed", reason="not run: install distributed")
    engine_of("dask")
    path, port = environment(tmp_path / "one"), free_port()
    python = path / "bin" / "python3"
    asked = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    scheduler = started("scheduler", [python, "-m", "distributed.cli.dask_scheduler", *asked], path)
    wait_for(scheduler, "Scheduler at")
    address = f"tcp://127.0.0.1:{port}"
    for number in range(2):
        asked = [
            address,
            "--nthreads",
            "1",
            "--no-dashboard",
            "--local-directory",
            str(tmp_path / f"w{number}"),
        ]
        worker = started(f"worker-{number}", [python, "-m", "distributed.cli.dask_worker", *asked], path)
        wait_for(worker, "Registered to")

    found = sent(address, tmp_path, path)

    assert len(set(found["homes"])) == 2  # two processes
    assert found["bills"] == alone(tmp_path, path)
