//! Names of tables, columns and navigation properties.

use std::borrow::Cow;
use std::fmt;

/// The name of a column, a navigation property, an entity set or an operation.
///
/// A name is either written in the source (`From<&'static str>`) or checked by [`Name::parse`], so
/// it can go into a URL as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Cow<'static, str>);

/// The text is not a Dataverse name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a name consists of letters, digits and underscores and does not start with a digit")]
pub struct InvalidName;

impl Name {
    /// Takes a name that is known only at run time, such as a custom column's.
    pub fn parse(text: &str) -> Result<Name, InvalidName> {
        let mut characters = text.chars();
        let starts_well =
            characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
        let goes_on_well = characters.all(|next| next.is_ascii_alphanumeric() || next == '_');
        if starts_well && goes_on_well && text.len() <= 128 {
            Ok(Name(Cow::Owned(text.to_owned())))
        } else {
            Err(InvalidName)
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for Name {
    fn from(name: &'static str) -> Name {
        Name(Cow::Borrowed(name))
    }
}

impl From<Name> for Cow<'static, str> {
    fn from(name: Name) -> Cow<'static, str> {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A table: its name, its name in URLs, and the column of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Table {
    /// The logical name, `incident`.
    pub logical_name: &'static str,
    /// The entity set's name, `incidents`.
    pub entity_set: &'static str,
    /// The primary key column, `incidentid`.
    pub key: &'static str,
}

/// A lookup: it is read by a column, written by a navigation property, and leads to a table. If it
/// may lead to several tables, there is a link for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The column with the id of the row that it points at, `_customerid_value`.
    pub column: &'static str,
    /// The navigation property, `customerid_contact`.
    pub navigation: &'static str,
    /// The table of the row that it points at.
    pub to: Table,
}

/// A collection of a row: the rows of another table that point at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collection {
    /// The navigation property, `incident_customer_contacts`.
    pub navigation: &'static str,
    /// The logical name of the table of its rows, `incident`.
    pub table: &'static str,
    /// The column by which its rows point back, `customerid`.
    pub from: &'static str,
    /// The column that they point at, which is the key of the row.
    pub to: &'static str,
}

/// What a navigation property leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The navigation property.
    pub(crate) name: Name,
    /// How FetchXML joins it. `None` where nobody asks in FetchXML.
    pub(crate) join: Option<Join>,
}

/// A table that is joined to another, with the two columns that are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Join {
    pub(crate) table: &'static str,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// Whether there may be several rows.
    pub(crate) is_collection: bool,
}

impl Link {
    pub(crate) fn join(self) -> Join {
        Join {
            table: self.to.logical_name,
            from: self.to.key,
            to: attribute(self.column),
            is_collection: false,
        }
    }
}

/// The logical name of a column, which FetchXML uses: `customerid` for `_customerid_value`.
pub(crate) fn attribute(column: &str) -> &str {
    column.strip_prefix('_').and_then(|rest| rest.strip_suffix("_value")).unwrap_or(column)
}

impl From<Link> for Related {
    fn from(link: Link) -> Related {
        Related { name: link.navigation.into(), join: Some(link.join()) }
    }
}

impl From<Collection> for Related {
    fn from(Collection { navigation, table, from, to }: Collection) -> Related {
        let join = Join { table, from, to, is_collection: true };
        Related { name: navigation.into(), join: Some(join) }
    }
}

impl From<Collection> for Name {
    fn from(collection: Collection) -> Name {
        collection.navigation.into()
    }
}

impl AsRef<str> for Collection {
    fn as_ref(&self) -> &str {
        self.navigation
    }
}

impl From<&'static str> for Related {
    fn from(name: &'static str) -> Related {
        Related { name: name.into(), join: None }
    }
}

impl From<Name> for Related {
    fn from(name: Name) -> Related {
        Related { name, join: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_names() {
        assert_eq!(Name::parse("new_loyaltytier").unwrap().as_str(), "new_loyaltytier");
        for text in ["", "1st", "a b", "name)", "name'", "über", "a/b", "$filter"] {
            assert_eq!(Name::parse(text), Err(InvalidName), "{text}");
        }
    }
}
