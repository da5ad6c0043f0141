"""From wildcards to what a job reads and is told: the rules' input functions and parameters, without Snakemake."""
