//! API keys that are kept on this machine, a file for each address, readable for its owner alone.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::error::CliError;

/// The file for this address; `None` where nothing says which folder is the user's.
fn file(url: &Url) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| {
        let home = variable("HOME").or_else(|| variable("USERPROFILE"))?;
        Some(PathBuf::from(home).join(".config"))
    })?;
    // The whole address: another deployment on the same host is not handed this key.
    let address = url.as_str().trim_end_matches('/');
    let may_stay = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let name: String = address.chars().map(|c| if may_stay(c) { c } else { '_' }).collect();
    Some(folder.join("d365tools").join(format!("{name}.key")))
}

/// The key that is kept for this address, if any.
pub(crate) fn find(url: &Url) -> Option<SecretString> {
    let text = fs::read_to_string(file(url)?).ok()?;
    Some(SecretString::from(text.trim())).filter(|key| !key.expose_secret().is_empty())
}

/// Keeps a key for this address, and says where.
pub(crate) fn keep(url: &Url, key: &SecretString) -> Result<PathBuf, CliError> {
    let path = file(url).ok_or_else(|| CliError::File {
        what: "The key cannot be kept".to_owned(),
        problem: io::Error::new(io::ErrorKind::NotFound, "there is no HOME"),
    })?;
    let write = || -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        // One that was there may have had other rights.
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        file.write_all(key.expose_secret().as_bytes())
    };
    write().map_err(|problem| CliError::File { what: path.display().to_string(), problem })?;
    Ok(path)
}
