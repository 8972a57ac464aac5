use std::sync::atomic::Ordering;

use jiff::Timestamp;
use state::{Announced, Bond, Intent};
use uuid::Uuid;

use crate::harness::{Bench, now, seconds};

fn intent(row: u128) -> Intent {
    Intent {
        row: Uuid::from_u128(row),
        arguments: Some("a".to_owned()),
        version: Some(1),
        at_work_until: now() + seconds(30),
    }
}

fn bonds() -> [Bond; 2] {
    [Bond::Key(Uuid::from_u128(9)), Bond::Subject("hash".to_owned())]
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_is_the_first_and_the_others_hear_of_it() {
    let bench = Bench::start().await;
    for bond in bonds() {
        let said: Vec<_> = (0..10).map(intent).collect();
        let said = said.iter().map(|intent| bench.state.announce(bond.clone(), intent, None));
        let (mut firsts, mut rows) = (0, Vec::new());
        for announced in futures::future::join_all(said).await {
            match announced.unwrap() {
                Announced::First(_) => firsts += 1,
                Announced::Before(intent) => rows.push(intent.row),
            }
        }
        assert_eq!((firsts, rows.len()), (1, 9), "{bond:?}");
        assert!(rows.iter().all(|row| *row == rows[0]), "{bond:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_does_not_make_the_first_a_second() {
    let bench = Bench::with_faults().await;
    for bond in bonds() {
        bench.faults.lost_answers.store(1, Ordering::SeqCst);
        let announced = bench.state.announce(bond.clone(), &intent(1), None).await.unwrap();
        assert!(matches!(announced, Announced::First(_)), "{bond:?}");
    }
}

#[tokio::test]
async fn what_was_withdrawn_or_is_replaced_is_free() {
    let bench = Bench::start().await;
    for bond in bonds() {
        let announce = |row, instead_of| {
            let (bond, intent) = (bond.clone(), intent(row));
            let state = &bench.state;
            async move { state.announce(bond, &intent, instead_of).await.unwrap() }
        };
        let Announced::First(ticket) = announce(1, None).await else { panic!("{bond:?}") };
        bench.state.withdraw(&ticket, &intent(1)).await.unwrap();
        let Announced::First(second) = announce(2, None).await else { panic!("{bond:?}") };
        // Another call holds it now: the old ticket neither withdraws nor changes it.
        bench.state.withdraw(&ticket, &intent(1)).await.unwrap();
        bench.state.announce_again(&ticket, &intent(1)).await.unwrap();
        let Announced::Before(there) = announce(3, None).await else { panic!("{bond:?}") };
        assert_eq!(there.row, Uuid::from_u128(2));

        bench.state.announce_again(&second, &intent(4)).await.unwrap();
        let Announced::Before(there) = announce(5, Some(Uuid::from_u128(2))).await else {
            panic!("{bond:?}")
        };
        assert_eq!(there.row, Uuid::from_u128(4));
        let replaced = announce(5, Some(Uuid::from_u128(4))).await;
        assert!(matches!(replaced, Announced::First(_)), "{bond:?}");
    }
}

#[tokio::test]
async fn a_key_is_kept_for_thirty_days_and_a_subject_for_five_minutes() {
    let bench = Bench::start().await;
    let lasts = [("idem#00000000-0000-0000-0000-000000000009", 30 * 86_400), ("claim#hash", 300)];
    for (bond, (partition, seconds)) in bonds().into_iter().zip(lasts) {
        bench.state.announce(bond, &intent(1), None).await.unwrap();
        let items = bench.items(partition).await;
        let until: i64 = items[0]["expires_at"].as_n().unwrap().parse().unwrap();
        let kept = until - Timestamp::now().as_second();
        assert!((seconds - 5..=seconds).contains(&kept), "{partition} {kept}");
    }
}
