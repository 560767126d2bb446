//! Signing ID tokens: ES256 (RFC 7518), with a key that tells its name (RFC 7638).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A key to sign with.
#[derive(Debug)]
pub(super) struct SigningKey {
    pair: EcdsaKeyPair,
    id: String,
    x: String,
    y: String,
}

impl SigningKey {
    /// A new key, PKCS #8 in base64url.
    pub(super) fn generate() -> String {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        URL_SAFE_NO_PAD.encode(document.expect("the operating system gives random bytes"))
    }

    /// The key as [`SigningKey::generate`] made it.
    pub(super) fn from_pkcs8(text: &str) -> Result<Self, String> {
        let document = URL_SAFE_NO_PAD.decode(text).map_err(|_| "the signing key is not base64url".to_owned())?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &document, &SystemRandom::new())
            .map_err(|_| "the signing key is not a key for ES256".to_owned())?;
        // An uncompressed point: 4, then x and y of 32 bytes each.
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let thumbprint = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(thumbprint));
        Ok(Self { pair, id, x, y })
    }

    /// The public key as a JSON Web Key.
    pub(super) fn public(&self) -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": self.x, "y": self.y, "kid": self.id, "use": "sig", "alg": "ES256" })
    }

    /// The claims as a signed token.
    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": self.id });
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).expect("the operating system gives random bytes");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
