//! The most records of a list.

use crm::figure::Figure;
use dataverse::Page;
use serde::{Deserialize, Deserializer};

/// The most records of a list: up to 25, and 5 by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    const MAXIMUM: u32 = 25;

    /// A limit of this many records, but never more than 25.
    pub const fn of(rows: u32) -> Limit {
        Limit(if rows > Limit::MAXIMUM { Limit::MAXIMUM } else { rows })
    }

    /// The number of rows to ask for. It is one more than is shown, to know whether there are more.
    pub fn rows_to_ask_for(self) -> u32 {
        self.0 + 1
    }

    /// The first rows up to the limit, and `Some(true)` if there are more.
    pub fn cut<T>(self, rows: impl IntoIterator<Item = T>) -> (Vec<T>, Option<bool>) {
        let mut rows: Vec<T> = rows.into_iter().take(self.0 as usize + 1).collect();
        let more = rows.len() > self.0 as usize;
        rows.truncate(self.0 as usize);
        (rows, more.then_some(true))
    }

    /// The records of a page as the tool shows them, and `Some(true)` if there are more.
    pub fn shown<T>(
        self,
        page: &Page,
        show: impl Fn(&dataverse::Record) -> Option<T>,
    ) -> (Vec<T>, Option<bool>) {
        self.cut(page.records.iter().filter_map(show))
    }

    /// The same for a page that may be withheld, with all of its records.
    pub fn shown_if<T>(
        self,
        page: Option<&Page>,
        show: impl Fn(&dataverse::Record) -> Option<T>,
    ) -> (Option<Vec<T>>, Option<bool>) {
        match page.map(|page| self.shown(page, show)) {
            Some((rows, more)) => (Some(rows), more),
            None => (None, None),
        }
    }
}

impl Default for Limit {
    fn default() -> Limit {
        Limit(5)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Limit, D::Error> {
        match Figure::deserialize(deserializer)?.whole() {
            Some(rows @ 1..=25) => Ok(Limit(rows as u32)),
            _ => Err(serde::de::Error::custom("must be a whole number from 1 to 25")),
        }
    }
}

crm::plain_schema!(Limit, "integer");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_twenty_five() {
        for (text, expected) in [
            ("1", Some(1)),
            ("25", Some(25)),
            ("5.0", Some(5)),
            ("\"5\"", Some(5)),
            ("0", None),
            ("26", None),
            ("2.5", None),
            ("\"many\"", None),
        ] {
            let limit = serde_json::from_str::<Limit>(text).ok();
            assert_eq!(limit.map(|limit| limit.0), expected, "{text}");
        }
    }

    #[test]
    fn one_more_than_shown_tells_whether_there_are_more() {
        assert_eq!(Limit(2).cut([1, 2, 3]), (vec![1, 2], Some(true)));
        assert_eq!(Limit(2).cut([1, 2]), (vec![1, 2], None));
    }
}
