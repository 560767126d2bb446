//! The master key and what is derived from it.
//!
//! Nothing is ever encrypted with a master key itself: HKDF-SHA256 (RFC 5869) derives one key for each purpose. What is
//! sealed is sealed with XChaCha20-Poly1305 under a random 24-byte nonce, bound to its place by associated data, so that
//! a value copied to another row does not open there. Sealed bytes are `version (2) ‖ nonce (24) ‖ ciphertext and tag`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{hkdf, hmac};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

const NONCE: usize = 24;
const VERSION: usize = 2;

/// A symmetric key; wiped from memory when dropped.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// Why a key or something sealed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text holds no key.
    #[error("there is no key in the text; it needs 32 random bytes in base64, as `openssl rand -base64 32` prints them")]
    Empty,
    /// A line is not a key.
    #[error("line {line} of the keys is not 32 bytes in base64, optionally after a version number and a colon (`2:…`)")]
    NotAKey {
        /// The line, from 1.
        line: usize,
    },
    /// Two keys claim one version.
    #[error("version {version} stands twice among the keys; give each key a version number of its own")]
    Twice {
        /// The version.
        version: u16,
    },
    /// The key file cannot be read or made.
    #[error("cannot use the key file {path}: {source}")]
    File {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// What is sealed names a key that the ring does not hold.
    #[error("this was sealed under version {version} of the master key, which the hub was not given; add it to the keys")]
    UnknownVersion {
        /// The version.
        version: u16,
    },
    /// What is sealed does not open: it was altered, moved to another place, or sealed under another key.
    #[error("the sealed value does not open: it was altered or moved, or the master key is not the one it was sealed under")]
    DoesNotOpen,
}

/// The master key in all its versions, and the keys derived from it. Cheap to clone.
///
/// **To change the master key:** add a line with the next version number to the keys. New values are sealed under the
/// highest version; old ones still open. The hashes of claims stay with the lowest version, because the values that
/// they stand for are not kept; so the lowest version can never be taken away.
#[derive(Clone)]
pub struct KeyRing {
    inner: Arc<Inner>,
}

struct Inner {
    versions: BTreeMap<u16, Version>,
    current: u16,
    claims: hmac::Key,
}

struct Version {
    master: hkdf::Prk,
    wrapping: Key,
    sealing: Key,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("current", &self.inner.current).finish_non_exhaustive()
    }
}

impl KeyRing {
    /// A ring of one new random key, for tests and for a hub that keeps nothing.
    pub fn random() -> Self {
        Self::of(&[(1, random_key())].into())
    }

    /// Reads keys from text: one per line as `base64`, or `version:base64` where there are several. Lines that are empty
    /// or begin with `#` are passed over.
    ///
    /// # Errors
    /// [`KeyError`] with the line that is wrong.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let mut masters = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line_text = line.trim();
            if line_text.is_empty() || line_text.starts_with('#') {
                continue;
            }
            let wrong = || KeyError::NotAKey { line: index + 1 };
            let (version, encoded) = match line_text.split_once(':') {
                Some((version, encoded)) => (version.trim().parse().map_err(|_| wrong())?, encoded.trim()),
                None => (1, line_text),
            };
            let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| wrong())?);
            let master: [u8; 32] = bytes.as_slice().try_into().map_err(|_| wrong())?;
            if masters.insert(version, Zeroizing::new(master)).is_some() {
                return Err(KeyError::Twice { version });
            }
        }
        if masters.is_empty() { Err(KeyError::Empty) } else { Ok(Self::of(&masters)) }
    }

    /// Reads the keys from a file.
    ///
    /// # Errors
    /// [`KeyError::File`] if it cannot be read, otherwise as [`KeyRing::from_text`].
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let text = std::fs::read_to_string(path).map_err(|source| KeyError::File { path: path.to_owned(), source })?;
        Self::from_text(&Zeroizing::new(text))
    }

    /// Reads the keys from a file; if there is none, makes one with a new random key that only its owner may read.
    ///
    /// # Errors
    /// As [`KeyRing::from_file`].
    pub fn from_file_or_new(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::File { path: path.to_owned(), source };
        if !path.try_exists().map_err(failed)? {
            create_key_file(path).map_err(failed)?;
        }
        Self::from_file(path)
    }

    fn of(masters: &BTreeMap<u16, Key>) -> Self {
        let versions: BTreeMap<u16, Version> = masters.iter().map(|(version, master)| (*version, Version::of(master))).collect();
        let (_, oldest) = versions.first_key_value().expect("a ring has at least one key");
        let claims = hmac::Key::new(hmac::HMAC_SHA256, expand(&oldest.master, "claims").as_slice());
        let current = *versions.last_key_value().expect("a ring has at least one key").0;
        Self { inner: Arc::new(Inner { versions, current, claims }) }
    }

    /// Seals a secret of the hub's own, such as a provider's client secret. `aad` names the row it belongs to; the same
    /// text is needed to open it.
    pub fn seal(&self, aad: &str, plaintext: &[u8]) -> Vec<u8> {
        self.seal_with(|version| &version.sealing, aad, plaintext)
    }

    /// Opens what [`KeyRing::seal`] sealed.
    ///
    /// # Errors
    /// [`KeyError::UnknownVersion`], or [`KeyError::DoesNotOpen`] if it was altered or belongs elsewhere.
    pub fn open(&self, aad: &str, sealed: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.open_with(|version| &version.sealing, aad, sealed)
    }

    /// A key for another purpose, which `label` names: signing cookies, authenticating cursors. The same label gives the
    /// same key as long as the master key's current version stays.
    pub fn derive(&self, label: &str) -> [u8; 32] {
        *expand(&self.current().master, &format!("label {label}"))
    }

    /// What identifies the ring in an export without telling anything about its keys.
    pub(crate) fn check_value(&self) -> String {
        let (_, oldest) = self.inner.versions.first_key_value().expect("a ring has at least one key");
        hex::encode(*expand(&oldest.master, "check value"))
    }

    /// What stands for a claimed value in the database.
    pub(crate) fn claim_hash(&self, space: &str, value: &str) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.inner.claims);
        context.update(&(space.len() as u64).to_be_bytes());
        context.update(space.as_bytes());
        context.update(value.as_bytes());
        context.sign().as_ref().to_vec()
    }

    /// Seals a person's data key.
    pub(crate) fn wrap(&self, person: kernel::PersonId, key: &Key) -> Vec<u8> {
        self.seal_with(|version| &version.wrapping, &format!("person {person}"), key.as_slice())
    }

    /// Opens a person's data key.
    pub(crate) fn unwrap(&self, person: kernel::PersonId, sealed: &[u8]) -> Result<Key, KeyError> {
        let bytes = Zeroizing::new(self.open_with(|version| &version.wrapping, &format!("person {person}"), sealed)?);
        Ok(Zeroizing::new(bytes.as_slice().try_into().map_err(|_| KeyError::DoesNotOpen)?))
    }

    fn current(&self) -> &Version {
        &self.inner.versions[&self.inner.current]
    }

    fn seal_with(&self, key: impl Fn(&Version) -> &Key, aad: &str, plaintext: &[u8]) -> Vec<u8> {
        let mut sealed = self.inner.current.to_be_bytes().to_vec();
        sealed.extend(encrypt(key(self.current()), aad, plaintext));
        sealed
    }

    fn open_with(&self, key: impl Fn(&Version) -> &Key, aad: &str, sealed: &[u8]) -> Result<Vec<u8>, KeyError> {
        let (version, sealed) = sealed.split_at_checked(VERSION).ok_or(KeyError::DoesNotOpen)?;
        let version = u16::from_be_bytes(version.try_into().expect("two bytes"));
        let keys = self.inner.versions.get(&version).ok_or(KeyError::UnknownVersion { version })?;
        decrypt(key(keys), aad, sealed)
    }
}

impl Version {
    fn of(master: &Key) -> Self {
        let master = hkdf::Salt::new(hkdf::HKDF_SHA256, b"hub master key").extract(master.as_slice());
        let (wrapping, sealing) = (expand(&master, "persons' keys"), expand(&master, "secrets"));
        Self { master, wrapping, sealing }
    }
}

struct KeyLength;

impl hkdf::KeyType for KeyLength {
    fn len(&self) -> usize {
        32
    }
}

fn expand(master: &hkdf::Prk, purpose: &str) -> Key {
    let mut key = Zeroizing::new([0; 32]);
    let info = [purpose.as_bytes()];
    let derived = master.expand(&info, KeyLength).and_then(|okm| okm.fill(key.as_mut_slice()));
    derived.expect("32 bytes are within what HKDF-SHA256 can derive");
    key
}

/// 32 bytes that nobody can guess.
pub(crate) fn random_key() -> Key {
    let mut key = Zeroizing::new([0; 32]);
    fill_random(key.as_mut_slice());
    key
}

fn fill_random(bytes: &mut [u8]) {
    SystemRandom::new().fill(bytes).expect("the system gives random bytes");
}

/// `nonce ‖ ciphertext and tag`.
pub(crate) fn encrypt(key: &Key, aad: &str, plaintext: &[u8]) -> Vec<u8> {
    let mut nonce = [0; NONCE];
    fill_random(&mut nonce);
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let payload = Payload { msg: plaintext, aad: aad.as_bytes() };
    let ciphertext = cipher.encrypt((&nonce).into(), payload).expect("the plaintext is shorter than 256 GiB");
    [nonce.as_slice(), &ciphertext].concat()
}

/// Opens what [`encrypt`] made.
pub(crate) fn decrypt(key: &Key, aad: &str, sealed: &[u8]) -> Result<Vec<u8>, KeyError> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE>().ok_or(KeyError::DoesNotOpen)?;
    let cipher = XChaCha20Poly1305::new((&**key).into());
    cipher.decrypt(nonce.into(), Payload { msg: ciphertext, aad: aad.as_bytes() }).map_err(|_| KeyError::DoesNotOpen)
}

/// Written whole under another name and then linked, so that no crash leaves half a key, and of two processes that
/// start at once both use the first one's.
fn create_key_file(path: &Path) -> std::io::Result<()> {
    let encoded = Zeroizing::new(STANDARD.encode(random_key().as_slice()));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = path.with_file_name(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    writeln!(file, "# The hub's master key. Without it personal data and secrets in the database cannot be read.")?;
    writeln!(file, "1:{}", *encoded)?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_in_its_place_and_whole() {
        let keys = KeyRing::random();
        let sealed = keys.seal("provider 1", b"secret");
        assert_eq!(keys.open("provider 1", &sealed).unwrap(), b"secret");
        assert!(matches!(keys.open("provider 2", &sealed), Err(KeyError::DoesNotOpen)));
        for index in VERSION..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            assert!(matches!(keys.open("provider 1", &altered), Err(KeyError::DoesNotOpen)), "byte {index}");
        }
        for length in 0..sealed.len() {
            assert!(keys.open("provider 1", &sealed[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn an_older_key_still_opens_and_the_newest_seals() {
        let (first, second) = (STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
        let old = KeyRing::from_text(&first).unwrap();
        let both = KeyRing::from_text(&format!("# keys\n\n1:{first}\n2: {second}\n")).unwrap();
        assert_eq!(both.open("row", &old.seal("row", b"x")).unwrap(), b"x");
        assert!(matches!(old.open("row", &both.seal("row", b"x")), Err(KeyError::UnknownVersion { version: 2 })));
        assert_eq!(old.claim_hash("slug", "a"), both.claim_hash("slug", "a"));
        assert_eq!(old.check_value(), both.check_value());
        assert_ne!(old.derive("cookies"), both.derive("cookies"));
        assert_ne!(old.derive("cookies"), old.derive("cursors"));
    }

    #[test]
    fn wrong_keys_are_named_by_their_line() {
        let good = STANDARD.encode([1; 32]);
        assert!(matches!(KeyRing::from_text("# nothing\n"), Err(KeyError::Empty)));
        assert!(matches!(KeyRing::from_text("not base64"), Err(KeyError::NotAKey { line: 1 })));
        assert!(matches!(KeyRing::from_text(&format!("\n{}", STANDARD.encode([1; 31]))), Err(KeyError::NotAKey { line: 2 })));
        assert!(matches!(KeyRing::from_text(&format!("x:{good}")), Err(KeyError::NotAKey { line: 1 })));
        assert!(matches!(KeyRing::from_text(&format!("{good}\n1:{good}")), Err(KeyError::Twice { version: 1 })));
    }

    #[test]
    fn a_key_file_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let made = KeyRing::from_file_or_new(&path).unwrap();
        let read = KeyRing::from_file_or_new(&path).unwrap();
        assert_eq!(read.open("row", &made.seal("row", b"x")).unwrap(), b"x");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(matches!(KeyRing::from_file_or_new(&folder.path().join("no/where")), Err(KeyError::File { .. })));
    }

    #[test]
    fn debug_output_holds_no_key() {
        assert_eq!(format!("{:?}", KeyRing::random()), "KeyRing { current: 1, .. }");
    }
}
