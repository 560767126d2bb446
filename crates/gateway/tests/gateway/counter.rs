//! Counts the SQL statements of this process: what requests ask, not what the hub's other parts do meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};

static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

/// Begins to count. Once in a process.
pub(crate) fn start() {
    tracing::subscriber::set_global_default(Counter).expect("no other subscriber in this process");
}

/// How many there were so far.
pub(crate) fn statements() -> usize {
    STATEMENTS.load(Ordering::SeqCst)
}

/// Counts the statements that `sqlx` tells of, without those by which the projectors and other processes look around.
struct Counter;

struct Statement {
    counts: bool,
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.look(field, value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.look(field, &format!("{value:?}"));
    }
}

impl Statement {
    fn look(&mut self, field: &Field, text: &str) {
        if matches!(field.name(), "summary" | "db.statement") {
            let background = ["views.projection", "log.sequence s", "log.append", "identity.", "process", "pg_", "set_config"];
            self.counts &= !background.iter().any(|part| text.contains(part));
        }
    }
}

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query" && *metadata.level() <= Level::DEBUG
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut statement = Statement { counts: true };
        event.record(&mut statement);
        if statement.counts {
            STATEMENTS.fetch_add(1, Ordering::SeqCst);
        }
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}
