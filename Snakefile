# soundbench: which audio classifier works best on these sounds, by how much, and at what cost.
#   snakemake --cores 8                      run the benchmark that config/config.yaml selects
#   snakemake --profile slurm                the same on a SLURM cluster
#   snakemake --cores 8 export               the trained models, each in a folder for others
#   snakemake --report report.html           one HTML file with everything worth looking at

from snakemake.utils import min_version

min_version("9.27")


pathvars:
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",
    resources="results/sources",


report: "config/report/workflow.rst"


include: "rules/common.smk"
include: "rules/inputs.smk"
include: "rules/variants.smk"
include: "rules/data.smk"
include: "rules/looking.smk"
include: "rules/features.smk"
include: "rules/training.smk"
include: "rules/embeddings.smk"
include: "rules/evaluation.smk"
include: "rules/planned.smk"
include: "rules/aggregation.smk"
include: "rules/figures.smk"
include: "rules/mistakes.smk"
include: "rules/reporting.smk"
include: "rules/recordings.smk"
include: "rules/prediction.smk"
include: "rules/uses.smk"
include: "rules/export.smk"
include: "rules/robustness.smk"
include: "rules/transfer.smk"


rule all:
    default_target: True
    input:
        rules.aggregate_scores.output,
        rules.aggregate_comparisons.output,
        rules.aggregate_details.output,
        rules.aggregate_costs.output,
        rules.plot_scores.output,
        rules.plot_ranks.output if len(selected["datasets"]) > 1 and len(selected["models"]) > 1 else [],
        rules.page_leaderboard.output,
        rules.page_comparison.output,
        rules.page_provenance.output,
        expand(rules.show_variants.output, dataset=filter(view_variants, selected["datasets"])),
        expand(rules.explore_dataset.output, dataset=selected["datasets"]),
        expand(rules.audit_clips.output, dataset=selected["datasets"]),
        of_datasets(rules.plot_costs.output),
        of_datasets(rules.plot_training.output),
        of_datasets(rules.plot_confusion.output),
        of_datasets(rules.plot_calibration.output),
        of_datasets(rules.page_confusion.output),
        of_models(rules.page_mistakes.output),
        robustness_figures,
        transfer_page,
        of_models(rules.plot_samples.output),
        of_models(rules.plot_confusion_of_model.output) if len(selected["datasets"]) > 1 else [],
