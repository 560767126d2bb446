//! The digest of an event and the chain over all events.

use sha2::{Digest as _, Sha256};

/// A SHA-256 value.
pub(crate) type Hash = [u8; 32];

/// What the chain begins with: the hash before the first event.
pub(crate) const GENESIS: Hash = [0; 32];

/// `hash(n) = SHA-256(hash(n - 1) ‖ digest(n))`.
pub(crate) fn link(previous: &Hash, digest: &[u8]) -> Hash {
    Sha256::new().chain_update(previous).chain_update(digest).finalize().into()
}

/// Builds the digest of one event: every field with its length before it, so that no two events have the same encoding.
/// A field without a value is told apart from an empty one.
pub(crate) struct Fields(Sha256);

impl Fields {
    /// The encoding's name comes first; another encoding will have another name.
    pub(crate) fn new() -> Self {
        Self(Sha256::new()).bytes(b"hub event 1")
    }

    pub(crate) fn bytes(mut self, value: &[u8]) -> Self {
        self.0.update([1]);
        self.0.update((value.len() as u64).to_be_bytes());
        self.0.update(value);
        self
    }

    pub(crate) fn optional(mut self, value: Option<&[u8]>) -> Self {
        if let Some(value) = value {
            self.bytes(value)
        } else {
            self.0.update([0]);
            self
        }
    }

    pub(crate) fn number(self, value: i64) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}
