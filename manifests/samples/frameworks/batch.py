"""A batch of shell tasks that survives its own restart: `python batch.py http://127.0.0.1:5050`."""

import argparse
import asyncio
import json
from pathlib import Path

from bireme.framework import Offers, Scheduler, Subscribed, Task, Update


async def run(master: str, command: str, count: int, file: Path) -> None:
    kept = json.loads(file.read_text() if file.exists() else '{"id": "", "sent": [], "done": []}')
    sent, done = set(kept["sent"]), set(kept["done"])

    def keep() -> None:
        known = {"id": scheduler.framework_id, "sent": sorted(sent), "done": sorted(done)}
        file.with_suffix(".new").write_text(json.dumps(known))
        file.with_suffix(".new").replace(file)

    async with Scheduler(master, "batch", role="batch", framework_id=kept["id"]) as scheduler:
        async for event in scheduler.events():
            match event:
                case Subscribed():
                    await scheduler.reconcile(sent)  # what became of them while we were away?
                case Offers(offers):
                    for offer in offers:
                        new = [f"task-{i}" for i in range(count) if f"task-{i}" not in done | sent]
                        new = new[: int(min(offer.cpus / 0.1, offer.mem / 32))]
                        sent.update(new)
                        keep()  # first the note, then the launch: nothing runs that is not known
                        tasks = [Task(one, command, 0.1, 32, env={"TASK": one}) for one in new]
                        await scheduler.accept(offer, tasks, refuse_seconds=1.0)
                case Update(status) if status.over and status.task_id in sent:
                    sent.remove(status.task_id)  # what failed is sent again
                    done.update([status.task_id] if status.ok else [])
                    keep()
                    print(f"{len(done)}/{count} {status.task_id} {status.state}", flush=True)
            if len(done) == count:
                await scheduler.teardown()
                file.unlink()
                return


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("master")
parser.add_argument("--command", default="echo $TASK; sleep 0.2")
parser.add_argument("--count", type=int, default=200)
parser.add_argument("--state", type=Path, default=Path("batch.json"))
asyncio.run(run(*vars(parser.parse_args()).values()))
