use auth::{ConnectionId, Credentials, DatedSecret, Environment, Organization};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use state::{ConnectionCursor, FieldType, Registration, SidebarField, StateError};
use uuid::uuid;

use crate::harness::{Bench, at, call, id, now, seconds};

fn dated_secret() -> DatedSecret {
    let text = json!({
        "tenant_id": "contoso.onmicrosoft.com",
        "client_id": "22222222-2222-2222-2222-222222222222",
        "client_secret": "ETx8Q~value",
        "instance_url": "https://contoso.crm4.dynamics.com",
        "secret_expires_on": "2027-03-31",
    });
    let credentials = Credentials::parse(&text.to_string(), &Environment::default()).unwrap();
    DatedSecret::entered(&credentials)
}

pub fn connection(id: ConnectionId) -> Registration {
    Registration {
        id,
        label: Some("Zürich – O'Brien & Söhne".to_owned()),
        instance_url: "https://contoso.crm4.dynamics.com".to_owned(),
        tenant_id: "contoso.onmicrosoft.com".to_owned(),
        client_id: "22222222-2222-2222-2222-222222222222".to_owned(),
        organization: Some(Organization {
            id: Some(uuid!("33333333-3333-3333-3333-333333333333")),
            name: Some("contoso".to_owned()),
            version: Some("9.2.26103.183".to_owned()),
            region: Some("EMEA".to_owned()),
        }),
        secret: Some(dated_secret()),
        registered_at: at("2026-11-24T09:00:00.123456Z"),
        updated_at: at("2026-11-24T09:00:00.123456Z"),
    }
}

fn field(column: &str) -> SidebarField {
    SidebarField {
        table: "contact".to_owned(),
        column: column.to_owned(),
        label: "Tier".to_owned(),
        kind: FieldType::Choice,
    }
}

#[tokio::test]
async fn a_connection_is_kept_as_it_was_put() {
    let bench = Bench::start().await;
    let default = id("default");
    assert_eq!(bench.state.connection(&default).await.unwrap(), None);
    let full = connection(default.clone());
    bench.state.put_connection(&full).await.unwrap();
    assert_eq!(bench.state.connection(&default).await.unwrap(), Some(full.clone()));

    let bare = Registration { label: None, organization: None, secret: None, ..full };
    bench.state.put_connection(&bare).await.unwrap();
    assert_eq!(bench.state.connection(&default).await.unwrap(), Some(bare));
}

#[tokio::test]
async fn what_a_look_found_out_brings_back_no_connection() {
    let bench = Bench::start().await;
    let default = id("default");
    let found = connection(default.clone());
    bench.state.renew_connection(&found, &found).await.unwrap();
    assert_eq!(bench.state.connection(&default).await.unwrap(), None);

    let known = Registration { organization: None, ..found.clone() };
    bench.state.put_connection(&known).await.unwrap();
    bench.state.renew_connection(&found, &known).await.unwrap();
    assert_eq!(bench.state.connection(&default).await.unwrap(), Some(found.clone()));
    // What was found before somebody changed it does not undo the change.
    let changed = Registration { label: None, updated_at: at("2026-11-25T09:00:00Z"), ..known };
    bench.state.put_connection(&changed).await.unwrap();
    bench.state.renew_connection(&found, &found).await.unwrap();
    assert_eq!(bench.state.connection(&default).await.unwrap(), Some(changed));

    bench.state.remove_connection(&default).await.unwrap();
    bench.state.renew_connection(&found, &found).await.unwrap();
    assert_eq!(bench.state.connection(&default).await.unwrap(), None);
}

#[tokio::test]
async fn connections_are_listed_by_their_ids() {
    let bench = Bench::start().await;
    assert_eq!(bench.state.connections().await.unwrap(), []);
    for name in ["south", "north", "a-1"] {
        bench.state.put_connection(&connection(id(name))).await.unwrap();
    }
    let listed = bench.state.connections().await.unwrap();
    let ids: Vec<_> = listed.iter().map(|connection| connection.id.as_str()).collect();
    assert_eq!(ids, ["a-1", "north", "south"]);
}

/// An answer of DynamoDB ends at 1 MB, and one of the stand-in after ten rows.
#[tokio::test]
async fn all_connections_are_listed_however_many_answers_that_takes() {
    let bench = Bench::start().await;
    let many = 24;
    for number in 0..many {
        let mut connection = connection(id(&format!("c-{number:03}")));
        connection.label = Some("x".repeat(60_000));
        bench.state.put_connection(&connection).await.unwrap();
    }
    assert_eq!(bench.state.connections().await.unwrap().len(), many);
}

#[tokio::test]
async fn a_removed_connection_takes_along_what_belongs_to_it_but_its_log() {
    let bench = Bench::start().await;
    let (north, south) = (id("north"), id("south"));
    let fields = [field("jobtitle")];
    for id in [&north, &south] {
        bench.state.put_connection(&connection(id.clone())).await.unwrap();
        bench.state.put_sidebar_fields(id, &fields).await.unwrap();
        bench.state.put_health(id, crate::health::healthy()).await.unwrap();
        let until = now() + seconds(3600);
        assert!(bench.state.claim(Some(id), "secret_expired", until).await.unwrap().is_some());
        bench.state.record(id, &[call(now(), "a")]).await.unwrap();
    }
    bench.state.remove_connection(&north).await.unwrap();
    assert_eq!(bench.state.connection(&north).await.unwrap(), None);
    assert_eq!(bench.items("connection#north").await, []);
    let log = bench.state.activity(&north, &state::Filter::default(), 10, None).await.unwrap();
    assert_eq!(log.entries.len(), 1);

    assert!(bench.state.connection(&south).await.unwrap().is_some());
    assert_eq!(bench.items("connection#south").await.len(), 3);
    // Removing a connection that does not exist is no error.
    bench.state.remove_connection(&north).await.unwrap();
}

#[tokio::test]
async fn what_is_stored_while_a_connection_is_removed_goes_with_it() {
    let bench = Bench::with_faults().await;
    let north = id("north");
    bench.state.put_connection(&connection(north.clone())).await.unwrap();
    bench.straggler("connection#north", "health").await;
    bench.state.remove_connection(&north).await.unwrap();
    assert_eq!(bench.items("connection#north").await, []);
}

#[tokio::test]
async fn connections_are_listed_page_by_page() {
    let bench = Bench::start().await;
    for number in 0..25 {
        bench.state.put_connection(&connection(id(&format!("c-{number:03}")))).await.unwrap();
    }
    for limit in [1, 7, 24, 25, 26] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = bench.state.connections_page(limit, cursor.as_ref()).await.unwrap();
            let is_full = page.connections.len() == limit;
            seen.extend(page.connections.into_iter().map(|one| one.id.to_string()));
            let Some(next) = page.next else { break };
            assert!(is_full);
            cursor = Some(next.to_string().parse().unwrap());
        }
        let all: Vec<_> = (0..25).map(|number| format!("c-{number:03}")).collect();
        assert_eq!(seen, all, "{limit}");
    }
    // The list goes on after a connection that has been removed meanwhile.
    let cursor = ConnectionCursor::after(id("c-009"));
    bench.state.remove_connection(&id("c-009")).await.unwrap();
    let page = bench.state.connections_page(2, Some(&cursor)).await.unwrap();
    let ids: Vec<_> = page.connections.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["c-010", "c-011"]);
    let ids = [id("c-001"), id("c-009"), id("c-003")];
    let found = bench.state.connections_of(&ids).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[&ids[2]], connection(id("c-003")));
}

#[tokio::test]
async fn the_next_check_begins_where_the_last_one_ended() {
    let bench = Bench::start().await;
    assert_eq!(bench.state.next_to_check().await.unwrap(), None);
    bench.state.put_next_to_check(Some(&id("north"))).await.unwrap();
    assert_eq!(bench.state.next_to_check().await.unwrap(), Some(id("north")));
    bench.state.put_next_to_check(None).await.unwrap();
    assert_eq!(bench.state.next_to_check().await.unwrap(), None);
}

#[tokio::test]
async fn sidebar_fields_keep_their_order() {
    let bench = Bench::start().await;
    let default = id("default");
    assert_eq!(bench.state.sidebar_fields(&default).await.unwrap(), None);
    let fields = ["emailaddress1", "jobtitle", "cr123_tier"].map(field);
    bench.state.put_sidebar_fields(&default, &fields).await.unwrap();
    assert_eq!(bench.state.sidebar_fields(&default).await.unwrap(), Some(fields.to_vec()));
    bench.state.put_sidebar_fields(&default, &[]).await.unwrap();
    assert_eq!(bench.state.sidebar_fields(&default).await.unwrap(), Some(Vec::new()));
}

#[tokio::test]
async fn what_cannot_be_understood_is_an_error_that_quotes_nothing() {
    let bench = Bench::start().await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    bench
        .put(&[("pk", text("connections")), ("sk", text("odd")), ("id", text("Mary O'Brien"))])
        .await;
    bench.state.put_connection(&connection(id("default"))).await.unwrap();
    let error = bench.state.connection(&id("odd")).await.unwrap_err();
    assert_eq!(error, StateError::Unreadable { what: "a connection" });
    assert!(!format!("{error} {error:?}").contains("Mary"));
    // It does not hide the others.
    assert_eq!(bench.state.connections().await.unwrap().len(), 1);
}
