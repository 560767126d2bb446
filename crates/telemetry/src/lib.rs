//! Tracing, metrics and OpenTelemetry: set up once by the binary, used everywhere through `tracing` and `metrics`.
//!
//! - [`init`] installs the log, the trace export and the metrics of this process; the [`Telemetry`] it gives is kept until
//!   the end and then [shut down](Telemetry::shutdown), so that the last spans leave the house.
//! - [`traceparent`] and [`continue_from`] carry the trace over a border that `tracing` does not cross: an HTTP header, a
//!   NATS header, the `traceparent` of a recorded event.
//!
//! Logs go to the standard error, so that the standard output belongs to what a command prints.

mod metrics;
mod propagation;
mod tracing;

use std::sync::{Mutex, PoisonError};

use ::metrics::SetRecorderError;
use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};
use opentelemetry_sdk::trace::SdkTracerProvider;

pub use propagation::{continue_from, link_to, traceparent};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people: one line each, coloured on a terminal only.
    #[default]
    Text,
    /// For machines: one JSON object a line, with the fields of the spans around it.
    Json,
}

/// What the binary chooses.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How log lines look.
    pub format: Format,
    /// Which ones there are, in the syntax of `tracing-subscriber`'s `EnvFilter`, as in `info,hub=debug`. It also decides which
    /// spans are exported.
    pub filter: String,
    /// Where spans are sent, as in `http://collector:4317` (OTLP over gRPC); none are exported without it.
    pub otlp_endpoint: Option<String>,
    /// The name under which this process appears in traces.
    pub service_name: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { format: Format::Text, filter: "info".to_owned(), otlp_endpoint: None, service_name: "hub".to_owned() }
    }
}

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter is not one.
    #[error("the log filter `{filter}` cannot be read: {reason}; it looks like `info,hub=debug`")]
    Filter {
        /// What was given.
        filter: String,
        /// What the parser says.
        reason: String,
    },
    /// The address of the collector cannot be used.
    #[error("spans cannot be sent to `{endpoint}`: {reason}; the address of a collector looks like `http://collector:4317`")]
    Endpoint {
        /// What was given.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The process logs or counts through something else already.
    #[error("another part of the process has already installed {0}")]
    Taken(&'static str),
}

/// The telemetry of this process. Copies stand for the same one.
#[derive(Debug, Clone)]
pub struct Telemetry {
    spans: SdkTracerProvider,
    metrics: PrometheusHandle,
}

/// What the first [`init`] of this process installed: a subscriber and a recorder cannot be replaced.
static INSTALLED: Mutex<Option<Telemetry>> = Mutex::new(None);

/// Installs log, trace export and metrics for the whole process.
///
/// A second call gives what the first installed, and its settings are not looked at: tests may all call it. With an
/// `otlp_endpoint` it must be called inside a Tokio runtime, which then carries the export.
///
/// # Errors
/// A filter or an endpoint that cannot be read, or a process that has a subscriber of someone else's.
pub fn init(settings: &Settings) -> Result<Telemetry, Error> {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(telemetry) = &*installed {
        return Ok(telemetry.clone());
    }
    let spans = tracing::provider(settings)?;
    let subscriber = tracing::subscriber(settings, &spans, std::io::stderr, tracing::colours())?;
    ::tracing::subscriber::set_global_default(subscriber).map_err(|_| Error::Taken("a subscriber for log lines"))?;
    let recorder = metrics::recorder();
    let handle = recorder.handle();
    ::metrics::set_global_recorder(recorder).map_err(|_: SetRecorderError<PrometheusRecorder>| Error::Taken("a recorder of metrics"))?;
    metrics::keep_up(handle.clone());
    let telemetry = Telemetry { spans, metrics: handle };
    *installed = Some(telemetry.clone());
    Ok(telemetry)
}

impl Telemetry {
    /// All metrics in the text format of Prometheus.
    #[must_use]
    pub fn render_metrics(&self) -> String {
        self.metrics.render()
    }

    /// Sends what is left and stops the export; waits at most five seconds for the collector. To be called at the very end,
    /// also after an error, from outside of async code but while the runtime still lives. A second call does nothing.
    pub fn shutdown(&self) {
        match self.spans.shutdown() {
            Ok(()) | Err(opentelemetry_sdk::error::OTelSdkError::AlreadyShutdown) => {}
            Err(error) => ::tracing::warn!(%error, "the last spans could not be sent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_init_gives_what_the_first_installed() {
        let first = init(&Settings::default()).expect("telemetry");
        let second = init(&Settings { filter: "not a filter=".to_owned(), ..Settings::default() }).expect("telemetry again");
        ::metrics::counter!("telemetry_test_total").increment(2);
        assert!(first.render_metrics().contains("telemetry_test_total 2"));
        assert_eq!(first.render_metrics(), second.render_metrics());
        second.shutdown();
        first.shutdown();
    }
}
