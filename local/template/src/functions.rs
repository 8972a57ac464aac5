//! The functions in `template.yaml`: a resource for each group of tools, the events of the other
//! functions, and a log group for each function.

use toolkit::Declaration;

use crate::parts::{Part, indented};
use crate::permissions::{OF_TOOLS, SEND_MAIL, STATE_TABLE};

/// The functions that are not groups of tools. Their special settings are written by hand.
pub(crate) const OTHERS: [&str; 5] = ["authorizer", "catalog", "mcp", "connection", "health"];

/// The checks of checkov that no function needs, each with the reason.
const SKIPS: &str = r#"- { id: CKV_AWS_117, comment: "it talks to public services only, if to any; a VPC would add a NAT" }
- { id: CKV_AWS_173, comment: "the environment has names and addresses, no secrets" }
"#;

/// The same, for those that the API calls.
const SKIPS_OF_API: &str = r#"- { id: CKV_AWS_115, comment: "off by default: an account must keep 100 unreserved, or the deployment fails; ToolConcurrency and AuthorizerConcurrency reserve it for what visitors wait for, and the others take what is left" }
- { id: CKV_AWS_116, comment: "called synchronously: the caller hears of a failure" }
"#;

/// The additional event of one of the tool functions.
const CATCH_ALL: &str = "\
# The catch-all. Every tool function answers what it does not know with the contract's own
# problem (404 `unknown_tool`, 405), where the gateway would say {\"message\":\"Not Found\"};
# one of them has to be the one that is asked.
Unknown:
  Type: HttpApi
  Properties: { ApiId: !Ref Api }
";

/// Whether a tool mails visitors.
fn sends_mail(tool: &Declaration) -> bool {
    tool.definition.as_ref().is_some_and(|definition| definition.sends_mail)
}

/// The groups of tools, in the order of their declaration.
pub(crate) fn groups(tools: &[Declaration]) -> Vec<&'static str> {
    let mut groups: Vec<&'static str> = Vec::new();
    for tool in tools {
        if !groups.contains(&tool.group) {
            groups.push(tool.group);
        }
    }
    groups
}

/// A name such as `get_contact` in the style of AWS resources: `GetContact`.
pub(crate) fn pascal_case(name: &str) -> String {
    let words = name.split(['_', '-']);
    words
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect()
}

/// The logical id of a function.
pub(crate) fn logical_id(function: &str) -> String {
    format!("{}Function", pascal_case(function))
}

/// The parts of the template with the checks that checkov must skip.
pub(crate) fn skips() -> [Part; 2] {
    let of_api = format!("{SKIPS_OF_API}{SKIPS}");
    [
        Part { name: "skips of a function", text: SKIPS.to_owned() },
        Part { name: "skips of a function of the API", text: of_api },
    ]
}

/// The resources of the groups of tools. `description` describes a group.
pub(crate) fn of_tools(
    tools: &[Declaration],
    operations: &[Declaration],
    description: impl Fn(&str) -> String,
) -> Part {
    let mut resources = Vec::new();
    for group in groups(tools) {
        let mut events = events(operations.iter().filter(|operation| operation.group == group));
        if resources.is_empty() {
            events.push_str(CATCH_ALL);
        }
        let (skips_of_api, skips) = (indented(SKIPS_OF_API, 8), indented(SKIPS, 8));
        let sends_mail = tools.iter().any(|tool| tool.group == group && sends_mail(tool));
        let mail = sends_mail.then_some(&SEND_MAIL);
        let policies = OF_TOOLS.iter().chain(mail);
        let policies: Vec<_> = policies.map(|policy| format!("!Ref {policy}")).collect();
        resources.push(format!(
            "\
{id}:
  Type: AWS::Serverless::Function
  Metadata:
    BuildMethod: rust-cargolambda
    checkov:
      skip:
{skips_of_api}{skips}  Properties:
    CodeUri: functions/{group}
    Description: \"{description}\"
    ReservedConcurrentExecutions: !If [HasToolConcurrency, !Ref ToolConcurrency, !Ref AWS::NoValue]
    LoggingConfig: {{ LogGroup: !Ref {logs} }}
    Environment: {{ Variables: {{ STATE_TABLE: {STATE_TABLE} }} }}
    Policies: [{policies}]
    Events:
{events}",
            id = logical_id(group),
            description = description(group),
            logs = log_group_id(group),
            policies = policies.join(", "),
            events = indented(&events, 6),
        ));
    }
    Part { name: "tool functions", text: resources.join("\n") }
}

/// The events of a function, one for each operation.
pub(crate) fn events<'a>(operations: impl Iterator<Item = &'a Declaration>) -> String {
    operations.map(event).collect()
}

fn event(operation: &Declaration) -> String {
    let name = pascal_case(operation.id.trim_start_matches("dynamics365_"));
    let path = &operation.path;
    // In YAML, a brace would start a mapping.
    let path = if path.contains('{') { format!("\"{path}\"") } else { path.to_string() };
    let method = &operation.method;
    format!(
        "{name}:\n  Type: HttpApi\n  Properties: {{ ApiId: !Ref Api, Method: {method}, Path: {path} }}\n"
    )
}

pub(crate) fn log_group_id(function: &str) -> String {
    format!("{}Logs", pascal_case(function))
}

/// A log group for each function. Otherwise Lambda would create log groups that never expire.
pub(crate) fn log_groups(functions: &[&str]) -> Part {
    let group = |function: &&str| {
        let id = log_group_id(function);
        format!(
            "\
{id}:
  Type: AWS::Logs::LogGroup
  DeletionPolicy: Delete
  UpdateReplacePolicy: Delete
  Properties:
    LogGroupName: !Sub /aws/lambda/${{AWS::StackName}}/{function}
    RetentionInDays: !Ref LogRetentionDays
    KmsKeyId: !If [HasLogsKey, !Ref LogsKeyArn, !Ref AWS::NoValue]
"
        )
    };
    let groups: Vec<_> = functions.iter().map(group).collect();
    Part { name: "log groups", text: groups.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_aws_writes_them() {
        assert_eq!(pascal_case("get_contact_by_email"), "GetContactByEmail");
        assert_eq!(logical_id("contact"), "ContactFunction");
    }
}
