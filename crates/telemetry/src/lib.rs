//! Tracing, metrics and OpenTelemetry
