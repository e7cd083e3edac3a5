"""A batch framework: fans out shell tasks, survives its own restart, prints progress.

python batch.py http://127.0.0.1:5050 --count 200
"""

import argparse
import asyncio
import json
from pathlib import Path

from bireme.framework import Offers, Scheduler, Subscribed, Task, Update


async def run(master: str, command: str, count: int, state: Path) -> None:
    kept = json.loads(state.read_text()) if state.exists() else {}
    done, sent = set[str](kept.get("done", ())), set[str](kept.get("sent", ()))
    wanted = [f"task-{number}" for number in range(count)]

    def keep() -> None:
        parts = {"id": scheduler.framework_id, "done": sorted(done), "sent": sorted(sent)}
        state.write_text(json.dumps(parts))

    async with Scheduler(
        master, "batch", role="batch", framework_id=kept.get("id", "")
    ) as scheduler:
        async for event in scheduler.events():
            match event:
                case Offers(offers):
                    for offer in offers:
                        room = int(min(offer.cpus / 0.1, offer.mem / 32))
                        new = [one for one in wanted if one not in done | sent][:room]
                        sent.update(new)
                        keep()  # first the note, then the launch: nothing runs twice
                        tasks = [Task(one, command, 0.1, 32, env={"TASK": one}) for one in new]
                        await scheduler.accept(offer, tasks, refuse_seconds=1.0)
                case Update(status) if status.over:
                    sent.discard(status.task_id)  # what failed is sent again
                    if status.ok:
                        done.add(status.task_id)
                        print(
                            f"{len(done)}/{count} {status.task_id} on {status.agent_id}", flush=True
                        )
                    else:
                        print(f"{status.task_id}: {status.state} {status.message}")
                    keep()
                    if len(done) == count:
                        await scheduler.acknowledge(status)
                        await scheduler.teardown()
                        state.unlink()
                        return
                case Subscribed() if sent:
                    await scheduler.reconcile(sent)  # what became of them while we were away?
                case _:
                    continue


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("master")
parser.add_argument("--command", default="echo $TASK; sleep 0.2")
parser.add_argument("--count", type=int, default=200)
parser.add_argument("--state", type=Path, default=Path("batch.json"))
if __name__ == "__main__":
    given = parser.parse_args()
    asyncio.run(run(given.master, given.command, given.count, given.state))
