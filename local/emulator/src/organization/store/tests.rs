use super::{Row, Store};
use crate::data::Value;
use crate::data::{Metadata, Table};
use uuid::Uuid;

fn table(name: &str) -> &'static Table {
    Metadata::get().table(name).unwrap()
}

fn contact(number: u128, email: &str) -> Row {
    let mut row = Row::new(table("contact"), Uuid::from_u128(number));
    assert!(row.set_value("emailaddress1", Value::text(email)));
    row
}

fn by_email(store: &Store, email: &str) -> Vec<Uuid> {
    let contact = table("contact");
    let column = contact.column("emailaddress1").unwrap().id;
    store.ids_by_index(contact, column, &Value::text(email)).unwrap()
}

#[test]
fn indexes_follow_every_change() {
    let mut store = Store::new();
    let row = store.insert(contact(1, "Zoë@x.example")).unwrap();
    assert_eq!(by_email(&store, "ZOE@x.example"), [row.id]);
    store.update(row.reference(), |row| {
        row.set_value("emailaddress1", Value::text("other@x.example"));
    });
    assert!(by_email(&store, "zoe@x.example").is_empty());
    assert_eq!(by_email(&store, "other@x.example"), [row.id]);
    store.delete(row.reference()).unwrap();
    assert!(by_email(&store, "other@x.example").is_empty());
}

#[test]
fn a_failed_transaction_leaves_nothing_behind() {
    let mut store = Store::new();
    let kept = store.insert(contact(1, "a@x.example")).unwrap();
    let gone = store.insert(contact(2, "b@x.example")).unwrap();
    let failed: Result<(), ()> = store.transaction(|store| {
        store.insert(contact(3, "c@x.example")).unwrap();
        store.update(kept.reference(), |row| {
            row.set_value("emailaddress1", Value::text("changed@x.example"));
        });
        store.delete(gone.reference());
        store.link("some_association", Uuid::from_u128(1), Uuid::from_u128(2));
        let inner: Result<(), ()> = store.transaction(|store| {
            store.insert(contact(4, "d@x.example")).unwrap();
            Ok(())
        });
        inner.unwrap();
        Err(())
    });
    assert_eq!(failed, Err(()));
    assert_eq!(store.len(table("contact")), 2);
    assert_eq!(**store.follow(kept.reference()).unwrap(), *kept);
    assert_eq!(by_email(&store, "a@x.example"), [kept.id]);
    assert_eq!(by_email(&store, "b@x.example"), [gone.id]);
    for email in ["c@x.example", "d@x.example", "changed@x.example"] {
        assert!(by_email(&store, email).is_empty(), "{email}");
    }
    assert!(store.linked("some_association", Uuid::from_u128(1)).is_empty());
}

#[test]
fn activities_share_one_space_of_keys_and_are_read_through_their_base() {
    let mut store = Store::new();
    let id = Uuid::from_u128(7);
    let mut call = Row::new(table("phonecall"), id);
    call.set_value("subject", Value::text("Intro call"));
    store.insert(call).unwrap();
    assert!(store.insert(Row::new(table("task"), id)).is_err());
    let pointer = table("activitypointer");
    let found = store.get(pointer, id).unwrap();
    assert_eq!(found.get(pointer.column("subject").unwrap().id), &Value::text("Intro call"));
    assert_eq!(found.value("activitytypecode"), &Value::text("phonecall"));
    store.insert(Row::new(table("task"), Uuid::from_u128(3))).unwrap();
    let ids: Vec<u128> = store.scan(pointer, None).map(|row| row.id.as_u128()).collect();
    assert_eq!(ids, [3, 7]);
}

#[test]
fn versions_only_grow() {
    let mut store = Store::new();
    let first = store.insert(contact(1, "a@x.example")).unwrap();
    let second = store.update(first.reference(), |_| {}).unwrap();
    assert!(second.version() > first.version());
    assert_eq!(second.etag(), format!("W/\"{}\"", second.version()));
    let number = i64::try_from(second.version()).unwrap();
    assert_eq!(second.value("versionnumber"), &Value::BigInteger(number));
}

#[test]
fn an_index_finds_one_of_many_without_visiting_the_others() {
    let mut store = Store::new();
    for number in 0..1000 {
        store.insert(contact(number, &format!("person{number}@x.example"))).unwrap();
    }
    let before = store.visited();
    let ids = by_email(&store, "PERSON500@x.example");
    assert_eq!(ids, [Uuid::from_u128(500)]);
    assert_eq!(store.visited(), before);
    let column = table("contact").column("emailaddress1").unwrap().id;
    assert_eq!(store.ids_by_prefix(table("contact"), column, "Person99").unwrap().len(), 11);
}
