//! The recorder of metrics. Who wants them asks the API at `/metrics`.

use std::io;
use std::thread;
use std::time::Duration;

use florin_api::RenderMetrics;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

/// Seconds at which durations are counted apart: from a hundred microseconds to a slow processor.
const DURATIONS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// Sizes of batches that are counted apart.
const SIZES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1000.0];

/// How often what was recorded is summed up, so that it takes no more room.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Starts recording, and gives back what renders it all in Prometheus' text format.
pub(crate) fn start() -> io::Result<RenderMetrics> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &DURATIONS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES))
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(io::Error::other)?;
    let kept = handle.clone();
    thread::Builder::new().name("metrics".to_owned()).spawn(move || {
        loop {
            thread::sleep(UPKEEP_INTERVAL);
            kept.run_upkeep();
        }
    })?;
    Ok(std::sync::Arc::new(move || handle.render()))
}
