"""Every figure of the table, in its order."""

from collections.abc import Mapping

from bench.figures import clients, ingest, ledger, memory, mllp, reads, rebuilds, sealing
from bench.measuring import Figure

FIGURES: Mapping[str, Figure] = {
    "ingest": ingest.small,
    "ingest-large": ingest.large,
    "ingest-plain": ingest.beside_plain,
    "peer": ingest.peer,
    "clients": clients.clients,
    "halves": ingest.halves,
    "sealing": sealing.sealing,
    "rebuild": rebuilds.rebuild,
    "newest": reads.newest,
    "as-of": reads.as_of,
    "reads-during-rebuild": reads.during_rebuild,
    "mllp": mllp.mllp,
    "tree": ledger.costs,
    "inclusion": ledger.inclusion,
    "verify": ledger.verified,
    "memory": memory.memory,
}
