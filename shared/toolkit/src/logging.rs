//! Log lines: JSON in Lambda, text on a terminal.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

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
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_span_events(FmtSpan::NONE);
    let is_json =
        variable("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    // A second call, in tests, is no harm.
    let _ = if is_json {
        lines.json().flatten_event(true).with_target(false).try_init()
    } else {
        lines.with_target(false).try_init()
    };
}
