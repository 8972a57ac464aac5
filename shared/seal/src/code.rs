//! One-time codes.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use crate::characters::{digit, is_dash, is_unseen};

/// The longest text, in bytes, that is read as a code: eight digits of four bytes each, and as much
/// again between them.
const LONGEST: usize = 128;

/// Bytes from here on are not used: with them, the first digits would come more often.
const USED: u8 = 250;

/// How many digits a code has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// Six.
    Six,
    /// Eight.
    Eight,
}

impl Digits {
    fn count(self) -> usize {
        match self {
            Digits::Six => 6,
            Digits::Eight => 8,
        }
    }
}

/// No random bytes could be had from the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandomness;

/// A text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a code: a code has six or eight digits and nothing else")]
pub struct NotACode;

/// A one-time code. Nothing shows it by accident.
#[derive(Clone)]
pub struct Code(SecretString);

impl fmt::Debug for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Code").finish_non_exhaustive()
    }
}

impl Code {
    /// A new code. Each is as likely as any other.
    ///
    /// # Errors
    ///
    /// The operating system gives no random bytes.
    pub fn new(digits: Digits) -> Result<Code, NoRandomness> {
        let mut code = String::with_capacity(digits.count());
        while code.len() < digits.count() {
            let mut random = [0; 16];
            getrandom::fill(&mut random).map_err(|_| NoRandomness)?;
            let left = digits.count() - code.len();
            let used = random.into_iter().filter(|byte| *byte < USED).take(left);
            code.extend(used.map(|byte| char::from(b'0' + byte % 10)));
        }
        Ok(Code(SecretString::from(code)))
    }

    /// Reads what people type or paste: digits of any script, with spaces and hyphens between them.
    pub fn read(text: &str) -> Result<Code, NotACode> {
        if text.len() > LONGEST {
            return Err(NotACode);
        }
        let written = |one: &char| !one.is_whitespace() && !is_dash(*one) && !is_unseen(*one);
        let digits = text.chars().filter(written).map(digit);
        let code: Option<String> = digits.map(|digit| Some(char::from(b'0' + digit?))).collect();
        let code = code.ok_or(NotACode)?;
        let is_whole = [Digits::Six, Digits::Eight].iter().any(|it| it.count() == code.len());
        if is_whole { Ok(Code(SecretString::from(code))) } else { Err(NotACode) }
    }

    /// The digits, for the mail and for [`crate::Seals::hash`].
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_digit_comes_as_often_at_each_place() {
        const CODES: u32 = 20_000;
        for digits in [Digits::Six, Digits::Eight] {
            let mut counts = vec![[0_u32; 10]; digits.count()];
            for _ in 0..CODES {
                let code = Code::new(digits).unwrap();
                assert_eq!(code.expose().len(), digits.count());
                for (place, digit) in code.expose().bytes().enumerate() {
                    counts[place][usize::from(digit - b'0')] += 1;
                }
            }
            for (place, counts) in counts.iter().enumerate() {
                // Chi-squared with nine degrees of freedom: above 45 once in a million.
                let expected = f64::from(CODES) / 10.0;
                let off = |count: &u32| (f64::from(*count) - expected).powi(2) / expected;
                let chi_squared: f64 = counts.iter().map(off).sum();
                assert!(chi_squared < 45.0, "{place}: {chi_squared} {counts:?}");
            }
        }
    }

    #[test]
    fn codes_differ() {
        let codes: std::collections::HashSet<_> =
            (0..1000).map(|_| Code::new(Digits::Eight).unwrap().expose().to_owned()).collect();
        assert!(codes.len() >= 998, "{}", codes.len());
    }

    #[test]
    fn what_people_type_or_paste_is_read() {
        for text in [
            "123456",
            " 123 456\n",
            "123-456",
            "1 2 3 4 5 6",
            "123\u{2011}456",
            "123 \u{2013} 456",
            "\u{feff}123\u{200b}456\u{a0}",
            "１２３４５６",
            "１２３　４５６",
            "١٢٣٤٥٦",
            "۱۲۳۴۵۶",
            "१२३४५६",
            "𝟏𝟐𝟑𝟒𝟓𝟔",
            "12３٤56",
        ] {
            assert_eq!(Code::read(text).unwrap().expose(), "123456", "{text}");
        }
        assert_eq!(Code::read("0012 3400").unwrap().expose(), "00123400");
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "   ",
            "12345",
            "1234567",
            "123456789",
            "12345a",
            "l23456",
            "123.456",
            "123,456",
            "123456!",
            "my code is 123456",
            "+123456",
            "¹²³⁴⁵⁶",
            "①②③④⑤⑥",
            "0x1234",
            "123456 123456",
            "一二三四五六",
        ] {
            assert_eq!(Code::read(text).unwrap_err(), NotACode, "{text}");
        }
        assert!(Code::read(&format!("{}123456", " ".repeat(200))).is_err());
    }

    #[test]
    fn it_is_not_shown() {
        let code = Code::read("123456").unwrap();
        assert_eq!(format!("{code:?} {:?}", Code::read("12345x")), "Code(..) Err(NotACode)");
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_gives_digits(text in "\\PC*") {
            if let Ok(code) = Code::read(&text) {
                prop_assert!(code.expose().bytes().all(|one| one.is_ascii_digit()));
            }
        }

        #[test]
        fn every_code_is_read_back(digits in "[0-9]{6}|[0-9]{8}") {
            let spaced: Vec<_> = digits.split("").collect();
            let code = Code::read(&spaced.join(" ")).unwrap();
            prop_assert_eq!(code.expose(), digits);
        }
    }
}
