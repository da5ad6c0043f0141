"""soundbench: honest comparisons of audio classifiers. Everything here can be imported and tested without Snakemake."""
