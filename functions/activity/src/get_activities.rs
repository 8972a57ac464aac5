use crm::activity::{self, ActivitySummary, ActivityType};
use crm::labels::Choice as _;
use crm::record::{RecordType, Regarding};
use crm::reference::Whose;
use crm::visible::{Access, Visible};
use dataverse::Filter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Limit, Reads, Tool, ToolError, none_of};

/// Lists the recent activities of a contact.
pub(crate) struct GetActivities;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id, email or name.
    #[verified]
    contact: Whose,
    /// Only these; every type by default.
    #[verified]
    types: Option<Vec<ActivityType>>,
    /// Up to 25.
    #[verified]
    limit: Option<Limit>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Activities {
    /// Whose they are; the page shows all of them.
    #[verified]
    contact: Option<Regarding>,
    /// The latest first.
    #[verified]
    activities: Vec<ActivitySummary>,
    /// Whether there are more than these.
    #[verified]
    more: Option<bool>,
    /// What lies ahead, the next first.
    #[verified]
    upcoming: Option<Vec<ActivitySummary>>,
}

crm::records!(Activities: contact);

impl Tool for GetActivities {
    const NAME: &'static str = "dynamics365_get_activities";
    const TITLE: &'static str = "Get contact's activities";
    const DESCRIPTION: &'static str = "List the latest calls, emails, tasks and meetings about a \
        contact or with the contact taking part.";
    const FOR: Access = Access::Verified;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] = &["prvReadContact", "prvReadActivity"];
    const EXAMPLE: &'static str = r#"{"contact": "maren.quist@northwind.example"}"#;

    type Arguments = Arguments;
    type Result = Activities;

    async fn call(
        context: &Context,
        arguments: Arguments,
    ) -> Result<Answer<Activities>, ToolError> {
        let Arguments { contact, types, limit } = arguments;
        let which = [context.of_whom(contact.0.is_some(), false), context.shown_here()];
        let contact = context.whose(contact)?;
        let limit = limit.unwrap_or_default();
        let types = types.filter(|types| !types.is_empty());
        let of_types = types.as_deref().map(of_types);
        let mut reads = Reads::new();
        let person = reads.seek(&contact);
        let wanted = Filter::all([activity::of_contact(&contact)].into_iter().chain(of_types));
        let timeline = reads.seek_timeline(context, &wanted, limit.rows_to_ask_for());
        let mut answers = reads.send(context).await?;
        let person = answers.found_of(person)?;

        let (past, ahead) = answers.timeline(timeline)?;
        let (past, more) = limit.cut(past.records);
        let activities = context.timeline(&past);
        let upcoming = Some(context.timeline(&ahead.records)).filter(|ahead| !ahead.is_empty());
        let none = activities.is_empty() && upcoming.is_none();
        let none = none.then(|| match types.as_deref() {
            Some(types) => none_of(&in_words(types), which) + " Without types, all are listed.",
            None => none_of("activities", which),
        });
        let contact = person
            .and_then(|person| Regarding::found(RecordType::Contact, &person, context.instance()));
        Ok(Answer::new(Activities { contact, activities, more, upcoming }).hint_if(none))
    }
}

/// These types, each once.
fn each_once(types: &[ActivityType]) -> impl Iterator<Item = ActivityType> {
    ActivityType::ALL.iter().map(|(one, ..)| *one).filter(move |one| types.contains(one))
}

/// A filter for these types.
fn of_types(types: &[ActivityType]) -> Filter {
    Filter::any(each_once(types).map(ActivityType::rows))
}

/// The activities of these types, as people call them.
fn in_words(types: &[ActivityType]) -> String {
    each_once(types).map(|one| format!("{}s", one.label())).collect::<Vec<_>>().join(" or ")
}
