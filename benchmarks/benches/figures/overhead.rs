//! Compares calls with their bare requests to Dataverse.

use std::time::{Duration, Instant};
use toolkit::Routes;

use dataverse::HttpClients;
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::Form;
use crate::bench::{Bare, Bench, Function, MAREN, event};
use crate::recorder::{Answer, record, replay};
use crate::report::Limit::AtMost;
use crate::report::Report;
use crate::sample::{Sample, milliseconds};

const GROUP: &str = "Overhead per call, log line included";

/// A tool's call, and the same requests without the tool.
pub(crate) struct Pair {
    pub(crate) tool: &'static str,
    pub(crate) trips: usize,
    arguments: Value,
    function: Function,
    bare: Vec<Bare>,
    http: HttpClients,
    /// The words in the recorded requests that are new in each call.
    subject: Option<String>,
    key: Option<String>,
    calls: u32,
}

/// How a call compares with its bare requests.
#[derive(Default)]
pub(crate) struct Compared {
    pub(crate) function: Sample,
    pub(crate) bare: Sample,
    /// The processor time of only this thread, for each.
    pub(crate) function_work: Sample,
    pub(crate) bare_work: Sample,
}

impl Compared {
    /// Adds the results of further calls.
    pub(crate) fn extend(&mut self, further: Compared) {
        self.function.extend(further.function);
        self.bare.extend(further.bare);
        self.function_work.extend(further.function_work);
        self.bare_work.extend(further.bare_work);
    }

    /// The processor time of the function's own work; zero if noise is larger.
    pub(crate) fn added_work(&self) -> Duration {
        self.function_work.median().saturating_sub(self.bare_work.median())
    }
}

impl Pair {
    /// Records what the tool asks.
    pub(crate) async fn of(bench: &Bench, tool: &'static str, arguments: Value) -> Pair {
        let (exchanges, answer) =
            record(bench, tools::all(Routes::default()), tool, &arguments).await;
        let http = toolkit::lambda::http_client().unwrap();
        Pair::over(bench, http, tool, arguments, exchanges, &answer)
    }

    /// Records what the tool asks in one trip, and then gives it the same answer again and again.
    /// This leaves out the work of the emulator, and what that does to the processor's caches.
    pub(crate) async fn replayed(bench: &Bench, tool: &'static str, arguments: Value) -> Pair {
        let (exchanges, answer) =
            record(bench, tools::all(Routes::default()), tool, &arguments).await;
        let [(_, reply)] = exchanges.as_slice() else { panic!("{tool} takes one trip") };
        let http = HttpClients::from(replay(reply.clone()));
        Pair::over(bench, http, tool, arguments, exchanges, &answer)
    }

    fn over(
        bench: &Bench,
        http: HttpClients,
        tool: &'static str,
        arguments: Value,
        exchanges: Vec<(Bare, Answer)>,
        answer: &Value,
    ) -> Pair {
        let bare: Vec<Bare> = exchanges.into_iter().map(|(bare, _)| bare).collect();
        let function = bench.function_with_log(tools::all(Routes::default()), http.clone());
        let subject = arguments.get("subject").and_then(Value::as_str).map(str::to_owned);
        let key = answer["result"]["case"]["id"].as_str().map(str::to_owned);
        let key = key.filter(|_| subject.is_some());
        Pair { tool, trips: bare.len(), arguments, function, bare, http, subject, key, calls: 0 }
    }

    /// Makes both calls so many times. They take turns at being first, so that neither finds more
    /// in the processor's caches. The work around the calls is only done now and then, because the
    /// stand-in for DynamoDB copies all that it has for each write, which empties those caches.
    pub(crate) async fn compare(&mut self, times: usize) -> Compared {
        let mut compared = Compared::default();
        let (mut answers, mut cases) = (Vec::new(), Vec::new());
        for round in 0..times + WARM_UP {
            if round % ROUNDS_TOGETHER == 0 {
                self.tidy(&mut answers, &mut cases).await;
            }
            let call = self.next_call();
            let (requests, made_by_bare) = self.next_bare();
            let bare_first = round % 2 == 1;
            let mut bare = None;
            if bare_first {
                bare = Some(timed(self.send(requests.clone())).await.1);
            }
            let (answer, (took, worked)) = timed(self.function.answer(&call)).await;
            let (bare_took, bare_worked) = match bare {
                Some(bare) => bare,
                None => timed(self.send(requests)).await.1,
            };

            answers.push(answer);
            cases.extend(made_by_bare);
            if round >= WARM_UP {
                compared.function.add(took);
                compared.function_work.add(worked);
                compared.bare.add(bare_took);
                compared.bare_work.add(bare_worked);
            }
        }
        self.tidy(&mut answers, &mut cases).await;
        compared
    }

    /// Checks the answers, writes the activity log, and removes the cases that were made, because
    /// the emulator would otherwise have to look through thousands.
    async fn tidy(&self, answers: &mut Vec<Vec<u8>>, cases: &mut Vec<String>) {
        self.function.flush().await;
        for answer in answers.drain(..) {
            assert!(answer.windows(16).any(|part| part == br#""statusCode":200"#));
            cases.extend(self.made_by(&answer));
        }
        for case in cases.drain(..) {
            self.remove(&case).await;
        }
    }

    async fn send(&self, requests: Vec<Bare>) {
        let http = self.client();
        for request in requests {
            request.send(&http).await;
        }
    }

    /// The client that the function itself uses.
    fn client(&self) -> reqwest::Client {
        let (origin, _) = self.bare[0].url.split_once("/api/data/").unwrap();
        self.http.of(origin)
    }

    /// The id of the case that a call made.
    fn made_by(&self, answer: &[u8]) -> Option<String> {
        self.key.as_ref()?;
        let answer: Value = serde_json::from_slice(answer).unwrap();
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        Some(body["result"]["case"]["id"].as_str().unwrap().to_owned())
    }

    fn next_call(&mut self) -> String {
        self.calls += 1;
        let mut arguments = self.arguments.clone();
        if let Some(subject) = &self.subject {
            arguments["subject"] = format!("{subject} {}", self.calls).into();
        }
        event(self.tool, &arguments)
    }

    /// Removes a case, without being measured.
    async fn remove(&self, case: &str) {
        let mut request = self.bare[0].clone();
        let (root, _) = request.url.split_once("$batch").unwrap();
        request.url = format!("{root}incidents({case})");
        request.method = Method::DELETE;
        request.headers.remove(CONTENT_TYPE);
        request.body.clear();
        request.send(&self.client()).await;
    }

    /// The requests, and the key of the case that they make.
    fn next_bare(&mut self) -> (Vec<Bare>, Option<String>) {
        self.calls += 1;
        let (Some(subject), Some(key)) = (&self.subject, &self.key) else {
            return (self.bare.clone(), None);
        };
        let new_key = Uuid::new_v4().to_string();
        // Spaces are encoded in a filter.
        let new = format!("{subject}-{}", self.calls);
        let replaced = |one: &Bare| one.replace(subject, &new).replace(key, &new_key);
        (self.bare.iter().map(replaced).collect(), Some(new_key))
    }
}

/// How many calls are made before those that count.
pub(crate) const WARM_UP: usize = 20;

/// How many calls of each are made before the activity log is written and the cases are removed.
pub(crate) const ROUNDS_TOGETHER: usize = 20;

/// Does some work, and returns its result, how long it took, and its processor time.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, (Duration, Duration)) {
    let (started, worked) = (Instant::now(), thread_time());
    let result = work.await;
    (result, (started.elapsed(), thread_time() - worked))
}

/// The processor time of this thread.
fn thread_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// A case with a new subject, because an open one would not be made again.
fn case(subject: &str) -> Value {
    json!({
        "contact": MAREN, "subject": subject, "description": "The label printer stops.",
    })
}

/// Measures how long it takes to announce a case in the table, which a create does between its two
/// trips. The time of the stand-in says nothing about AWS, but the number of requests, one, does.
async fn announcement(bench: &Bench, times: usize, report: &mut Report) {
    let mut pair = Pair::of(bench, "create_case", case("Announced")).await;
    let without = pair.compare(times).await;
    pair.function = bench.function_with_table(tools::all(Routes::default()), pair.http.clone());
    let with = pair.compare(times).await;
    let median = |compared: &Compared| milliseconds(compared.function.percentile(0.5));
    let name = "create_case at 0 ms, p50, its announcement in the table (not in the figures above)";
    report.shown(GROUP, name, median(&with) - median(&without), "ms");
}

/// The three tools that are measured.
pub(crate) async fn pairs(bench: &Bench) -> Vec<Pair> {
    vec![
        Pair::of(bench, "get_contact_by_email", json!({"email": MAREN})).await,
        Pair::of(bench, "get_contact", json!({"contact": MAREN})).await,
        Pair::of(bench, "create_case", case("Benchmark")).await,
    ]
}

pub(crate) fn measure(bench: &Bench, client: &Runtime, form: Form, report: &mut Report) {
    client.block_on(async {
        let mut pairs = pairs(bench).await;
        for latency in [0, 40] {
            bench.latency(Duration::from_millis(latency)).await;
            for pair in &mut pairs {
                let times = form.choose(if latency == 0 { 1000 } else { 200 }, 40);
                let compared = pair.compare(times).await;
                let name = format!("{} ({} trips) at {latency} ms", pair.tool, pair.trips);
                if latency == 0 {
                    let added = |share| {
                        milliseconds(compared.function.percentile(share))
                            - milliseconds(compared.bare.percentile(share))
                    };
                    // This tells how fast the machine was.
                    let bare = milliseconds(compared.bare.percentile(0.5));
                    report.shown(GROUP, format!("{name}, p50, bare requests"), bare, "ms");
                    let most = form.at_leisure(AtMost(0.2));
                    report.judged(GROUP, format!("{name}, p50, added"), added(0.5), "ms", most);
                    report.shown(GROUP, format!("{name}, p95, added"), added(0.95), "ms");
                    let work = compared.added_work();
                    let of_work = format!("{name}, processor time, added");
                    report.shown(GROUP, of_work, milliseconds(work), "ms");
                    let ratio = compared.function_work.median().as_secs_f64()
                        / compared.bare_work.median().as_secs_f64();
                    let of_work = format!("{name}, processor time, ratio");
                    // Without optimization, ours is slower than the libraries, which are optimized a little.
                    let most = if cfg!(debug_assertions) { 15.0 } else { 5.0 };
                    report.judged(GROUP, of_work, ratio, "", AtMost(most));
                } else {
                    let ratio = |share| {
                        let function = compared.function.percentile(share).as_secs_f64();
                        function / compared.bare.percentile(share).as_secs_f64()
                    };
                    // Without optimization, the work takes longer, and the waiting does not.
                    let quick = if cfg!(debug_assertions) { 1.15 } else { 1.05 };
                    let most = AtMost(form.choose(1.01, quick));
                    report.judged(GROUP, format!("{name}, p50, ratio"), ratio(0.5), "", most);
                    report.shown(GROUP, format!("{name}, p95, ratio"), ratio(0.95), "");
                }
            }
        }
        bench.latency(Duration::ZERO).await;
        announcement(bench, form.choose(200, 60), report).await;
    });
}
