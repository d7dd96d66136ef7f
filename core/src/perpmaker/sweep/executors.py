"""What plays points: processes of this machine, or a Dask cluster. Neither is trusted to live."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread

from perpmaker.errors import ConnectivityError, SweepError

CONNECT_S = 10
"""Seconds that a cluster's scheduler is given to answer."""


@contextmanager
def process_pool(jobs: int) -> Iterator[Executor]:
    """Processes of this machine. They end with this one, however it ends, and at once where the sweep is broken off."""
    context = get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_leave_with, initargs=(theirs,))

    try:
        yield pool
    except BaseException:
        ours.close()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    else:
        pool.shutdown(cancel_futures=True)
        ours.close()
    finally:
        theirs.close()


def _leave_with(parent: Connection) -> None:
    """In a worker: Ctrl-C is the driver's to hear, and when the driver is gone, or wishes it, the worker goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: Connection) -> None:
    try:
        parent.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """Open the Dask cluster whose scheduler has an address, as `tcp://HOST:PORT`.

    SweepError where Dask is not installed, ConnectivityError where nobody answers there.
    """
    try:
        from distributed import Client  # noqa: PLC0415  # of the extra [sweep]
    except ImportError:
        raise SweepError("--scheduler needs Dask, which is not installed: pip install 'perpmaker[sweep]'") from None

    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ConnectivityError(
            f"no Dask scheduler answers at {address}: {error}. Start one (dask scheduler), or leave --scheduler out"
        ) from None

    with client:
        yield client.get_executor()


def lost_workers() -> tuple[type[BaseException], ...]:
    """The exceptions by which an executor says that a worker, or all of it, is gone."""
    try:
        from distributed import KilledWorker  # noqa: PLC0415  # of the extra [sweep]
        from distributed.comm import CommClosedError  # noqa: PLC0415  # the same
    except ImportError:
        return (BrokenProcessPool, CancelledError)

    return (BrokenProcessPool, CancelledError, KilledWorker, CommClosedError)
