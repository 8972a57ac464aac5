//! The alarms: what the functions cannot say themselves. They go to the same topic as the functions'
//! own alerts.

use crate::functions::{logical_id, pascal_case};
use crate::parts::Part;

/// What an alarm looks at, and when it goes off.
struct Alarm {
    /// Its logical id, without the `Alarm` at the end. The alarm itself is called `{stack}/{name}`:
    /// no stack's name has a slash, so the alarms of another stack never begin alike.
    name: String,
    description: String,
    namespace: &'static str,
    metric: &'static str,
    dimension: (&'static str, String),
    statistic: &'static str,
    period_seconds: u32,
    periods: u8,
    threshold: &'static str,
    /// Whether it goes off below the threshold; else from it on.
    is_least: bool,
    /// Whether it also tells when all is well again.
    says_when_over: bool,
}

impl Alarm {
    fn of_function(function: &str, metric: &'static str, meaning: &str) -> Alarm {
        Alarm {
            name: format!("{}{metric}", pascal_case(function)),
            description: format!("The function {function} {meaning}"),
            namespace: "AWS/Lambda",
            metric,
            dimension: ("FunctionName", format!("!Ref {}", logical_id(function))),
            statistic: "Sum",
            period_seconds: 300,
            periods: 1,
            threshold: "1",
            is_least: false,
            says_when_over: false,
        }
    }

    /// About a metric of calls for visitors: so many in an hour are somebody who tries.
    fn of_visitors(metric: &'static str, threshold: &'static str, description: &str) -> Alarm {
        Alarm {
            statistic: "Sum",
            period_seconds: 3600,
            threshold,
            says_when_over: false,
            ..Alarm::of_check(metric, metric, description)
        }
    }

    /// About a metric that the health check counts.
    fn of_check(name: &str, metric: &'static str, description: &str) -> Alarm {
        Alarm {
            name: name.to_owned(),
            description: description.to_owned(),
            namespace: toolkit::logging::NAMESPACE,
            metric,
            dimension: ("Stack", "!Ref AWS::StackName".to_owned()),
            statistic: "Maximum",
            period_seconds: 1800,
            periods: 1,
            threshold: "!Ref AlarmThreshold",
            is_least: false,
            says_when_over: true,
        }
    }

    fn resource(&self) -> String {
        let comparison =
            if self.is_least { "LessThanThreshold" } else { "GreaterThanOrEqualToThreshold" };
        // Where what counts is dead, it says nothing.
        let missing = if self.is_least { "breaching" } else { "notBreaching" };
        let over = if self.says_when_over { "    OKActions: [!Ref AlertsTopic]\n" } else { "" };
        format!(
            "\
{name}Alarm:
  Type: AWS::CloudWatch::Alarm
  Properties:
    AlarmName: !Sub ${{AWS::StackName}}/{name}
    AlarmDescription: {description}
    Namespace: {namespace}
    MetricName: {metric}
    Dimensions: [{{ Name: {dimension}, Value: {value} }}]
    Statistic: {statistic}
    Period: {period}
    EvaluationPeriods: {periods}
    Threshold: {threshold}
    ComparisonOperator: {comparison}
    TreatMissingData: {missing}
    AlarmActions: [!Ref AlertsTopic]
{over}",
            name = self.name,
            description = self.description,
            namespace = self.namespace,
            metric = self.metric,
            dimension = self.dimension.0,
            value = self.dimension.1,
            statistic = self.statistic,
            period = self.period_seconds,
            periods = self.periods,
            threshold = self.threshold,
        )
    }
}

/// What the health check counts, whether it runs at all, and what the API answers.
fn of_the_whole() -> [Alarm; 8] {
    let heartbeat = Alarm {
        statistic: "Sum",
        periods: 2,
        threshold: "1",
        is_least: true,
        ..Alarm::of_check(
            "HealthHeartbeat",
            "HealthCheckRuns",
            "The health check has not run for an hour, so nobody would hear of a broken connection. \
             See its log and its dead-letter queue.",
        )
    };
    let dead_letters = Alarm {
        name: "HealthDeadLetters".to_owned(),
        description: "A run of the health check failed for good. The message in the dead-letter \
                      queue says why."
            .to_owned(),
        namespace: "AWS/SQS",
        dimension: ("QueueName", "!GetAtt HealthDeadLetters.QueueName".to_owned()),
        statistic: "Maximum",
        ..Alarm::of_function("health", "ApproximateNumberOfMessagesVisible", "")
    };
    let api = Alarm {
        name: "ApiErrors".to_owned(),
        description: "The API answers with 5xx. The access log says for which tool, and the \
                      function's log says why. 503 and 504 are Dynamics 365's, except for \
                      service_unavailable (503), which is the state table's. 500 with an \
                      authorizerError in the access log means that the API keys cannot be read."
            .to_owned(),
        namespace: "AWS/ApiGateway",
        dimension: ("ApiId", "!Ref Api".to_owned()),
        threshold: "5",
        ..Alarm::of_function("api", "5xx", "")
    };
    [
        Alarm::of_check(
            "Connections",
            "ConnectionsBroken",
            "As many Dynamics 365 connections as AlarmThreshold says do not work. The alerts of the \
             health check say which, and how to mend them.",
        ),
        Alarm::of_check(
            "SecretExpiry",
            "SecretsExpired",
            "The client secrets of as many Dynamics 365 connections as AlarmThreshold says have \
             expired. The alerts of the health check say which.",
        ),
        heartbeat,
        dead_letters,
        api,
        Alarm::of_visitors(
            "VisitorsNotFound",
            "200",
            "Calls for visitors have named much that is not there. Somebody may be trying ids and \
             numbers. The saved query Calls by client says through which platform.",
        ),
        Alarm::of_visitors(
            "VisitorsGuessing",
            "1",
            "Twenty codes and more of visitors were wrong in an hour, for one platform and connection. \
             Somebody is guessing codes. Codes have eight digits until the hour is over. The saved \
             query Calls by client says through which platform.",
        ),
        Alarm::of_visitors(
            "VisitorsRefused",
            "500",
            "Many calls for visitors were refused because nobody knows who they are, wrong codes \
             among them. Somebody may be guessing codes, or a platform does not say who its visitors \
             are.",
        ),
    ]
}

/// All alarms: those of the whole, and for each of these functions that it crashes, and that Lambda
/// does not start it.
pub(crate) fn alarms(functions: &[&str]) -> Part {
    let of_functions = functions.iter().flat_map(|function| {
        [
            Alarm::of_function(function, "Errors", "crashes or runs out of time"),
            Alarm::of_function(
                function,
                "Throttles",
                "is throttled. The account's concurrency, or the function's own, is used up",
            ),
        ]
    });
    let all = of_the_whole().into_iter().chain(of_functions);
    let resources: Vec<_> = all.map(|alarm| alarm.resource()).collect();
    Part { name: "alarms", text: resources.join("\n") }
}
