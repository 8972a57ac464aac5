//! Characters as people type and paste them.

/// The value of a decimal digit of any script, such as `７` and `٧`.
pub(crate) fn digit(one: char) -> Option<u8> {
    let place = u32::from(one);
    let zero = ZEROS.partition_point(|zero| *zero <= place).checked_sub(1)?;
    let value = place - ZEROS.get(zero)?;
    u8::try_from(value).ok().filter(|value| *value < 10)
}

/// Whether a character has no width, such as those that come along when something is copied from a
/// web page or a mail.
pub(crate) fn is_unseen(one: char) -> bool {
    matches!(
        one,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e01ef}'
    )
}

/// Whether a character is a hyphen, a dash or a minus.
pub(crate) fn is_dash(one: char) -> bool {
    matches!(one, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}

/// The zeros of Unicode 17 (general category Nd). The other nine digits follow each of them.
const ZEROS: [u32; 77] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66,
    0xde6, 0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
    0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
    0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0,
    0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50,
    0x11da0, 0x11de0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce,
    0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_all_scripts_have_their_value() {
        for (text, value) in [("0٠۰०０𝟎𝟘🯰", 0), ("7٧۷७７𝟕𝟟🯷", 7), ("9٩۹९９𝟗𝟡🯹", 9)]
        {
            for one in text.chars() {
                assert_eq!(digit(one), Some(value), "{one}");
            }
        }
        for one in "²½Ⅷ八①⓪a-/:٪\u{0}\u{10ffff}".chars() {
            assert_eq!(digit(one), None, "{one}");
        }
    }

    #[test]
    fn the_zeros_are_in_order_and_digits() {
        assert!(ZEROS.is_sorted_by(|one, next| one + 10 <= *next));
        let unknown = |zero: &&u32| !char::from_u32(**zero).is_some_and(char::is_numeric);
        assert_eq!(ZEROS.iter().filter(unknown).collect::<Vec<_>>(), [&0; 0]);
    }
}
