//! Numbers and words that look random and are the same in every run.

/// A generator of numbers (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// The numbers that follow from this one.
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.roll() % end.max(1) as u64) as usize
    }

    /// Whether something happens that happens so many times in a hundred.
    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several, of which there must be one.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A word of no language, which nobody says by accident.
    pub(super) fn word(&mut self) -> String {
        let letters = (0..4).flat_map(|_| [*self.pick(b"bdfgklmnprstvz"), *self.pick(b"aeiou")]);
        letters.map(char::from).collect()
    }

    /// Such words.
    pub(super) fn words(&mut self, count: usize) -> String {
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    /// Such a word as a name.
    pub(super) fn name(&mut self) -> String {
        let word = self.word();
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    }

    /// A phone number.
    pub(super) fn phone(&mut self) -> String {
        format!("+47 {}", 20_000_000 + self.below(70_000_000))
    }
}
