"""Measures plus a workload and a machine: each prints its assumptions."""
