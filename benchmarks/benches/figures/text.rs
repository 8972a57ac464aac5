//! Whether the work to read a text grows with anything but its length, however nasty it is.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Form;
use crate::report::Limit::AtMost;
use crate::report::Report;
use crate::sample::milliseconds;

const GROUP: &str = "Text: HTML made plain, without the limit that the tools have";

const SMALL: usize = 100_000;
const LARGE: usize = 1_000_000;

pub(crate) fn measure(form: Form, report: &mut Report) {
    let times = form.choose(7, 3);
    let json = answer(LARGE);
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

/// The shortest of some: whatever else the machine does only adds to it.
fn best<T>(times: usize, work: impl Fn() -> T) -> Duration {
    let once = || {
        let started = Instant::now();
        black_box(work());
        started.elapsed()
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

/// An answer of Dataverse of about so many bytes.
fn answer(bytes: usize) -> String {
    let row = json!({
        "@odata.etag": "W/\"1048576\"", "incidentid": "d61abde7-181e-5f77-b59e-84c544c5040b",
        "title": "Webhook retries not sent", "ticketnumber": "CAS-01005-P8O1I4", "statecode": 0,
        "prioritycode": 1, "prioritycode@OData.Community.Display.V1.FormattedValue": "High",
        "isescalated": false, "createdon": "2025-09-05T07:12:00Z",
    });
    let rows = vec![row.clone(); bytes / row.to_string().len()];
    json!({ "value": rows }).to_string()
}
