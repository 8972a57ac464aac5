//! The rights of the functions on secrets and on the table: a managed policy for each set of
//! rights.

use auth::SecretNames;
use state::{Action, Partition, Role};

use crate::parts::{Part, indented};

/// A set of rights, with the name of its policy in the template.
pub(crate) struct Permission {
    name: &'static str,
    description: &'static str,
    statements: Vec<String>,
}

/// The names of the policies that every group of tools has.
pub(crate) const OF_TOOLS: [&str; 3] =
    ["ReadConnectionsPolicy", "ReadSealingKeyPolicy", "ToolsStatePolicy"];

/// The name of the policy of those that send mails.
pub(crate) const SEND_MAIL: &str = "SendMailPolicy";

/// What SES may know the sender of mails by: the address, or its domain.
const MAIL_IDENTITIES: &str =
    "!Sub \"arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*\"";

/// The only sender.
const FROM: &str = "\
Condition:
  StringEquals: { ses:FromAddress: !Ref MailFrom }
";

/// The table's name, for the functions: the stack's own, or one that an earlier stack has left.
pub(crate) const STATE_TABLE: &str = "!If [HasKeptTable, !Ref KeptTable, !Ref StateTable]";

/// The table's ARN.
const TABLE_ARN: &str = "!If [HasKeptTable, \
    !Sub \"arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${KeptTable}\", \
    !GetAtt StateTable.Arn]";

/// What the names of the stack's secrets begin with.
const PREFIX: &str = "!If [HasPrefix, !Ref Prefix, !Sub \"dynamics365/${AWS::StackName}\"]";

/// Some secrets, by their ARN.
enum Secrets {
    /// The credentials of every connection.
    Connections,
    /// The hashes of the API keys.
    ApiKeys,
    /// The key with which short-lived records are sealed.
    SealingKey,
}

impl Secrets {
    fn name(&self) -> String {
        let names = SecretNames::new("${SecretsPrefix}");
        match self {
            Secrets::Connections => format!("{}*", names.connections()),
            // Secrets Manager ends every ARN with a hyphen and six characters of its own.
            Secrets::ApiKeys => format!("{}-??????", names.api_keys()),
            Secrets::SealingKey => format!("{}-??????", names.sealing_key()),
        }
    }

    /// Allows these actions on the secrets, and on the key that may encrypt them.
    fn statements(&self, actions: &[&str], key_actions: &[&str]) -> Vec<String> {
        let arn = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:";
        let resource = format!("!Sub [\"{arn}{}\", {{ SecretsPrefix: {PREFIX} }}]", self.name());
        let of_secrets = statement(&prefixed("secretsmanager", actions), &resource, "");
        let condition = "\
Condition:
  StringEquals: { kms:ViaService: !Sub \"secretsmanager.${AWS::Region}.${AWS::URLSuffix}\" }
";
        let of_key = statement(&prefixed("kms", key_actions), "!Ref SecretsKeyArn", condition);
        let where_there_is_one =
            format!("- !If\n  - HasSecretsKey\n{}  - !Ref AWS::NoValue\n", indented(&of_key, 2));
        vec![of_secrets, where_there_is_one]
    }
}

/// The actions of a service.
fn prefixed<T: ToString>(service: &str, actions: &[T]) -> String {
    let actions = actions.iter().map(|action| format!("{service}:{}", action.to_string()));
    format!("[{}]", actions.collect::<Vec<_>>().join(", "))
}

fn statement(actions: &str, resource: &str, condition: &str) -> String {
    let condition = indented(condition, 2);
    format!("- Effect: Allow\n  Action: {actions}\n  Resource: {resource}\n{condition}")
}

/// The rights of a role on the table. Partitions with the same rights share one statement.
fn of_table(role: Role) -> Vec<String> {
    let mut keys: Vec<(&[Action], Vec<String>)> = Vec::new();
    for partition in Partition::ALL {
        for grant in partition.grants.iter().filter(|grant| grant.role == role) {
            let pattern = format!("\"{}\"", partition.pattern());
            match keys.iter_mut().find(|(actions, _)| *actions == grant.actions) {
                Some((_, patterns)) => patterns.push(pattern),
                None => keys.push((grant.actions, vec![pattern])),
            }
        }
    }
    let statements = keys.iter().map(|(actions, patterns)| {
        // "For all values" is also true if there is no value. So there must be at least one.
        let condition = format!(
            "\
Condition:
  ForAllValues:StringLike: {{ dynamodb:LeadingKeys: [{}] }}
  \"Null\": {{ dynamodb:LeadingKeys: \"false\" }}
",
            patterns.join(", ")
        );
        statement(&prefixed("dynamodb", actions), TABLE_ARN, &condition)
    });
    statements.collect()
}

fn permissions() -> [Permission; 10] {
    [
        Permission {
            name: "ReadConnectionsPolicy",
            description: "Read the credentials of the Dynamics 365 connections",
            statements: Secrets::Connections.statements(&["GetSecretValue"], &["Decrypt"]),
        },
        Permission {
            name: "ManageConnectionsPolicy",
            description: "Keep the credentials of the Dynamics 365 connections",
            statements: Secrets::Connections.statements(
                &[
                    "CreateSecret",
                    "DeleteSecret",
                    "GetSecretValue",
                    "PutSecretValue",
                    "RestoreSecret",
                ],
                &["Decrypt", "GenerateDataKey"],
            ),
        },
        Permission {
            name: "ListSecretsPolicy",
            // Secrets Manager lets a role list all secrets of the account or none. Their names and
            // tags are listed, not what they hold.
            description: "Find the connections whose secret was stored by hand",
            statements: vec![statement("[secretsmanager:ListSecrets]", "\"*\"", "")],
        },
        Permission {
            name: "ReadApiKeysPolicy",
            description: "Read the hashes of the API keys",
            statements: Secrets::ApiKeys.statements(&["GetSecretValue"], &["Decrypt"]),
        },
        Permission {
            name: "ReadSealingKeyPolicy",
            description: "Read the key that seals what is kept of visitors",
            statements: Secrets::SealingKey.statements(&["GetSecretValue"], &["Decrypt"]),
        },
        Permission {
            name: SEND_MAIL,
            description: "Send codes to visitors by mail",
            statements: vec![statement("[ses:SendEmail]", MAIL_IDENTITIES, FROM)],
        },
        Permission {
            name: "AuthorizerStatePolicy",
            description: "Read the API keys that were made over the API",
            statements: of_table(Role::Authorizer),
        },
        Permission {
            name: "ToolsStatePolicy",
            description: "Write to the activity log, and announce what is about to be created",
            statements: of_table(Role::Tools),
        },
        Permission {
            name: "ConnectionStatePolicy",
            description: "Keep the connections with what belongs to each, and the API keys",
            statements: of_table(Role::Connection),
        },
        Permission {
            name: "HealthStatePolicy",
            description: "Keep the connections' health, and which alerts were sent",
            statements: of_table(Role::Health),
        },
    ]
}

/// The secret with the sealing key.
pub(crate) fn sealing_key() -> Part {
    let name = SecretNames::new("${SecretsPrefix}").sealing_key();
    let text = format!(
        "\
# The key with which short-lived records about visitors are sealed and hashed. After a rotation, the
# version before still opens what it has sealed.
SealingKey:
  Type: AWS::SecretsManager::Secret
  # Without the stack, what it has sealed is of no use.
  DeletionPolicy: Delete
  UpdateReplacePolicy: Delete
  Metadata:
    checkov:
      skip:
        - {{ id: CKV_AWS_149, comment: \"SecretsKeyArn encrypts it with a key of one's own\" }}
        - {{ id: CKV2_AWS_57, comment: \"what it seals lives for hours; a new random value is a rotation\" }}
  Properties:
    Name: !Sub [\"{name}\", {{ SecretsPrefix: {PREFIX} }}]
    Description: Seals and hashes what is kept of visitors for a short time
    KmsKeyId: !If [HasSecretsKey, !Ref SecretsKeyArn, !Ref AWS::NoValue]
    GenerateSecretString: {{ PasswordLength: 64, ExcludePunctuation: true }}
"
    );
    Part { name: "sealing key", text }
}

/// The policies.
pub(crate) fn policies() -> Part {
    let policy = |permission: &Permission| {
        format!(
            "\
{name}:
  Type: AWS::IAM::ManagedPolicy
  Properties:
    Description: {description}
    PolicyDocument:
      Version: \"2012-10-17\"
      Statement:
{statements}",
            name = permission.name,
            description = permission.description,
            statements = indented(&permission.statements.concat(), 8),
        )
    };
    let policies: Vec<_> = permissions().iter().map(policy).collect();
    Part { name: "policies", text: policies.join("\n") }
}
