//! The event log: append, sequence, hash chain, encryption of personal data
