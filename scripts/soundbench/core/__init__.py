"""Helpers of all stages: errors, files, logs, devices, digests, locks and SLURM."""
