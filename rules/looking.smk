# What there is to see and hear in the clips of a data set, and what is wrong with them.


def data_item(path, caption, **labels):
    """An item of the report about a data set."""
    return report(
        path,
        caption=f"../config/report/{caption}.rst",
        category="4 Data",
        labels={**labels, "data set": "{dataset}"},
    )


rule explore_dataset:
    input:
        clips=clip_table,
    output:
        listen=data_item("<results>/explore/{dataset}/listen.html", "listen", item="one sample of each class"),
        labels=data_item("<results>/explore/{dataset}/labels.svg", "labels", item="labels and lengths"),
        waveforms=data_item("<results>/explore/{dataset}/waveforms.svg", "waveforms", item="waveforms"),
        spectrograms=data_item("<results>/explore/{dataset}/spectrograms.svg", "spectrograms", item="spectrograms"),
        spectra=data_item("<results>/explore/{dataset}/spectra.svg", "spectra", item="frequency spectra"),
    log:
        "<logs>/explore_dataset/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    threads: 2
    params:
        view=lambda w: canonical_json(view(w)),
        code=code_digest("explore_dataset"),
    script:
        "../scripts/explore_dataset.py"


rule audit_clips:
    input:
        unpack(measure_files),
        notes=lambda w: f"<results>/measures/{view(w)['source']}.json",
    output:
        findings="<results>/audit/{dataset}.csv",
        page=data_item("<results>/audit/{dataset}.html", "audit", item="audit"),
    log:
        "<logs>/audit_clips/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
    params:
        view=lambda w: canonical_json(settings["datasets"][w.dataset]),
        code=code_digest("audit_clips"),
    script:
        "../scripts/audit_clips.py"
