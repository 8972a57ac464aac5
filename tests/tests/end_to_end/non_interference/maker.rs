//! Makes the rows of an organization, in the form of the emulator's sample.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::dice::Dice;
use super::pool::Pool;

/// Users of the sample. The first hosts the appointments that visitors schedule.
pub(super) const ROWAN: &str = "2de92443-cdf9-511f-a2ad-4db3cb4f861d";
pub(super) const IMANI: &str = "c0f4bcaf-fb53-5afd-924f-cf1b7043101a";
pub(super) const TEO: &str = "23d28f94-e708-511a-be5e-9d37dc541a27";

const DOLLARS: &str = "3783a108-c47e-5695-971b-7f2f8086d21e";
/// A price list of the sample, a product that is in it, and the unit of both.
pub(super) const RETAIL: &str = "8366c1c0-ad9d-5c48-afff-870ed682a91f";
const PRODUCT: &str = "69de9986-a12c-5101-a4af-20510138ee2c";
const UNIT: &str = "2efb7d1f-769f-5489-a2a6-145e2990b64b";

/// The tables, in the order in which rows are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    Account,
    Contact,
    Lead,
    Case,
    Resolution,
    Deal,
    Line,
    Email,
    Call,
    Task,
    Meeting,
    Note,
    Party,
}

impl Table {
    pub(super) const ALL: [Table; 13] = [
        Table::Account,
        Table::Contact,
        Table::Lead,
        Table::Case,
        Table::Resolution,
        Table::Deal,
        Table::Line,
        Table::Email,
        Table::Call,
        Table::Task,
        Table::Meeting,
        Table::Note,
        Table::Party,
    ];

    fn names(self) -> [&'static str; 3] {
        match self {
            Table::Account => ["accounts", "account", "accountid"],
            Table::Contact => ["contacts", "contact", "contactid"],
            Table::Lead => ["leads", "lead", "leadid"],
            Table::Case => ["incidents", "incident", "incidentid"],
            Table::Resolution => ["incidentresolutions", "incidentresolution", "activityid"],
            Table::Deal => ["opportunities", "opportunity", "opportunityid"],
            Table::Line => ["opportunityproducts", "opportunityproduct", "opportunityproductid"],
            Table::Email => ["emails", "email", "activityid"],
            Table::Call => ["phonecalls", "phonecall", "activityid"],
            Table::Task => ["tasks", "task", "activityid"],
            Table::Meeting => ["appointments", "appointment", "activityid"],
            Table::Note => ["annotations", "annotation", "annotationid"],
            Table::Party => ["activityparties", "activityparty", "activitypartyid"],
        }
    }

    /// The name of its rows in an address.
    pub(super) fn set(self) -> &'static str {
        self.names()[0]
    }

    fn logical_name(self) -> &'static str {
        self.names()[1]
    }

    fn key(self) -> &'static str {
        self.names()[2]
    }
}

/// Whose rows these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Visitor A's, which both organizations have.
    Own,
    /// Those of others in the first organization.
    First,
    /// Those of others in the second organization.
    Second,
}

/// A contact.
pub(super) struct Person<'a> {
    pub(super) first: &'a str,
    pub(super) last: &'a str,
    pub(super) email: &'a str,
    pub(super) phone: &'a str,
    pub(super) company: Option<&'a str>,
}

/// The customer of a case or a deal.
pub(super) enum Customer<'a> {
    Contact(&'a str),
    Account(&'a str),
    /// An account, and the person there.
    Person(&'a str, &'a str),
}

/// Who takes part in an activity.
#[derive(Clone, Copy)]
pub(super) enum Party<'a> {
    Contact(&'a str),
    User(&'a str),
}

/// Makes rows of one owner.
pub(super) struct Maker {
    /// The rows so far.
    pub(super) rows: Vec<(Table, Value)>,
    /// What names them.
    pub(super) pool: Pool,
    pub(super) dice: Dice,
    base: Timestamp,
    whose: Whose,
    made: BTreeMap<Table, usize>,
}

fn bind(set: &str, id: &str) -> Value {
    format!("/{set}({id})").into()
}

fn user(id: &str) -> Value {
    bind("systemusers", id)
}

fn merge(row: &mut Value, more: Value) {
    if let Value::Object(more) = more {
        for (name, value) in more {
            row[name.as_str()] = value;
        }
    }
}

impl Maker {
    /// No rows yet. Times are counted from `base`.
    pub(super) fn new(whose: Whose, seed: u64, base: Timestamp) -> Maker {
        let dice = Dice::new(seed * 3 + whose as u64);
        let (rows, pool, made) = (Vec::new(), Pool::default(), BTreeMap::new());
        Maker { rows, pool, dice, base, whose, made }
    }

    /// So many days and half a day ago. Half a day, for the age in days stays the same for hours.
    pub(super) fn ago(&self, days: i64) -> String {
        (self.base - SignedDuration::from_hours(24 * days + 12)).to_string()
    }

    /// So many minutes after the beginning of the day that comes in so many days.
    pub(super) fn ahead(&self, days: i64, minutes: i64) -> String {
        let day = self.base.as_second() / 86_400 + days;
        Timestamp::from_second(day * 86_400 + minutes * 60).unwrap().to_string()
    }

    /// A day.
    pub(super) fn day(&self, days: i64) -> String {
        self.ahead(days, 0)[..10].to_owned()
    }

    /// Of the rows of others, every other id is in both organizations, with another content.
    fn new_id(&mut self, table: Table) -> String {
        let number = self.made.entry(table).or_default();
        *number += 1;
        let space = match self.whose {
            Whose::Own => 0,
            _ if number.is_multiple_of(2) => 3,
            Whose::First => 1,
            Whose::Second => 2,
        };
        let table = table as u8;
        format!("{space:02x}{table:02x}5eed-0000-4000-8000-{space:02x}{table:02x}{number:08x}")
    }

    /// Adds a row, and returns its id. `more` replaces values, also the id.
    fn put(&mut self, table: Table, mut row: Value, more: Value) -> String {
        row[table.key()] = self.new_id(table).into();
        merge(&mut row, more);
        let id = row[table.key()].as_str().unwrap().to_owned();
        self.pool.add(table, &id, &row);
        self.rows.push((table, row));
        id
    }

    pub(super) fn account(&mut self, more: Value) -> String {
        let domain = format!("{}.example", self.dice.word());
        let row = json!({
            "name": format!("{} {}", self.dice.name(), self.dice.name()),
            "websiteurl": format!("https://{domain}"), "emailaddress1": format!("info@{domain}"),
            "telephone1": self.dice.phone(), "revenue": 1_000 * self.dice.below(90_000),
            "numberofemployees": self.dice.below(900), "description": self.dice.words(6),
            "address1_city": self.dice.name(), "statecode": 0, "statuscode": 1,
            "ownerid@odata.bind": user(IMANI), "createdon": self.ago(500),
        });
        self.put(Table::Account, row, more)
    }

    pub(super) fn contact(&mut self, person: &Person<'_>, days: i64, more: Value) -> String {
        let mut row = json!({
            "firstname": person.first, "lastname": person.last, "emailaddress1": person.email,
            "telephone1": person.phone, "mobilephone": self.dice.phone(),
            "jobtitle": self.dice.words(2), "description": self.dice.words(5),
            "address1_city": self.dice.name(), "statecode": 0, "statuscode": 1,
            "ownerid@odata.bind": user(IMANI), "createdon": self.ago(days),
        });
        if let Some(company) = person.company {
            row["parentcustomerid_account@odata.bind"] = bind("accounts", company);
        }
        self.put(Table::Contact, row, more)
    }

    /// A contact of whom nothing is special.
    pub(super) fn somebody(&mut self, company: Option<&str>, more: Value) -> String {
        let (first, last) = (self.dice.name(), self.dice.name());
        let email = format!("{}@{}.example", self.dice.word(), self.dice.word());
        let (phone, days) = (self.dice.phone(), self.dice.below(400) as i64);
        let person = Person { first: &first, last: &last, email: &email, phone: &phone, company };
        self.contact(&person, days, more)
    }

    pub(super) fn lead(&mut self, more: Value) -> String {
        let row = json!({
            "firstname": self.dice.name(), "lastname": self.dice.name(),
            "companyname": format!("{} {}", self.dice.name(), self.dice.name()),
            "emailaddress1": format!("{}@{}.example", self.dice.word(), self.dice.word()),
            "telephone1": self.dice.phone(), "subject": self.dice.words(3),
            "description": self.dice.words(6), "leadsourcecode": 8, "leadqualitycode": 1,
            "statecode": 0, "statuscode": 1, "ownerid@odata.bind": user(IMANI),
            "createdon": self.ago(20),
        });
        self.put(Table::Lead, row, more)
    }

    /// A case. A resolved one has its resolution.
    pub(super) fn case(&mut self, customer: &Customer<'_>, days: i64, more: Value) -> String {
        let count = self.made.get(&Table::Case).copied().unwrap_or_default();
        let specifier = (0..3).map(|_| {
            let letter = char::from(*self.dice.pick(b"ABCDEFGHKLMNPQRSTUVWXYZ"));
            format!("{letter}{}", self.dice.below(10))
        });
        let specifier: String = specifier.collect();
        let mut row = json!({
            "title": self.dice.words(3),
            "ticketnumber": format!("CAS-{}{count:04}-{specifier}", 2 + self.whose as u8),
            "description": self.dice.words(8), "prioritycode": 2, "casetypecode": 2,
            "caseorigincode": 3, "isescalated": false, "statecode": 0, "statuscode": 1,
            "ownerid@odata.bind": user(TEO), "createdon": self.ago(days),
        });
        match customer {
            Customer::Contact(id) => row["customerid_contact@odata.bind"] = bind("contacts", id),
            Customer::Account(id) => row["customerid_account@odata.bind"] = bind("accounts", id),
            Customer::Person(account, contact) => {
                row["customerid_account@odata.bind"] = bind("accounts", account);
                row["primarycontactid@odata.bind"] = bind("contacts", contact);
            }
        }
        let is_resolved = more["statecode"] == 1;
        let case = self.put(Table::Case, row, more);
        if is_resolved {
            let end = self.ago(days.max(1) - 1);
            let resolution = json!({
                "subject": self.dice.words(2), "description": self.dice.words(6),
                "actualend": end, "createdon": end, "statecode": 1, "statuscode": 2,
                "incidentid@odata.bind": bind("incidents", &case),
                "ownerid@odata.bind": user(TEO),
            });
            self.put(Table::Resolution, resolution, json!({}));
        }
        case
    }

    pub(super) fn deal(&mut self, customer: &Customer<'_>, days: i64, more: Value) -> String {
        let mut row = json!({
            "name": self.dice.words(3), "estimatedvalue": 100 * (1 + self.dice.below(900)),
            "estimatedclosedate": self.day(90 - days), "closeprobability": self.dice.below(100),
            "opportunityratingcode": 2, "stepname": "2-Develop", "salesstage": 1,
            "isrevenuesystemcalculated": false, "description": self.dice.words(5),
            "statecode": 0, "statuscode": 1, "ownerid@odata.bind": user(IMANI),
            "pricelevelid@odata.bind": bind("pricelevels", RETAIL),
            "transactioncurrencyid@odata.bind": bind("transactioncurrencies", DOLLARS),
            "createdon": self.ago(days),
        });
        let (account, contact) = match customer {
            Customer::Contact(contact) => (None, Some(contact)),
            Customer::Account(account) => (Some(account), None),
            Customer::Person(account, contact) => (Some(account), Some(contact)),
        };
        if let Some(contact) = contact {
            row["parentcontactid@odata.bind"] = bind("contacts", contact);
        }
        match (account, contact) {
            (Some(account), _) => {
                row["parentaccountid@odata.bind"] = bind("accounts", account);
                row["customerid_account@odata.bind"] = bind("accounts", account);
            }
            (None, Some(contact)) => {
                row["customerid_contact@odata.bind"] = bind("contacts", contact)
            }
            (None, None) => {}
        }
        self.put(Table::Deal, row, more)
    }

    /// A line of a deal, about a product of the sample.
    pub(super) fn line(&mut self, deal: &str, number: usize) {
        let row = json!({
            "quantity": number, "isproductoverridden": false, "ispriceoverridden": false,
            "lineitemnumber": number, "opportunityid@odata.bind": bind("opportunities", deal),
            "productid@odata.bind": bind("products", PRODUCT), "uomid@odata.bind": bind("uoms", UNIT),
        });
        self.put(Table::Line, row, json!({}));
    }

    /// An activity: a mail that was sent, a call that was made, an open task, or a meeting that is
    /// planned.
    pub(super) fn activity(
        &mut self,
        table: Table,
        parties: &[(i64, Party<'_>)],
        about: Option<(Table, &str)>,
        days: i64,
        more: Value,
    ) -> String {
        let at = self.ago(days);
        let mut row = json!({
            "subject": self.dice.words(3), "description": self.dice.words(9), "createdon": at,
            "ownerid@odata.bind": user(IMANI),
        });
        merge(
            &mut row,
            match table {
                Table::Email => json!({
                    "directioncode": true, "statecode": 1, "statuscode": 3, "senton": at,
                    "email_activity_mime_attachment": [
                        {"filename": format!("{}.pdf", self.dice.word()), "mimetype": "application/pdf"},
                    ],
                }),
                Table::Call => json!({
                    "directioncode": true, "statecode": 1, "statuscode": 2, "actualend": at,
                    "scheduledend": at,
                }),
                Table::Task => json!({"statecode": 0, "statuscode": 2, "scheduledend": at}),
                _ => json!({
                    "statecode": 3, "statuscode": 5, "scheduledstart": self.ahead(-days, 600),
                    "scheduledend": self.ahead(-days, 630), "location": self.dice.words(2),
                }),
            },
        );
        if let Some((of, id)) = about {
            let navigation = format!(
                "regardingobjectid_{}_{}@odata.bind",
                of.logical_name(),
                table.logical_name()
            );
            row[navigation.as_str()] = bind(of.set(), id);
        }
        if !parties.is_empty() {
            // Dataverse answers with parties in the order of their keys.
            let parties = parties.iter().map(|(part, party)| {
                let key = self.new_id(Table::Party);
                let (navigation, who) = match party {
                    Party::Contact(id) => ("partyid_contact@odata.bind", bind("contacts", id)),
                    Party::User(id) => ("partyid_systemuser@odata.bind", user(id)),
                };
                json!({"activitypartyid": key, navigation: who, "participationtypemask": part})
            });
            let parties: Vec<_> = parties.collect();
            row[format!("{}_activity_parties", table.logical_name()).as_str()] = parties.into();
        }
        self.put(table, row, more)
    }

    /// One more recipient of a mail, whom the others do not see.
    pub(super) fn blind_copy(&mut self, email: &str, contact: &str) {
        let row = json!({
            "activityid_email@odata.bind": bind("emails", email), "participationtypemask": 4,
            "partyid_contact@odata.bind": bind("contacts", contact),
        });
        self.put(Table::Party, row, json!({}));
    }

    pub(super) fn note(&mut self, (on, id): (Table, &str), days: i64, more: Value) -> String {
        let navigation = format!("objectid_{}@odata.bind", on.logical_name());
        let row = json!({
            "subject": self.dice.words(2), "notetext": self.dice.words(9), "isdocument": false,
            navigation: bind(on.set(), id), "ownerid@odata.bind": user(TEO),
            "createdon": self.ago(days),
        });
        self.put(Table::Note, row, more)
    }
}
