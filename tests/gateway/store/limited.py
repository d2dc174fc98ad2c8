"""A process whose files may not grow beyond a limit; it is told when the limit goes up or down.

`limit` makes every further page of the log fail as a broken disk would (EFBIG), `free` lifts
that. Each line of input is answered by a line: what became of a change, a ping and a read.
"""

import asyncio
import resource
import sys
from pathlib import Path

from gateway.errors import StoreUnavailable
from gateway.store.sql import SqlStore
from tests.contracts.store.kit import message, put


async def outcome_of_a_change(store: SqlStore, number: int) -> str:
    try:
        await put(store, message(number))
    except StoreUnavailable as error:
        return error.code
    return "done"


def limit_files(size: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


async def main(file: Path) -> None:
    store = SqlStore(f"sqlite:///{file}")
    await store.open(create=True)
    print("open", flush=True)
    number = 0
    while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
        number += 1
        grown = file.with_name(f"{file.name}-wal").stat().st_size
        limit_files(grown if word == "limit" else resource.RLIM_INFINITY)
        outcome = await outcome_of_a_change(store, number)
        readable = len((await store.live_state()).messages)
        print(outcome, readable, flush=True)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
