//! Log lines: JSON in Lambda, text on a terminal.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::{Call, ErrorCode, ToolError};

/// Whether lines are JSON.
static JSON: AtomicBool = AtomicBool::new(false);

/// The namespace of the metrics in CloudWatch.
pub const NAMESPACE: &str = "Dynamics365Tools";

/// Sends log lines to standard output.
///
/// The level is `AWS_LAMBDA_LOG_LEVEL`, else `RUST_LOG`, else `info`. With `AWS_LAMBDA_LOG_FORMAT`
/// set to `JSON`, as the template does, a line is one JSON object with `timestamp` and `level` at
/// its top: Lambda's own filter counts a line without them as INFO.
pub fn initialize() {
    let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let directives = variable("AWS_LAMBDA_LOG_LEVEL")
        .or_else(|| variable("RUST_LOG"))
        .unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::new(restrained(&directives));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_span_events(FmtSpan::NONE);
    let is_json =
        variable("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    JSON.store(is_json, Ordering::Relaxed);
    // A second call, in tests, is no harm.
    let _ = if is_json {
        lines.json().flatten_event(true).with_target(false).try_init()
    } else {
        lines.with_target(false).try_init()
    };
}

/// Our own crates. What others write at finer levels than INFO is what they send and receive: events
/// with their bodies, requests with the secrets in them.
const OURS: [&str; 19] = [
    "account",
    "activity",
    "auth",
    "authorizer",
    "case",
    "catalog",
    "connection",
    "contact",
    "crm",
    "dataverse",
    "emulator",
    "engagement",
    "health",
    "lead",
    "mcp",
    "opportunity",
    "stack",
    "state",
    "toolkit",
];

/// What is asked for, with others at INFO at the finest; a level for all is one for us.
fn restrained(directives: &str) -> String {
    // It writes what clients sent, whatever the level. What there is to say, we say.
    const NEVER: &str = "rmcp=off";
    let mut kept = vec!["info".to_owned()];
    for directive in directives.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        let is_ours = OURS.iter().any(|ours| {
            directive.strip_prefix(ours).is_some_and(|rest| rest.starts_with(['=', ':', '[']))
        });
        match directive.to_ascii_lowercase().as_str() {
            level @ ("debug" | "trace") => {
                kept.extend(OURS.iter().map(|ours| format!("{ours}={level}")));
            }
            other if is_ours || !(other.contains("debug") || other.contains("trace")) => {
                kept.push(directive.to_owned());
            }
            _ => {}
        }
    }
    kept.push(NEVER.to_owned());
    kept.join(",")
}

/// One line for every call: no arguments, no names, no texts. In Lambda it is its metrics, too.
pub fn call(call: &Call, error: Option<&ToolError>, request_id: &str, duration: Duration) {
    let line = call_line(call, error, request_id, duration);
    if JSON.load(Ordering::Relaxed) {
        emit(line);
    } else {
        let line = without_metrics(line);
        match error.map(ToolError::code) {
            None => tracing::info!(call = %line),
            Some(ErrorCode::Internal) => tracing::error!(call = %line),
            Some(_) => tracing::warn!(call = %line),
        }
    }
}

/// A line of its own, with metrics by these sets of dimensions and in these units. On a terminal
/// it is told without them.
pub fn measure(message: &str, mut line: Value, dimensions: &Value, units: &[(&str, &str)]) {
    if !JSON.load(Ordering::Relaxed) {
        super::edge::without_nulls(&mut line);
        tracing::info!("{message} {line}");
        return;
    }
    let now = Timestamp::now();
    line["timestamp"] = timestamp(now).into();
    line["level"] = "INFO".into();
    line["message"] = message.into();
    line["_aws"] = metrics(now, dimensions, units);
    emit(line);
}

/// A moment as Lambda's own lines have it.
fn timestamp(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Prints a line that has its own metrics, which the subscriber could not nest.
pub fn emit(mut line: Value) {
    super::edge::without_nulls(&mut line);
    // Without standard output there is nobody to tell.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// The line, in CloudWatch's embedded metric format: what it names under `_aws` becomes metrics
/// without a call of the API.
///
/// Source: AWS's specification of the embedded metric format.
fn call_line(
    call: &Call,
    error: Option<&ToolError>,
    request_id: &str,
    duration: Duration,
) -> Value {
    let now = Timestamp::now();
    let details = error.and_then(ToolError::dataverse_details);
    let is_defect = error.is_some_and(|error| error.code() == ErrorCode::Internal);
    let level = match error {
        None => "INFO",
        Some(_) if is_defect => "ERROR",
        Some(_) => "WARN",
    };
    let session = call.session.as_ref();
    json!({
        "timestamp": timestamp(now),
        "level": level,
        "message": "call",
        "request_id": request_id,
        "connection": call.connection.as_ref().map(auth::ConnectionId::as_str),
        "conversation": call.conversation,
        "client": call.client,
        "dataverse_code": details.map(|details| &details.code),
        "dataverse_request_id": details.and_then(|details| details.request_id.as_ref()),
        "cause": error.and_then(ToolError::log_cause),
        "Tool": call.tool.as_deref().unwrap_or("none"),
        "Outcome": error.map_or("ok", |error| error.code().as_str()),
        "Calls": 1,
        "Errors": u8::from(error.is_some()),
        "Trips": session.map_or(0, dataverse::Session::trips),
        "Throttles": session.map_or(0, dataverse::Session::throttled),
        "Latency": duration.as_millis() as u64,
        "_aws": metrics(now, &json!([[], ["Tool"], ["Outcome"]]), &[
            ("Calls", "Count"),
            ("Errors", "Count"),
            ("Trips", "Count"),
            ("Throttles", "Count"),
            ("Latency", "Milliseconds"),
        ]),
    })
}

/// What makes members of a line metrics: by these sets of dimensions, in these units.
pub fn metrics(now: Timestamp, dimensions: &Value, units: &[(&str, &str)]) -> Value {
    let units: Vec<_> =
        units.iter().map(|(name, unit)| json!({"Name": name, "Unit": unit})).collect();
    json!({
        "Timestamp": now.as_millisecond(),
        "CloudWatchMetrics": [
            {"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": units},
        ],
    })
}

/// For people: without what only CloudWatch reads.
fn without_metrics(mut line: Value) -> Value {
    if let Value::Object(object) = &mut line {
        for name in ["_aws", "timestamp", "level", "message", "Calls", "Errors"] {
            object.shift_remove(name);
        }
    }
    super::edge::without_nulls(&mut line);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What goes out where this is asked for.
    fn logged(directives: &str) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(restrained(directives)))
            .with_writer(move || writer.clone())
            .finish();
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
            ("debug,hyper_util=trace,rmcp=trace", true),
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
    fn a_call_is_one_line_with_its_metrics() {
        let call = Call {
            tool: Some("dynamics365_get_case".to_owned()),
            conversation: Some("chat-1".to_owned()),
            ..Call::default()
        };
        let error = ToolError::new(ErrorCode::NotFound, "no case has that name").cause("a cause");
        let line = call_line(&call, Some(&error), "r-1", Duration::from_millis(12));
        assert_eq!(line["Outcome"], "not_found");
        assert_eq!(line["level"], "WARN");
        assert_eq!((&line["Errors"], &line["Latency"]), (&json!(1), &json!(12)));
        let text = line.to_string();
        assert!(text.contains("a cause") && !text.contains("no case has that name"), "{text}");
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        }
        let shown = without_metrics(line);
        assert_eq!(shown["Tool"], "dynamics365_get_case");
        assert!(shown.get("_aws").is_none() && shown.get("client").is_none());
    }
}
