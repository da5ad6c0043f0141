# Train models on features.
# Reads: feature arrays and split tables. Writes: one folder per data set, model (or trial), seed and fold.


# train_model and train_model_elsewhere train one fold; train_folds_5, and others of such names, train all folds of a seed.
# TensorBoard events and checkpoints are not outputs, because Snakemake removes outputs before every attempt, also while a
# job of a killed Snakemake still writes them.
for jobs in training_jobs(study, workflow.resource_settings, sys.argv):

    rule:
        name:
            jobs.rule
        input:
            unpack(training.files),
            split=paths.SPLIT,
        output:
            **{name: jobs.files(file) for name, file in training.outputs.items()},
        log:
            jobs.log,
        wildcard_constraints:
            dataset=one_of(jobs.datasets),
            model=one_of(jobs.models),
        conda:
            environment("training")
        # Several trainings with one core each are as fast as one training on all cores. The last bits of the result
        # depend on the number of threads, so it is the same on every machine.
        threads: 1
        resources:
            mem_mb=by_clips(4000, 50, "measures"),
            runtime=by_clips(60, 10, "measures"),
            # The shortest time between checkpoints in seconds. It is a resource, because the result does not depend on it.
            checkpoint_seconds=60,
            # auto: a GPU if there is one; cpu: never a GPU.
            device="auto",
        params:
            **training.parameters,
            recipe=lambda w: study.entry_json("models", w.model),
            epoch_interval=study.epoch_interval,
            code=lambda w: code_digest("train_model", *training.modules(w)),
        script:
            "../scripts/train_model.py"


# Trials are trained by train_model and never evaluated; only the chosen one becomes the model of its seed and fold.
rule choose_trial:
    input:
        models=training.of_trials(paths.MODEL),
        descriptions=training.of_trials(paths.DESCRIPTION),
        trained_on=training.of_trials(paths.TRAINED_ON),
        histories=training.of_trials(paths.HISTORY),
    output:
        model=paths.MODEL,
        description=paths.DESCRIPTION,
        trained_on=paths.TRAINED_ON,
        history=paths.HISTORY,
        trials=paths.TRIALS,
    log:
        "<logs>/choose_trial/{dataset}/{model}/seed{seed}/fold{fold}.log",
    wildcard_constraints:
        model=one_of(study.chosen),
    localrule: True
    conda:
        environment("training")
    params:
        search=training.searched,
        code=lambda w: code_digest("choose_trial"),
    script:
        "../scripts/choose_trial.py"


# The trials of a model in one job, in which most of them end early. Its checkpoints are not outputs, as above.
rule halve_trials:
    input:
        unpack(training.files),
        split=paths.SPLIT,
    output:
        model=paths.MODEL,
        description=paths.DESCRIPTION,
        trained_on=paths.TRAINED_ON,
        history=paths.HISTORY,
        trials=paths.TRIALS,
    log:
        "<logs>/halve_trials/{dataset}/{model}/seed{seed}/fold{fold}.log",
    wildcard_constraints:
        model=one_of(study.halved),
    conda:
        environment("training")
    threads: 1
    resources:
        mem_mb=by_clips(4000, 50, "measures"),
        runtime=training.halving_runtime,
        checkpoint_seconds=60,
        device="auto",
    params:
        **training.parameters,
        recipes=training.recipes_of_trials,
        rate=training.halving_rate,
        search=training.searched,
        code=lambda w: code_digest("halve_trials", *training.modules_of_trials(w)),
    script:
        "../scripts/halve_trials.py"
