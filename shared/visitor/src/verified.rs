//! Tokens whose signature has been found to be right. A chat sends the same one many times.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::claims::Object;

/// How many are remembered. Those that were used last are kept.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(200).unwrap();

/// A hash of some parts, of which each counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mark([u8; 32]);

impl Mark {
    pub(crate) fn of(parts: &[&[u8]]) -> Mark {
        let mut hash = Sha256::new();
        for part in parts {
            // The length before each of them keeps apart lists that would look the same.
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        Mark(hash.finalize().into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a token says, and with what its signature was found to be right.
pub(crate) struct Read {
    pub(crate) header: Object,
    pub(crate) claims: Object,
    /// The key, the algorithm and the audience; `None` while nothing was.
    pub(crate) right_with: Option<Mark>,
}

/// Tokens that were right, by hashes of their texts. Nothing that depends on the time is remembered.
pub(crate) struct Verified(Mutex<LruCache<Mark, Arc<Read>>>);

impl Default for Verified {
    fn default() -> Verified {
        Verified(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

impl Verified {
    pub(crate) fn get(&self, text: &Mark) -> Option<Arc<Read>> {
        self.0.lock().get(text).cloned()
    }

    pub(crate) fn note(&self, text: Mark, read: Arc<Read>) {
        self.0.lock().put(text, read);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_counts() {
        let marks = [
            Mark::of(&[b"ab", b"c"]),
            Mark::of(&[b"a", b"bc"]),
            Mark::of(&[b"abc"]),
            Mark::of(&[b"abc", b""]),
        ];
        for (position, one) in marks.iter().enumerate() {
            assert!(marks.iter().skip(position + 1).all(|other| other != one));
        }
    }
}
