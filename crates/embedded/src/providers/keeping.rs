//! What a provider keeps over a restart.

use super::signing::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// The file's name within the data folder.
pub(super) const FILE: &str = "demo-providers.json";

/// Every provider's keepings, by the department's slug.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    pub(super) providers: BTreeMap<String, KeptProvider>,
}

/// What one provider keeps.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptProvider {
    pub(super) port: u16,
    /// The signing key, PKCS #8 in base64url.
    pub(super) key: String,
    pub(super) client_secret: String,
}

impl KeptProvider {
    pub(super) fn new(port: u16) -> Self {
        Self { port, key: SigningKey::generate(), client_secret: random_text() }
    }
}

impl Kept {
    /// What lies in the file; nothing if there is none yet.
    pub(super) fn read(file: &Path) -> Result<Self, String> {
        match fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| e.to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Write the file for this user's eyes alone, whole or not at all.
    pub(super) fn write(&self, file: &Path) -> Result<(), String> {
        let write = || -> io::Result<()> {
            let beside = file.with_extension("new");
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut new = options.open(&beside)?;
            serde_json::to_writer_pretty(&mut new, self)?;
            new.write_all(b"\n")?;
            new.sync_all()?;
            fs::rename(&beside, file)
        };
        write().map_err(|e| e.to_string())
    }
}

/// 256 random bits as text.
pub(super) fn random_text() -> String {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}
