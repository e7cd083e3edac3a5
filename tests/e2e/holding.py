"""A framework for tests: runs the tasks that it is given as JSON, tells of each, and holds them."""

import asyncio
import json
import sys

from bireme.framework import Offers, Scheduler, Task, Update


async def main(master: str, text: str) -> None:
    todo = [
        Task(one["id"], one["command"], 0.1, 32, more=one.get("more") or {})
        for one in json.loads(text)
    ]
    async with Scheduler(f"http://{master}", "holding", failover_timeout=0) as scheduler:
        async for event in scheduler.events():
            match event:
                case Offers(offers) if todo:
                    await scheduler.accept(offers[0], todo)
                    todo = []
                case Update(status):
                    heard = {"id": status.task_id, "state": status.state, "message": status.message}
                    sys.stdout.write(json.dumps(heard) + "\n")
                    sys.stdout.flush()


asyncio.run(main(*sys.argv[1:]))
