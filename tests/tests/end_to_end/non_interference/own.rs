//! What is visitor A's. Both organizations have these rows, with the same ids, numbers and times.

use crm::case::SENDER_NOT_VERIFIED;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::maker::{Customer, IMANI, Maker, Party, Person, TEO, Table, Whose};

/// Visitor A.
pub(super) const EMAIL: &str = "anna.berg@fjordline.example";
pub(super) const FIRST: &str = "Anna";
pub(super) const LAST: &str = "Berg";
pub(super) const PHONE: &str = "+47 22109384";

/// A's company. Its name stands in A's cases. All else of it is not A's.
pub(super) const COMPANY: &str = "Fjordline Freight";
pub(super) const WEBSITE: &str = "https://fjordline.example";

/// A colleague who stands in A's mails, by name. All else is not A's.
pub(super) const COLLEAGUE: [&str; 2] = ["Jonas", "Lindqvist"];
pub(super) const COLLEAGUES_EMAIL: &str = "jonas.lindqvist@fjordline.example";

/// What the subject of a note begins with that A may read.
pub(super) const MARK: &str = "Public:";

/// The ids of these two rows.
pub(super) const COMPANYS_ID: &str = "00015eed-0000-4000-8000-c00000000001";
pub(super) const COLLEAGUES_ID: &str = "00025eed-0000-4000-8000-c00000000002";

/// What is A's.
pub(super) struct Own {
    pub(super) maker: Maker,
    /// The contact that A is.
    pub(super) contact: String,
    pub(super) cases: Vec<String>,
    pub(super) mails: Vec<String>,
    /// The subjects of A's cases and the names of A's deals, which others have, too.
    pub(super) subjects: Vec<String>,
    pub(super) deal_names: Vec<String>,
}

impl Own {
    /// A's rows. Where A is two contacts, both have the address.
    pub(super) fn new(seed: u64, base: Timestamp, is_twice: bool) -> Own {
        let mut maker = Maker::new(Whose::Own, seed, base);
        let anna = Person {
            first: FIRST,
            last: LAST,
            email: EMAIL,
            phone: PHONE,
            company: Some(COMPANYS_ID),
        };
        let contact = maker.contact(&anna, 300, json!({}));
        let cases = cases(&mut maker, &contact);
        deals(&mut maker, &contact);
        maker.lead(json!({"emailaddress1": EMAIL}));
        let mails = mails(&mut maker, &contact, &cases);
        other_activities(&mut maker, &contact, &cases);
        for (case, days) in [(&cases[0], 1), (&cases[5], 7)] {
            let heading = format!("{MARK} {}", maker.dice.words(2));
            maker.note((Table::Case, case), days, json!({"subject": heading}));
        }
        if is_twice {
            let phone = maker.dice.phone();
            let private = Person { phone: &phone, company: None, ..anna };
            let second = maker.contact(&private, 120, json!({}));
            maker.case(&Customer::Contact(&second), 14, json!({}));
        }
        let texts = |table: Table, column: &str| {
            let rows = maker.rows.iter().filter(|(of, _)| *of == table);
            rows.filter_map(|(_, row)| row[column].as_str()).map(str::to_owned).collect()
        };
        let (subjects, deal_names) = (texts(Table::Case, "title"), texts(Table::Deal, "name"));
        Own { contact, cases, mails, subjects, deal_names, maker }
    }

    /// Everything that stands in A's rows, or by name in them.
    pub(super) fn known(&self) -> Vec<Value> {
        let rows = self.maker.rows.iter().map(|(_, row)| row.clone());
        let names =
            json!([COMPANY, WEBSITE, COMPANYS_ID, COLLEAGUE, COLLEAGUES_EMAIL, COLLEAGUES_ID,]);
        rows.chain([names]).collect()
    }
}

/// More open ones than a list shows by default, and some that are closed.
fn cases(maker: &mut Maker, contact: &str) -> Vec<String> {
    let (at_work, private) = (Customer::Person(COMPANYS_ID, contact), Customer::Contact(contact));
    let from_a_chat = format!("{SENDER_NOT_VERIFIED}\n{}", maker.dice.words(5));
    let all = [
        (&at_work, 2, json!({"prioritycode": 1})),
        (&private, 5, json!({})),
        (&at_work, 40, json!({"statecode": 1, "statuscode": 5})),
        (&private, 60, json!({"statecode": 2, "statuscode": 6})),
        (&private, 9, json!({"prioritycode": 3, "description": from_a_chat})),
        (&at_work, 21, json!({"statuscode": 2})),
        (&private, 33, json!({"casetypecode": 1})),
        (&private, 90, json!({"statecode": 1, "statuscode": 1000})),
        (&at_work, 12, json!({"statuscode": 3})),
        (&private, 150, json!({})),
        (&at_work, 170, json!({"casetypecode": 3})),
    ];
    let cases = all.into_iter().map(|(customer, days, more)| maker.case(customer, days, more));
    cases.collect()
}

fn deals(maker: &mut Maker, contact: &str) {
    let (at_work, private) = (Customer::Person(COMPANYS_ID, contact), Customer::Contact(contact));
    let closed = |maker: &Maker, state: i64, status: i64, days: i64| {
        let day = maker.day(-days);
        json!({
            "statecode": state, "statuscode": status, "actualclosedate": day, "actualvalue": 4200,
        })
    };
    maker.deal(&at_work, 3, json!({}));
    let with_lines = maker.deal(&private, 8, json!({}));
    maker.line(&with_lines, 1);
    maker.line(&with_lines, 2);
    let (won, lost) = (closed(maker, 1, 3, 30), closed(maker, 2, 5, 50));
    maker.deal(&at_work, 80, won);
    maker.deal(&private, 100, lost);
    maker.deal(&at_work, 15, json!({"statuscode": 2}));
    maker.deal(&private, 25, json!({}));
}

fn mails(maker: &mut Maker, contact: &str, cases: &[String]) -> Vec<String> {
    let (anna, us) = (Party::Contact(contact), Party::User(TEO));
    let colleague = Party::Contact(COLLEAGUES_ID);
    let received = || json!({"directioncode": false, "statuscode": 4});
    let about = Some((Table::Case, cases[0].as_str()));
    let other = Some((Table::Case, cases[2].as_str()));
    vec![
        maker.activity(Table::Email, &[(1, anna), (2, us)], about, 2, received()),
        maker.activity(Table::Email, &[(1, us), (2, anna), (3, colleague)], about, 1, json!({})),
        maker.activity(Table::Email, &[(1, us), (2, anna)], other, 38, json!({})),
        maker.activity(Table::Email, &[(1, colleague), (2, us), (3, anna)], None, 17, received()),
        maker.activity(
            Table::Email,
            &[(1, us), (2, anna)],
            Some((Table::Contact, contact)),
            70,
            json!({}),
        ),
        maker.activity(Table::Email, &[(1, anna), (2, us)], None, 110, received()),
    ]
}

fn other_activities(maker: &mut Maker, contact: &str, cases: &[String]) {
    let (anna, us) = (Party::Contact(contact), Party::User(IMANI));
    let about = |place: usize| Some((Table::Case, cases[place].as_str()));
    maker.activity(
        Table::Call,
        &[(1, us), (2, anna)],
        Some((Table::Contact, contact)),
        6,
        json!({}),
    );
    let received = json!({"directioncode": false, "statuscode": 4});
    maker.activity(Table::Call, &[(1, anna), (2, us)], about(1), 4, received);
    // An open task keeps the case from being closed.
    maker.activity(Table::Task, &[], about(5), 3, json!({}));
    let colleague = Party::Contact(COLLEAGUES_ID);
    let meeting: &[_] = &[(7, us), (5, anna), (6, colleague)];
    maker.activity(Table::Meeting, meeting, Some((Table::Contact, contact)), -4, json!({}));
    maker.activity(Table::Meeting, &meeting[..2], about(8), -9, json!({}));
    let held = json!({"statecode": 1, "statuscode": 3});
    maker.activity(Table::Meeting, &meeting[..2], None, 45, held);
}
