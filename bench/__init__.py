"""Benchmarks: `python -m bench` runs them all, `python -m bench.NAME` one of them. Never run as tests.

Every module here offers `measure() -> list[report.Row]`. Neighbours: `report` prints, `cluster`
starts a cluster of its own for whoever needs one. The goals are those of the project's design;
the results of a run stand in docs/measurements.md.
"""
