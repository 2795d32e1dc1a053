"""Notices when another process of the run no longer answers, also while this one waits for it."""

from __future__ import annotations

import datetime
import os
import sys
import threading

from torch.distributed import TCPStore  # type: ignore[attr-defined]  # public, but not in its __all__

#: Seconds between two signs of life.
INTERVAL = 2.0
#: How often in a row a process may show none. Counted in looks, not seconds: a run suspended as a whole goes on after.
PATIENCE = 10


class Watch:
    """A thread that counts up one number per process in the launcher's store and looks at the others' numbers.

    When one stands still for 20 s, or the store is gone, it says so in one line and ends this process with exit code 1:
    the main thread may be waiting inside a collective operation, where no exception reaches it.

    Args:
        rank: this process's number.
        count: how many there are.
    """

    def __init__(self, rank: int, count: int) -> None:
        self._rank = rank
        self._count = count
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._run, name="unroll-watch", daemon=True)
        self._store = TCPStore(
            os.environ["MASTER_ADDR"],
            int(os.environ["MASTER_PORT"]),
            is_master=False,
            timeout=datetime.timedelta(seconds=INTERVAL * PATIENCE),
            wait_for_workers=False,
        )

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def finish(self) -> None:
        """Tell the others that this process has ended well."""
        self._finished.set()
        self._thread.join()

    def _run(self) -> None:
        reason = self._look()
        if reason:
            text = f"process {self._rank} of {self._count}: {reason}; the last checkpoint is intact"
            print(f"unroll: {text}: start all processes again with --resume", file=sys.stderr, flush=True)
            os._exit(1)

    def _look(self) -> str:
        """Watch until this process has finished; why it must end before, if it must."""
        others = [rank for rank in range(self._count) if rank != self._rank]
        last = dict.fromkeys(others, -1)
        still = dict.fromkeys(others, 0)
        try:
            while not self._finished.wait(INTERVAL):
                self._store.add(f"unroll/alive/{self._rank}", 1)
                for rank in others:
                    now = self._store.add(f"unroll/alive/{rank}", 0)
                    done = self._store.add(f"unroll/done/{rank}", 0)
                    still[rank] = 0 if now != last[rank] or done else still[rank] + 1
                    last[rank] = now
                    if still[rank] >= PATIENCE:
                        seconds = INTERVAL * PATIENCE
                        return f"process {rank} of {self._count} has shown no sign of life for {seconds:.0f} s"
            self._store.add(f"unroll/done/{self._rank}", 1)
        except RuntimeError:
            return "" if self._finished.is_set() else "the launcher's store is gone"
        return ""
