"""The input functions and parameters of rules: they map wildcards to the inputs of a job, without Snakemake."""
