//! Seals, hashes and names with the current key, and opens and recognizes what the previous one made.
//!
//! A sealed record is: a version (one byte), the key's id (four), a nonce (twelve), and the encrypted
//! text with its tag (AES-256-GCM). The purpose and what the record is bound to are not in it: whoever
//! opens it has to know them.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::key::{KeyId, SealingKey, Use};

/// The version of the form of sealed records.
const VERSION: u8 = 1;

/// Where a sealed record's nonce begins, and where its encrypted text begins.
const NONCE: usize = 1 + KeyId::LENGTH;
const TEXT: usize = NONCE + NONCE_LEN;

/// What stands between the key's id and the hash.
const SEPARATOR: char = '.';

/// Why a record was not sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It could not be sealed, which should never happen.
    #[error("the record could not be sealed")]
    NotSealed,
    /// It does not open: it was altered, is for another purpose, is bound to something else, or was
    /// sealed before the last two rotations of the key. Which of these, nobody is told.
    #[error("the sealed record does not open")]
    NotOpened,
}

/// The keys of a deployment.
#[derive(Debug)]
pub struct Seals {
    current: SealingKey,
    previous: Option<SealingKey>,
}

impl Seals {
    /// The current key, and the one before it, if there was a rotation.
    pub fn new(current: SealingKey, previous: Option<SealingKey>) -> Seals {
        let previous = previous.filter(|previous| previous.id() != current.id());
        Seals { current, previous }
    }

    /// Both keys, the current first.
    fn keys(&self) -> impl Iterator<Item = &SealingKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    fn has(&self, id: &[u8]) -> bool {
        self.keys().any(|key| key.id().bytes() == id)
    }

    /// Encrypts a record. It opens only for the same purpose, and bound to the same.
    ///
    /// The nonce is random: two records that are alike look different, and one key may seal some
    /// four thousand million of a purpose.
    pub fn seal(
        &self,
        purpose: &str,
        bound_to: &[&str],
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NotSealed)?;
        let mut text = Vec::with_capacity(plain.len() + AES_256_GCM.tag_len());
        text.extend_from_slice(plain);
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(self.current.id().bytes());
        let context = context(&sealed, purpose, bound_to);
        let key = encryption(&self.current, purpose).ok_or(SealError::NotSealed)?;
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(context),
            &mut text,
        )
        .map_err(|_| SealError::NotSealed)?;
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut text);
        Ok(sealed)
    }

    /// Opens a record that the current or the previous key sealed.
    pub fn open(
        &self,
        purpose: &str,
        bound_to: &[&str],
        sealed: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let id = key_of(sealed).ok_or(SealError::NotOpened)?;
        let (head, rest) = sealed.split_at_checked(NONCE).ok_or(SealError::NotOpened)?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::NotOpened)?;
        let context = context(head, purpose, bound_to);
        // Two keys may have the same id, if only once in a thousand million rotations.
        let mut keys = self.keys().filter(|key| key.id().bytes() == id);
        let opened = keys.find_map(|key| {
            let key = encryption(key, purpose)?;
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut text = text.to_vec();
            let length = key.open_in_place(nonce, Aad::from(&context), &mut text).ok()?.len();
            text.truncate(length);
            Some(text)
        });
        opened.ok_or(SealError::NotOpened)
    }

    /// The keyed hash of these parts, by the current key.
    pub fn hash(&self, purpose: &str, parts: &[&str]) -> Hashed {
        Hashed(text_of(&self.current, Use::Hashing, purpose, parts))
    }

    /// Whether this is the text of the hash of these parts, by the key that it names. How long that
    /// takes tells nothing about the hash.
    pub fn is(&self, purpose: &str, parts: &[&str], hashed: &str) -> bool {
        let Some((id, tag)) = parse(hashed) else { return false };
        self.keys().filter(|key| key.id().bytes() == &id).any(|key| {
            let key = hash_key(key, Use::Hashing, purpose);
            hmac::verify(&key, &framed(parts), &tag).is_ok()
        })
    }

    /// The names of the row for these parts: by the current key, and by the previous one, under which
    /// the row may stand since before a rotation. A name is never the hash of the same parts.
    pub fn names(&self, purpose: &str, parts: &[&str]) -> Names {
        let name = |key| text_of(key, Use::Naming, purpose, parts);
        Names { current: name(&self.current), previous: self.previous.as_ref().map(name) }
    }

    /// Whether a sealed record was sealed by a key that is not among these. It may be newer.
    pub(crate) fn is_foreign(&self, sealed: &[u8]) -> bool {
        key_of(sealed).is_some_and(|id| !self.has(id))
    }

    /// The same of the text of a hash.
    pub(crate) fn is_foreign_hash(&self, hashed: &str) -> bool {
        parse(hashed).is_some_and(|(id, _)| !self.has(&id))
    }
}

/// A keyed hash. Its text is short and may stand anywhere in a table: the key's id, a full stop, and
/// the hash.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Hashed(String);

impl Hashed {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Hashed> for String {
    fn from(hashed: Hashed) -> String {
        hashed.0
    }
}

impl fmt::Debug for Hashed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Hashed").finish_non_exhaustive()
    }
}

/// The names of one row.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Names {
    current: String,
    previous: Option<String>,
}

impl Names {
    /// The name by which the row is written.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// The names by which to look for the row, the current first.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.current).chain(self.previous.as_deref())
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Names").finish_non_exhaustive()
    }
}

/// The id of the key that sealed a record; `None` if it is no sealed record of this version.
fn key_of(sealed: &[u8]) -> Option<&[u8]> {
    let is_whole = sealed.len() >= TEXT + AES_256_GCM.tag_len();
    let is_known = sealed.first() == Some(&VERSION);
    if is_whole && is_known { sealed.get(1..NONCE) } else { None }
}

/// The id of the key and the hash in the text of a hash.
fn parse(hashed: &str) -> Option<([u8; KeyId::LENGTH], [u8; 32])> {
    let (id, tag) = hashed.split_once(SEPARATOR)?;
    let is_lower = !id.bytes().any(|one| one.is_ascii_uppercase());
    let mut bytes = [0; KeyId::LENGTH];
    hex::decode_to_slice(id, &mut bytes).ok().filter(|()| is_lower)?;
    let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
    Some((bytes, tag.try_into().ok()?))
}

fn text_of(key: &SealingKey, one: Use, purpose: &str, parts: &[&str]) -> String {
    let tag = hmac::sign(&hash_key(key, one, purpose), &framed(parts));
    format!("{}{SEPARATOR}{}", key.id(), URL_SAFE_NO_PAD.encode(tag))
}

fn hash_key(key: &SealingKey, one: Use, purpose: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.of_purpose(one, purpose).as_ref())
}

fn encryption(key: &SealingKey, purpose: &str) -> Option<LessSafeKey> {
    let key = key.of_purpose(Use::Sealing, purpose);
    UnboundKey::new(&AES_256_GCM, key.as_ref()).ok().map(LessSafeKey::new)
}

/// What a sealed record is bound to: how it begins, its purpose, and the rest.
fn context(head: &[u8], purpose: &str, bound_to: &[&str]) -> Vec<u8> {
    let mut context = head.to_vec();
    frame(&mut context, purpose);
    context.extend(framed(bound_to));
    context
}

/// The parts one after another, each with its length in front, so that no two lists give the same.
fn framed(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| 8 + part.len()).sum());
    for part in parts {
        frame(&mut bytes, part);
    }
    bytes
}

fn frame(bytes: &mut Vec<u8>, part: &str) {
    bytes.extend((part.len() as u64).to_be_bytes());
    bytes.extend(part.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn key(letter: char) -> SealingKey {
        SealingKey::new(&letter.to_string().repeat(64)).unwrap()
    }

    /// The keys after a rotation from `previous` to `current`.
    fn rotated(previous: char, current: char) -> Seals {
        Seals::new(key(current), Some(key(previous)))
    }

    fn first() -> Seals {
        Seals::new(key('a'), None)
    }

    const BOUND: &[&str] = &["default", "conversation 1"];
    const NOT_OPENED: Result<Vec<u8>, SealError> = Err(SealError::NotOpened);

    #[test]
    fn what_was_sealed_opens() {
        let seals = first();
        for plain in ["", "{}", &"long ".repeat(10_000)] {
            let sealed = seals.seal("call", BOUND, plain.as_bytes()).unwrap();
            assert_eq!(sealed.len(), plain.len() + 33);
            assert_eq!(seals.open("call", BOUND, &sealed).unwrap(), plain.as_bytes());
        }
        let twice: HashSet<_> =
            (0..100).map(|_| seals.seal("call", BOUND, b"the same").unwrap()).collect();
        assert_eq!(twice.len(), 100);
    }

    #[test]
    fn nothing_opens_for_another_purpose_or_bound_to_something_else() {
        let seals = first();
        let sealed = seals.seal("call", &["ab", "c"], b"secret").unwrap();
        assert!(seals.open("call", &["ab", "c"], &sealed).is_ok());
        assert_eq!(seals.open("code", &["ab", "c"], &sealed), NOT_OPENED);
        for other in [
            &["a", "bc"][..],
            &["abc"],
            &["abc", ""],
            &["", "abc"],
            &["ab", "c", ""],
            &["c", "ab"],
            &["ab"],
            &[],
        ] {
            assert_eq!(seals.open("call", other, &sealed), NOT_OPENED, "{other:?}");
        }
        assert_eq!(seals.open("callab", &["c"], &sealed), NOT_OPENED);
    }

    #[test]
    fn nothing_opens_that_was_altered() {
        let seals = rotated('z', 'a');
        let sealed = seals.seal("call", BOUND, b"secret").unwrap();
        for place in 0..sealed.len() {
            for bit in 0..8 {
                let mut altered = sealed.clone();
                altered[place] ^= 1 << bit;
                assert_eq!(seals.open("call", BOUND, &altered), NOT_OPENED, "{place} {bit}");
            }
            assert_eq!(seals.open("call", BOUND, &sealed[..place]), NOT_OPENED, "{place}");
            assert_eq!(seals.open("call", BOUND, &sealed[place + 1..]), NOT_OPENED, "{place}");
        }
        let longer = [&sealed[..], b"\0"].concat();
        assert_eq!(seals.open("call", BOUND, &longer), NOT_OPENED);
        // The id of the other key in the place of its own.
        let mut renamed = sealed.clone();
        renamed[1..NONCE].copy_from_slice(key('z').id().bytes());
        assert_eq!(seals.open("call", BOUND, &renamed), NOT_OPENED);
    }

    #[test]
    fn a_rotation_is_survived_and_two_are_not() {
        let sealed = first().seal("call", BOUND, b"secret").unwrap();
        let hashed = first().hash("code", &["123456"]);
        let once = rotated('a', 'b');
        assert_eq!(once.open("call", BOUND, &sealed).unwrap(), b"secret");
        assert!(once.is("code", &["123456"], hashed.as_str()));
        assert!(!once.is_foreign(&sealed) && !once.is_foreign_hash(hashed.as_str()));
        // New things use the current key.
        let newer = once.seal("call", BOUND, b"secret").unwrap();
        assert_eq!(first().open("call", BOUND, &newer), NOT_OPENED);
        assert!(first().is_foreign(&newer));
        assert!(Seals::new(key('b'), None).open("call", BOUND, &newer).is_ok());
        let newer = once.hash("code", &["123456"]);
        assert!(Seals::new(key('b'), None).is("code", &["123456"], newer.as_str()));
        assert!(first().is_foreign_hash(newer.as_str()));
        let twice = rotated('b', 'c');
        assert_eq!(twice.open("call", BOUND, &sealed), NOT_OPENED);
        assert!(!twice.is("code", &["123456"], hashed.as_str()));
        assert!(twice.is_foreign(&sealed) && twice.is_foreign_hash(hashed.as_str()));
    }

    #[test]
    fn a_hash_is_of_its_purpose_and_parts_only() {
        let seals = first();
        let hashed = seals.hash("code", &["ab", "c"]);
        assert_eq!(hashed.as_str().len(), 52);
        assert!(hashed.as_str().starts_with(&format!("{}.", key('a').id())));
        let is_safe = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
        assert!(hashed.as_str().chars().all(is_safe));
        assert_eq!(hashed, seals.hash("code", &["ab", "c"]));
        assert!(seals.is("code", &["ab", "c"], hashed.as_str()));
        assert!(!seals.is("name", &["ab", "c"], hashed.as_str()));
        for other in [&["a", "bc"][..], &["abc"], &["ab", "c", ""], &["ab"], &[]] {
            assert!(!seals.is("code", other, hashed.as_str()), "{other:?}");
        }
        assert!(!seals.is("code", &["ab", "c"], seals.names("code", &["ab", "c"]).current()));
    }

    #[test]
    fn a_text_that_is_not_the_hash_is_not_taken_for_it() {
        let seals = rotated('z', 'a');
        let hashed = String::from(seals.hash("code", &["123456"]));
        for place in 0..hashed.len() {
            let mut altered = hashed.clone();
            let other = if &hashed[place..=place] == "A" { "B" } else { "A" };
            altered.replace_range(place..=place, other);
            assert!(!seals.is("code", &["123456"], &altered), "{altered}");
            assert!(!seals.is("code", &["123456"], &hashed[..place]), "{place}");
        }
        let (id, tag) = hashed.split_once('.').unwrap();
        for other in [
            String::new(),
            ".".to_owned(),
            tag.to_owned(),
            format!("{hashed}="),
            format!(" {hashed}"),
            format!("{}.{tag}", id.to_uppercase()),
            format!("{}.{tag}", key('z').id()),
            format!("{id}.{tag}."),
        ] {
            assert!(!seals.is("code", &["123456"], &other), "{other}");
        }
        // There is one text of each hash. The last character of it has two bits that do not count.
        let mut twin = hashed.clone();
        let last = twin.pop().unwrap();
        twin.push(char::from(last as u8 + 1));
        assert!(!seals.is("code", &["123456"], &twin), "{twin}");
    }

    #[test]
    fn a_row_is_found_under_its_older_name_too() {
        let before = first().names("visitor", &["maren.quist@northwind.example"]);
        assert_eq!(before.all().collect::<Vec<_>>(), [before.current()]);
        let after = rotated('a', 'b').names("visitor", &["maren.quist@northwind.example"]);
        let all: Vec<_> = after.all().collect();
        assert_eq!(all, [after.current(), before.current()]);
        assert_ne!(all[0], all[1]);
        let twice = rotated('b', 'c').names("visitor", &["maren.quist@northwind.example"]);
        assert!(twice.all().all(|name| name != before.current()));
        assert_ne!(before, first().names("code", &["maren.quist@northwind.example"]));
        assert_ne!(first().names("x", &["ab", "c"]), first().names("x", &["a", "bc"]));
    }

    #[test]
    fn a_rotation_to_the_same_secret_is_none() {
        let seals = rotated('a', 'a');
        assert_eq!(seals.names("x", &["y"]).all().count(), 1);
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let seals = rotated('z', 'a');
        let hashed = seals.hash("code", &["1"]);
        let names = seals.names("code", &["1"]);
        assert_eq!(format!("{hashed:?} {names:?}"), "Hashed(..) Names { .. }");
        assert!(!format!("{seals:?}").contains("aaa"));
    }

    /// What earlier versions wrote opens for as long as it lives.
    #[test]
    fn the_forms_do_not_change() {
        let hashed = first().hash("code", &["default", "123456"]);
        assert_eq!(hashed.as_str(), "0f726672.qtmrABlXH5k6fwZltFaT1DG01YKz9r4yNksNFwgEgJg");
        assert_eq!(
            first().names("code", &["default", "123456"]).current(),
            "0f726672.IkfrZTxDdd7uG4QbcXiHLWClbnT0FlJ4vkQeAglkGeA"
        );
        let sealed = hex::decode(
            "010f726672000102030405060708090a0b8c9aaa78937f5ca6e94413b3bb865228f252dcb1aef4",
        )
        .unwrap();
        assert_eq!(first().open("call", BOUND, &sealed).unwrap(), b"secret");
    }

    proptest! {
        #[test]
        fn opening_never_panics(
            mut sealed in proptest::collection::vec(any::<u8>(), 0..80),
            begins_well in any::<bool>(),
        ) {
            let seals = rotated('z', 'a');
            if begins_well && sealed.len() >= NONCE {
                sealed[0] = VERSION;
                sealed[1..NONCE].copy_from_slice(key('a').id().bytes());
            }
            prop_assert_eq!(seals.open("call", BOUND, &sealed), NOT_OPENED);
        }

        #[test]
        fn comparing_never_panics(text in "\\PC*", tag in "[0-9a-f.]{0,12}[A-Za-z0-9_.-]{0,44}") {
            let seals = rotated('z', 'a');
            prop_assert!(!seals.is("code", &["123456"], &text));
            prop_assert!(!seals.is("code", &["123456"], &tag));
            let ours = format!("{}.{tag}", key('a').id());
            prop_assert!(!seals.is("code", &["123456"], &ours));
        }

        #[test]
        fn whatever_is_sealed_opens(
            plain in proptest::collection::vec(any::<u8>(), 0..200),
            purpose in "\\PC*",
            bound in proptest::collection::vec("\\PC*", 0..4),
        ) {
            let bound: Vec<&str> = bound.iter().map(String::as_str).collect();
            let sealed = first().seal(&purpose, &bound, &plain).unwrap();
            prop_assert_eq!(rotated('a', 'b').open(&purpose, &bound, &sealed).unwrap(), plain);
        }
    }
}
