//! The trace context of W3C (<https://www.w3.org/TR/trace-context/>) as one string, for borders that `tracing` does not cross.

use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt as _, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The current span as a `traceparent`, to hand to another process or to store with an event. None outside of any span.
#[must_use]
pub fn traceparent() -> Option<String> {
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8()))
}

/// Makes a span the continuation of what a `traceparent` names, as for a request that came with that header.
///
/// The span must not have been entered yet. Gives false, and the span begins a trace of its own, if it has been, or if the
/// text is not a `traceparent`: it comes from strangers, and no request fails for it.
pub fn continue_from(span: &Span, traceparent: &str) -> bool {
    parse(traceparent).is_some_and(|parent| span.set_parent(Context::new().with_remote_span_context(parent)).is_ok())
}

/// Links a span to what a `traceparent` names without making it a part of that trace: for a consumer, which may handle many
/// events from many traces at once. Gives false if the text is not a `traceparent`.
pub fn link_to(span: &Span, traceparent: &str) -> bool {
    parse(traceparent).map(|cause| span.add_link(cause)).is_some()
}

fn parse(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &str, length| part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    // Later versions may add parts behind the flags; version 00 has none, and ff is forbidden.
    if !hex(version, 2)
        || version == "ff"
        || (version == "00" && parts.next().is_some())
        || !hex(trace, 32)
        || !hex(span, 16)
        || !hex(flags, 2)
    {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let context = SpanContext::new(TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?, flags, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, tracing as setup};

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn traced(work: impl FnOnce()) {
        let settings = Settings::default();
        let spans = setup::provider(&settings).expect("a provider");
        let subscriber = setup::subscriber(&settings, &spans, std::io::sink, false).expect("a subscriber");
        tracing::subscriber::with_default(subscriber, work);
    }

    #[test]
    fn outside_of_a_span_there_is_nothing_to_hand_on() {
        traced(|| assert_eq!(traceparent(), None));
    }

    #[test]
    fn a_span_continues_the_trace_of_the_header() {
        traced(|| {
            let span = tracing::info_span!("request");
            assert!(continue_from(&span, PARENT));
            let handed_on = span.in_scope(traceparent).expect("a traceparent");
            assert_eq!(handed_on.split('-').nth(1), PARENT.split('-').nth(1), "the same trace");
            assert_ne!(handed_on.split('-').nth(2), PARENT.split('-').nth(2), "another span");
        });
    }

    #[test]
    fn a_span_inside_it_is_of_the_same_trace() {
        traced(|| {
            let outer = tracing::info_span!("request");
            assert!(continue_from(&outer, PARENT));
            let inner = outer.in_scope(|| tracing::info_span!("append").in_scope(traceparent)).expect("a traceparent");
            assert_eq!(inner.split('-').nth(1), PARENT.split('-').nth(1));
        });
    }

    #[test]
    fn a_link_leaves_the_span_in_its_own_trace() {
        traced(|| {
            let span = tracing::info_span!("project");
            assert!(link_to(&span, PARENT));
            assert_ne!(span.in_scope(traceparent).expect("a traceparent").split('-').nth(1), PARENT.split('-').nth(1));
        });
    }

    #[test]
    fn what_is_not_a_traceparent_is_passed_over() {
        traced(|| {
            for text in [
                "",
                "00",
                "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                "00-äf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ] {
                assert!(!continue_from(&tracing::info_span!("request"), text), "{text}");
            }
        });
    }
}
