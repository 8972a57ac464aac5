use std::borrow::Cow;

use auth::Confirm;
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use toolkit::operation::{Empty, NoParameters, Nothing, Section};
use toolkit::{
    Audience, Caller, Definition, Done, Effect, Endpoint, ErrorCode, Example, Operation, Request,
    Scope, Serves, Template, ToolError,
};

use crate::template::tools_of;
use crate::tools_list::PROBLEMS;
use crate::{Catalog, Company, Format, Starter, Zone};

/// How many tool calls a bot may make for one message of the visitor. A bot that needs more is
/// lost.
const CALLS_PER_MESSAGE: u32 = 8;

/// After how many calls without a result a person takes over.
const CALLS_WITHOUT_RESULT: u32 = 3;

/// Lists the starter templates.
pub(crate) struct ListTemplates;

#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TemplateList")]
pub(crate) struct Listed {
    templates: Vec<TemplateSummary>,
}

#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TemplateSummary {
    id: &'static str,
    title: &'static str,
    description: &'static str,
    tools: Vec<&'static str>,
}

impl Operation for ListTemplates {
    const ID: &'static str = "list_templates";
    const TITLE: &'static str = "List the starter templates";
    const SECTION: Section = Section::Catalog;
    const METHOD: Method = Method::GET;
    const SCOPE: Option<Scope> = Some(Scope::Read);
    const IS_FOR_VISITORS: bool = true;
    const EFFECT: Effect = Effect::Reads;
    const IS_KEPT: bool = true;
    const ANSWERS: &'static [(StatusCode, &'static str)] = &[(StatusCode::OK, "The templates.")];
    const PROBLEMS: &'static [ErrorCode] = &PROBLEMS;
    const EXAMPLE: Example = Example::PLAIN;

    type About = Nothing;
    type Parameters = NoParameters;
    type Body = Empty;
    type Answer = Listed;

    fn path() -> Cow<'static, str> {
        "/v1/templates".into()
    }
}

impl Endpoint for ListTemplates {
    type Home = Catalog;

    async fn call(
        catalog: &Catalog,
        request: Request<'_, ListTemplates>,
    ) -> Result<Done<Listed>, ToolError> {
        let has = |tool: &&Definition| may_call(&request.caller, tool);
        let entry = |template: Template| TemplateSummary {
            id: template.id(),
            title: template.title(),
            description: template.description(),
            tools: tools_of(template, &catalog.tools).filter(has).map(|tool| tool.name).collect(),
        };
        let templates = Template::ALL.iter().copied();
        let templates = templates.filter(|template| request.caller.may_have(*template)).map(entry);
        // One without tools is of no use to the key.
        let templates = templates.filter(|template| !template.tools.is_empty()).collect();
        Ok(Done::new(Listed { templates }))
    }
}

/// Gives one template, ready to use.
pub(crate) struct GetTemplate;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    /// Which template.
    #[schemars(with = "Template")]
    id: String,
    /// Whose bot it is. Without it: our company.
    #[schemars(extend("minLength" = 1, "maxLength" = 100))]
    company: Option<Company>,
    /// In the dialect of which vendor. Without it: our own.
    #[serde(default)]
    format: Format,
    /// The time zone of those whom the bot talks to, such as Europe/Berlin. The prompt says it, and which
    /// day it is there.
    time_zone: Option<Zone>,
}

#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ReadyTemplate")]
pub(crate) struct Ready {
    id: &'static str,
    title: &'static str,
    description: &'static str,
    system_prompt: String,
    #[schemars(with = "Vec<Map<String, Value>>")]
    tools: Value,
    #[schemars(with = "Map<String, Value>")]
    settings: Value,
}

impl Operation for GetTemplate {
    const ID: &'static str = "get_template";
    const TITLE: &'static str = "Get a starter template, ready to use";
    const SECTION: Section = Section::Catalog;
    const METHOD: Method = Method::GET;
    const SCOPE: Option<Scope> = Some(Scope::Read);
    const IS_FOR_VISITORS: bool = true;
    const EFFECT: Effect = Effect::Reads;
    const IS_KEPT: bool = true;
    const ANSWERS: &'static [(StatusCode, &'static str)] = &[(StatusCode::OK, "The template.")];
    const PROBLEMS: &'static [ErrorCode] = &PROBLEMS;
    const EXAMPLE: Example = Example { path: &[("id", "customer-service")], ..Example::PLAIN };

    type About = Nothing;
    type Parameters = Parameters;
    type Body = Empty;
    type Answer = Ready;

    fn path() -> Cow<'static, str> {
        "/v1/templates/{id}".into()
    }
}

impl Endpoint for GetTemplate {
    type Home = Catalog;

    async fn call(
        catalog: &Catalog,
        request: Request<'_, GetTemplate>,
    ) -> Result<Done<Ready>, ToolError> {
        let Parameters { id, company, format, time_zone } = request.parameters;
        let template: Template = id.parse().map_err(|_| {
            ToolError::new(ErrorCode::NotFound, "there is no such template")
                .next_step(format!("Take one of {}.", Template::IDS.join(", ")))
        })?;
        let caller = &request.caller;
        let tools = || tools_of(template, &catalog.tools).filter(|tool| may_call(caller, tool));
        if !caller.may_have(template) {
            let detail = "that template is for bots of the company's own people, and this API key is for \
                          visitors";
            return Err(ToolError::new(ErrorCode::Forbidden, detail)
                .next_step("GET /v1/templates lists those for visitors."));
        }
        if tools().next().is_none() {
            let detail = "this API key has none of the tools of that template";
            return Err(ToolError::new(ErrorCode::Forbidden, detail)
                .next_step("GET /v1/templates lists those that it has tools of."));
        }
        let writing: Vec<_> =
            tools().filter(|tool| tool.effect.writes()).map(|tool| tool.name).collect();
        Ok(Done::new(Ready {
            id: template.id(),
            title: template.title(),
            description: template.description(),
            system_prompt: template.system_prompt(company.as_ref(), time_zone.as_ref(), |name| {
                tools().any(|tool| tool.name == name)
            }),
            tools: format.tools(tools(), Audience::of(caller)),
            settings: settings(template, &writing, caller),
        }))
    }
}

/// Whether the key may call the tool.
fn may_call(caller: &Caller, tool: &Definition) -> bool {
    caller.lists(tool) && caller.authorize(tool.scope).is_ok()
}

/// What the chat platform has to set and send.
fn settings(template: Template, writing: &[&str], caller: &Caller) -> Value {
    let mut settings = json!({
        "call": {"method": "POST", "path": "/v1/tools/{tool}", "body": "the arguments"},
        "headers": [
            {
                "name": "X-Conversation-Id",
                "send_with": "every call",
                "value": "The chat's id. The same call in the same chat creates nothing twice.",
            },
            {
                "name": "Idempotency-Key",
                "send_with": "write_tools",
                "value": "An id of the model's tool call, such as the vendor's. When the call is \
                          sent again, the same; for a new call, a new one.",
            },
            {
                "name": "X-Connection-Id",
                "send_with": "every call, where the API key has several connections",
                "value": "Which Dynamics 365 environment.",
            },
        ],
        "write_tools": writing,
        "max_tool_calls_per_message": CALLS_PER_MESSAGE,
        "max_tool_calls_without_result": CALLS_WITHOUT_RESULT,
        "escalate_when": escalations(template),
    });
    if let Some(headers) = settings["headers"].as_array_mut() {
        headers.extend(headers_for(caller));
    }
    settings
}

/// What else to send with this key. The platform sets it, never the model.
fn headers_for(caller: &Caller) -> Vec<Value> {
    let mut headers = Vec::new();
    if caller.serves == Serves::Visitors {
        let name = if caller.vouches { "X-Visitor-Email" } else { "X-Visitor-Token" };
        headers.push(json!({
            "name": name,
            "send_with": "every call for a visitor whom the platform has checked",
            "value": "Who the visitor is. Never what the visitor or the model says.",
        }));
    }
    if caller.confirm != Confirm::None {
        headers.push(json!({
            "name": "X-Message-Id",
            "send_with": "write_tools",
            "value": "The id of the visitor's message that is being answered.",
        }));
    }
    headers
}

/// When a person takes over. The prompt says the same. A bot for colleagues tells them of an urgent
/// case instead.
fn escalations(template: Template) -> Value {
    let (person, urgent) = if template.talks_to_customers() {
        (
            "The visitor asks for a person, by name, or for a certain team.",
            json!({
                "code": "urgent_case", "seen_by": "platform", "action": "hand_over",
                "when": "A tool's answer has escalation: the customer has an urgent case open.",
            }),
        )
    } else {
        (
            "They ask for somebody by name, or for a certain team.",
            json!({
                "code": "urgent_case", "seen_by": "platform", "action": "tell_first",
                "when": "A tool's answer has escalation: the account has an urgent case open.",
            }),
        )
    };
    let by_model = |code: &str, when: &str| json!({"code": code, "seen_by": "model", "action": "hand_over", "when": when});
    json!([
        by_model("upset", "They are angry, or threaten to complain further up."),
        by_model(
            "sensitive_subject",
            "It is about a refund, a billing dispute, the law or a contract.",
        ),
        by_model("person_requested", person),
        {
            "code": "no_result", "seen_by": "platform", "action": "hand_over",
            "when": "As many tool calls as max_tool_calls_without_result brought nothing. Looking for \
                     somebody who turns out to be new is none of them, nor is visitor_unverified or \
                     confirmation_required.",
        },
        urgent,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colleagues_are_told_first_what_visitors_are_handed_over_for() {
        let urgent = |template| escalations(template)[4]["action"].clone();
        assert_eq!(urgent(Template::AccountManager), "tell_first");
        assert_eq!(urgent(Template::CustomerService), "hand_over");
    }
}
