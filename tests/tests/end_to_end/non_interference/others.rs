//! What is not visitor A's. In the two organizations, it differs in everything, and in how much there
//! is.
//!
//! What is the same: the name of A's company, the name and address of a colleague, and when the host
//! of appointments is busy. A may learn these.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::maker::{Customer, IMANI, Maker, Party, Person, ROWAN, TEO, Table, Whose};
use super::own::{
    COLLEAGUE, COLLEAGUES_EMAIL, COLLEAGUES_ID, COMPANY, COMPANYS_ID, EMAIL, FIRST, LAST, MARK,
    Own, PHONE, WEBSITE,
};
use super::scripts;

/// Addresses that Dataverse takes for A's.
pub(super) const ALIKE: [&str; 3] = [
    "anna.berg@fj\u{f6}rdline.example",
    "\u{e5}nna.berg@fjordline.example",
    "anna.b\u{e9}rg@fjordline.example",
];

/// How much there is of something.
struct Size(Whose);

impl Size {
    fn of(&self, first: usize, second: usize) -> usize {
        if self.0 == Whose::Second { second } else { first }
    }
}

/// The rows of others in this organization. Only if `has_alike`, there are people whose addresses
/// Dataverse takes for A's.
pub(super) fn of(whose: Whose, seed: u64, base: Timestamp, own: &Own, has_alike: bool) -> Maker {
    let mut maker = Maker::new(whose, seed, base);
    let size = Size(whose);
    let mut accounts = vec![company(&mut maker)];
    accounts.extend((1..size.of(40, 36)).map(|_| maker.account(json!({}))));
    near(&mut maker, own, &size);
    for number in 0..size.of(180, 156) {
        let account = maker.dice.pick(&accounts[1..]).clone();
        let company = maker.dice.percent(80).then_some(account);
        let contact = maker.somebody(company.as_deref(), json!({}));
        if number % 3 == 0 {
            life(&mut maker, own, &contact, company.as_deref());
        }
    }
    leads(&mut maker, &size);
    at_the_company(&mut maker, &size);
    around(&mut maker, own, &size);
    hosts_calendar(&mut maker);
    known_addresses(&mut maker, whose);
    if has_alike {
        for address in &ALIKE[..size.of(2, 3)] {
            alike(&mut maker, own, address);
        }
    }
    maker
}

/// A's company, of which A knows the name.
fn company(maker: &mut Maker) -> String {
    maker.account(json!({
        "accountid": COMPANYS_ID, "name": COMPANY, "websiteurl": WEBSITE,
        "primarycontactid@odata.bind": format!("/contacts({COLLEAGUES_ID})"),
    }))
}

/// People who have something in common with A.
fn near(maker: &mut Maker, own: &Own, size: &Size) {
    let mut people: Vec<(String, Option<&str>)> = Vec::new();
    let phone = maker.dice.phone();
    let [first, last] = COLLEAGUE;
    let company = Some(COMPANYS_ID);
    let colleague = Person { first, last, email: COLLEAGUES_EMAIL, phone: &phone, company };
    let id = json!({"contactid": COLLEAGUES_ID});
    people.push((maker.contact(&colleague, 200, id), company));
    for _ in 0..size.of(9, 6) {
        people.push((maker.somebody(company, json!({})), company));
    }
    // The same address, but not as the main one, which alone says who somebody is.
    for column in ["emailaddress2", "emailaddress3"].iter().take(size.of(2, 1)) {
        let (at_work, private) = (json!({*column: EMAIL}), json!({*column: EMAIL}));
        people.push((maker.somebody(company, at_work), company));
        people.push((maker.somebody(None, private), None));
    }
    let inactive = || json!({"emailaddress1": EMAIL, "statecode": 1, "statuscode": 2});
    for _ in 0..size.of(1, 2) {
        people.push((maker.somebody(company, inactive()), company));
    }
    for _ in 0..size.of(3, 2) {
        let namesake = json!({"firstname": FIRST, "lastname": LAST});
        people.push((maker.somebody(None, namesake), None));
        people.push((maker.somebody(None, json!({"telephone1": PHONE})), None));
    }
    for (contact, company) in people {
        life(maker, own, &contact, company);
    }
}

/// Somebody whose address differs from A's by an accent.
fn alike(maker: &mut Maker, own: &Own, address: &str) {
    let (phone, last) = (maker.dice.phone(), maker.dice.name());
    let person = Person { first: FIRST, last: &last, email: address, phone: &phone, company: None };
    // Nobody was changed later.
    let contact = maker.contact(&person, 0, json!({}));
    for _ in 0..2 {
        life(maker, own, &contact, None);
    }
}

/// What somebody has with us: cases, a deal, mails, calls, meetings, notes.
fn life(maker: &mut Maker, own: &Own, contact: &str, account: Option<&str>) {
    let private = Customer::Contact(contact);
    let customer = match account {
        Some(account) if maker.dice.percent(60) => Customer::Person(account, contact),
        _ => private,
    };
    let mut about = None;
    for _ in 0..1 + maker.dice.below(3) {
        let (state, status) = *maker.dice.pick(&[(0, 1), (0, 3), (0, 4), (1, 5), (2, 6)]);
        let mut more = json!({
            "prioritycode": 1 + maker.dice.below(3), "isescalated": maker.dice.percent(30),
            "statecode": state, "statuscode": status,
        });
        if maker.dice.percent(30) {
            more["title"] = maker.dice.pick(&own.subjects).as_str().into();
        }
        let days = maker.dice.below(200) as i64;
        about = Some(maker.case(&customer, days, more));
    }
    let name = maker.dice.percent(30).then(|| maker.dice.pick(&own.deal_names).clone());
    let more = name.map_or_else(|| json!({}), |name| json!({"name": name}));
    let days = maker.dice.below(80) as i64;
    let deal = maker.deal(&customer, days, more);
    let case = about.as_deref().map(|case| (Table::Case, case));
    let (them, us) = (Party::Contact(contact), Party::User(TEO));
    let received = json!({"directioncode": false, "statuscode": 4});
    let days = maker.dice.below(150) as i64;
    maker.activity(Table::Email, &[(1, them), (2, us)], case, days, received);
    maker.activity(Table::Email, &[(1, us), (2, them)], case, days + 1, json!({}));
    let person = Some((Table::Contact, contact));
    maker.activity(Table::Call, &[(1, us), (2, them)], person, days, json!({}));
    maker.activity(Table::Task, &[], case, days, json!({}));
    maker.activity(Table::Meeting, &[(7, us), (5, them)], person, -days, json!({}));
    // On a deal that is called like one of A's, and on a contact that is, too.
    for on in [Some((Table::Deal, deal.as_str())), person, case].into_iter().flatten() {
        let heading = format!("{MARK} {}", maker.dice.words(2));
        maker.note(on, days, json!({"subject": heading}));
        maker.note(on, days + 2, json!({}));
    }
}

/// Cases and deals of the company where A works that are not A's.
fn at_the_company(maker: &mut Maker, size: &Size) {
    let company = Customer::Account(COMPANYS_ID);
    for number in 0..size.of(5, 3) {
        let urgent = json!({"prioritycode": 1, "isescalated": number % 2 == 0});
        let case = maker.case(&company, number as i64, urgent);
        maker.deal(&company, number as i64, json!({}));
        let (them, us) = (Party::Contact(COLLEAGUES_ID), Party::User(TEO));
        let about = Some((Table::Case, case.as_str()));
        maker.activity(Table::Email, &[(1, us), (2, them)], about, number as i64, json!({}));
    }
}

/// Rows that point at what is A's, and that A may not see.
fn around(maker: &mut Maker, own: &Own, size: &Size) {
    let anna = Party::Contact(&own.contact);
    let (them, us) = (Party::Contact(COLLEAGUES_ID), Party::User(TEO));
    let person = Some((Table::Contact, own.contact.as_str()));
    let case = Some((Table::Case, own.cases[0].as_str()));
    for number in 0..size.of(3, 2) {
        let days = number as i64;
        // A does not take part, or nobody may know it.
        maker.activity(Table::Email, &[(1, them), (2, us)], case, days, json!({}));
        maker.activity(Table::Email, &[(1, us), (2, them)], person, days, json!({}));
        maker.activity(Table::Email, &[(1, us), (2, them), (4, anna)], case, days, json!({}));
        maker.activity(Table::Call, &[(1, us)], person, days, json!({}));
        maker.activity(Table::Meeting, &[(7, us), (5, them)], person, -days, json!({}));
        // It has not taken place, or was not sent. On a case it would keep the case open.
        let draft = json!({"statecode": 0, "statuscode": 1, "senton": Value::Null});
        maker.activity(Table::Email, &[(1, us), (2, anna)], person, days, draft);
        let planned = json!({"statecode": 0, "statuscode": 1, "actualend": Value::Null});
        maker.activity(Table::Call, &[(1, us), (2, anna)], person, days, planned);
        // Of the staff alone.
        maker.activity(Table::Task, &[], person, days, json!({}));
        let done = json!({"statecode": 1, "statuscode": 5});
        maker.activity(Table::Task, &[], case, days, done);
        maker.note((Table::Contact, &own.contact), days, json!({}));
        maker.note((Table::Case, &own.cases[0]), days, json!({}));
        let hidden = maker.somebody(None, json!({}));
        maker.blind_copy(&own.mails[0], &hidden);
    }
}

fn leads(maker: &mut Maker, size: &Size) {
    for _ in 0..size.of(40, 31) {
        maker.lead(json!({}));
    }
    let state = if size.0 == Whose::Second { (2, 4) } else { (0, 1) };
    for number in 0..size.of(2, 1) {
        let mut lead = json!({"statecode": state.0, "statuscode": state.1});
        if number == 0 {
            lead["emailaddress1"] = EMAIL.into();
        } else {
            merge_name(&mut lead);
        }
        maker.lead(lead);
    }
}

fn merge_name(lead: &mut Value) {
    lead["firstname"] = FIRST.into();
    lead["lastname"] = LAST.into();
    lead["companyname"] = COMPANY.into();
}

/// When the host of appointments is busy, which is the same in both organizations; with whom and why
/// is not.
fn hosts_calendar(maker: &mut Maker) {
    let host = json!(format!("/systemusers({ROWAN})"));
    for (days, minutes) in BUSY {
        let them = maker.somebody(None, json!({}));
        let times = json!({
            "scheduledstart": maker.ahead(days, minutes),
            "scheduledend": maker.ahead(days, minutes + 60), "ownerid@odata.bind": host,
        });
        let parties = [(7, Party::User(ROWAN)), (5, Party::Contact(&them))];
        maker.activity(Table::Meeting, &parties, None, 1, times);
    }
    // The calendars of others are nobody's business.
    for days in 0..10 {
        let them = maker.somebody(None, json!({}));
        let minutes = 15 * maker.dice.below(60) as i64;
        let times = json!({
            "scheduledstart": maker.ahead(days, minutes),
            "scheduledend": maker.ahead(days, minutes + 45),
        });
        let parties = [(7, Party::User(IMANI)), (5, Party::Contact(&them))];
        maker.activity(Table::Meeting, &parties, None, 1, times);
    }
}

/// Days from now, and minutes from midnight.
pub(super) const BUSY: [(i64, i64); 4] = [(3, 540), (3, 660), (5, 600), (8, 840)];

/// The addresses that [`scripts`] call with, as far as rows have them from the start.
fn known_addresses(maker: &mut Maker, whose: Whose) {
    let address = |place: usize| json!({"emailaddress1": scripts::ADDRESSES[place]});
    if whose == Whose::Second {
        maker.lead(address(scripts::LEAD_IN_SECOND));
        maker.somebody(None, json!({"emailaddress2": scripts::ADDRESSES[scripts::SECOND_ADDRESS]}));
    } else {
        maker.somebody(None, address(scripts::CONTACT_IN_FIRST));
        maker.somebody(None, json!({"telephone1": scripts::NUMBER_IN_FIRST}));
        maker.lead(address(scripts::LEAD_IN_FIRST));
        maker.lead(address(scripts::LONG_TEXT));
    }
}
