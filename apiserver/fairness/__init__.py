"""API priority and fairness: one greedy client starves nobody else."""

from apiserver.fairness.gate import Gate

__all__ = ["Gate"]
