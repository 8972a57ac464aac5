//! `doctor`: everything that can be seen with an address and a key.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::view::View;
use super::{connections, encoded, key};
use crate::api::Api;
use crate::error::CliError;
use crate::print::print;

/// The clocks of the service and of this machine may differ by as much.
const APART_SECONDS: i64 = 60;

/// A client secret that ends within this many days is to be replaced.
const SOON_DAYS: i64 = 30;

/// What a look at one thing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Bad,
    Unknown,
}

/// The lines that were printed.
#[derive(Debug, Default)]
struct Report {
    bad: usize,
    unknown: usize,
}

impl Report {
    fn say(&mut self, verdict: Verdict, what: &str, text: &str) {
        let word = match verdict {
            Verdict::Good => "good",
            Verdict::Bad => "bad",
            Verdict::Unknown => "unknown",
        };
        self.bad += usize::from(verdict == Verdict::Bad);
        self.unknown += usize::from(verdict == Verdict::Unknown);
        let mut lines = text.lines();
        print(&format!("{word:<8}{what}: {}", lines.next().unwrap_or_default()));
        for line in lines {
            print(&format!("{:8}{line}", ""));
        }
    }

    fn good(&mut self, what: &str, text: &str) {
        self.say(Verdict::Good, what, text);
    }

    fn bad(&mut self, what: &str, text: &str) {
        self.say(Verdict::Bad, what, text);
    }

    fn unknown(&mut self, what: &str, text: &str) {
        self.say(Verdict::Unknown, what, text);
    }
}

#[derive(Debug, Deserialize)]
struct Version {
    version: String,
    time: Timestamp,
}

/// Looks at the service, the key, the keys and each connection, and prints a line for each: good, bad
/// with what mends it, or unknown. Returns whether nothing is bad.
pub(crate) async fn doctor(api: &Api) -> Result<bool, CliError> {
    let mut report = Report::default();
    if let Some(version) = service(api, &mut report).await {
        clock(&version, &mut report);
        let ids = of_connections(api, &mut report).await;
        keys(api, ids.as_ref(), &mut report).await;
    }
    let Report { bad, unknown } = report;
    print(&match (bad, unknown) {
        (0, 0) => "All is well.".to_owned(),
        (0, unknown) => format!("Nothing is bad; {unknown} unknown."),
        (bad, unknown) => format!("{bad} bad, {unknown} unknown."),
    });
    Ok(bad == 0)
}

/// Whether the service can be reached, and takes the key.
async fn service(api: &Api, report: &mut Report) -> Option<Version> {
    match api.get::<Version>("/v1/version").await {
        Ok(version) => {
            report.good("reachable", api.url().as_str());
            report.good("key", "the service takes it");
            let own = env!("CARGO_PKG_VERSION");
            if version.version == own {
                report.good("version", &version.version);
            } else {
                report.bad(
                    "version",
                    &format!(
                        "the service is {}, this program {own}.\nTo do: use the program of the \
                         version that is deployed, or deploy this one.",
                        version.version
                    ),
                );
            }
            Some(version)
        }
        Err(error @ CliError::KeyRefused) => {
            report.good("reachable", api.url().as_str());
            report.bad(
                "key",
                &format!(
                    "{error}\nTo do: take the key from whoever made it, or make one: `d365tools key \
                     make` with another key, `d365tools key first` if there is none. One that was made with \
                     `key first` just now works in five minutes at the latest."
                ),
            );
            None
        }
        Err(error @ CliError::Refused(_)) => {
            report.bad("service", &error.to_string());
            None
        }
        Err(error) => {
            report.bad("reachable", &error.to_string());
            None
        }
    }
}

fn clock(version: &Version, report: &mut Report) {
    let apart = Timestamp::now().duration_since(version.time).as_secs();
    if apart.abs() <= APART_SECONDS {
        report.good("clock", "the same as here");
    } else {
        report.bad(
            "clock",
            &format!(
                "this machine's is {apart} seconds ahead of the service's.\nTo do: set this \
                 machine's clock; AWS's is right."
            ),
        );
    }
}

/// Looks at every connection. Returns their ids.
async fn of_connections(api: &Api, report: &mut Report) -> Option<BTreeSet<String>> {
    let all = match connections::all(api).await {
        Ok(all) => all,
        Err(error) => {
            report.unknown("connections", &error.to_string());
            return None;
        }
    };
    if all.is_empty() {
        report.bad("connections", "there is none.\nTo do: `d365tools connect` sets one up.");
    }
    for one in &all {
        let what = format!("connection {}", one.id);
        match api.get::<View>(&format!("/v1/connections/{}", encoded(&one.id))).await {
            Ok(view) => connection(&what, &view, report),
            Err(error) => report.unknown(&what, &error.to_string()),
        }
    }
    Some(all.into_iter().map(|one| one.id).collect())
}

fn connection(what: &str, view: &View, report: &mut Report) {
    match (&view.problem, view.state.as_str()) {
        (Some(problem), "broken") => report.bad(what, &problem.to_string()),
        (Some(problem), state) => report.unknown(what, &format!("{state}: {problem}")),
        (None, state) => {
            let organization = view.organization.as_ref();
            let name = organization.and_then(|it| it.name.as_deref()).unwrap_or_default();
            report.good(what, &format!("{state}, {name}"));
        }
    }
    if view.problem.is_some() {
        return;
    }
    roles(what, view, report);
    expiry(what, view, report);
}

fn roles(what: &str, view: &View, report: &mut Report) {
    let what = format!("{what}, roles");
    let refused: Vec<_> = view.refused().collect();
    if refused.is_empty() {
        report.good(&what, "they allow every tool");
        return;
    }
    let missing: BTreeSet<_> =
        refused.iter().flat_map(|tool| tool.missing_privileges.iter().flatten()).collect();
    let names: Vec<_> = refused.iter().map(|tool| tool.name.as_str()).collect();
    let missing: Vec<_> = missing.into_iter().map(String::as_str).collect();
    report.bad(
        &what,
        &format!(
            "they do not allow {}.\nTo do, set-up step 6: give the application user a role with {}, \
             or do not offer the bot these tools.",
            names.join(", "),
            missing.join(", ")
        ),
    );
}

fn expiry(what: &str, view: &View, report: &mut Report) {
    let what = format!("{what}, client secret");
    let Some(day) = view.secret.as_ref().and_then(|secret| secret.expires_on) else {
        report.unknown(
            &what,
            "nobody knows when it ends.\nTo do: give the day with `d365tools change ID \
             --secret-expires-on DATE`, or the application the Microsoft Graph permission \
             Application.Read.All.",
        );
        return;
    };
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    let left = day.duration_since(today).as_hours() / 24;
    if left > SOON_DAYS {
        report.good(&what, &format!("ends on {day}"));
    } else {
        report.bad(
            &what,
            &format!(
                "ends on {day}.\nTo do: make a new one (set-up step 3), and store it with `d365tools \
                 rotate {}`.",
                view.id
            ),
        );
    }
}

/// Whether the keys are bound to connections that there are.
async fn keys(api: &Api, connections: Option<&BTreeSet<String>>, report: &mut Report) {
    let keys = match key::all(api).await {
        Ok(keys) => keys,
        Err(error) => return report.unknown("keys", &error.to_string()),
    };
    let Some(connections) = connections else {
        return report.unknown("keys", "which connections there are is not known");
    };
    let mut is_good = true;
    for key in keys.iter().filter(|key| key.serves.is_none()) {
        is_good = false;
        report.bad(
            &format!("key of {}", key.client),
            &format!(
                "it does not say whom it serves, and is refused.\nTo do: `d365tools key change {} \
                 --for visitors`, or staff.",
                key.id
            ),
        );
    }
    for key in &keys {
        let unknown: Vec<_> =
            key.connections.iter().filter(|id| *id != "*" && !connections.contains(*id)).collect();
        if let [_, ..] = unknown.as_slice() {
            is_good = false;
            let unknown: Vec<_> = unknown.into_iter().map(String::as_str).collect();
            report.bad(
                &format!("key of {}", key.client),
                &format!(
                    "it is bound to connections that are not there: {}.\nTo do: set them up, or \
                     `d365tools key change {} --connection …`.",
                    unknown.join(", "),
                    key.id
                ),
            );
        }
    }
    if is_good {
        report.good("keys", &format!("{} made over the API", keys.len()));
    }
}
