//! What calls name records by, and what they write.

use serde_json::Value;

use super::maker::Table;

/// What a text of a call may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Account,
    Case,
    Contact,
    Deal,
    Email,
    Id,
    Lead,
    Name,
    Phone,
    Text,
    /// A part of a name or a title, or a number.
    Query,
    User,
    PriceList,
    Product,
    /// A point in time.
    Moment,
    Day,
    /// The id of what waits until somebody says yes.
    Confirmation,
    /// Whatever there is.
    Any,
}

impl Kind {
    /// Those of which a [`Pool`] has a list.
    pub(super) const LISTED: [Kind; 10] = [
        Kind::Account,
        Kind::Case,
        Kind::Contact,
        Kind::Deal,
        Kind::Email,
        Kind::Id,
        Kind::Lead,
        Kind::Name,
        Kind::Phone,
        Kind::Text,
    ];

    /// What an argument of this name may be. An argument that nobody has thought of here may be
    /// anything.
    pub(super) fn of_argument(name: &str) -> Kind {
        const KINDS: &[(Kind, &[&str])] = &[
            (Kind::Confirmation, &["confirmation"]),
            (Kind::Contact, &["contact", "customer", "person"]),
            (Kind::Case, &["case", "ticket"]),
            (Kind::Deal, &["opportunity", "deal"]),
            (Kind::Account, &["account"]),
            (Kind::Lead, &["lead"]),
            (Kind::Email, &["email"]),
            (Kind::Phone, &["phone"]),
            (Kind::Product, &["product"]),
            (Kind::PriceList, &["price_list"]),
            (Kind::User, &["organizer", "owner", "attendee", "user"]),
            (Kind::Name, &["first_name", "last_name", "company"]),
            (Kind::Query, &["query", "category"]),
            (Kind::Moment, &["start", "end", "due"]),
            (Kind::Day, &["date", "until"]),
            (Kind::Text, &["subject", "text", "description", "topic", "name", "location"]),
            (Kind::Text, &["resolution", "title"]),
        ];
        let is = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        KINDS.iter().find(|(_, parts)| is(parts)).map_or(Kind::Any, |(kind, _)| *kind)
    }

    /// What names a record of this type.
    pub(super) fn of_record(record_type: &str) -> Kind {
        match record_type {
            "contact" => Kind::Contact,
            "account" => Kind::Account,
            "lead" => Kind::Lead,
            "opportunity" => Kind::Deal,
            "case" => Kind::Case,
            _ => Kind::Any,
        }
    }
}

/// Texts of one owner.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool([Vec<String>; 10]);

impl Pool {
    fn place(kind: Kind) -> Option<usize> {
        Kind::LISTED.iter().position(|listed| *listed == kind)
    }

    /// The texts of this kind.
    pub(super) fn of(&self, kind: Kind) -> &[String] {
        Pool::place(kind).map_or(&[], |place| &self.0[place])
    }

    /// Adds a text.
    pub(super) fn push(&mut self, kind: Kind, text: &str) {
        if let Some(place) = Pool::place(kind) {
            self.0[place].push(text.to_owned());
        }
    }

    /// Adds what names a row.
    pub(super) fn add(&mut self, table: Table, id: &str, row: &Value) {
        let named = match table {
            Table::Account => Kind::Account,
            Table::Contact => Kind::Contact,
            Table::Lead => Kind::Lead,
            Table::Case => Kind::Case,
            Table::Deal => Kind::Deal,
            _ => Kind::Id,
        };
        self.push(named, id);
        if named != Kind::Id {
            self.push(Kind::Id, id);
        }
        let texts: &[(Kind, &str)] = match table {
            Table::Account => &[(Kind::Account, "name"), (Kind::Name, "name")],
            Table::Contact | Table::Lead => &[
                (named, "emailaddress1"),
                (Kind::Email, "emailaddress1"),
                (Kind::Phone, "telephone1"),
                (Kind::Phone, "mobilephone"),
                (named, "lastname"),
                (Kind::Name, "lastname"),
                (Kind::Name, "firstname"),
                (Kind::Name, "companyname"),
                (Kind::Text, "jobtitle"),
                (Kind::Text, "subject"),
            ],
            Table::Case => {
                &[(Kind::Case, "ticketnumber"), (Kind::Case, "ticketnumber"), (Kind::Text, "title")]
            }
            Table::Deal => &[(Kind::Deal, "name"), (Kind::Text, "name")],
            _ => &[(Kind::Text, "subject"), (Kind::Text, "description"), (Kind::Text, "notetext")],
        };
        for (kind, column) in texts {
            if let Some(text) = row[*column].as_str() {
                self.push(*kind, text);
            }
        }
        if let (Some(first), Some(last)) = (row["firstname"].as_str(), row["lastname"].as_str()) {
            self.push(named, &format!("{first} {last}"));
        }
        if let Some(domain) = row["websiteurl"].as_str() {
            self.push(Kind::Account, domain.trim_start_matches("https://"));
        }
    }
}
