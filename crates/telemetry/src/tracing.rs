//! Log lines and spans.

use std::io::IsTerminal as _;

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    registry,
};

use crate::{Error, Format, Settings};

/// Colours only for a person at a terminal who has not asked for none (<https://no-color.org>).
pub(crate) fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Makes spans, and sends them if there is somewhere to send them to. Without it they still have ids to hand on.
pub(crate) fn provider(settings: &Settings) -> Result<SdkTracerProvider, Error> {
    let resource = Resource::builder()
        .with_service_name(settings.service_name.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let builder = SdkTracerProvider::builder().with_resource(resource);
    let Some(endpoint) = &settings.otlp_endpoint else {
        return Ok(builder.with_sampler(Sampler::AlwaysOff).build());
    };
    let refused = |reason: String| Error::Endpoint { endpoint: endpoint.clone(), reason };
    if !endpoint.starts_with("http://") {
        return Err(refused("only plain gRPC to a collector near by is spoken, which then speaks TLS to the rest".to_owned()));
    }
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(|error| refused(error.to_string()))?;
    Ok(builder.with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn))).with_batch_exporter(exporter).build())
}

/// Everything that hears of log lines and spans.
pub(crate) fn subscriber<W>(
    settings: &Settings,
    spans: &SdkTracerProvider,
    writer: W,
    colours: bool,
) -> Result<impl Subscriber + Send + Sync + use<W>, Error>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .parse(&settings.filter)
        .map_err(|error| Error::Filter { filter: settings.filter.clone(), reason: error.to_string() })?;
    let lines = fmt::layer().with_writer(writer).with_ansi(colours);
    let lines = match settings.format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let traces = tracing_opentelemetry::layer().with_tracer(spans.tracer("hub")).with_location(false).with_threads(false);
    Ok(registry().with(filter).with(traces).with(lines))
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex, PoisonError},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(settings: &Settings, work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let spans = provider(settings).expect("a provider");
        let subscriber = subscriber(settings, &spans, move || writer.clone(), false).expect("a subscriber");
        tracing::subscriber::with_default(subscriber, work);
        let bytes = lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(bytes).expect("log lines are UTF-8")
    }

    #[test]
    fn json_lines_carry_message_and_fields_of_the_span() {
        let settings = Settings { format: Format::Json, ..Settings::default() };
        let text = logged(&settings, || {
            let _entered = tracing::info_span!("request", operation = "threadOpen").entered();
            tracing::info!(events = 2, "appended");
        });
        assert_eq!(text.lines().count(), 1);
        for part in [r#""message":"appended""#, r#""events":2"#, r#""operation":"threadOpen""#, r#""level":"INFO""#] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn text_is_plain_away_from_a_terminal_and_the_filter_holds() {
        let settings = Settings { filter: "warn".to_owned(), ..Settings::default() };
        let text = logged(&settings, || {
            tracing::info!("quiet");
            tracing::warn!("loud");
        });
        assert!(text.contains("loud") && !text.contains("quiet") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_filter_that_is_none_is_named() {
        let settings = Settings { filter: "hub=loudly".to_owned(), ..Settings::default() };
        let spans = provider(&settings).expect("a provider");
        let error = subscriber(&settings, &spans, std::io::sink, false).err().expect("a refusal").to_string();
        assert!(error.contains("`hub=loudly`") && error.contains("info,hub=debug"), "{error}");
    }

    #[test]
    fn an_endpoint_that_cannot_be_used_is_named() {
        let settings = Settings { otlp_endpoint: Some("collector:4317".to_owned()), ..Settings::default() };
        let error = provider(&settings).expect_err("a refusal").to_string();
        assert!(error.contains("`collector:4317`"), "{error}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_collector_that_is_away_stops_nothing() {
        let settings = Settings { otlp_endpoint: Some("http://127.0.0.1:9".to_owned()), ..Settings::default() };
        let text = logged(&settings, || tracing::info!("still here"));
        assert!(text.contains("still here"));
    }
}
