//! The texts of the alerts.

use std::collections::BTreeMap;

use auth::health::{Event, Fault};
use auth::{Cause, Effect, SecretExpiry, Step};
use crm::text::quoted;
use jiff::Timestamp;
use state::Registration;
use toolkit::Needs;

use crate::outage::Outage;
use crate::{Alert, Attribute};

/// How many connections a message names, and how many characters of each name. SNS takes messages
/// of at most 256 KB.
const LISTED: usize = 100;
const NAME: usize = 80;

/// What a message about a connection is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub(crate) connection: &'a Registration,
    pub(crate) secret: SecretExpiry,
    pub(crate) needs: &'a Needs,
    /// The name of the secret that holds the connection's credentials.
    pub(crate) secret_name: &'a str,
}

/// A test alert: it says nothing about any connection.
pub(crate) fn test() -> Alert {
    Alert {
        subject: "Dynamics 365 tools: test alert".to_owned(),
        message: "Somebody asked for this test alert. Alerts of the Dynamics 365 tools reach you: \
                  broken connections, client secrets that end, lost privileges. There is nothing to \
                  do."
            .to_owned(),
        attributes: BTreeMap::from([("event", "test".into())]),
    }
}

/// The alert for an event of a connection.
pub(crate) fn of_event(event: &Event, about: &About<'_>) -> Alert {
    let id = &about.connection.id;
    let (headline, what, mend) = words(event, about);
    let mut paragraphs = vec![what, which(about.connection)];
    paragraphs.extend(mend);
    Alert {
        subject: format!("Dynamics 365 connection {id}: {headline}"),
        message: paragraphs.join("\n\n"),
        attributes: attributes(event, about),
    }
}

/// The alert for events of one kind on many connections; `None` if there are no events.
pub(crate) fn of_events(events: &[(&Registration, &Event)]) -> Option<Alert> {
    let (_, first) = events.first()?;
    let count = events.len();
    let (headline, meaning) = match first {
        Event::Broken { .. } => (
            format!("{count} connections do not work"),
            "Every tool of the bot fails for them, of some only when the access tokens at hand have \
             ended: in an hour and a half at most, or in a day, if the tenant's tokens live that \
             long. `d365tools test ID`, or GET /v1/connections/{id}, says what is to be mended. The \
             next checks find out which work again, and say so. Until then this is repeated once a \
             day. Help: {guide}#every-cause.",
        ),
        Event::Recovered { .. } => {
            (format!("{count} connections work again"), "There is nothing to do.")
        }
        Event::SecretExpires { .. } => (
            format!("the client secrets of {count} connections expire"),
            "Within an hour and a half after that, every tool of the bot stops working for them. To \
             do, set-up step 3 (client secret): make new ones, and store each with `d365tools rotate \
             ID`, or PUT /v1/connections/{id}. Tools go on without a pause while both secrets are \
             valid. How: {guide}#step-3-client-secret.",
        ),
        Event::PrivilegesLost { .. } => (
            format!("the application users of {count} connections have lost privileges"),
            "Tools of the bot are refused. `d365tools test ID`, or GET /v1/connections/{id}, says \
             which. To do, set-up step 6 (application user): give the application users a security \
             role with them. How: {guide}#step-6-application-user.",
        ),
        Event::Throttled => (
            format!("too many calls of {count} connections"),
            "Dynamics 365 refuses their calls because there are too many. To do: look which \
             program calls with their application users beside the bot.",
        ),
    };
    let meaning = meaning.replace("{guide}", &Step::guide_page());
    let lines: Vec<_> = events.iter().take(LISTED).map(|(one, event)| line(one, event)).collect();
    let mut list = lines.join("\n");
    if count > LISTED {
        list.push_str(&format!("\nand {} more: GET /v1/connections", count - LISTED));
    }
    Some(Alert {
        subject: format!("Dynamics 365: {headline}"),
        message: format!("Dynamics 365: {headline}. {meaning}\n\n{list}"),
        attributes: [
            ("event", first.name().into()),
            ("count", Attribute::Number(i64::try_from(count).unwrap_or(i64::MAX))),
        ]
        .into(),
    })
}

/// The line for one of many connections.
fn line(connection: &Registration, event: &Event) -> String {
    let name = |name: &str| format!(", {}", quoted(&name.chars().take(NAME).collect::<String>()));
    let label = connection.label.as_deref().map(name).unwrap_or_default();
    let organization = connection.organization.as_ref();
    let organization = organization.and_then(|it| it.name.as_deref()).map(name).unwrap_or_default();
    let what = match event {
        Event::Broken { fault, since } => {
            let step = fault.step.map(|step| format!(" (set-up step {step})")).unwrap_or_default();
            format!("{}{step}, since {}", fault.cause, minute(*since))
        }
        Event::Recovered { since } => format!("had not since {}", minute(*since)),
        Event::SecretExpires { on, days_left, .. } => format!("{}, on {on}", in_days(*days_left)),
        Event::PrivilegesLost { privileges, .. } => match privileges.as_slice() {
            [one] => one.clone(),
            [one, others @ ..] => format!("{one} and {} more", others.len()),
            [] => String::new(),
        },
        Event::Throttled => return format!("- {}{label}{organization}", connection.id),
    };
    format!("- {}{label}{organization}: {what}", connection.id)
}

/// The alert for an outage of Entra ID or Dataverse, as a whole or in a region.
pub(crate) fn of_outage(outage: &Outage, since: Timestamp) -> Alert {
    let Outage { region, unanswered, of, detail } = outage;
    let place = region.as_ref().map(|region| format!(" of {region}")).unwrap_or_default();
    let mut attributes: BTreeMap<&'static str, Attribute> = [
        ("event", "outage".into()),
        ("connections", Attribute::Number(i64::try_from(*unanswered).unwrap_or(i64::MAX))),
    ]
    .into();
    attributes.extend(region.as_deref().map(|region| ("region", region.into())));
    Alert {
        subject: format!("Dynamics 365: {unanswered} of {of} connections{place} do not answer"),
        message: format!(
            "{unanswered} of {of} Dynamics 365 connections{place} do not answer, since {}: \
             {detail}.\n\n\
             So many at once are hardly at fault themselves: it is probably Microsoft's service, \
             or the way there from AWS. Look at https://portal.office.com/servicestatus and at \
             the AWS Health Dashboard. The bot's tools tell visitors that the CRM cannot be \
             reached.\n\n\
             There is nothing to mend in the connections. The next message comes when they \
             answer again, or in a day.",
            minute(since)
        ),
        attributes,
    }
}

/// The alert for the end of an outage.
pub(crate) fn of_outage_over(region: Option<&str>, since: Timestamp, now: Timestamp) -> Alert {
    let place = region.map(|region| format!(" of {region}")).unwrap_or_default();
    let mut attributes: BTreeMap<&'static str, Attribute> =
        [("event", "outage_over".into())].into();
    attributes.extend(region.map(|region| ("region", region.into())));
    Alert {
        subject: format!("Dynamics 365: the connections{place} answer again"),
        message: format!(
            "The Dynamics 365 connections{place}, which had not answered since {}, answer again. \
             Found at {}. There is nothing to do.",
            minute(since),
            minute(now)
        ),
        attributes,
    }
}

/// The words of the subject, what is wrong, and how to mend it.
fn words(event: &Event, about: &About<'_>) -> (String, String, Vec<String>) {
    match event {
        Event::Broken { fault, since } => broken(fault, *since, about),
        Event::Recovered { since } => (
            "works again".to_owned(),
            format!(
                "A Dynamics 365 connection works again. It had not since {}. There is nothing to \
                 do.",
                minute(*since)
            ),
            Vec::new(),
        ),
        Event::SecretExpires { on, days_left, .. } => {
            let when = in_days(*days_left);
            let source = match about.secret {
                SecretExpiry::Graph { .. } => "Microsoft Graph says so",
                _ => "the date given at the set-up",
            };
            (
                format!("client secret expires {when}"),
                format!(
                    "The client secret of a Dynamics 365 connection expires {when}, on {on} \
                     ({source}). Within an hour and a half after that, every tool of the bot stops \
                     working for this connection."
                ),
                vec![format!("To do, {}: {}", Step::Secret, new_secret(about)), how(Step::Secret)],
            )
        }
        Event::PrivilegesLost { privileges, .. } => privileges_lost(privileges, about),
        Event::Throttled => (
            "too many calls".to_owned(),
            "Dynamics 365 refuses calls of a connection because there are too many (service \
             protection limits: 6,000 in five minutes for each user). The bot's tools wait, and \
             give up where that takes too long."
                .to_owned(),
            vec![
                "To do: look which program calls with this application user beside the bot, and \
                 give it an app registration and an application user of its own (set-up steps 2 \
                 and 6)."
                    .to_owned(),
                how(Step::Application),
            ],
        ),
    }
}

fn broken(fault: &Fault, since: Timestamp, about: &About<'_>) -> (String, String, Vec<String>) {
    let step = fault.step.map(|step| format!(" (set-up step {step})")).unwrap_or_default();
    let mut mend = Vec::new();
    if let Some(action) = &fault.action {
        mend.push(format!("To do: {action}"));
    }
    if let Some(step) = fault.step.and_then(Step::of_number) {
        mend.push(format!("Where: {}", place(step, about)));
    }
    mend.push(
        "The next check finds out whether it works again, and says so. Until then this is \
         repeated once a day."
            .to_owned(),
    );
    (
        format!("does not work: {}{step}", fault.cause),
        format!(
            "A Dynamics 365 connection does not work, since {}: {}. {}",
            minute(since),
            fault.detail,
            effect(&fault.cause)
        ),
        mend,
    )
}

/// When a visitor notices that a connection is broken for this cause.
fn effect(cause: &str) -> &'static str {
    match Cause::of_name(cause).map(Cause::effect) {
        Some(Effect::WithoutToken) => {
            "The tools of the bot go on with the access tokens that they have, for an hour and a half \
             at most (for a day, if the tenant's tokens live that long). Then every tool fails for \
             this connection."
        }
        Some(Effect::WithoutSecret) => {
            "The tools of the bot go on with the credentials that they have read before, for a day at \
             most. Then every tool fails for this connection."
        }
        Some(Effect::NextReading) => {
            "Within ten minutes, every tool of the bot fails for this connection."
        }
        Some(Effect::AtOnce) | None => "Every tool of the bot fails for this connection.",
    }
}

fn privileges_lost(privileges: &[String], about: &About<'_>) -> (String, String, Vec<String>) {
    let count = privileges.len();
    let lines: Vec<_> = privileges
        .iter()
        .map(|privilege| {
            let tools: Vec<_> = about.needs.tools(privilege).collect();
            format!("- {privilege}: {}", tools.join(", "))
        })
        .collect();
    let noun = if count == 1 { "privilege" } else { "privileges" };
    (
        format!("{count} {noun} lost"),
        format!(
            "The application user of a Dynamics 365 connection has lost {count} {noun} since the \
             last check. These tools of the bot are refused:\n{}",
            lines.join("\n")
        ),
        vec![
            format!(
                "To do, {}: give the application user a security role with them, such as Salesperson \
             and Customer Service Representative, or do not offer the bot these tools. Where: {}",
                Step::User,
                place(Step::User, about)
            ),
            how(Step::User),
        ],
    )
}

/// The paragraph that says which connection it is.
fn which(connection: &Registration) -> String {
    let label =
        connection.label.as_ref().map(|label| format!(", {}", quoted(label))).unwrap_or_default();
    let organization = connection.organization.as_ref();
    let organization = organization
        .and_then(|organization| organization.name.as_deref())
        .map(|name| format!("{}, ", quoted(name)))
        .unwrap_or_default();
    let place = match connection.instance_url.as_str() {
        "" => "not known, because the connection's credentials are not valid",
        url => url,
    };
    format!("Connection: {}{label}\nOrganization: {organization}{place}", connection.id)
}

/// Where people take a step of the set-up.
fn place(step: Step, about: &About<'_>) -> String {
    let place = step.place(&about.connection.client_id);
    match step {
        Step::Secret => format!("{place}. {}", store(about)),
        _ => format!("{place}."),
    }
}

/// Where the guide says how to take a step.
fn how(step: Step) -> String {
    format!("How: {}", step.guide())
}

fn new_secret(about: &About<'_>) -> String {
    format!(
        "{}: make a new client secret and copy its Value (not the Secret ID). {} Tools go on \
         without a pause while both secrets are valid; delete the old one afterwards.",
        Step::Secret.place(&about.connection.client_id),
        store(about)
    )
}

fn store(about: &About<'_>) -> String {
    format!(
        "Store it with `d365tools rotate {id}`, with PUT /v1/connections/{id}, or in AWS Secrets \
         Manager as {name}.",
        id = about.connection.id,
        name = about.secret_name
    )
}

fn in_days(days: i32) -> String {
    match days {
        0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        days => format!("in {days} days"),
    }
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn attributes(event: &Event, about: &About<'_>) -> BTreeMap<&'static str, Attribute> {
    let mut attributes: BTreeMap<&'static str, Attribute> =
        [("event", event.name().into()), ("connection", about.connection.id.as_str().into())]
            .into();
    match event {
        Event::Broken { fault, .. } => {
            attributes.insert("cause", fault.cause.as_str().into());
            if let Some(step) = fault.step {
                attributes.insert("set_up_step", i32::from(step).into());
            }
        }
        Event::SecretExpires { days_left, .. } => {
            attributes.insert("days_left", (*days_left).into());
            attributes.insert("set_up_step", 3.into());
        }
        Event::PrivilegesLost { .. } => {
            attributes.insert("set_up_step", 6.into());
        }
        Event::Recovered { .. } | Event::Throttled => {}
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Registration {
        serde_json::from_value(serde_json::json!({
            "id": "emea", "label": "Contoso in Europe",
            "instance_url": "https://contoso.crm4.dynamics.com",
            "tenant_id": "11111111-1111-1111-1111-111111111111",
            "client_id": "22222222-2222-2222-2222-222222222222",
            "organization": {
                "id": "33333333-3333-3333-3333-333333333333", "name": "Contoso", "version": "9.2",
            },
            "registered_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        }))
        .unwrap()
    }

    fn alert(event: &Event) -> Alert {
        let on = "2026-12-07".parse().unwrap();
        let about = About {
            connection: &connection(),
            secret: SecretExpiry::Graph { expires_on: on },
            needs: &Needs::of(&tools::definitions()),
            secret_name: "dynamics365/connections/emea",
        };
        of_event(event, &about)
    }

    #[test]
    fn a_secrets_end_is_announced_with_what_to_do() {
        let alert = alert(&Event::SecretExpires {
            on: "2026-12-07".parse().unwrap(),
            days_left: 13,
            notice: 14,
        });
        assert_eq!(alert.subject, "Dynamics 365 connection emea: client secret expires in 13 days");
        assert_eq!(
            alert.message,
            "The client secret of a Dynamics 365 connection expires in 13 days, on 2026-12-07 \
             (Microsoft Graph says so). Within an hour and a half after that, every tool of the \
             bot stops working for this connection.\n\n\
             Connection: emea, \"Contoso in Europe\"\n\
             Organization: \"Contoso\", https://contoso.crm4.dynamics.com\n\n\
             To do, set-up step 3 (client secret): portal.azure.com, Microsoft Entra ID, App \
             registrations, the application 22222222-2222-2222-2222-222222222222, Certificates & \
             secrets: make a new client secret and copy its Value (not the Secret ID). Store it \
             with `d365tools rotate emea`, with PUT /v1/connections/emea, or in AWS Secrets Manager \
             as dynamics365/connections/emea. Tools go on without a pause while both secrets are \
             valid; delete the old one afterwards.\n\n\
             How: docs/setting-up.md#step-3-client-secret"
        );
        assert_eq!(
            serde_json::to_value(&alert.attributes).unwrap(),
            serde_json::json!({
                "connection": "emea", "days_left": 13, "event": "secret_expires", "set_up_step": 3,
            })
        );
    }

    #[test]
    fn a_fault_says_since_when_why_and_where_to_mend_it() {
        let fault = Fault {
            cause: "application_user_disabled".to_owned(),
            step: Some(6),
            detail: "the application user is disabled".to_owned(),
            action: Some(
                "Set-up step 6 (application user): enable the application user again.".to_owned(),
            ),
        };
        let since = "2026-11-24T09:00:12Z".parse().unwrap();
        let alert = alert(&Event::Broken { fault, since });
        assert_eq!(
            alert.subject,
            "Dynamics 365 connection emea: does not work: application_user_disabled (set-up step 6)"
        );
        for words in [
            "since 2026-11-24 09:00 UTC: the application user is disabled.",
            "Set-up step 6 (application user): enable",
            "Where: admin.powerplatform.microsoft.com",
        ] {
            assert!(alert.message.contains(words), "{}", alert.message);
        }
        assert_eq!(alert.attributes["cause"], "application_user_disabled".into());
    }

    #[test]
    fn lost_privileges_name_the_tools() {
        let privileges = vec!["prvReadIncident".to_owned()];
        let at = "2026-11-24T09:00:12Z".parse().unwrap();
        let alert = alert(&Event::PrivilegesLost { privileges, at });
        assert!(alert.subject.ends_with("1 privilege lost"), "{}", alert.subject);
        assert!(alert.message.contains("- prvReadIncident: "), "{}", alert.message);
        assert!(alert.message.contains("dynamics365_get_case"), "{}", alert.message);
    }

    #[test]
    fn many_are_listed_and_how_many_more() {
        let connections: Vec<_> = (0..250)
            .map(|number| {
                let label = Some("ü".repeat(500));
                let id = format!("customer-{number:03}").parse().unwrap();
                Registration { id, label, ..connection() }
            })
            .collect();
        let since = "2026-11-24T09:00:12Z".parse().unwrap();
        let fault = Fault {
            cause: "secret_expired".to_owned(),
            step: Some(3),
            detail: "x".repeat(10_000),
            action: None,
        };
        let privileges = vec!["prvReadIncident".to_owned(), "prvReadLead".to_owned()];
        for (event, words) in [
            (Event::Broken { fault, since }, "secret_expired (set-up step 3), since 2026-11-24"),
            (Event::Recovered { since }, "had not since 2026-11-24 09:00 UTC"),
            (Event::PrivilegesLost { privileges, at: since }, "prvReadIncident and 1 more"),
            (
                Event::SecretExpires {
                    on: "2026-12-07".parse().unwrap(),
                    days_left: 13,
                    notice: 14,
                },
                "in 13 days, on 2026-12-07",
            ),
            (Event::Throttled, ", \"Contoso\""),
        ] {
            let events: Vec<_> = connections.iter().map(|one| (one, &event)).collect();
            let alert = of_events(&events).unwrap();
            assert!(alert.message.len() < 100_000, "{}", alert.message.len());
            assert!(
                alert.subject.contains("250") && alert.subject.len() < 100,
                "{}",
                alert.subject
            );
            let listed = alert.message.lines().filter(|line| line.starts_with("- customer-"));
            assert_eq!(listed.clone().count(), 100);
            assert!(listed.clone().all(|line| line.contains(words)), "{}", alert.message);
            assert!(alert.message.ends_with("and 150 more: GET /v1/connections"));
            assert_eq!(
                serde_json::to_value(&alert.attributes).unwrap(),
                serde_json::json!({"event": event.name(), "count": 250})
            );
        }
        assert_eq!(of_events(&[]), None);
    }

    #[test]
    fn a_day_is_named_as_people_do() {
        assert_eq!((in_days(0).as_str(), in_days(1).as_str()), ("today", "tomorrow"));
    }
}
