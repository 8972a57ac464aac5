"""Two stacks of the template in one account: what each owns and what each may reach, with every
intrinsic function worked out."""

import re
from fnmatch import fnmatchcase

ACCOUNT, REGION = "123456789012", "eu-central-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
# The one policy about all resources: it lists the names of secrets, for which AWS knows no other way.
ABOUT_ALL = "ListSecretsPolicy"
# Secrets Manager ends every ARN with a hyphen and six characters of its own.
SUFFIX = "-a1B2c3"
# Properties that name a resource in the account. What has none gets a name from CloudFormation that
# no other resource has.
NAMES = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Logs::QueryDefinition": "Name",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::Scheduler::Schedule": "Name",
}
# Types whose names are given in another way, or that have none.
NAMELESS = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Stage",
    "AWS::DynamoDB::Table",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
}
NAME_PROPERTIES = re.compile(r"^(\w*Name)$")


class Stack:
    """A stack of the template, under a name and with parameters."""

    def __init__(self, template, name, **parameters):
        self.template, self.name = template, name
        defaults = {key: p.get("Default", "") for key, p in template["Parameters"].items()}
        self.parameters = {**defaults, **parameters}
        self.resources = {
            key: {**r, "Properties": self.value(r.get("Properties", {}))} for key, r in template["Resources"].items()
        }

    def holds(self, condition):
        return self.value(self.template["Conditions"][condition])

    def value(self, node):
        match node:
            case {"Ref": name}:
                return self.reference(name)
            case {"Fn::If": [condition, then, otherwise]}:
                return self.value(then if self.holds(condition) else otherwise)
            case {"Fn::Equals": [one, other]}:
                return str(self.value(one)) == str(self.value(other))
            case {"Fn::Not": [one]}:
                return not self.value(one)
            case {"Fn::GetAtt": [name, attribute]}:
                return self.attribute(name, attribute)
            case {"Fn::GetAtt": str(path)}:
                return self.attribute(*path.split("."))
            case {"Fn::Sub": [text, values]}:
                return self.substitute(text, {key: self.value(value) for key, value in values.items()})
            case {"Fn::Sub": text}:
                return self.substitute(text, {})
            case {"Fn::Join": [separator, parts]}:
                return separator.join(map(str, self.value(parts)))
            case {"Fn::Select": [index, several]}:
                return self.value(several)[int(index)]
            case {"Fn::Split": [separator, text]}:
                return str(self.value(text)).split(separator)
            case dict():
                return {key: self.value(value) for key, value in node.items()}
            case list():
                return [value for value in map(self.value, node) if value is not None]
        return node

    def reference(self, name):
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": None,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        return self.parameters[name] if name in self.parameters else f"{self.name}~{name}"

    def attribute(self, name, attribute):
        # A tilde is in no name that a person gives: it is this resource and no other.
        return f"arn:aws:of:{REGION}:{ACCOUNT}:{self.name}~{name}" if attribute == "Arn" else f"{self.name}~{name}"

    def substitute(self, text, values):
        def one(match):
            name = match[1]
            if name in values:
                return str(values[name])
            return str(self.attribute(*name.split(".", 1)) if "." in name else self.reference(name))

        return re.sub(r"\$\{([^}!]+)\}", one, text)

    def of_type(self, kind):
        return {name: r["Properties"] for name, r in self.resources.items() if r["Type"] == kind}

    def prefix(self):
        [prefix] = {f["Environment"]["Variables"]["SECRETS_PREFIX"] for f in self.of_type("AWS::Lambda::Function").values()}
        return prefix

    def owned(self, other):
        """What belongs to it: its secrets (also one for a connection with the other stack's name), its
        alarms, and all that CloudFormation names."""
        secrets = ["api-keys", "connections/default", "connections/api-keys", f"connections/{other.name}"]
        secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{self.prefix()}/"
        alarm = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:"
        yield from (f"{secret}{name}{SUFFIX}" for name in secrets)
        if self.parameters["KeptTable"]:
            yield f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{self.parameters['KeptTable']}"
        yield from (f"{alarm}{properties['AlarmName']}" for properties in self.of_type("AWS::CloudWatch::Alarm").values())
        yield from (self.attribute(name, "Arn") for name in self.resources)
        yield from (f"{self.name}~{name}" for name in self.resources)

    def reached(self):
        """What its policies are about: pairs of where it is said and a pattern."""
        for name, resource in self.resources.items():
            properties = resource["Properties"]
            documents = [properties[key] for key in ("PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument") if key in properties]
            documents += [policy["PolicyDocument"] for policy in properties.get("Policies", []) if isinstance(policy, dict)]
            for statement in (statement for document in documents for statement in document["Statement"]):
                resources = statement.get("Resource", [])
                # In a key's own policy, "*" is that key.
                if resource["Type"] != "AWS::KMS::Key" and name != ABOUT_ALL:
                    for pattern in resources if isinstance(resources, list) else [resources]:
                        yield name, pattern
                for keys in statement.get("Condition", {}).values():
                    if "aws:SourceArn" in keys:
                        yield name, keys["aws:SourceArn"]

    def names(self):
        """The names that it takes in the account."""
        for name, resource in self.resources.items():
            kind, properties = resource["Type"], resource["Properties"]
            if properties.get(NAMES.get(kind)):
                yield kind, properties[NAMES[kind]]


def problems(template):
    """What two stacks of the template would take from each other."""
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    for kind in sorted(kinds - NAMES.keys() - NAMELESS):
        yield f"side_by_side.py does not know what names a {kind}"
    for name, resource in template["Resources"].items():
        if resource["Type"] in NAMELESS:
            given = [key for key in resource.get("Properties", {}) if NAME_PROPERTIES.match(key)]
            wanted = {"DisplayName", "FunctionName", "StageName"}
            if set(given) - wanted:
                yield f"{name} has a name of its own ({given}), which a second stack cannot have"
    pairs = [
        (Stack(template, "bot"), Stack(template, "bot-2")),
        (Stack(template, "bot", Prefix="dynamics365"), Stack(template, "bot-2")),
        (Stack(template, "bot", Prefix="bots/one"), Stack(template, "bot-2", Prefix="bots/one-2")),
        (Stack(template, "bot", KeptTable="left", SecretsKeyArn=KEY), Stack(template, "bot-2", KeptTable="left-2")),
    ]
    for one, other in [pair for some in pairs for pair in (some, some[::-1])]:
        theirs = list(other.owned(one))
        own = list(one.owned(other))
        for place, pattern in one.reached():
            for resource in theirs:
                if fnmatchcase(resource, pattern):
                    yield f"{place} of a stack {one.name} ({one.prefix()}) reaches {resource} of another by {pattern}"
        # Else the patterns would reach nothing at all, and nobody would notice here.
        for resource in own[:2]:
            if not any(fnmatchcase(resource, pattern) for _, pattern in one.reached()):
                yield f"no policy of a stack {one.name} reaches its own {resource}"
        for kind, name in set(one.names()) & set(other.names()):
            yield f"two stacks both want a {kind} called {name}"
        for name, alarm in one.of_type("AWS::CloudWatch::Alarm").items():
            dimensions = {dimension["Value"] for dimension in alarm.get("Dimensions", [])}
            if not any(str(value).split("~")[0] == one.name for value in dimensions):
                yield f"{name} also counts what other stacks do"
