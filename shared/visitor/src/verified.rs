//! Tokens whose signature has been found to be right. A chat sends the same one many times.

use std::num::NonZeroUsize;

use lru::LruCache;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

/// How many are remembered. Those that were used last are kept.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

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

/// Which tokens were right, each with the key, the algorithm and the audience that it was checked with.
/// Only hashes are kept, and nothing that depends on the time.
pub(crate) struct Verified(Mutex<LruCache<Mark, ()>>);

impl Default for Verified {
    fn default() -> Verified {
        Verified(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

impl Verified {
    pub(crate) fn has(&self, mark: &Mark) -> bool {
        self.0.lock().get(mark).is_some()
    }

    pub(crate) fn note(&self, mark: Mark) {
        self.0.lock().put(mark, ());
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
        let verified = Verified::default();
        verified.note(marks[0]);
        assert!(verified.has(&marks[0]) && !verified.has(&marks[1]));
    }
}
