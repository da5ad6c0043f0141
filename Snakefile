# soundbench: which audio classifier works best on these sounds, by how much, and at what cost.
#   snakemake --cores 8                      run the benchmark that config/config.yaml selects
#   snakemake --profile slurm                the same on a SLURM cluster
#   snakemake --cores 8 export               one folder per trained model, for use elsewhere
#   snakemake --report report.html           one HTML file with all figures and pages

from snakemake.utils import min_version

min_version("9.27")

# In the root of a repository the folder of this file is "", and Snakemake 9.27 would read /rules/common.smk.
if hasattr(source := workflow.included_stack[-1], "ref"):
    source.path = f"./{source.path}"


pathvars:
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",
    resources="results/sources",


report: "config/report/workflow.rst"


include: "rules/common.smk"


container: settings["container"]


include: "rules/data.smk"
include: "rules/audit.smk"
include: "rules/weights.smk"
include: "rules/features.smk"
include: "rules/shards.smk"
include: "rules/training.smk"
include: "rules/evaluation.smk"
include: "rules/statistics.smk"
include: "rules/figures.smk"
include: "rules/pages.smk"
include: "rules/prediction.smk"
include: "rules/export.smk"
include: "rules/robustness.smk"
include: "rules/transfer.smk"
include: "rules/epochs.smk"


rule all:
    default_target: True
    input:
        rules.aggregate_scores.output,
        rules.aggregate_comparisons.output,
        rules.aggregate_details.output,
        rules.aggregate_costs.output,
        rules.aggregate_ledger.output,
        expand(paths.AUDIT, dataset=runs.datasets),
        rules.draw_figures.output,
        report_items.files,


onsuccess:
    logger.info(result(path_variables.apply("<results>/summary"), arguments))
