//! The alarms for problems that the functions cannot report themselves.

use crate::functions::{logical_id, pascal_case};
use crate::parts::Part;

/// The metrics of Lambda that should be zero, each with its meaning for a function.
const METRICS: [(&str, &str); 2] = [
    ("Errors", "crashes or runs out of time"),
    ("Throttles", "is throttled. The account's concurrency is used up"),
];

/// An alarm for each of these functions and each metric.
pub(crate) fn of_functions(functions: &[&str]) -> Part {
    let mut alarms = Vec::new();
    for function in functions {
        for (metric, meaning) in METRICS {
            alarms.push(format!(
                "\
{name}{metric}Alarm:
  Type: AWS::CloudWatch::Alarm
  Properties:
    AlarmDescription: The function {function} {meaning}
    Namespace: AWS/Lambda
    MetricName: {metric}
    Dimensions: [{{ Name: FunctionName, Value: !Ref {id} }}]
    Statistic: Sum
    Period: 300
    EvaluationPeriods: 1
    Threshold: 1
    ComparisonOperator: GreaterThanOrEqualToThreshold
    TreatMissingData: notBreaching
    AlarmActions: [!Ref AlertsTopic]
",
                name = pascal_case(function),
                id = logical_id(function),
            ));
        }
    }
    Part { name: "alarms of the functions", text: alarms.join("\n") }
}
