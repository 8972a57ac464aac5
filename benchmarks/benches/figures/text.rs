//! Measures whether the work to read a text only grows with its length, however nasty the text is.

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

use crate::Form;
use crate::report::Limit::AtMost;
use crate::report::Report;
use crate::sample::milliseconds;

const GROUP: &str = "Text: HTML made plain, without the limit that the tools have";

const SMALL: usize = 100_000;
const LARGE: usize = 1_000_000;

pub(crate) fn measure(form: Form, report: &mut Report) {
    let times = form.choose(25, 3);
    let json = document(LARGE);
    let (mut growth, mut cost) = (Worst::default(), Worst::default());
    let (small, large) = (fuzz::hostile(SMALL), fuzz::hostile(LARGE));
    for ((name, small), (_, large)) in small.iter().zip(&large) {
        // They are read in turn, because the machine's speed changes. The small one takes so little
        // time that it is read ten times.
        let rounds = (0..times).map(|_| {
            let small = time(|| (0..10).for_each(|_| drop(black_box(read(small))))) / 10;
            let large = time(|| read(large));
            (small, large, time(|| serde_json::from_str::<Value>(black_box(&json)).unwrap()))
        });
        let rounds: Vec<_> = rounds.collect();
        growth.add(name, rounds.iter().map(|(small, large, _)| (*large, *small)));
        cost.add(name, rounds.iter().map(|(_, large, json)| (*large, *json)));
    }
    let count = large.len();
    let name = format!("1 MB against 100 KB, worst of {count} shapes: {}", growth.name);
    report.judged(GROUP, name, growth.ratio, "", AtMost(form.choose(12.0, 15.0)));
    let name = format!("1 MB against 1 MB of JSON, worst of {count}: {}", cost.name);
    report.judged(GROUP, name, cost.ratio, "", AtMost(form.choose(5.0, 10.0)));
    report.shown(GROUP, format!("1 MB: {}", cost.name), milliseconds(cost.time), "ms");
    report.shown(GROUP, "1 MB of JSON", milliseconds(cost.against), "ms");
}

fn read(text: &str) -> String {
    crm::text::plain_in_full(black_box(text))
}

/// The processor time of this thread.
fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let started = now();
    black_box(work());
    now() - started
}

/// The worst result, by the median of several rounds.
#[derive(Default)]
struct Worst {
    name: String,
    ratio: f64,
    time: Duration,
    against: Duration,
}

impl Worst {
    fn add(&mut self, name: &str, rounds: impl Iterator<Item = (Duration, Duration)>) {
        let ratio =
            |(time, against): &(Duration, Duration)| time.as_secs_f64() / against.as_secs_f64();
        let mut rounds: Vec<_> = rounds.collect();
        rounds.sort_by(|one, other| ratio(one).total_cmp(&ratio(other)));
        let median = rounds[rounds.len() / 2];
        if ratio(&median) > self.ratio {
            let (time, against) = median;
            *self = Worst { name: name.to_owned(), ratio: ratio(&median), time, against };
        }
    }
}

/// A JSON document of about so many bytes, with as many values as nasty HTML has tags.
fn document(bytes: usize) -> String {
    let item = r#"{"a":"b","c":[1,true,"d"]},"#;
    format!("[{}null]", item.repeat(bytes / item.len()))
}
