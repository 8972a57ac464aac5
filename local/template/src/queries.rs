//! Saved queries over the functions' logs: what is too many values for metrics.

use crate::functions::log_group_id;
use crate::parts::{Part, indented};

/// A query, under the name that it has in CloudWatch Logs Insights.
struct Query {
    name: &'static str,
    text: &'static str,
}

const QUERIES: [Query; 6] = [
    Query {
        name: "Calls by tool",
        text: "\
filter message = \"call\"
| stats count(*) as calls, sum(Errors) as errors, pct(Latency, 50) as median_ms, pct(Latency, 99) as p99_ms, sum(Trips) as trips by tool
| sort calls desc
",
    },
    Query {
        name: "Calls by outcome",
        text: "\
filter message = \"call\"
| stats count(*) as calls by outcome, cause
| sort calls desc
",
    },
    Query {
        name: "Calls by connection",
        text: "\
filter message = \"call\"
| stats count(*) as calls, sum(Errors) as errors, sum(Throttles) as throttles by connection
| sort calls desc
",
    },
    Query {
        name: "Calls by client",
        text: "\
filter message = \"call\"
| stats count(*) as calls, sum(Errors) as errors by client
| sort calls desc
",
    },
    Query {
        name: "Failed calls",
        text: "\
filter message = \"call\" and Errors > 0
| fields @timestamp, request_id, tool, outcome, cause, dataverse_code, dataverse_request_id, connection, conversation
| sort @timestamp desc
| limit 200
",
    },
    Query {
        name: "One request",
        text: "\
filter request_id = \"PUT-THE-X-REQUEST-ID-HERE\" or requestId = \"PUT-THE-X-REQUEST-ID-HERE\"
| fields @timestamp, @log, @message
| sort @timestamp
",
    },
];

/// The queries, over the logs of these functions and the access log. Their folder has the stack's
/// name.
pub(crate) fn queries(functions: &[&str]) -> Part {
    let groups: Vec<_> = functions.iter().map(|function| log_group_id(function)).collect();
    let groups: Vec<_> = groups.iter().map(|group| format!("!Ref {group}")).collect();
    let resource = |query: &Query| {
        format!(
            "\
{id}Query:
  Type: AWS::Logs::QueryDefinition
  Properties:
    Name: !Sub ${{AWS::StackName}}/{name}
    LogGroupNames: [!Ref AccessLogs, {groups}]
    QueryString: |
{text}",
            id = query.name.split(' ').map(crate::functions::pascal_case).collect::<String>(),
            name = query.name,
            groups = groups.join(", "),
            text = indented(query.text, 6),
        )
    };
    let resources: Vec<_> = QUERIES.iter().map(resource).collect();
    Part { name: "queries", text: resources.join("\n") }
}
