//! The recorder behind the `metrics` crate's macros.

use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Upper bounds for durations, in seconds: from one statement to a slow page.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How often recorded values are folded into their histograms; between two scrapes they would otherwise pile up.
const UPKEEP: Duration = Duration::from_secs(5);

/// A recorder whose durations (every histogram named `…_seconds`) come as buckets, which can be added up over replicas.
pub(crate) fn recorder() -> PrometheusRecorder {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .expect("the list of buckets is not empty")
        .build_recorder()
}

/// Folds recorded values for as long as the process lives, as the recorder does.
pub(crate) fn keep_up(handle: PrometheusHandle) {
    std::thread::Builder::new()
        .name("metrics".to_owned())
        .spawn(move || {
            loop {
                std::thread::sleep(UPKEEP);
                handle.run_upkeep();
            }
        })
        .expect("the process may start a thread");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_come_as_buckets() {
        let recorder = recorder();
        metrics::with_local_recorder(&recorder, || metrics::histogram!("hub_request_duration_seconds").record(0.004));
        let text = recorder.handle().render();
        assert!(text.contains("hub_request_duration_seconds_bucket{le=\"0.0025\"} 0"), "{text}");
        assert!(text.contains("hub_request_duration_seconds_bucket{le=\"0.005\"} 1"), "{text}");
    }
}
