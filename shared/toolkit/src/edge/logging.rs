//! Log lines: JSON in Lambda, text on a terminal.

use std::cmp::Reverse;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tracing::Metadata;
use tracing_subscriber::filter::{FilterFn, LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::json;
use crate::{Call, ErrorCode, ToolError};

/// Whether log lines are JSON.
static JSON: AtomicBool = AtomicBool::new(false);

/// The namespace of the metrics in CloudWatch.
pub const NAMESPACE: &str = "Dynamics365Tools";

/// Sends log lines to standard output.
///
/// The level is `AWS_LAMBDA_LOG_LEVEL`, or `RUST_LOG`, or `info`. If `AWS_LAMBDA_LOG_FORMAT` is
/// `JSON`, as in the template, each line is a JSON object with `timestamp` and `level` at the top
/// level. Lambda's own filter treats a line without these as INFO.
pub fn initialize() {
    let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let directives = variable("AWS_LAMBDA_LOG_LEVEL")
        .or_else(|| variable("RUST_LOG"))
        .unwrap_or_else(|| "info".to_owned());
    let is_json =
        variable("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    start(&directives, is_json);
}

/// Sends log lines to standard output as a function in Lambda does, whatever the environment says.
pub fn initialize_as_in_lambda() {
    start("info", true);
}

fn start(directives: &str, is_json: bool) {
    JSON.store(is_json, Ordering::Relaxed);
    let lines = fmt::layer().with_target(false).log_internal_errors(true);
    let lines = if is_json { lines.json().flatten_event(true).boxed() } else { lines.boxed() };
    // Tests call this more than once. Only the first call counts.
    let _ = tracing_subscriber::registry().with(lines).with(restrained(directives)).try_init();
}

/// Our own crates, except the functions, whose names end with `_function`.
const OURS: [&str; 7] =
    ["auth", "crm", "dataverse", "dataverse_emulator", "stack", "state", "toolkit"];

/// Whether a line comes from one of our crates. Below INFO, other crates log what they send and
/// receive: events with their bodies, and requests with their secrets.
fn is_ours(target: &str) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    name.ends_with("_function") || OURS.contains(&name)
}

/// A filter for the lines that the directives ask for. Other crates never log below INFO. A level
/// without a name applies to our own crates.
fn restrained(directives: &str) -> FilterFn<impl Fn(&Metadata<'_>) -> bool + use<>> {
    let levels = Levels::of(directives);
    let finest = levels.finest();
    filter_fn(move |line| *line.level() <= levels.of_target(line.target()))
        .with_max_level_hint(finest)
}

/// The levels that are written.
struct Levels {
    /// The level of our own crates. For other crates it applies too, but never finer than INFO.
    for_all: LevelFilter,
    /// The levels of targets that begin with these names, the longest name first.
    named: Vec<(String, LevelFilter)>,
}

impl Levels {
    fn of(directives: &str) -> Levels {
        let directives = directives.split(',').map(str::trim).filter(|it| !it.is_empty());
        let asked: Vec<Targets> = directives.filter_map(|it| it.parse().ok()).collect();
        let for_all = asked.iter().filter_map(Targets::default_level).next_back();
        let named = asked.into_iter().flatten().map(|(target, level)| {
            let finest = if is_ours(&target) { LevelFilter::TRACE } else { LevelFilter::INFO };
            (target, level.min(finest))
        });
        let mut named: Vec<_> = named.collect();
        named.sort_by_key(|(target, _)| Reverse(target.len()));
        Levels { for_all: for_all.unwrap_or(LevelFilter::INFO), named }
    }

    fn of_target(&self, target: &str) -> LevelFilter {
        // At every level, this crate logs what clients sent.
        const NEVER: &str = "rmcp";
        if target.starts_with(NEVER) {
            return LevelFilter::OFF;
        }
        match self.named.iter().find(|(named, _)| target.starts_with(named.as_str())) {
            Some((_, level)) => *level,
            None if is_ours(target) => self.for_all,
            None => self.for_all.min(LevelFilter::INFO),
        }
    }

    fn finest(&self) -> LevelFilter {
        self.named.iter().map(|(_, level)| *level).fold(self.for_all, Ord::max)
    }
}

/// Writes the line of a call, without arguments, names or texts. In Lambda, the line also contains
/// the metrics.
pub fn call(call: &Call, error: Option<&ToolError>, request_id: &str, duration: Duration) {
    let line = CallLine::of(call, error, request_id, duration);
    if JSON.load(Ordering::Relaxed) {
        emit(&line.with_metrics(Timestamp::now()));
        return;
    }
    let text = json::text(&line).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    match line.level {
        Level::Error => tracing::error!(call = %text),
        Level::Warn => tracing::warn!(call = %text),
        Level::Info => tracing::info!(call = %text),
    }
}

/// Writes a line with metrics. `dimensions` are the sets of dimensions, and each metric has a unit.
/// On a terminal, the metrics are left out.
pub fn measure(
    message: &'static str,
    mut line: Value,
    dimensions: &[&[&str]],
    units: &[(&str, &str)],
) {
    json::tidy(&mut line);
    if JSON.load(Ordering::Relaxed) {
        emit(&Measured::new(Timestamp::now(), Level::Info, message, line, dimensions, units));
    } else {
        tracing::info!("{message} {line}");
    }
}

/// Prints a line with nested metrics, which the subscriber cannot write.
fn emit(line: &impl Serialize) {
    let Ok(mut text) = json::text(line) else { return };
    text.push(b'\n');
    // Without standard output, there is no place to report the error.
    let _ = std::io::stdout().lock().write_all(&text);
}

/// The level of a line.
#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Level {
    Info,
    Warn,
    Error,
}

/// The line of a call. It is written without a JSON tree: building one took a twentieth of the time
/// of a call.
#[derive(Serialize)]
struct CallLine<'a> {
    #[serde(skip)]
    level: Level,
    request_id: &'a str,
    connection: Option<&'a str>,
    conversation: Option<&'a str>,
    client: Option<&'a str>,
    dataverse_code: Option<&'a str>,
    dataverse_request_id: Option<&'a str>,
    cause: Option<&'a str>,
    #[serde(rename = "Tool")]
    tool: &'a str,
    #[serde(rename = "Outcome")]
    outcome: &'static str,
    #[serde(rename = "Trips")]
    trips: u32,
    #[serde(rename = "Throttles")]
    throttles: u32,
    /// In milliseconds.
    #[serde(rename = "Latency")]
    latency: u64,
}

/// The line of a call with its numbers.
#[derive(Serialize)]
struct Counted<'a> {
    #[serde(flatten)]
    line: CallLine<'a>,
    #[serde(rename = "Calls")]
    calls: u8,
    #[serde(rename = "Errors")]
    errors: u8,
}

impl<'a> CallLine<'a> {
    fn of(
        call: &'a Call,
        error: Option<&'a ToolError>,
        request_id: &'a str,
        duration: Duration,
    ) -> CallLine<'a> {
        let details = error.and_then(ToolError::dataverse_details);
        let session = call.session.as_ref();
        CallLine {
            level: match error.map(ToolError::code) {
                None => Level::Info,
                Some(ErrorCode::Internal) => Level::Error,
                Some(_) => Level::Warn,
            },
            request_id,
            connection: call.connection.as_ref().map(auth::ConnectionId::as_str),
            conversation: call.conversation.as_deref(),
            client: call.client.as_deref(),
            dataverse_code: details.map(|details| details.code.as_str()),
            dataverse_request_id: details.and_then(|details| details.request_id.as_deref()),
            cause: error.and_then(ToolError::log_cause),
            tool: call.tool.as_deref().unwrap_or("none"),
            outcome: error.map_or("ok", |error| error.code().as_str()),
            trips: session.map_or(0, dataverse::Session::trips),
            throttles: session.map_or(0, dataverse::Session::throttled),
            latency: duration.as_millis() as u64,
        }
    }

    fn with_metrics(self, now: Timestamp) -> Measured<'a, Counted<'a>> {
        let level = self.level;
        let counted = Counted { calls: 1, errors: u8::from(level != Level::Info), line: self };
        Measured::new(now, level, "call", counted, &[&[], &["Tool"], &["Outcome"]], CALL_UNITS)
    }
}

const CALL_UNITS: &[(&str, &str)] = &[
    ("Calls", "Count"),
    ("Errors", "Count"),
    ("Trips", "Count"),
    ("Throttles", "Count"),
    ("Latency", "Milliseconds"),
];

/// A line in CloudWatch's embedded metric format. CloudWatch makes metrics from the members that
/// are named under `_aws`.
///
/// Source: AWS's specification of the embedded metric format.
#[derive(Serialize)]
struct Measured<'a, T> {
    timestamp: String,
    level: Level,
    message: &'static str,
    #[serde(flatten)]
    line: T,
    #[serde(rename = "_aws")]
    metrics: Metrics<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metrics<'a> {
    /// In milliseconds since 1970.
    timestamp: i64,
    cloud_watch_metrics: [Directive<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'static str,
    dimensions: &'a [&'a [&'a str]],
    metrics: Vec<Metric<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric<'a> {
    name: &'a str,
    unit: &'a str,
}

impl<'a, T> Measured<'a, T> {
    fn new(
        now: Timestamp,
        level: Level,
        message: &'static str,
        line: T,
        dimensions: &'a [&'a [&'a str]],
        units: &'a [(&'a str, &'a str)],
    ) -> Measured<'a, T> {
        let metrics = units.iter().map(|(name, unit)| Metric { name, unit }).collect();
        Measured {
            // The same form as in Lambda's own lines.
            timestamp: format!("{now:.3}"),
            level,
            message,
            line,
            metrics: Metrics {
                timestamp: now.as_millisecond(),
                cloud_watch_metrics: [Directive { namespace: NAMESPACE, dimensions, metrics }],
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The lines that are written under these directives.
    fn logged(directives: &str) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = fmt::layer().with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(layer).with(restrained(directives));
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(target: "dataverse::client", "ours, finely");
            tracing::info!(target: "dataverse::client", "ours");
            tracing::debug!(target: "hyper_util::client", "theirs, finely");
            tracing::info!(target: "hyper_util::client", "theirs");
            tracing::error!(target: "rmcp::service", "what a client sent");
        });
        String::from_utf8(lines.0.lock().clone()).unwrap()
    }

    #[derive(Clone, Default)]
    struct Lines(std::sync::Arc<parking_lot::Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_others_send_and_receive_is_never_logged() {
        for (directives, finely) in [
            ("info", false),
            ("INFO", false),
            ("debug", true),
            ("TRACE", true),
            ("dataverse=debug", true),
            ("dataverse::client=debug,info", true),
            ("debug,dataverse=info", false),
            ("debug,hyper_util=trace,rmcp=trace", true),
            ("rmcp::service=trace", false),
            ("rmcp::service", false),
            ("hyper_util", false),
            ("hyper_util=5", false),
            ("5", true),
            ("info,[span]=trace", false),
            ("not a directive", false),
        ] {
            let lines = logged(directives);
            assert!(lines.contains("ours") && lines.contains("theirs"), "{directives}: {lines}");
            assert_eq!(lines.contains("ours, finely"), finely, "{directives}: {lines}");
            assert!(!lines.contains("theirs, finely"), "{directives}: {lines}");
            assert!(!lines.contains("client sent"), "{directives}: {lines}");
        }
        let lines = logged("warn");
        assert!(!lines.contains("ours"), "{lines}");
    }

    #[test]
    fn ours_are_the_functions_and_the_shared_crates() {
        for ours in ["contact_function", "case_function::get_case", "toolkit::edge", "state"] {
            assert!(is_ours(ours), "{ours}");
        }
        for theirs in ["case", "statement", "hyper_util::client", "contact_functions"] {
            assert!(!is_ours(theirs), "{theirs}");
        }
    }

    #[test]
    fn a_call_is_one_line_with_its_metrics() {
        let call = Call {
            tool: Some("dynamics365_get_case".to_owned()),
            conversation: Some("chat-1".to_owned()),
            ..Call::default()
        };
        let error = ToolError::new(ErrorCode::NotFound, "no case has that name").for_log("a cause");
        let line = || CallLine::of(&call, Some(&error), "r-1", Duration::from_millis(12));
        let now = "2026-11-24T09:00:00.12Z".parse().unwrap();
        let told = |text: Vec<u8>| serde_json::from_slice::<Value>(&text).unwrap();
        let whole = told(json::text(&line().with_metrics(now)).unwrap());
        assert_eq!(whole["Outcome"], "not_found");
        assert_eq!((&whole["level"], &whole["message"]), (&json!("WARN"), &json!("call")));
        assert_eq!(whole["timestamp"], "2026-11-24T09:00:00.120Z");
        assert_eq!((&whole["Errors"], &whole["Latency"]), (&json!(1), &json!(12)));
        let text = whole.to_string();
        assert!(text.contains("a cause") && !text.contains("no case has that name"), "{text}");
        assert!(!text.contains("null"), "{text}");
        assert_eq!(whole["_aws"]["Timestamp"], 1_795_510_800_120_i64);
        let directive = &whole["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], NAMESPACE);
        assert_eq!(directive["Dimensions"], json!([[], ["Tool"], ["Outcome"]]));
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(whole[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        }
        let shown = told(json::text(&line()).unwrap());
        assert_eq!(shown["Tool"], "dynamics365_get_case");
        for name in ["_aws", "level", "Calls", "client"] {
            assert!(shown.get(name).is_none(), "{shown}");
        }
    }
}
