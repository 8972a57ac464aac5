#!/usr/bin/env python3
"""Checks what `sam validate --lint` cannot know: that template, sample events and the local
router name the same tools, that no route is open, that logs expire, and that a function may read
its own secrets and nothing else. Works on the CloudFormation that SAM makes of the template."""

import json
import os
import sys
import tomllib
from pathlib import Path

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parent.parent
TOOL_ROUTE = "/v1/tools/"


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


def of_type(resources, kind):
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == kind}


def statements(policy):
    for statement in policy["PolicyDocument"]["Statement"]:
        if "Fn::If" in statement:
            _, then, _ = statement["Fn::If"]
            statement = then
        yield statement


def check():
    resources = cloudformation()["Resources"]
    problems = []

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
    routes = {path.removeprefix(TOOL_ROUTE) for path in paths if path.startswith(TOOL_ROUTE)}
    expect(
        all(list(paths[TOOL_ROUTE + tool]) == ["post"] for tool in routes), "a tool's route takes POST and nothing else"
    )

    # The same tools in the three places
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
    router = cargo["workspace"]["metadata"]["lambda"]["watch"]["router"]
    served = {path.removeprefix(TOOL_ROUTE) for path in router if path.startswith(TOOL_ROUTE)}
    expect(served == routes, f"Cargo.toml's router and template.yaml differ in {sorted(served ^ routes)}")
    events = {p.stem: json.loads(p.read_text()) for p in (ROOT / "events").glob("dynamics365_*.json")}
    expect(events.keys() == routes, f"events/ and template.yaml differ in {sorted(events.keys() ^ routes)}")
    for tool, event in events.items():
        path = TOOL_ROUTE + tool
        context = event["requestContext"]
        expect(
            (event["rawPath"], event["routeKey"], context["http"]["path"], context["routeKey"])
            == (path, f"POST {path}", path, f"POST {path}"),
            f"events/{tool}.json is addressed to another tool",
        )
        expect(
            event["headers"]["content-length"] == str(len(event["body"].encode())),
            f"events/{tool}.json: content-length is not the body's",
        )

    # Each tool goes to the function of its group, as the local router has it
    functions = of_type(resources, "AWS::Lambda::Function")
    binaries = {name: function["Code"]["S3Key"] for name, function in functions.items()}
    for tool in routes & served:
        uri = paths[TOOL_ROUTE + tool]["post"]["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        [binary] = [b for name, b in binaries.items() if f"${{{name}.Arn}}" in uri]
        expect(router[TOOL_ROUTE + tool] == binary, f"{tool} is served by {binary} in template.yaml, not in Cargo.toml")

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
    for name, policy in policies.items():
        for statement in statements(policy):
            action, resource = statement["Action"], json.dumps(statement["Resource"])
            expect(action in ("secretsmanager:GetSecretValue", "kms:Decrypt"), f"{name} allows {action}")
            expect(":secret:dynamics365/" in resource or "SecretsKeyArn" in resource, f"{name} reaches {resource}")
    roles = of_type(resources, "AWS::IAM::Role")
    aws_managed = ("AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess")
    for name, function in functions.items():
        role = roles[function["Role"]["Fn::GetAtt"][0]]
        expect("Policies" not in role, f"{name} has inline policies")
        attached = [p["Ref"] for p in role["ManagedPolicyArns"] if isinstance(p, dict)]
        wanted = "ReadApiKeysPolicy" if name == "AuthorizerFunction" else "ReadConnectionsPolicy"
        expect(attached == [wanted], f"{name} has the policies {attached}, not {wanted}")
        others = [p for p in role["ManagedPolicyArns"] if isinstance(p, str) and not p.endswith(aws_managed)]
        expect(not others, f"{name} has the AWS policies {others}")

    for problem in problems:
        print(f"template: {problem}", file=sys.stderr)
    if not problems:
        print(f"template: {len(routes)} tools, {len(functions)} functions, each route behind the authorizer")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(check())
