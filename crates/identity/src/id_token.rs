//! Verifying an ID token (OpenID Connect Core 1.0, section 3.1.3.7), more strictly than is asked.

use crate::providers::ProviderSettings;
use chrono::TimeDelta;
use kernel::Timestamp;
use openidconnect::core::{CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IssuerUrl, Nonce, SignatureVerificationError};

/// The algorithms that are taken, whatever a provider offers. All are asymmetric: with HS256 whoever knows the client secret
/// could sign, and `none` signs nothing.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];
/// How far two clocks may be apart.
const LEEWAY: TimeDelta = TimeDelta::minutes(1);
/// How old a token may be: it is fetched the moment it is issued, so an old one was issued for something else.
const OLDEST: TimeDelta = TimeDelta::minutes(10);

/// Why an ID token was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The answer held no ID token.
    #[error("it holds no ID token")]
    Missing,
    /// It is from another issuer.
    #[error("it names another issuer")]
    Issuer,
    /// It is meant for someone else, or for others too.
    #[error("it is meant for another application")]
    Audience,
    /// It belongs to another sign-in.
    #[error("it belongs to another sign-in")]
    Nonce,
    /// It has expired, is too old, or is from the future.
    #[error("its time is wrong: compare the clocks of the provider and the hub")]
    Time,
    /// It is signed by an algorithm that is not taken, or not at all.
    #[error("it is not signed in an accepted way")]
    Algorithm,
    /// It is signed by a key that the provider does not publish.
    #[error("its signing key is not among the provider's keys")]
    Key,
    /// Its signature is wrong.
    #[error("its signature is wrong")]
    Signature,
    /// The access token beside it is not the one it was issued with.
    #[error("it does not belong to its access token")]
    AccessToken,
    /// The user information is about someone else.
    #[error("the user information is about someone else")]
    Subject,
    /// It is not built as it should be.
    #[error("it is malformed")]
    Malformed,
}

impl Flaw {
    /// Whether fresh keys might mend it.
    pub(crate) fn may_be_old_keys(self) -> bool {
        matches!(self, Self::Key | Self::Signature)
    }
}

/// The claims of an ID token that holds.
///
/// # Errors
/// The first [`Flaw`] found.
pub(crate) fn verify<'t>(
    token: &'t CoreIdToken,
    access_token: &AccessToken,
    settings: &ProviderSettings,
    keys: &CoreJsonWebKeySet,
    nonce: &Nonce,
    now: Timestamp,
) -> Result<&'t CoreIdTokenClaims, Flaw> {
    match verify_with(token, access_token, settings, keys.clone(), nonce, now) {
        // Several keys fit and the token does not say which (its `kid` is missing): each is tried.
        Err(Found::Ambiguous) => {
            let mut flaw = Flaw::Signature;
            for key in keys.keys() {
                match verify_with(token, access_token, settings, CoreJsonWebKeySet::new(vec![key.clone()]), nonce, now) {
                    Ok(claims) => return Ok(claims),
                    Err(Found::Flaw(Flaw::Key | Flaw::Signature) | Found::Ambiguous) => {}
                    Err(Found::Flaw(other)) => flaw = other,
                }
            }
            Err(flaw)
        }
        Err(Found::Flaw(flaw)) => Err(flaw),
        Ok(claims) => Ok(claims),
    }
}

enum Found {
    Ambiguous,
    Flaw(Flaw),
}

fn verify_with<'t>(
    token: &'t CoreIdToken,
    access_token: &AccessToken,
    settings: &ProviderSettings,
    keys: CoreJsonWebKeySet,
    nonce: &Nonce,
    now: Timestamp,
) -> Result<&'t CoreIdTokenClaims, Found> {
    let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|_| Found::Flaw(Flaw::Issuer))?;
    // A public client's verifier does not know the client secret, so that nothing can be verified by it.
    let verifier = CoreIdTokenVerifier::new_public_client(ClientId::new(settings.client_id.clone()), issuer, keys)
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || now - LEEWAY)
        .set_issue_time_verifier_fn(move |issued_at| {
            if issued_at > now + LEEWAY {
                Err("issued in the future".to_owned())
            } else if issued_at < now - OLDEST - LEEWAY {
                Err("issued long ago".to_owned())
            } else {
                Ok(())
            }
        });
    let claims = token.claims(&verifier, nonce).map_err(|e| found(&e))?;
    if claims.authorized_party().is_some_and(|party| party.as_str() != settings.client_id) {
        return Err(Found::Flaw(Flaw::Audience));
    }
    if let Some(expected) = claims.access_token_hash() {
        let malformed = || Found::Flaw(Flaw::Malformed);
        let algorithm = token.signing_alg().map_err(|_| malformed())?;
        let key = token.signing_key(&verifier).map_err(|_| malformed())?;
        let actual = AccessTokenHash::from_token(access_token, algorithm, key).map_err(|_| malformed())?;
        if actual != *expected {
            return Err(Found::Flaw(Flaw::AccessToken));
        }
    }
    Ok(claims)
}

fn found(error: &ClaimsVerificationError) -> Found {
    use ClaimsVerificationError as E;
    use SignatureVerificationError as S;
    let flaw = match error {
        E::Expired(_) => Flaw::Time,
        E::InvalidAudience(_) => Flaw::Audience,
        E::InvalidIssuer(_) => Flaw::Issuer,
        E::InvalidNonce(_) => Flaw::Nonce,
        E::InvalidSubject(_) => Flaw::Subject,
        E::SignatureVerification(signature) => match signature {
            S::AmbiguousKeyId(_) => return Found::Ambiguous,
            S::NoMatchingKey => Flaw::Key,
            S::CryptoError(_) | S::InvalidKey(_) => Flaw::Signature,
            S::DisallowedAlg(_) | S::UnsupportedAlg(_) | S::NoSignature => Flaw::Algorithm,
            _ => Flaw::Malformed,
        },
        _ => Flaw::Malformed,
    };
    Found::Flaw(flaw)
}
