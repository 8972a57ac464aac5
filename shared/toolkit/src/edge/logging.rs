//! Log lines: JSON in Lambda, text on a terminal.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tracing::Metadata;
use tracing_subscriber::filter::{FilterFn, LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::call::ForVisitor;
use super::entry::confirmation;
use super::json;
use crate::contract::behalf::Way;
use crate::{Call, ErrorCode, ToolError};

/// How log lines are written. Until it is set, they are written for a terminal.
static STYLE: OnceLock<Style> = OnceLock::new();

/// How log lines are written.
#[derive(Clone, Debug, Default)]
struct Style {
    /// As JSON objects, with metrics.
    is_json: bool,
    /// The name of the stack that the metrics belong to.
    stack: Option<String>,
    /// Whether there are metrics of each client, too.
    by_client: bool,
}

fn style() -> &'static Style {
    static FOR_A_TERMINAL: Style = Style { is_json: false, stack: None, by_client: false };
    STYLE.get().unwrap_or(&FOR_A_TERMINAL)
}

/// The namespace of the metrics in CloudWatch.
pub const NAMESPACE: &str = "Dynamics365Tools";

/// Sends log lines to standard output.
///
/// The level is `AWS_LAMBDA_LOG_LEVEL`, or `RUST_LOG`, or `info`. If `AWS_LAMBDA_LOG_FORMAT` is
/// `JSON`, as in the template, each line is a JSON object with `timestamp` and `level` at the top
/// level. Lambda's own filter treats a line without these as INFO. Metrics have the dimension
/// `Stack`, with the value of `STACK`. If `CLIENT_METRICS` is `true`, calls also have metrics for
/// each `Client`.
pub fn initialize() {
    let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let directives = variable("AWS_LAMBDA_LOG_LEVEL")
        .or_else(|| variable("RUST_LOG"))
        .unwrap_or_else(|| "info".to_owned());
    let is_json =
        variable("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    let stack = variable("STACK");
    let by_client = variable("CLIENT_METRICS").is_some_and(|value| value == "true");
    start(&directives, Style { is_json, stack, by_client });
}

/// Sends log lines to standard output as a function in Lambda does, whatever the environment says.
pub fn initialize_as_in_lambda() {
    start("info", Style { is_json: true, ..Style::default() });
}

fn start(directives: &str, style: Style) {
    let is_json = style.is_json;
    // Tests call this more than once, which does no harm.
    let _ = STYLE.set(style);
    let lines = fmt::layer().with_target(false).log_internal_errors(true);
    let lines = if is_json { lines.json().flatten_event(true).boxed() } else { lines.boxed() };
    let _ = tracing_subscriber::registry().with(lines).with(restrained(directives)).try_init();
}

/// Our own crates, except the functions, whose names end with `_function`.
const OURS: [&str; 9] = [
    "auth",
    "crm",
    "dataverse",
    "dataverse_emulator",
    "seal",
    "stack",
    "state",
    "toolkit",
    "visitor",
];

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
    let style = style();
    if style.is_json {
        emit(&line.with_metrics(Timestamp::now(), style));
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

/// Writes a line with metrics in these units. On a terminal, the metrics are left out.
pub fn measure(message: &'static str, mut line: Value, units: &[(&str, &str)]) {
    json::tidy(&mut line);
    let style = style();
    if style.is_json {
        let by = Dimensions::of(style, None);
        emit(&Measured::new(Timestamp::now(), Level::Info, message, line, by, units));
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
    tool: &'a str,
    outcome: &'static str,
    dataverse_code: Option<&'a str>,
    dataverse_request_id: Option<&'a str>,
    cause: Option<&'a str>,
    verified_by: Option<&'static str>,
    confirmation: Option<&'a str>,
    #[serde(skip)]
    is_confirmed: bool,
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
    #[serde(flatten)]
    of_visitors: BTreeMap<&'static str, u8>,
}

/// The cause of a wrong code, for the log, where many codes were wrong in this hour.
pub const MANY_WRONG_CODES: &str = "many codes of visitors were wrong in this hour";

/// What is counted of calls for visitors and of calls that wait for a yes, and whether this call is one.
fn of_visitors(line: &CallLine<'_>) -> BTreeMap<&'static str, u8> {
    let is_for_visitor = line.verified_by.is_some();
    let (way, outcome) = (line.verified_by.unwrap_or_default(), line.outcome);
    let all = [
        ("VisitorsUnverified", way == "nobody"),
        ("VisitorsVerified", is_for_visitor && way != "nobody"),
        ("VisitorsVerifiedByPlatform", way == Way::Platform.as_str()),
        ("VisitorsVerifiedByToken", way == Way::Token.as_str()),
        ("VisitorsVerifiedByCode", way == Way::Code.as_str()),
        ("VisitorsGuessing", line.cause == Some(MANY_WRONG_CODES)),
        ("VisitorsRefused", outcome == ErrorCode::VisitorUnverified.as_str()),
        ("VisitorsNotFound", is_for_visitor && outcome == ErrorCode::NotFound.as_str()),
        ("ConfirmationsRequired", outcome == ErrorCode::ConfirmationRequired.as_str()),
        ("ConfirmationsGiven", line.is_confirmed),
    ];
    all.into_iter().filter(|(_, is_one)| *is_one).map(|(name, _)| (name, 1)).collect()
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
                // It went as it should.
                Some(ErrorCode::ConfirmationRequired) => Level::Info,
                Some(_) => Level::Warn,
            },
            request_id,
            connection: call.connection.as_ref().map(auth::ConnectionId::as_str),
            conversation: call.conversation.as_deref(),
            client: call.client.as_deref(),
            dataverse_code: details.map(|details| details.code.as_str()),
            dataverse_request_id: details.and_then(|details| details.request_id.as_deref()),
            cause: error.and_then(ToolError::log_cause),
            verified_by: call.visitor.as_ref().map(ForVisitor::way),
            confirmation: confirmation(call, error),
            is_confirmed: call.is_confirmed,
            tool: call.tool.as_deref().unwrap_or("none"),
            outcome: error.map_or("ok", |error| error.code().as_str()),
            trips: session.map_or(0, dataverse::Session::trips),
            throttles: session.map_or(0, dataverse::Session::throttled),
            latency: duration.as_millis() as u64,
        }
    }

    fn with_metrics(self, now: Timestamp, style: &'a Style) -> Measured<'a, Counted<'a>> {
        let level = self.level;
        let by = Dimensions::of(style, self.client);
        let of_visitors = of_visitors(&self);
        let more = of_visitors.keys().map(|name| (*name, "Count"));
        let units: Vec<_> = CALL_UNITS.iter().copied().chain(more).collect();
        let errors = u8::from(level != Level::Info);
        let counted = Counted { calls: 1, errors, of_visitors, line: self };
        Measured::new(now, level, "call", counted, by, &units)
    }
}

const CALL_UNITS: &[(&str, &str)] = &[
    ("Calls", "Count"),
    ("Errors", "Count"),
    ("Trips", "Count"),
    ("Throttles", "Count"),
    ("Latency", "Milliseconds"),
];

/// The dimensions of a line's metrics. AWS charges for each value of a dimension, so there are few.
/// Queries over the log lines count tools, outcomes and connections.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Dimensions<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
}

impl<'a> Dimensions<'a> {
    fn of(style: &'a Style, client: Option<&'a str>) -> Dimensions<'a> {
        Dimensions { stack: style.stack.as_deref(), client: client.filter(|_| style.by_client) }
    }

    /// The sets that CloudWatch makes metrics for.
    fn sets(self) -> Vec<Vec<&'static str>> {
        let of_stack: Vec<_> = self.stack.map(|_| "Stack").into_iter().collect();
        let of_client = self.client.map(|_| [of_stack.as_slice(), &["Client"]].concat());
        std::iter::once(of_stack.clone()).chain(of_client).collect()
    }
}

/// A line in CloudWatch's embedded metric format. CloudWatch makes metrics of the members that it
/// names under `_aws`.
///
/// Source: AWS's specification of the embedded metric format.
#[derive(Serialize)]
struct Measured<'a, T> {
    timestamp: String,
    level: Level,
    message: &'static str,
    #[serde(flatten)]
    line: T,
    #[serde(flatten)]
    by: Dimensions<'a>,
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
    dimensions: Vec<Vec<&'static str>>,
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
        by: Dimensions<'a>,
        units: &[(&'a str, &'a str)],
    ) -> Measured<'a, T> {
        let metrics = units.iter().map(|(name, unit)| Metric { name, unit }).collect();
        Measured {
            // The same form as in Lambda's own lines.
            timestamp: format!("{now:.3}"),
            level,
            message,
            line,
            by,
            metrics: Metrics {
                timestamp: now.as_millisecond(),
                cloud_watch_metrics: [Directive {
                    namespace: NAMESPACE,
                    dimensions: by.sets(),
                    metrics,
                }],
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
    fn what_is_done_for_visitors_is_counted() {
        let of = |way: Option<Option<Way>>, error: Option<ToolError>, is_confirmed: bool| {
            let visitor = way.map(|way| ForVisitor { way, identity: None, contact: None });
            let call = Call { visitor, is_confirmed, ..Call::default() };
            let line = CallLine::of(&call, error.as_ref(), "r-1", Duration::ZERO);
            of_visitors(&line).into_keys().collect::<Vec<_>>()
        };
        let error = |code| Some(ToolError::new(code, "d"));
        assert_eq!(of(None, None, false), [""; 0]);
        assert_eq!(of(None, error(ErrorCode::NotFound), false), [""; 0]);
        assert_eq!(of(Some(None), None, false), ["VisitorsUnverified"]);
        for (way, name) in [
            (Way::Platform, "VisitorsVerifiedByPlatform"),
            (Way::Token, "VisitorsVerifiedByToken"),
            (Way::Code, "VisitorsVerifiedByCode"),
        ] {
            assert_eq!(of(Some(Some(way)), None, false), ["VisitorsVerified", name]);
        }
        let not_found = of(Some(None), error(ErrorCode::NotFound), false);
        assert_eq!(not_found, ["VisitorsNotFound", "VisitorsUnverified"]);
        let refused = of(Some(None), error(ErrorCode::VisitorUnverified), false);
        assert_eq!(refused, ["VisitorsRefused", "VisitorsUnverified"]);
        let guessed = error(ErrorCode::VisitorUnverified).map(|it| it.for_log(MANY_WRONG_CODES));
        let guessed = of(Some(None), guessed, false);
        assert_eq!(guessed, ["VisitorsGuessing", "VisitorsRefused", "VisitorsUnverified"]);
        let waits = of(None, error(ErrorCode::ConfirmationRequired), false);
        assert_eq!(waits, ["ConfirmationsRequired"]);
        assert_eq!(of(None, None, true), ["ConfirmationsGiven"]);
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
        let style = Style { is_json: true, stack: Some("bot".to_owned()), by_client: false };
        let whole = told(json::text(&line().with_metrics(now, &style)).unwrap());
        assert_eq!((&whole["outcome"], &whole["Stack"]), (&json!("not_found"), &json!("bot")));
        assert_eq!((&whole["level"], &whole["message"]), (&json!("WARN"), &json!("call")));
        assert_eq!(whole["timestamp"], "2026-11-24T09:00:00.120Z");
        assert_eq!((&whole["Errors"], &whole["Latency"]), (&json!(1), &json!(12)));
        let text = whole.to_string();
        assert!(text.contains("a cause") && !text.contains("no case has that name"), "{text}");
        assert!(!text.contains("null"), "{text}");
        assert_eq!(whole["_aws"]["Timestamp"], 1_795_510_800_120_i64);
        let directive = &whole["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], NAMESPACE);
        assert_eq!(directive["Dimensions"], json!([["Stack"]]));
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(whole[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        }
        let shown = told(json::text(&line()).unwrap());
        assert_eq!(shown["tool"], "dynamics365_get_case");
        for name in ["_aws", "level", "Calls", "client", "Stack"] {
            assert!(shown.get(name).is_none(), "{shown}");
        }
    }

    #[test]
    fn metrics_are_of_the_stack_and_of_each_client_where_that_is_asked_for() {
        let by = |stack: Option<&str>, by_client, client| {
            let style = Style { is_json: true, stack: stack.map(str::to_owned), by_client };
            Dimensions::of(&style, client).sets()
        };
        assert_eq!(by(Some("bot"), false, Some("chat")), [vec!["Stack"]]);
        assert_eq!(by(Some("bot"), true, Some("chat")), [vec!["Stack"], vec!["Stack", "Client"]]);
        // Of a set with a member that is missing, CloudWatch would make nothing.
        assert_eq!(by(Some("bot"), true, None), [vec!["Stack"]]);
        assert_eq!(by(None, false, None), [Vec::<&str>::new()]);
    }
}
