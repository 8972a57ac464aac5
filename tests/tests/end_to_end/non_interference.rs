//! What is done for a visitor depends on nothing in the CRM that is not the visitor's.
//!
//! Two organizations have the same rows of visitor A. Everything else differs: what it says, what
//! state it is in, and how much of it there is. The same calls are made in both, for A and for nobody
//! known, over HTTP and over the Model Context Protocol. Each answer must be the same, byte for byte,
//! with the same status and headers, and after as many trips to Dataverse. Only ids of requests and
//! numbers of new cases and quotes may differ. And no word that stands only in rows of others may be in
//! an answer, unless a call has said it.
//!
//! The calls are made from the schemas of the tools, so a new tool is a part of this when it is
//! declared. If its arguments have names that mean something else than those of other tools, they go
//! into `Kind::of_argument`.
//!
//! What A may learn of others is the same in both: when the host of appointments is busy, what A's
//! company and a colleague are called, and what keeps one of A's cases from being closed.

mod arguments;
mod dice;
mod exchange;
mod maker;
mod others;
mod own;
mod pool;
mod scripts;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use crm::visible::{Access, Choice};
use jiff::Timestamp;
use serde_json::{Value, json};
use stack::VISITOR_KEY;
use toolkit::CONFIRM_TOOL;

use crate::harness::{Bench, sized};
use arguments::{Generator, Pools, Tool};
use exchange::{BUTTON, Call, Reply, Side};
use maker::{IMANI, Maker, RETAIL, ROWAN, Whose};
use own::{COMPANY, EMAIL, FIRST, LAST, MARK, Own};
use pool::{Kind, Pool};
use words::Secrets;

/// The most calls to one pair of organizations. Then others are made, in which all is different again.
const OF_A_PAIR: usize = 300;

/// Tools that nobody has been able to use with made-up arguments.
const NEVER_ANSWERED: [&str; 1] = ["dynamics365_verify_visitor"];

/// Two organizations, and a connection to each.
struct Pair {
    seed: u64,
    own: Own,
    others: [(Whose, Maker); 2],
    settings: Value,
    refuses_paths: bool,
    has_rules: bool,
}

impl Pair {
    /// Two organizations that differ in everything that is not A's. From pair to pair it differs what
    /// the connection allows, whether calls with consequences wait for a yes, whether Dataverse refuses a
    /// certain kind of query, whether the organization has rules against duplicates of its own, and
    /// whether A is two contacts.
    fn new(seed: u64) -> Pair {
        let base = now();
        let own = Own::new(seed, base, seed % 5 == 4);
        let others = [Whose::First, Whose::Second]
            .map(|whose| (whose, others::of(whose, seed, base, &own, true)));
        let mut settings = if seed.is_multiple_of(2) {
            json!({"organizer": ROWAN})
        } else {
            json!({
                "organizer": ROWAN, "allows": Choice::ALL, "price_lists": [RETAIL],
                "note_mark": MARK, "writes_per_conversation": 1000, "writes_per_hour": 100_000,
                "codes": {"company": "Contoso"},
            })
        };
        if matches!(seed % 8, 1 | 6) {
            settings["confirm"] = "consequences".into();
            settings["message_is_enough"] = (seed % 8 == 1).into();
        }
        let (refuses_paths, has_rules) = (seed % 3 == 2, seed.is_multiple_of(3));
        Pair { seed, own, others, settings, refuses_paths, has_rules }
    }

    /// Two organizations that differ only in the people whose addresses Dataverse takes for A's. The
    /// first one has them.
    fn with_people_alike(seed: u64) -> Pair {
        let base = now();
        let own = Own::new(seed, base, false);
        let others = [true, false]
            .map(|has| (Whose::First, others::of(Whose::First, seed, base, &own, has)));
        let settings = json!({"organizer": ROWAN});
        Pair { seed, own, others, settings, refuses_paths: false, has_rules: false }
    }

    async fn start(&self) -> [Side; 2] {
        let [first, second] = &self.others;
        let (first, second) = tokio::join!(self.side(first), self.side(second));
        [first, second]
    }

    async fn side(&self, (whose, others): &(Whose, Maker)) -> Side {
        let mut side = Side::start(&self.own, others, &self.settings).await;
        if self.has_rules {
            // Whether they find somebody is nothing that a visitor may learn.
            let same = |table: &str, column: &str| json!({"table": table, "matching": "contact", "columns": [[column, column]]});
            let rules = [
                same("contact", "telephone1"),
                same("lead", "telephone1"),
                same("lead", "lastname"),
            ];
            side.bench.control("PUT", "duplicate-rules", Some(json!({"rules": rules}))).await;
        }
        if self.refuses_paths {
            side.bench.control("PUT", "lambda-paths", Some(json!({"refused": true}))).await;
        }
        scripts::before(&side, *whose).await;
        side.note_numbers().await;
        side
    }

    fn pools(&self) -> Pools {
        let [(_, first), (_, second)] = &self.others;
        let mut others = [first.pool.clone(), second.pool.clone()];
        for (place, address) in scripts::ADDRESSES.iter().enumerate() {
            for kind in [Kind::Email, Kind::Contact, Kind::Lead] {
                others[place % 2].push(kind, address);
            }
        }
        let mut own = self.own.maker.pool.clone();
        own.push(Kind::Contact, &format!("{LAST} {FIRST}"));
        let ahead = |days: i64, minutes: i64| self.own.maker.ahead(days, minutes);
        let mut moments: Vec<String> =
            others::BUSY.into_iter().map(|(days, minutes)| ahead(days, minutes)).collect();
        moments.extend((1..12).map(|days| ahead(days, 480 + 45 * days)));
        moments.extend(texts_of(&[
            "2020-01-01T10:00Z",
            "2031-03-03T10:00+01:00",
            "tomorrow",
            "2031-01-01",
        ]));
        Pools {
            own,
            others,
            invented: invented(),
            users: texts_of(&[
                ROWAN,
                IMANI,
                "teo.marchetti@contosodemo.example",
                "x@nowhere.example",
            ]),
            products: texts_of(&["CHAT-PRO", "CHAT-STD", "chat", "No such product"]),
            price_lists: texts_of(&[RETAIL, "EU 2025 (EUR)", "No such list"]),
            days: vec![self.own.maker.day(20), self.own.maker.day(-3), "soon".to_owned()],
            moments,
        }
    }

    /// For each organization, what its answers must not tell.
    fn secrets(&self, sides: &[Side; 2]) -> [Secrets; 2] {
        let known = self.own.known();
        std::array::from_fn(|place| {
            let (side, (_, others)) = (&sides[place], &self.others[place]);
            let others = others.rows.iter().map(|(_, row)| row);
            Secrets::new(others, &side.sample, side.public.iter().chain(&known))
        })
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap()
}

fn texts_of(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// What is nobody's.
fn invented() -> Pool {
    const NOBODYS_ID: &str = "00000000-0000-4000-8000-000000000001";
    let mut pool = Pool::default();
    for kind in Kind::LISTED {
        let texts: &[&str] = match kind {
            Kind::Email => &["nobody@nowhere.example", "new@nowhere.example", "no address"],
            Kind::Phone => &["+47 90000000", "1"],
            Kind::Name => &["Nobody", "O'Brien", "Ghostly Freight"],
            Kind::Text => &["It is broken", "100% %_[a]", "' or 1 eq 1 or '", "\u{7}", COMPANY],
            Kind::Id => &[NOBODYS_ID, "00000000-0000-4000-8000-00000000000X"],
            Kind::Case => &[NOBODYS_ID, "CAS-99999-X0X0X0", "1"],
            Kind::Account => &[NOBODYS_ID, "nowhere.example", "Ghostly Freight"],
            _ => &[NOBODYS_ID, "nobody@nowhere.example", "Nobody Here", "%"],
        };
        texts.iter().for_each(|text| pool.push(kind, text));
    }
    pool
}

/// What came of the calls.
#[derive(Default)]
struct Tally {
    calls: usize,
    successes: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn note(&mut self, call: &Call, reply: &Reply) {
        self.calls += 1;
        *self.successes.entry(call.tool).or_default() += usize::from(reply.is_success());
    }

    /// Calls that are all refused would be compared in vain.
    fn check(&self, tools: &[Tool], is_whole: bool) {
        let successes: usize = self.successes.values().sum();
        assert!(successes * 8 > self.calls, "{successes} of {} calls", self.calls);
        let names = tools.iter().filter(|tool| tool.access != Access::Staff).map(|tool| tool.name);
        for name in names.chain([BUTTON]).filter(|_| is_whole) {
            let is_answered = self.successes.get(name).is_some_and(|count| *count > 0);
            assert!(is_answered || NEVER_ANSWERED.contains(&name), "{name}");
        }
    }
}

/// Makes calls to both organizations, and compares the answers and, with `same_trips`, how many trips
/// they took. Otherwise, the first organization may take one more.
async fn compare(pair: &Pair, tools: &[Tool], most: usize, same_trips: bool, tally: &mut Tally) {
    let mut sides = Box::pin(pair.start()).await;
    let (mut secrets, pools) = (pair.secrets(&sides), pair.pools());
    let mut generator = Generator::new(pair.seed, tools, &pools);
    let mut scripted = scripts::calls().into_iter();
    let mut differences: Vec<String> = Vec::new();
    let mut waits = 2;
    for number in 0..most {
        let mut call = scripted.next().unwrap_or_else(|| generator.call());
        call.message = number;
        // A yes to what was shown just now does not count, whoever says it.
        if call.tool == CONFIRM_TOOL && waits > 0 && sides[0].has_shown(&call.chat) {
            tokio::time::sleep(Duration::from_millis(3_100)).await;
            waits -= 1;
        }
        let Some(replies) = both(&mut sides, &call).await else { break };
        let place = format!("pair {}, call {number}: {call:#?}", pair.seed);
        for (reply, secrets) in replies.iter().zip(&mut secrets) {
            let told = secrets.told(&call, &reply.body);
            assert!(told.is_none(), "{place}\ntells {told:?}\n{}", reply.body);
        }
        let [mut first, second] = replies;
        if !same_trips && first.trips == second.trips + 1 {
            first.trips = second.trips;
        }
        if first != second {
            differences.push(format!("{place}\n{first:#?}\n{second:#?}"));
        }
        // Calls that were written by hand find several things at once. After those, one difference
        // makes others.
        let goes_on = scripted.len() > 0 && differences.len() < 5;
        assert!(differences.is_empty() || goes_on, "{}", differences.join("\n\n"));
        generator.hear(&call, &first);
        tally.note(&call, &first);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

/// Makes a call to both organizations at once. If it writes, this waits for a moment at which both
/// will write in the same second: lists are in the order of these seconds. `None` if they did not.
async fn both(sides: &mut [Side; 2], call: &Call) -> Option<[Reply; 2]> {
    let [first, second] = sides;
    let began = if call.writes { Some(in_a_young_second().await) } else { None };
    let ((one, one_ended), (other, other_ended)) =
        tokio::join!(first.send(call), second.send(call));
    if began.is_some_and(|began| [one_ended, other_ended] != [began; 2]) {
        return None;
    }
    Some([first.settled(call, one), second.settled(call, other)])
}

/// Waits until most of the current second is still to come. Returns the second.
async fn in_a_young_second() -> i64 {
    let millisecond = Timestamp::now().subsec_millisecond();
    if millisecond > 750 {
        tokio::time::sleep(Duration::from_millis(1002 - millisecond as u64)).await;
    }
    Timestamp::now().as_second()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_depends_on_what_is_not_the_visitors() {
    let (tools, calls) = (arguments::tools(), sized(20_000, 900));
    let mut tally = Tally::default();
    // A pair ends early where the clock went on during a call.
    for seed in 0..calls as u64 {
        let most = OF_A_PAIR.min(calls - tally.calls);
        if most == 0 {
            break;
        }
        Box::pin(compare(&Pair::new(seed), &tools, most, true, &mut tally)).await;
    }
    assert_eq!(tally.calls, calls);
    tally.check(&tools, calls >= 20_000);
}

/// Dataverse finds their rows along with A's. Then the call begins anew with A's ids, and takes one trip
/// more. So how long it takes tells that there is such an address, and nothing else does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_whose_addresses_differ_by_an_accent_make_no_difference() {
    let (tools, calls) = (arguments::tools(), sized(2_000, 300));
    let mut tally = Tally::default();
    for seed in 1000..1000 + calls as u64 {
        let most = OF_A_PAIR.min(calls - tally.calls);
        if most == 0 {
            break;
        }
        let pair = Pair::with_people_alike(seed);
        Box::pin(compare(&pair, &tools, most, false, &mut tally)).await;
    }
    assert_eq!(tally.calls, calls);
}

/// A case that somebody opens whom nobody knows belongs to the contact with that address, byte for
/// byte, and not to one that Dataverse takes for it: that one's visitor would read it.
#[tokio::test]
async fn what_a_stranger_says_goes_to_that_address() {
    let base = now();
    let own = Own::new(0, base, false);
    let others = others::of(Whose::First, 0, base, &own, true);
    let side = Side::start(&own, &others, &json!({})).await;
    let bench: &Bench = &side.bench;
    let contacts = bench.rows("contacts").await;
    for (place, address) in [EMAIL, others::ALIKE[0], others::ALIKE[1]].into_iter().enumerate() {
        let subject = format!("No light {place}");
        let arguments = json!({
            "subject": subject, "description": "It is dark.",
            "new_contact": {"last_name": LAST, "email": address},
        });
        let headers = [
            ("authorization", format!("Bearer {VISITOR_KEY}")),
            ("x-conversation-id", format!("chat-{place}")),
        ];
        bench.send("create_case", arguments.to_string(), &headers).await.result();
        let cases = bench.rows("incidents").await;
        let is_new =
            |case: &&Value| case["title"].as_str().is_some_and(|it| it.ends_with(&subject));
        let case = cases.iter().find(is_new).unwrap();
        let customer = contacts.iter().find(|it| it["contactid"] == case["_customerid_value"]);
        assert_eq!(customer.unwrap()["emailaddress1"], address);
    }
}
