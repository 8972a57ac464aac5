//! Whether the work to read a text grows with anything but its length, however nasty it is.

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
    let as_json = best(times, || serde_json::from_str::<Value>(&json).unwrap());
    let (mut growth, mut cost) = (Worst::default(), Worst::default());
    let (small, large) = (fuzz::hostile(SMALL), fuzz::hostile(LARGE));
    for ((name, small), (_, large)) in small.iter().zip(&large) {
        // The small one takes so little that it is read ten times.
        let read_small = best(times, || (0..10).for_each(|_| drop(black_box(read(small))))) / 10;
        let read_large = best(times, || read(large));
        growth.add(name, read_large, read_small);
        cost.add(name, read_large, as_json);
    }
    let count = large.len();
    let name = format!("1 MB against 100 KB, worst of {count} shapes: {}", growth.name);
    report.judged(GROUP, name, growth.ratio, "", AtMost(form.choose(12.0, 20.0)));
    let name = format!("1 MB against 1 MB of JSON, worst of {count}: {}", cost.name);
    report.judged(GROUP, name, cost.ratio, "", AtMost(form.choose(5.0, 10.0)));
    report.shown(GROUP, format!("1 MB: {}", cost.name), milliseconds(cost.time), "ms");
    report.shown(GROUP, "1 MB of JSON", milliseconds(as_json), "ms");
}

fn read(text: &str) -> String {
    crm::text::plain_in_full(black_box(text))
}

/// The shortest of some, in this thread's own processor time: whatever else the machine does only
/// adds to it.
fn best<T>(times: usize, work: impl Fn() -> T) -> Duration {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let once = || {
        let started = now();
        black_box(work());
        now() - started
    };
    (0..times).map(|_| once()).min().unwrap_or_default()
}

/// What came out worst.
#[derive(Default)]
struct Worst {
    name: String,
    ratio: f64,
    time: Duration,
}

impl Worst {
    fn add(&mut self, name: &str, time: Duration, against: Duration) {
        let ratio = time.as_secs_f64() / against.as_secs_f64();
        if ratio > self.ratio {
            *self = Worst { name: name.to_owned(), ratio, time };
        }
    }
}

/// A document of about so many bytes, with as many values in it as nasty HTML has tags.
fn document(bytes: usize) -> String {
    let item = r#"{"a":"b","c":[1,true,"d"]},"#;
    format!("[{}null]", item.repeat(bytes / item.len()))
}
