//! Tests that reads use an index. They count rows, not milliseconds.

use std::sync::{Arc, LazyLock};

use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use uuid::Uuid;

use super::sample;
use crate::data::well_known::APPLICATION_USER_ID;
use crate::data::{Metadata, Reference, Table, Value};
use crate::message::{ApiRequest, ApiResponse};
use crate::organization::{Apps, Caller, Moment, Privileges, Role, Row, Store};
use crate::query::reader::Reader;
use crate::query::resource;
use crate::query::resource::Resource;

const ROWS: u128 = 100_000;

fn the(name: &str) -> &'static Table {
    Metadata::get().table(name).unwrap()
}

fn person(number: u128) -> Uuid {
    Uuid::from_u128(0x1000_0000 + number)
}

fn time(text: &str) -> Value {
    Value::DateTime(text.parse().unwrap())
}

/// The sample data, and 100,000 contacts with a case, a phone call and a party each.
static LARGE: LazyLock<Store> = LazyLock::new(|| {
    let mut store = sample::store();
    for number in 0..ROWS {
        let customer = Value::Reference(Reference { table: the("contact").id, id: person(number) });
        let mut contact = Row::new(the("contact"), person(number));
        contact.set_value("emailaddress1", Value::text(format!("person{number}@large.example")));
        contact.set_value("fullname", Value::text(format!("Person {number}")));
        contact.set_value("statecode", Value::Integer(0));
        store.insert(contact).unwrap();

        let mut case = Row::new(the("incident"), Uuid::from_u128(0x2000_0000 + number));
        case.set_value("title", Value::text(format!("Case {number}")));
        case.set_value("ticketnumber", Value::text(format!("CAS-{number:06}")));
        case.set_value("_customerid_value", customer.clone());
        case.set_value("statecode", Value::Integer(0));
        store.insert(case).unwrap();

        let call = Uuid::from_u128(0x3000_0000 + number);
        let mut row = Row::new(the("phonecall"), call);
        row.set_value("subject", Value::text(format!("Call {number}")));
        row.set_value("_regardingobjectid_value", customer.clone());
        row.set_value("scheduledstart", time("2025-10-14T09:30:00Z"));
        row.set_value("scheduledend", time("2025-10-14T10:30:00Z"));
        store.insert(row).unwrap();

        let mut party = Row::new(the("activityparty"), Uuid::from_u128(0x4000_0000 + number));
        party.set_value("_partyid_value", customer);
        party.set_value("participationtypemask", Value::Integer(2));
        party.set_value(
            "_activityid_value",
            Value::Reference(Reference { table: the("phonecall").id, id: call }),
        );
        store.insert(party).unwrap();
    }
    store
});

fn get(store: &Store, path: &str, query: &str) -> ApiResponse {
    let caller = Caller {
        user: APPLICATION_USER_ID,
        privileges: Arc::new(Privileges::of_roles(&[Role::SystemAdministrator])),
    };
    let request = ApiRequest {
        method: Method::GET,
        path: path.to_owned(),
        query: (!query.is_empty()).then(|| query.to_owned()),
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
        base: "http://localhost/api/data/v9.2/".to_owned(),
    };
    let moment = Moment {
        now: Timestamp::now(),
        user: caller.user,
        business_unit: Uuid::nil(),
        apps: Apps::ALL,
        habits: Default::default(),
    };
    let Ok(Resource::Rows(path)) = resource::parse(path) else { panic!("{path}") };
    Reader::new(store, &caller, &request, moment).and_then(|reader| reader.get(&path)).unwrap()
}

/// The number of rows in an answer, and the number of rows that were visited for it.
fn visits(store: &Store, path: &str, query: &str) -> (usize, u64) {
    let before = store.visited();
    let response = get(store, path, query);
    let visited = store.visited() - before;
    assert_eq!(response.status, StatusCode::OK);
    let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    (body["value"].as_array().map_or(1, Vec::len), visited)
}

/// There is only one test, so that nothing else visits rows at the same time.
#[test]
fn a_hundred_thousand_rows_are_not_scanned() {
    let store = &*LARGE;
    let id = person(77_777);
    for (path, query) in [
        (format!("contacts({id})"), String::new()),
        ("contacts".into(), format!("$filter=contactid eq {id}")),
        ("contacts".into(), "$filter=emailaddress1 eq 'PERSON77777@large.example'".into()),
        (
            "contacts".into(),
            "$filter=statecode eq 0 and (fullname eq 'Person 5' or emailaddress1 eq 'Person 5')"
                .into(),
        ),
        ("contacts".into(), "$filter=startswith(fullname,'Person 7777')&$top=1".into()),
        ("incidents".into(), format!("$filter=_customerid_value eq {id} and statecode eq 0")),
        (
            "incidents".into(),
            "$filter=customerid_contact/emailaddress1 eq 'person77777@large.example'".into(),
        ),
        ("incidents".into(), format!("$filter=customerid_contact/contactid eq {id}")),
        ("incidents".into(), "$filter=ticketnumber eq 'cas-077777'".into()),
        (
            "incidents".into(),
            "$filter=Microsoft.Dynamics.CRM.In(PropertyName='ticketnumber',PropertyValues=[\"CAS-077777\"])"
                .into(),
        ),
        ("phonecalls".into(), format!("$filter=regardingobjectid_contact/contactid eq {id}")),
        ("activitypointers".into(), format!("$filter=_regardingobjectid_value eq {id}")),
        (
            "activitypointers".into(),
            format!("$filter=activitypointer_activity_parties/any(p: p/_partyid_value eq {id})"),
        ),
        (
            "activitypointers".into(),
            "$filter=activitypointer_activity_parties/any(p:p/partyid_contact/emailaddress1 eq \
             'person77777@large.example')&$orderby=createdon desc&$top=5"
                .into(),
        ),
        (
            "phonecalls".into(),
            "$filter=phonecall_activity_parties/any(p:p/partyid_contact/emailaddress1 eq \
             'person77777@large.example' and p/participationtypemask eq 2) and \
             scheduledstart lt 2025-10-14T12:00:00Z and scheduledend gt 2025-10-14T09:00:00Z"
                .into(),
        ),
        (
            "contacts".into(),
            "$filter=incident_customer_contacts/any(c:c/ticketnumber eq 'CAS-077777')".into(),
        ),
        (format!("contacts({id})/incident_customer_contacts"), "$filter=statecode eq 0".into()),
        (format!("contacts({id})/Contact_ActivityPointers"), "$orderby=createdon desc".into()),
        (
            "contacts".into(),
            "$filter=emailaddress1 eq 'person77777@large.example'\
             &$expand=incident_customer_contacts($filter=statecode eq 0;$orderby=createdon desc;$top=5),\
             Contact_ActivityPointers($select=subject),contact_activity_parties"
                .into(),
        ),
    ] {
        let (rows, visited) = visits(store, &path, &query.replace(' ', "%20"));
        assert_eq!(rows, 1, "{path}?{query}");
        assert!(visited < 60, "{path}?{query} looked at {visited} rows");
    }

    // A page of everything visits only the rows of the page. So does the next page.
    let (rows, visited) = visits(store, "contacts", "$select=fullname&$top=50");
    assert_eq!((rows, visited < 100), (50, true));
    // A scan is counted as one, so the counter works.
    let (rows, visited) = visits(store, "contacts", "$filter=contains(fullname,'n%2077777')");
    assert_eq!((rows, visited >= 100_000), (1, true));
}
