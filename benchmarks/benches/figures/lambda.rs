//! Measures start, memory and size, and calculates the cost.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Runtime;

use crate::Form;
use crate::bench::{Bench, MAREN, OverTls, event, is_for_token, is_trip};
use crate::process::{self, Process};
use crate::report::Limit::{AtLeast, AtMost, Exactly};
use crate::report::Report;
use crate::sample::{Sample, milliseconds};

/// The function that stands for all, because a conversation calls its tools first.
const FUNCTION: &str = "contact";

/// The memory sizes to compare, in MB. Lambda gives a whole processor at 1,769 MB, and a share in
/// proportion below that. Source: AWS's page "Configure Lambda function memory".
const SIZES: [f64; 5] = [128.0, 192.0, 256.0, 512.0, 1024.0];
const WHOLE_PROCESSOR: f64 = 1769.0;

/// The prices of AWS in US dollars, in us-east-1, without free tiers, as of November 2026.
mod price {
    /// A GB of an arm64 function's memory for a second.
    pub(super) const GB_SECOND: f64 = 0.000_013_333_4;
    /// A million invocations.
    pub(super) const INVOCATIONS: f64 = 0.20;
    /// A million requests of an HTTP API.
    pub(super) const REQUESTS: f64 = 1.00;
    /// A million write request units of DynamoDB on demand: the activity log's entry is one.
    pub(super) const WRITES: f64 = 0.625;
    /// A million calls of Secrets Manager.
    pub(super) const SECRETS: f64 = 5.00;
}

/// How many calls share one reading of a secret. It is read again after ten minutes, and a process
/// that is in use has about one call in two seconds.
const CALLS_FOR_EACH_SECRET: f64 = 300.0;

/// The size in the template.
const CHOSEN: f64 = 256.0;
const TEMPLATE: &str = include_str!("../../../template.yaml");

/// How much longer DynamoDB takes for a write than the stand-in. Lambda bills it, because the
/// extension waits.
const WRITE: Duration = Duration::from_millis(5);

pub(crate) fn measure(bench: &Bench, client: &Runtime, form: Form, report: &mut Report) {
    let binary = process::binary(FUNCTION);
    let call = event("get_contact_by_email", &json!({"email": MAREN}));
    let large_call = event("get_contact", &json!({"contact": MAREN}));
    let chosen = format!("  MemorySize:\n    Type: Number\n    Default: {CHOSEN}\n");
    assert!(TEMPLATE.contains(&chosen), "the template has another size");
    let over_tls = OverTls::start();
    // The activity log is empty, because the stand-in for DynamoDB copies all of it for each write.
    let (fresh, _) = Bench::start();
    client.block_on(async {
        start(bench, &binary, &call, form, report).await;
        warm_up(bench, &binary, &call, report).await;
        soft_failures(bench, &binary, &call, report).await;
        encryption(bench, &over_tls, &binary, &call, form, report).await;
        let used = memory(bench, &binary, [&call, &large_call], form, report).await;
        cost(&fresh, &binary, &call, used, form, report).await;
    });
}

const START: &str = "Cold start (secret, token and Dataverse on loopback)";

async fn start(bench: &Bench, binary: &Path, call: &str, form: Form, report: &mut Report) {
    let (mut whole, mut before, mut first) = Default::default();
    for _ in 0..form.choose(20, 5) {
        let mut process = Process::start(bench, binary).await;
        let invocation = process.call(call).await;
        let all: [(&mut Sample, Duration); 3] = [
            (&mut whole, process.since_start(invocation.answered)),
            (&mut before, process.start),
            (&mut first, invocation.took),
        ];
        all.into_iter().for_each(|(sample, duration)| sample.add(duration));
        process.stop().await;
    }
    let most = form.at_leisure(AtMost(30.0));
    report.judged(START, "process start to first answer", milliseconds(whole.median()), "ms", most);
    report.shown(START, "  of it before the first `next`", milliseconds(before.median()), "ms");
    report.shown(START, "  of it the first call", milliseconds(first.median()), "ms");
}

/// Checks what is done before the first invocation.
async fn warm_up(bench: &Bench, binary: &Path, call: &str, report: &mut Report) {
    bench.control("DELETE", "requests", None).await;
    let mut process = Process::start(bench, binary).await;
    let look = async |when: &str, trips: f64, report: &mut Report| {
        let tokens = bench.seen(is_for_token).await as f64;
        report.judged(START, format!("requests for a token {when}"), tokens, "", Exactly(1.0));
        let seen = bench.seen(is_trip).await as f64;
        report.judged(START, format!("requests to Dataverse {when}"), seen, "", Exactly(trips));
    };
    look("before the first `next`", 1.0, report).await;
    process.call(call).await;
    look("after the first call", 2.0, report).await;
    process.stop().await;
}

/// Checks that a function starts whatever is missing, and that the first call tries again.
async fn soft_failures(bench: &Bench, binary: &Path, call: &str, report: &mut Report) {
    let path = format!("/{}/oauth2/", dataverse_emulator::TENANT_ID);
    let fault = json!({"kind": "unavailable", "path": path, "times": 1_000_000});
    bench.control("POST", "faults", Some(fault)).await;
    bench.control("DELETE", "requests", None).await;
    let mut process = Process::start(bench, binary).await;
    bench.control("DELETE", "faults", None).await;
    report.shown(START, "start without a token", milliseconds(process.start), "ms");
    let refused = bench.seen(|request| is_for_token(request) && request["status"] == 503).await;
    report.judged(START, "  requests for it", refused as f64, "", AtLeast(1.0));
    process.call(call).await;
    let tokens = bench.seen(is_for_token).await - refused;
    report.judged(START, "  then asked for by the first call", tokens as f64, "", Exactly(1.0));
    process.stop().await;

    // Nobody listens on this port.
    let nobody = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")];
    let process = Process::start_with(bench, binary, &nobody).await;
    report.shown(START, "start without a secret", milliseconds(process.start), "ms");
    process.stop().await;
}

/// Measures what encryption to Entra ID and Dataverse adds to a start. Here they are one host with
/// one certificate of an elliptic curve. Neither start reads the system's many root certificates.
async fn encryption(
    bench: &Bench,
    over_tls: &OverTls,
    binary: &Path,
    call: &str,
    form: Form,
    report: &mut Report,
) {
    let roots = ("SSL_CERT_FILE", over_tls.certificate.to_str().unwrap());
    let encrypted = [roots, ("DATAVERSE_LOCAL_URL", over_tls.address.as_str())];
    let forms: [(&Bench, &[(&str, &str)]); 2] = [(bench, &[roots]), (&over_tls.bench, &encrypted)];
    let mut whole = [Sample::default(), Sample::default()];
    for _ in 0..form.choose(20, 5) {
        for ((bench, variables), whole) in forms.iter().zip(&mut whole) {
            let mut process = Process::start_with(bench, binary, variables).await;
            let invocation = process.call(call).await;
            whole.add(process.since_start(invocation.answered));
            process.stop().await;
        }
    }
    let [plain, encrypted] = whole.map(|whole| milliseconds(whole.median()));
    report.shown(START, "added by TLS to Entra ID and Dataverse", encrypted - plain, "ms");
}

/// How much processor time a call takes.
async fn memory(
    bench: &Bench,
    binary: &Path,
    calls_in_turn: [&str; 2],
    form: Form,
    report: &mut Report,
) -> Duration {
    const GROUP: &str =
        "Memory and work of one process: get_contact_by_email and get_contact in turn";
    let mut process = Process::start(bench, binary).await;
    let calls = form.choose(1000, 200);
    let before = process.processor_time();
    for number in 0..calls {
        process.call(calls_in_turn[number as usize % 2]).await;
    }
    let used = (process.processor_time() - before) / calls;
    let most = AtMost(form.choose(20.0, 40.0));
    let name = format!("peak memory after {calls} calls");
    report.judged(GROUP, name, process.peak_memory(), "MB", most);
    let name = "processor time for each call, activity log included";
    report.shown(GROUP, name, milliseconds(used), "ms");
    process.stop().await;
    used
}

async fn cost(
    bench: &Bench,
    binary: &Path,
    call: &str,
    used: Duration,
    form: Form,
    report: &mut Report,
) {
    const GROUP: &str = "Cost of a million calls of one trip, arm64, us-east-1";
    for latency in [40, 100] {
        bench.latency(Duration::from_millis(latency)).await;
        let mut process = Process::start(bench, binary).await;
        let mut took = Sample::default();
        for _ in 0..form.choose(100, 10) {
            took.add(process.call(call).await.billed);
        }
        process.stop().await;
        for size in SIZES {
            // The measured work had a whole processor. With a share of one, it takes longer.
            let slower = used.mul_f64(WHOLE_PROCESSOR / size) - used;
            let duration = took.mean() + slower + WRITE;
            let billed = milliseconds(duration).ceil();
            let lambda = size / 1024.0 * billed / 1000.0 * price::GB_SECOND * 1e6;
            let others = price::INVOCATIONS
                + price::REQUESTS
                + price::WRITES
                + price::SECRETS / CALLS_FOR_EACH_SECRET;
            let chosen = if size == CHOSEN { ", as in the template" } else { "" };
            let name = format!("{size} MB, Dataverse at {latency} ms ({billed} ms billed){chosen}");
            report.shown(GROUP, name, lambda + others, "USD");
        }
    }
    bench.latency(Duration::ZERO).await;
    report.note(
        "The cost is at list prices of November 2026, from the durations of this machine and 5 ms for \
         the way to DynamoDB. Not in it: cold starts, the authorizer (asked once in 300 s for each key), logs, \
         metrics and traces in CloudWatch, and what lies in the state table.",
    );
}

/// Measures the zipped functions for arm64, as they are deployed.
pub(crate) fn size(report: &mut Report) {
    const GROUP: &str = "Size of the zipped functions for arm64";
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let program = std::env::current_exe().unwrap();
    // This must not overwrite a build that is to be deployed.
    let folder = program.ancestors().nth(3).unwrap().join("benchmarks-lambda");
    // An earlier build may have functions that no longer exist.
    let _ = std::fs::remove_dir_all(&folder);
    let functions = functions();
    let packages = functions.iter().map(|name| format!("--package={name}-function"));
    let build = std::process::Command::new(cargo)
        .args(["lambda", "build", "--release", "--arm64", "--output-format", "zip", "--locked"])
        .args(packages)
        .arg("--lambda-dir")
        .arg(&folder)
        .status();
    if !build.is_ok_and(|status| status.success()) {
        report.note(
            "Not all sizes: `cargo lambda build --arm64` failed (it needs cargo-lambda and Zig).",
        );
    }
    let built = std::fs::read_dir(&folder).into_iter().flatten();
    let mut zips: Vec<_> = built
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let zip = entry.path().join("bootstrap.zip");
            let size = zip.metadata().ok()?.len();
            Some((entry.file_name().to_string_lossy().into_owned(), size))
        })
        .collect();
    zips.sort();
    let functions = functions.len() as f64;
    report.judged(GROUP, "functions that were built", zips.len() as f64, "", Exactly(functions));
    for (name, bytes) in zips {
        let size = bytes as f64 / 1e6;
        report.judged(GROUP, name, size, "MB", AtMost(6.0));
    }
}

/// The folders of the functions.
fn functions() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let folders = std::fs::read_dir(folder).unwrap().flatten();
    let functions = folders.filter(|folder| folder.path().join("src/main.rs").is_file());
    functions.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect()
}
