"""A whole workflow on unmodified Toil: squares in parallel, then their sum, as one JSON line."""

import json

from toil.common import Toil
from toil.job import Job

NEEDS = {"cores": 0.1, "memory": "100M", "disk": "10M"}


def square(job, n):
    return n * n


def total(job, values):
    return sum(values)


def fan_out(job, n):
    values = [job.addChildJobFn(square, i, **NEEDS).rv() for i in range(n)]
    return job.addFollowOnJobFn(total, values, **NEEDS).rv()


def main():
    options = Job.Runner.getDefaultArgumentParser().parse_args()
    with Toil(options) as toil:
        print(json.dumps({"sum": toil.start(Job.wrapJobFn(fan_out, 4, **NEEDS))}))


if __name__ == "__main__":
    main()
