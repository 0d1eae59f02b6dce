"""The client of the measurements: `bench.c` on librdkafka, built once into the cache."""

import shutil
import subprocess
import sys

from broker import CACHE, HERE

SECONDS_PER_RUN = 60


def run(bench, what, address, *words):
    done = subprocess.run([str(word) for word in (bench, what, address, *words)], capture_output=True, text=True, timeout=3 * SECONDS_PER_RUN)
    if done.returncode:
        raise RuntimeError(f"{what} at {address}: {done.stderr.strip()[-1000:]}")
    return done.stdout


def build():
    if not shutil.which("gcc"):
        sys.exit("no gcc")
    CACHE.mkdir(parents=True, exist_ok=True)
    bench = CACHE / "bench"
    done = subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-o", bench, HERE / "bench.c", "-lrdkafka"], capture_output=True, text=True, timeout=120)
    if done.returncode:
        sys.exit(f"bench.c does not compile; is librdkafka-dev installed?\n{done.stderr}")
    return bench
