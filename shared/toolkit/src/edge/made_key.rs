//! The form of the API keys that the bundle makes: one can tell by the text alone that it is one,
//! and that no character of it was lost.

use secrecy::SecretString;

/// How a key begins. Scanners for leaked secrets look for such beginnings.
const PREFIX: &str = "d365t_";

/// How many random bytes a key has.
const RANDOM: usize = 32;

/// What the text of a key tells, before anybody looks it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// The bundle may have made it.
    Made,
    /// It begins like one that the bundle made, and is none: a part is missing or wrong.
    Damaged,
    /// It was made by other means.
    Other,
}

/// No random bytes could be had from the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandomness;

/// Makes a key: 64 random hexadecimal digits, and a checksum of eight.
///
/// # Errors
///
/// The operating system gives no random bytes.
pub fn new_api_key() -> Result<SecretString, NoRandomness> {
    let mut random = [0; RANDOM];
    getrandom::fill(&mut random).map_err(|_| NoRandomness)?;
    let digits = hex::encode(random);
    let checksum = checksum(&digits);
    Ok(SecretString::from(format!("{PREFIX}{digits}{checksum}")))
}

fn checksum(digits: &str) -> String {
    format!("{:08x}", crc32fast::hash(digits.as_bytes()))
}

impl KeyForm {
    /// What this text is.
    pub(crate) fn of(key: &str) -> KeyForm {
        let Some(rest) = key.strip_prefix(PREFIX) else { return KeyForm::Other };
        match rest.split_at_checked(2 * RANDOM) {
            Some((digits, rest)) if checksum(digits) == rest => KeyForm::Made,
            _ => KeyForm::Damaged,
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_key_shows_that_it_was_made_here_and_is_whole() {
        let key = new_api_key().unwrap();
        let key = key.expose_secret();
        assert_eq!((key.len(), KeyForm::of(key)), (78, KeyForm::Made));
        assert_ne!(key, new_api_key().unwrap().expose_secret());
        for place in PREFIX.len()..key.len() {
            let mut damaged = key.to_owned();
            let other = if damaged.as_bytes()[place] == b'0' { "1" } else { "0" };
            damaged.replace_range(place..=place, other);
            assert_eq!(KeyForm::of(&damaged), KeyForm::Damaged, "{place}");
            assert_eq!(KeyForm::of(&key[..place]), KeyForm::Damaged, "{place}");
        }
        for other in ["local-dev-key", "", "d365t", &key[1..]] {
            assert_eq!(KeyForm::of(other), KeyForm::Other, "{other}");
        }
        assert_eq!(KeyForm::of("d365t_ä"), KeyForm::Damaged);
    }
}
