"""torchrun for processes that are all on this machine, listening on the loopback address only.

    python -m unroll.training.local --nproc-per-node 2 -m unroll.cli train DATA

It takes torchrun's options. torchrun itself listens on every address of the machine, and its rendezvous unpickles what
arrives there; on a machine that others can reach, use this.
"""

from __future__ import annotations

import datetime
import socket
import sys

from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]  # public, but not in its __all__
from torch.distributed.elastic.rendezvous import (
    RendezvousHandler,
    RendezvousInfo,
    RendezvousParameters,
    RendezvousStoreInfo,
    rendezvous_handler_registry,
)
from torch.distributed.run import main as torchrun

_HOST = "127.0.0.1"
_NAME = "loopback"


class LoopbackRendezvous(RendezvousHandler):
    """A meeting of one machine with itself, over a store that listens on 127.0.0.1.

    Args:
        run_id: the name of the run.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        # The store would listen on every address; a socket that is listening already it takes as it is.
        listener = socket.create_server((_HOST, 0))
        self._port: int = listener.getsockname()[1]
        self._store = TCPStore(
            _HOST,
            self._port,
            is_master=True,
            timeout=datetime.timedelta(minutes=10),
            wait_for_workers=False,
            multi_tenant=True,
            master_listen_fd=listener.detach(),
        )

    @property
    def use_agent_store(self) -> bool:
        """The processes use this store too."""
        return True

    def get_backend(self) -> str:
        """The name it is registered under."""
        return _NAME

    def next_rendezvous(self) -> RendezvousInfo:
        """The only machine is here already."""
        store = PrefixStore(self._run_id, self._store)
        return RendezvousInfo(store, 0, 1, RendezvousStoreInfo(_HOST, self._port))

    def is_closed(self) -> bool:
        """Never."""
        return False

    def set_closed(self) -> None:
        """Nothing to tell anyone."""

    def num_nodes_waiting(self) -> int:
        """No other machine."""
        return 0

    def get_run_id(self) -> str:
        """The name of the run."""
        return self._run_id

    def shutdown(self) -> bool:
        """The store ends with this process."""
        return True


def _create(parameters: RendezvousParameters) -> RendezvousHandler:
    return LoopbackRendezvous(parameters.run_id)


def main(arguments: list[str]) -> None:
    """Run torchrun with these arguments on this machine alone.

    Raises:
        SystemExit: the arguments speak of several machines.
    """
    if any(argument.replace("_", "-").startswith("--nnodes") for argument in arguments):
        raise SystemExit(
            "unroll.training.local is for one machine; for several use torchrun --nnodes ... --rdzv-endpoint ..."
        )
    rendezvous_handler_registry.register(_NAME, _create)
    torchrun([f"--rdzv-backend={_NAME}", f"--rdzv-endpoint={_HOST}:0", f"--local-addr={_HOST}", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
