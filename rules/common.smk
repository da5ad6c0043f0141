# The checked configuration, and the objects whose methods are the input functions and parameters of the rules.
# Torch is not imported here, because the process of every job reads this file.
import gc
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from snakemake.exceptions import WorkflowError

# Objects of planning live until the end; searching them for garbage took a quarter of the planning of 10,000 runs.
gc.set_threshold(50_000, 20, 50)

# The folder of this workflow's Snakefile; workflow.basedir may be the folder of a workflow that uses this as a module.
# If Snakemake reads the workflow from a repository, there is no such folder, and the package must be installed.
HERE = Path(str(workflow.current_basedir)).parent
if (HERE / "scripts").is_dir():
    sys.path.insert(0, str(HERE / "scripts"))
elif not find_spec("soundbench"):
    raise WorkflowError("Install soundbench of the same version beside Snakemake (pip install git+ADDRESS@VERSION).")

from soundbench.core.code_digest import code_digest
from soundbench.config.check import read_configuration
from soundbench.core.errors import InputError
from soundbench.core.schema import LIBRARY
from soundbench.study.profile_checks import warn_of_replaced_blocks
from soundbench.core.module_facts import keep_facts
from soundbench.core.planning import let_jobs_import, remember_repeated_answers
from soundbench.core.scheduling import keep_one_timer
from soundbench.core.provenance import check_installed_version, study_arguments
from soundbench.core.slurm_polling import correct_status_checks
from soundbench.core.storage import canonical_json
from soundbench.core.terminal import result, show_one_line_per_job
from soundbench.data.files import files_state
from soundbench.features.front_ends import FRONT_ENDS
from soundbench.models.families import FAMILIES
from soundbench.report.figures.clip_registry import CLIP_FIGURE_MODULES, CLIP_FIGURES
from soundbench.report.figures.registry import FIGURE_MODULES, FIGURES
from soundbench.report.sections.registry import SECTION_MODULES
from soundbench.study import paths
from soundbench.study.paths import fill, one_of
from soundbench.study.augmentation import AugmentationInputs
from soundbench.study.data import DataInputs
from soundbench.study.environments import package_address, write_environment
from soundbench.study.features import FeatureInputs
from soundbench.study.prediction import PredictionInputs
from soundbench.report.pages.registry import FIGURES_OF_STUDY, ITEMS, RECORDINGS
from soundbench.study.report_items import REPORTED_FIGURES, ReportItems, clip_figure_labels, figure_labels
from soundbench.study.runs import SelectedRuns
from soundbench.study.study import Study
from soundbench.study.training import TrainingInputs
from soundbench.study.training_jobs import training_jobs
from soundbench.study.ensembles import EnsembleInputs
from soundbench.study.export import ExportInputs
from soundbench.study.resources import by_clips
from soundbench.study.robustness import RobustnessInputs
from soundbench.study.transfer import TransferInputs
from soundbench.data.copies import ORIGINAL
from soundbench.core.slurm_submission import correct_submissions
from soundbench.config.selection import overlay_of_study, used_configuration

let_jobs_import(HERE / "scripts")
remember_repeated_answers()
keep_one_timer()
keep_facts(Path(".snakemake/soundbench-modules").absolute())
if slurm := sys.modules.get("snakemake_executor_plugin_slurm"):
    correct_status_checks(slurm)
    correct_submissions(slurm)
if workflow.is_main_process:
    show_one_line_per_job(workflow.logger_manager.logger, workflow.output_settings)
    warn_of_replaced_blocks(sys.argv, workflow.resource_settings)

# The path variables of this workflow. If a module statement (level 1) or a configuration (2) sets one, it is a setting.
path_variables = workflow.pathvars
folders = {
    name: path_variables.get(name)
    for name in ("results", "logs", "benchmarks", "resources")
    if path_variables.level[name] <= 2
}

try:
    if not (HERE / "scripts").is_dir():
        check_installed_version(workflow.source_path("../pyproject.toml"))
    overlay = {**config, "pathvars": {**(config.get("pathvars") or {}), **folders}} if folders else config
    settings = read_configuration(LIBRARY, overlay, workflow.config_settings.config, workflow.configfiles)
except InputError as error:
    raise WorkflowError(str(error)) from None

path_variables.items.update(settings.get("pathvars", {}))
path_variables.check()

study = Study(settings, path_variables.apply)
data = DataInputs(study)
augmentation = AugmentationInputs(study)
features = FeatureInputs(study, augmentation)
training = TrainingInputs(study, features)
runs = SelectedRuns(study)
predictions = PredictionInputs(study)
ensembles = EnsembleInputs(study)
exports = ExportInputs(study)
robustness = RobustnessInputs(study, runs, features)
transfers = TransferInputs(study, runs, training)
report_items = ReportItems(study, runs, augmentation, robustness, transfers)
arguments = study_arguments(
    workflow.main_snakefile, workflow.overwrite_configfiles, workflow.config_settings.config_args
)


def study_facts():
    """The facts of this study for the report: its arguments, its difference from the library, and all that it uses."""
    again = study_arguments(workflow.main_snakefile, [Path(path_variables.apply(paths.STUDY)).absolute()], [])
    own = Path(workflow.main_snakefile).parent == HERE  # else another workflow uses this one, with its configuration
    return {
        "arguments": again if own else arguments,
        "study": overlay_of_study(LIBRARY, overlay, workflow.config_settings.config),
        "config": used_configuration(study.settings),
    }


@cache
def environment(name):
    """The file of an environment; if Snakemake reads this workflow from a repository, it installs the package too."""
    address = None if (HERE / "scripts").is_dir() else package_address(workflow.included_stack[-1])
    if not address:
        return f"../envs/{name}.yaml"
    return write_environment(name, Path(workflow.source_path(f"../envs/{name}.yaml")).read_text(), address)


def item(name):
    """An output that is an item of the report; its rule has the parameter ``caption``."""
    entry = ITEMS[name]
    return report(entry.path, caption="../config/report/item.rst", category=entry.category, labels=entry.labels)


def clip_figures():
    """An output: the folder of the figures of a data set's clips, each an item of the report."""
    caption = "../config/report/figure.rst"
    folder = directory(paths.CLIP_FIGURES)
    return report(folder, patterns=["{figure}.svg"], caption=caption, category=RECORDINGS, labels=clip_figure_labels)


wildcard_constraints:
    source=one_of(settings["sources"]),
    dataset=one_of(settings["datasets"]),
    features=one_of(settings["features"]),
    model=one_of([*settings["models"], *settings["ensembles"]]),
    variant=one_of([ORIGINAL, *settings["augmentations"]]),
    shard=r"\d+of\d+",
    seed=r"\d+",
    fold=r"\d+",
