//! Packages from npm, as a committed lock file names them.

use std::path::Path;

use anyhow::Result;

use crate::run;

/// `npm ci`, unless the installed packages are those of the lock file already.
pub(crate) fn install(npm: &Path, folder: &Path) -> Result<()> {
    let wanted = std::fs::read(folder.join("package-lock.json"))?;
    let installed = folder.join("node_modules/.installed-lock.json");
    if std::fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    run::succeed(run::program(npm).current_dir(folder).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    Ok(std::fs::write(installed, wanted)?)
}
