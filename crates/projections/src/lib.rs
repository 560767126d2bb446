//! Views drawn from the log, each with its tables, its handler and its queries
