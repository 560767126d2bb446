//! Secrets that the hub hands out: drawn from the system's generator, shown once, kept as a hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

/// Bytes of a secret: 256 bits, twice what is asked for, so that even a hash table of all secrets helps no one.
const LENGTH: usize = 32;

/// Random bytes.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A new secret as text that fits into a cookie, a header and an address.
pub(crate) fn random_text() -> String {
    encode(&random_bytes::<LENGTH>())
}

/// Whether the text has the form of a secret. What has not need not be looked up.
pub(crate) fn is_well_formed(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == LENGTH)
}

/// The hash under which a secret is kept. It needs no salt and no stretching: the secret is uniformly random.
pub(crate) fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// Bytes as base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Bytes from base64url without padding.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_256_bits_and_is_never_the_same() {
        let (one, other) = (random_text(), random_text());
        assert!(is_well_formed(&one) && is_well_formed(&other));
        assert_ne!(one, other);
        assert_ne!(hash(&one), hash(&other));
    }

    #[test]
    fn what_is_no_secret_is_not_looked_up() {
        for text in ["", "abc", "not base64url!", &"A".repeat(44), &"A".repeat(5000)] {
            assert!(!is_well_formed(text), "{text:.20}");
        }
    }
}
