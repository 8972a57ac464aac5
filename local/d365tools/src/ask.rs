//! Asks the person who started the program.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use secrecy::SecretString;

use crate::error::CliError;

/// Asks for a line. Where standard input is no terminal, its next line is the answer, and nothing is
/// printed.
pub(crate) fn line(question: &str) -> Result<String, CliError> {
    if io::stdin().is_terminal() {
        let mut terminal = io::stderr();
        let asked = write!(terminal, "{question}: ").and_then(|()| terminal.flush());
        asked.map_err(CliError::Input)?;
    }
    let mut text = String::new();
    io::stdin().lock().read_line(&mut text).map_err(CliError::Input)?;
    Ok(text.trim().to_owned())
}

/// Asks for a line that may be left empty.
pub(crate) fn optional_line(question: &str) -> Result<Option<String>, CliError> {
    Ok(Some(line(question)?).filter(|text| !text.is_empty()))
}

/// Asks for a secret, which is not shown.
pub(crate) fn secret(question: &str) -> Result<SecretString, CliError> {
    if !io::stdin().is_terminal() {
        return Ok(SecretString::from(line(question)?));
    }
    let text = rpassword::prompt_password(format!("{question} (not shown): "));
    text.map(|text| SecretString::from(text.trim())).map_err(CliError::Input)
}
