#!/usr/bin/env python3
"""Checks what `sam validate --lint` cannot know: that template, sample events and the local
router name the same tools, that no route is open, that logs expire, that what is kept is
encrypted, that whoever is to hear of a failure does, and that a function may do what it must and
nothing else. Works on the CloudFormation that SAM makes of the template, and holds it against the
operations and the partitions that the code declares."""

import argparse
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import side_by_side
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parent.parent

# What each function may do, and with what. Everything else is refused by AWS.
SECRETS = "secret:${SecretsPrefix}/connections/*"
API_KEYS = "secret:${SecretsPrefix}/api-keys-??????"
SEALING_KEY = "secret:${SecretsPrefix}/sealing-key-??????"
MAIL = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*"
SECRETS_KEY, ALERTS_KEY, TABLE, TOPIC = "SecretsKeyArn", "AlertsKey", "StateTable", "AlertsTopic"
DEAD_LETTERS = "HealthDeadLetters"
KEPT_TABLE = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${KeptTable}"
# A key is used through the service that keeps what it encrypts, and nothing else.
VIA_SECRETS = {"StringEquals": {"kms:ViaService": {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"}}}
# What each may do with the table is declared, see `partitions`.
OF_TOOLS = {
    SECRETS: {"secretsmanager:GetSecretValue"},
    SEALING_KEY: {"secretsmanager:GetSecretValue"},
    SECRETS_KEY: {"kms:Decrypt"},
}
SENDING = {**OF_TOOLS, MAIL: {"ses:SendEmail"}}
PERMISSIONS = {
    "AuthorizerFunction": {API_KEYS: {"secretsmanager:GetSecretValue"}, SECRETS_KEY: {"kms:Decrypt"}},
    "CatalogFunction": {},
    "McpFunction": SENDING,
    "VisitorFunction": SENDING,
    "ContactFunction": SENDING,
    "ConnectionFunction": {
        SECRETS: {
            f"secretsmanager:{action}"
            for action in ("CreateSecret", "DeleteSecret", "GetSecretValue", "PutSecretValue", "RestoreSecret")
        },
        SECRETS_KEY: {"kms:Decrypt", "kms:GenerateDataKey"},
    },
    "HealthFunction": {
        "*": {"secretsmanager:ListSecrets"},
        SECRETS: {"secretsmanager:GetSecretValue"},
        SECRETS_KEY: {"kms:Decrypt"},
        TOPIC: {"sns:Publish"},
        ALERTS_KEY: {"kms:Decrypt", "kms:GenerateDataKey"},
        DEAD_LETTERS: {"sqs:SendMessage"},
    },
}
WITHOUT_TABLE = ("CatalogFunction",)
# As whom the others use the table.
ROLES = {"AuthorizerFunction": "authorizer", "ConnectionFunction": "connection", "HealthFunction": "health"}
TOOLS = "tools"
# It describes itself.
MCP = "/mcp"
AWS_MANAGED = ("AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess")


class ManagedPolicies:
    """Stands for the account's list of AWS managed policies, which SAM looks names up in."""

    def load(self):
        return {
            name: f"arn:aws:iam::aws:policy/{path}{name}"
            for path, name in [("service-role/", "AWSLambdaBasicExecutionRole"), ("", "AWSXrayWriteOnlyAccess")]
        }


def cloudformation():
    # SAM asks for a region although nothing here depends on one.
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    template = yaml_parse((ROOT / "template.yaml").read_text())
    # SAM takes code from S3 only. The key keeps the folder's name, which is the binary's too.
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            folder = Path(resource["Properties"]["CodeUri"])
            resource["Properties"]["CodeUri"] = f"s3://bucket/{folder.name}"
    defaults = {name: p["Default"] for name, p in template["Parameters"].items() if "Default" in p}
    return transform(template, {"AWS::Region": "us-east-1", **defaults}, ManagedPolicies())


def declared_by(stack, what):
    """What the code declares: `operations` or `partitions`."""
    text = subprocess.run([stack, f"--{what}"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(text)


def operations(stack):
    """The functions of the API's operations, by method and path."""
    return {(one["method"], one["path"]): one["function"] for one in declared_by(stack, "operations")}


def partitions(stack):
    """What each role may do with the table: pairs of an action and the keys of a partition."""
    rights = {}
    for partition in declared_by(stack, "partitions"):
        for grant in partition["grants"]:
            pairs = {(f"dynamodb:{action}", partition["keys"]) for action in grant["actions"]}
            rights.setdefault(grant["role"], set()).update(pairs)
    return rights


def of_type(resources, kind):
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == kind}


def statements(document):
    for statement in document["Statement"]:
        if "Fn::If" in statement:
            _, then, _ = statement["Fn::If"]
            statement = then
        yield statement


def listed(value):
    return value if isinstance(value, list) else [value]


def target(resource):
    """The name of what a statement is about: a secret, a resource of the template or a parameter."""
    match resource:
        case {"Ref": name} | {"Fn::GetAtt": [name, "Arn"]}:
            return name
        case {"Fn::If": ["HasKeptTable", kept, own]}:
            return target(own) if kept == {"Fn::Sub": KEPT_TABLE} else str(resource)
        case {"Fn::Sub": [arn, _]}:
            return target({"Fn::Sub": arn})
        case {"Fn::Sub": arn}:
            return arn[arn.index("secret:") :] if ":secretsmanager:" in arn and "secret:" in arn else arn
    return str(resource)


def of_role(role, policies):
    """The statements of a role's own policies."""
    documents = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
    documents += [policies[arn["Ref"]]["PolicyDocument"] for arn in role.get("ManagedPolicyArns", []) if "Ref" in arn]
    for document in documents:
        yield from statements(document)


def is_of_table(statement):
    return TABLE in map(target, listed(statement["Resource"]))


def granted(role, policies):
    """What a role may do but with the table, as in PERMISSIONS."""
    grants = {}
    for statement in of_role(role, policies):
        for resource in listed(statement["Resource"]):
            if target(resource) != TABLE:
                grants.setdefault(target(resource), set()).update(listed(statement["Action"]))
    return grants


def granted_of_table(role, policies):
    """What a role may do with the table, as in `partitions`. A statement without keys is about all."""
    rights = set()
    for statement in filter(is_of_table, of_role(role, policies)):
        condition = statement.get("Condition", {})
        keys = condition.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ["*"])
        # "For all values" is true where there is none, so a key must be there.
        if condition.get("Null") != {"dynamodb:LeadingKeys": "false"} or len(condition) != 2:
            keys = ["*"]
        rights |= {(action, key) for action in listed(statement["Action"]) for key in listed(keys)}
    return rights


def check(stack):
    template = cloudformation()
    resources = template["Resources"]
    problems = list(side_by_side.problems(template))

    def expect(condition, problem):
        if not condition:
            problems.append(problem)

    # Routes
    [api] = of_type(resources, "AWS::ApiGatewayV2::Api").values()
    paths = api["Body"]["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            expect(
                operation.get("security") == [{"ApiKey": []}],
                f"route {method} {path} has not exactly the authorizer ApiKey",
            )
    expect("/$default" in paths, "no catch-all route: unknown tools would get the gateway's answer")
    declared = operations(stack)
    routed = {
        (method.upper(), path)
        for path, methods in paths.items()
        for method in methods
        if path not in ("/$default", MCP)
    }
    expect(routed == declared.keys(), f"template.yaml and the operations differ in {sorted(routed ^ declared.keys())}")

    # The functions behind them
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
    router = cargo["workspace"]["metadata"]["lambda"]["watch"]["router"]
    unused = router.keys() - {path for _, path in declared} - {MCP}
    expect(not unused, f"Cargo.toml's router has paths at which there is nothing: {sorted(unused)}")

    # A sample event for every route
    wanted = {f"{method} {path}" for method, path in declared} | {f"ANY {MCP}"}
    samples = {p.stem: json.loads(p.read_text()) for p in (ROOT / "events").glob("*.json")}
    # An authorizer's event has a type, a request has none.
    samples = {name: event for name, event in samples.items() if "routeKey" in event and "type" not in event}
    sampled = {event["routeKey"] for event in samples.values()}
    expect(sampled == wanted, f"events/ and the operations differ in {sorted(sampled ^ wanted)}")

    # Each sample is whole
    for name, event in samples.items():
        context = event["requestContext"]
        method, path = event["routeKey"].split(" ")
        for parameter, value in event.get("pathParameters", {}).items():
            path = path.replace(f"{{{parameter}}}", value)
        expect(
            (event["rawPath"], context["http"]["path"], context["routeKey"]) == (path, path, event["routeKey"])
            and method in (context["http"]["method"], "ANY"),
            f"events/{name}.json is addressed to several places",
        )
        length = str(len(event["body"].encode())) if "body" in event else None
        expect(event["headers"].get("content-length") == length, f"events/{name}.json: content-length is not the body's")

    # Each route goes to the function that has the operation, here and in the local router
    functions = of_type(resources, "AWS::Lambda::Function")
    binaries = {name: function["Code"]["S3Key"] for name, function in functions.items()}
    for path, methods in paths.items():
        if path == "/$default":
            continue
        wanted = router.get(path)
        for method, operation in methods.items():
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            [binary] = [b for name, b in binaries.items() if f"${{{name}.Arn}}" in uri]
            of_operation = "mcp" if path == MCP else declared.get((method.upper(), path))
            expect(of_operation == binary, f"{method} {path} is served by {binary}, and is {of_operation}'s")
            expect(wanted == binary, f"{method} {path} is served by {binary} in template.yaml, by {wanted} in Cargo.toml")

    # Logs
    groups = of_type(resources, "AWS::Logs::LogGroup")
    for name, group in groups.items():
        expect(group.get("RetentionInDays"), f"log group {name} never expires")
    for name, function in functions.items():
        logging = function.get("LoggingConfig", {})
        expect(logging.get("LogGroup", {}).get("Ref") in groups, f"{name} has no log group of its own")
        expect(logging.get("LogFormat") == "JSON", f"{name} does not log JSON")
        expect("ApplicationLogLevel" in logging, f"{name} has no log level")

    # Permissions
    policies = of_type(resources, "AWS::IAM::ManagedPolicy")
    roles = of_type(resources, "AWS::IAM::Role")
    of_table = partitions(stack)
    expect(of_table.keys() == {TOOLS, *ROLES.values()}, f"the table is used as {sorted(of_table)}")
    of_functions = {name: function["Role"]["Fn::GetAtt"][0] for name, function in functions.items()}
    for name, role in of_functions.items():
        wanted = PERMISSIONS.get(name, OF_TOOLS)
        grants = granted(roles[role], policies)
        for resource in sorted(grants.keys() | wanted.keys()):
            has, needs = grants.get(resource, set()), wanted.get(resource, set())
            expect(has == needs, f"{name} may {sorted(has)} on {resource}, and needs {sorted(needs)}")
        wanted = set() if name in WITHOUT_TABLE else of_table[ROLES.get(name, TOOLS)]
        rights = granted_of_table(roles[role], policies)
        for action, keys in sorted(rights ^ wanted):
            has = "may" if (action, keys) in rights else "may not"
            expect(False, f"{name} {has} {action} of {keys} in the table, and the partitions say otherwise")
        arns = [arn for arn in roles[role]["ManagedPolicyArns"] if isinstance(arn, str)]
        others = [arn for arn in arns if not arn.endswith(AWS_MANAGED)]
        expect(not others, f"{name} has the AWS policies {others}")
    for name in roles.keys() - set(of_functions.values()):
        grants = granted(roles[name], policies)
        wanted = {"HealthFunction": {"lambda:InvokeFunction"}, DEAD_LETTERS: {"sqs:SendMessage"}}
        expect(grants == wanted, f"{name} may {grants}")
    documents = [(name, policy["PolicyDocument"]) for name, policy in policies.items()]
    for name, role in roles.items():
        documents += [(name, policy["PolicyDocument"]) for policy in role.get("Policies", [])]
    for name, document in documents:
        for statement in statements(document):
            expect(statement["Effect"] == "Allow", f"{name} has a statement that does not allow")
            of_key = SECRETS_KEY in map(target, listed(statement["Resource"]))
            expect(not of_key or statement.get("Condition") == VIA_SECRETS, f"{name} may use the secrets' key for all")
            is_listing = name == side_by_side.ABOUT_ALL and statement["Action"] == ["secretsmanager:ListSecrets"]
            expect(
                is_listing or "*" not in listed(statement["Resource"]), f"{name} has a statement about every resource"
            )
            expect(not any("*" in action for action in listed(statement["Action"])), f"{name} allows every action")

    # What is kept
    [table] = of_type(resources, "AWS::DynamoDB::Table").values()
    expect(table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}, "the table is not encrypted with KMS")
    expect(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], "the table has no way back")
    expect(
        table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True},
        "the table forgets nothing: its time to live is not expires_at",
    )
    expect(table.get("DeletionProtectionEnabled"), "anybody who may delete the table deletes it by a slip")
    for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
        expect(resources[TABLE].get(policy) == "Retain", f"the table's {policy} is not Retain")
    for name, function in functions.items():
        variables = function["Environment"]["Variables"]
        has_table = variables.get("STATE_TABLE") == {"Fn::If": ["HasKeptTable", {"Ref": "KeptTable"}, {"Ref": TABLE}]}
        expect(has_table == (name not in WITHOUT_TABLE), f"{name}: wrong STATE_TABLE")
    for name, queue in of_type(resources, "AWS::SQS::Queue").items():
        expect(queue.get("SqsManagedSseEnabled") or queue.get("KmsMasterKeyId"), f"queue {name} is not encrypted")

    # Alerts: CloudWatch's alarms can publish to a topic with a key of the customer's, if both let them.
    for name, topic in of_type(resources, "AWS::SNS::Topic").items():
        expect(topic.get("KmsMasterKeyId") == {"Fn::GetAtt": [ALERTS_KEY, "Arn"]}, f"topic {name} has not our key")
    key_policy = resources[ALERTS_KEY]["Properties"]["KeyPolicy"]
    [topic_policy] = of_type(resources, "AWS::SNS::TopicPolicy").values()
    for what, document in (("key", key_policy), ("topic", topic_policy["PolicyDocument"])):
        services = [statement["Principal"].get("Service") for statement in statements(document)]
        expect("cloudwatch.amazonaws.com" in services, f"the alerts' {what} does not let alarms in")
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    watched = {
        (alarm["Namespace"], alarm["MetricName"], target(dimension["Value"]))
        for alarm in alarms.values()
        for dimension in alarm.get("Dimensions", [{"Value": ""}])
    }
    for name in functions:
        for metric in ("Errors", "Throttles"):
            expect(("AWS/Lambda", metric, name) in watched, f"no alarm for {metric} of {name}")
    for metric in ("ConnectionsBroken", "SecretsExpired", "HealthCheckRuns", "VisitorsNotFound", "VisitorsGuessing", "VisitorsRefused"):
        of_stack = ("Dynamics365Tools", metric, "AWS::StackName")
        expect(of_stack in watched, f"no alarm for {metric} of this stack")
    # The least of many is low whenever one of them is: such an alarm would never clear.
    for name, alarm in alarms.items():
        is_ours = alarm["Namespace"] == "Dynamics365Tools"
        expect(not is_ours or alarm["Statistic"] in ("Maximum", "Sum"), f"{name} does not count")
    expect(("AWS/ApiGateway", "5xx", "Api") in watched, "no alarm for the API's 5xx")
    expect(any(namespace == "AWS/SQS" for namespace, _, _ in watched), "no alarm for dead letters")
    for name, alarm in alarms.items():
        expect(alarm.get("AlarmActions") == [{"Ref": TOPIC}], f"nobody hears of {name}")
        wanted = "breaching" if alarm["MetricName"] == "HealthCheckRuns" else "notBreaching"
        expect(alarm["TreatMissingData"] == wanted, f"{name}: missing data must be {wanted}")

    # What is said of them
    costs = f"| alarms: {len(alarms)} at 0.10 | {len(alarms) / 10:.2f} |"
    expect(costs in (ROOT / "docs/deploying.md").read_text(), f"docs/deploying.md must say: {costs}")

    # Schedules
    schedules = of_type(resources, "AWS::Scheduler::Schedule")
    checks = {json.loads(schedule["Target"]["Input"])["check"] for schedule in schedules.values()}
    expect(checks == {"connections", "expiry"}, f"the schedules check {sorted(checks)}")
    dead_letters = {"Fn::GetAtt": [DEAD_LETTERS, "Arn"]}
    for name, schedule in schedules.items():
        named = schedule.get("Name", {}).get("Fn::Sub", "")
        expect("${AWS::StackName}" in named, f"{name} collides with the one of another stack: it needs a name")
        expect(schedule["Target"]["DeadLetterConfig"]["Arn"] == dead_letters, f"{name} has no dead-letter queue")
    [invoked] = of_type(resources, "AWS::Lambda::EventInvokeConfig").values()
    expect(invoked["FunctionName"] == {"Ref": "HealthFunction"}, "failed runs of the health check are lost")
    expect(invoked["DestinationConfig"]["OnFailure"]["Destination"] == dead_letters, "failed runs are lost")

    for problem in problems:
        print(f"template: {problem}", file=sys.stderr)
    if not problems:
        print(f"template: {len(declared)} operations, {len(functions)} functions, each route behind the authorizer")
    return 1 if problems else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", required=True, help="the binary of the local stack")
    sys.exit(check(parser.parse_args().stack))
