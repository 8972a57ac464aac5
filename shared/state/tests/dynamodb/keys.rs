use state::{KeyHash, MadeKey, StateError};
use uuid::Uuid;

use crate::harness::{Bench, at};

fn key(id: Uuid) -> MadeKey {
    MadeKey {
        id,
        client: "Zoë's chat".to_owned(),
        connections: vec!["emea".to_owned(), "apac".to_owned()],
        scopes: vec!["read".to_owned()],
        serves: Some("visitors".to_owned()),
        tools: Some(vec!["dynamics365_get_case".to_owned()]),
        template: None,
        vouches: false,
        confirm: None,
        message_is_enough: false,
        conversation: None,
        made_at: at("2026-11-24T09:00:00.123456Z"),
        made_by: "administrator".to_owned(),
        changed_at: at("2026-11-24T09:00:00.123456Z"),
    }
}

fn hash(number: u8) -> KeyHash {
    KeyHash::new(&[number; 32])
}

#[tokio::test]
async fn a_key_is_found_by_its_hash_and_by_its_id_until_it_is_revoked() {
    let bench = Bench::start().await;
    let one = key(Uuid::now_v7());
    assert_eq!(bench.state.key_of_hash(&hash(1)).await.unwrap(), None);
    bench.state.add_key(&hash(1), &one).await.unwrap();
    assert_eq!(bench.state.key_of_hash(&hash(1)).await.unwrap(), Some(one.clone()));
    assert_eq!(bench.state.key_of_hash(&hash(2)).await.unwrap(), None);
    assert_eq!(bench.state.key(one.id).await.unwrap(), Some((hash(1), one.clone())));

    assert!(bench.state.revoke_key(one.id).await.unwrap());
    assert_eq!(bench.state.key_of_hash(&hash(1)).await.unwrap(), None);
    assert_eq!(bench.state.key(one.id).await.unwrap(), None);
    assert!(!bench.state.revoke_key(one.id).await.unwrap());
}

#[tokio::test]
async fn no_key_takes_the_place_of_another() {
    let bench = Bench::start().await;
    let (one, other) = (key(Uuid::now_v7()), key(Uuid::now_v7()));
    bench.state.add_key(&hash(1), &one).await.unwrap();
    for (hash, key) in [(hash(2), &one), (hash(1), &other)] {
        assert_eq!(bench.state.add_key(&hash, key).await, Err(StateError::Conflict));
    }
    assert_eq!(bench.state.key_of_hash(&hash(1)).await.unwrap(), Some(one));
    assert_eq!(bench.state.key_of_hash(&hash(2)).await.unwrap(), None);
}

#[tokio::test]
async fn a_change_neither_undoes_another_nor_brings_a_revoked_key_back() {
    let bench = Bench::start().await;
    let before = key(Uuid::now_v7());
    bench.state.add_key(&hash(1), &before).await.unwrap();
    let changed = MadeKey {
        scopes: vec!["write".to_owned()],
        changed_at: at("2026-11-25T00:00:00Z"),
        ..before.clone()
    };
    bench.state.change_key(&hash(1), &before, &changed).await.unwrap();
    assert_eq!(bench.state.key_of_hash(&hash(1)).await.unwrap(), Some(changed.clone()));
    let late = bench.state.change_key(&hash(1), &before, &before).await;
    assert_eq!(late, Err(StateError::Conflict));

    bench.state.revoke_key(before.id).await.unwrap();
    let late = bench.state.change_key(&hash(1), &changed, &before).await;
    assert_eq!(late, Err(StateError::Gone));
    assert_eq!(bench.state.key_of_hash(&hash(1)).await.unwrap(), None);
}

#[tokio::test]
async fn keys_are_listed_in_the_order_in_which_they_were_made() {
    let bench = Bench::start().await;
    let ids: Vec<_> = (0..7).map(|_| Uuid::now_v7()).collect();
    for (number, id) in (0..).zip(&ids) {
        bench.state.add_key(&hash(number), &key(*id)).await.unwrap();
    }
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = bench.state.keys_page(3, after).await.unwrap();
        assert!(page.keys.len() <= 3);
        listed.extend(page.keys.into_iter().map(|key| key.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, ids);
}
