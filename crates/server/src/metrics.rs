//! `GET /metrics`: the counters of all crates in Prometheus' text form.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Makes this process' metrics readable, all of them at zero; before this, what is counted is dropped.
pub(crate) fn start() -> PrometheusHandle {
    let recorder: PrometheusRecorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // Only fails if there is a recorder already, and this is called once.
    let _ = metrics::set_global_recorder(recorder);
    switch::describe_metrics();
    handle
}
