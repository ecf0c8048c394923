//! Where the emulators are kept.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// The folder of the emulators: `zeropoint/emulators` in the user's cache.
pub(crate) fn folder() -> Result<PathBuf> {
    let given = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = given("XDG_CACHE_HOME").or_else(|| Some(given("HOME")?.join(".cache")));
    Ok(cache
        .context("neither XDG_CACHE_HOME nor HOME says where the emulators may be kept")?
        .join("zeropoint/emulators"))
}
