//! The command line.

use std::path::PathBuf;

use auth::ConnectionId;
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use url::Url;
use uuid::Uuid;

/// Looks after a deployment of the Dynamics 365 tools: its API keys, its connections, its alerts.
///
/// The API key is taken from the file that --key-file names, from the variable D365TOOLS_KEY, or
/// from what `key keep` has kept for the address. Where there is none, it is asked for.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) service: ServiceArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

fn day(text: &str) -> Result<Date, &'static str> {
    let date = text.parse().ok().filter(|_| text.len() == 10);
    date.ok_or("must be a date such as 2028-11-30")
}

fn url(text: &str) -> Result<Url, &'static str> {
    let is_here = |url: &Url| matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    // Over http, everybody on the way would see the key.
    let may = |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_here(url));
    let address = Url::parse(text).ok().filter(may);
    address
        .ok_or("must be an address such as https://abc123.execute-api.eu-central-1.amazonaws.com")
}

fn key_id(text: &str) -> Result<Uuid, &'static str> {
    Uuid::parse_str(text).map_err(|_| "must be the id of a key, as `d365tools key list` shows it")
}

/// Which deployment is meant.
#[derive(Args, Debug)]
pub(crate) struct ServiceArguments {
    /// The address of the API: the output ApiUrl of the stack.
    #[arg(long, env = "D365TOOLS_URL", global = true, value_name = "URL", value_parser = url)]
    pub(crate) url: Option<Url>,
    /// The local stack of `cargo run`, with its key.
    #[arg(long, global = true)]
    pub(crate) local: bool,
    /// A file with the API key, and nothing else.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// API keys: make, list, change, revoke.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Set a connection up, or change it: asks for the credentials, tries them, stores what works. Of
    /// a connection that there is, an empty answer leaves what is stored.
    Connect(Connect),
    /// List the connections, as they were when last checked.
    Connections,
    /// Test a connection now.
    Test(Connection),
    /// Change what people call a connection, or the day on which its client secret ends.
    Change(ChangeConnection),
    /// Replace the client secret of a connection by a new one.
    Rotate(Rotate),
    /// Show what was done over a connection, the latest first.
    Activity(Activity),
    /// Let the health function send a test alert to everybody who gets alerts.
    Alert(Alert),
    /// Look at everything: the service, the key, the connections, the roles, the secrets' ends.
    Doctor,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make the first key of a deployment. This writes to AWS Secrets Manager, because the API
    /// answers to nobody yet, and uses the AWS credentials of the shell.
    First(First),
    /// Say whom the keys of the secret serve that do not say it, because they are older. This writes
    /// to AWS Secrets Manager, with the AWS credentials of the shell.
    Upgrade(Upgrade),
    /// Make a key. It is shown once.
    Make(Make),
    /// List the keys that were made over the API.
    List,
    /// Change what a key allows. What is not given stays as it is.
    Change(Change),
    /// Revoke a key. It stops working within five minutes.
    Revoke(KeyId),
    /// Keep a key for this address on this machine, in a file that only you can read.
    Keep,
}

#[derive(Args, Debug)]
pub(crate) struct First {
    /// The name of the stack in CloudFormation.
    #[arg(long, value_name = "NAME", default_value = "dynamics365-tools")]
    pub(crate) stack: String,
    /// The stack's parameter Prefix, if it is set.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// The stack's parameter SecretsKeyArn, if it is set: the KMS key of a secret that is made.
    #[arg(long, value_name = "ARN")]
    pub(crate) secrets_key: Option<String>,
    /// What the log calls whoever has the key.
    #[arg(long, value_name = "NAME", default_value = "administrator")]
    pub(crate) client: String,
    /// Also keep the key for the address on this machine, as `key keep` does.
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Make {
    /// Whom the key is for: the log has this name.
    #[arg(long, value_name = "NAME")]
    pub(crate) client: String,
    /// A connection that it is bound to; `*` for all. Can be given several times.
    #[arg(long = "connection", value_name = "ID", required = true)]
    pub(crate) connections: Vec<String>,
    /// What it allows: read, write or admin. Can be given several times.
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    pub(crate) scopes: Vec<String>,
    /// Whom it serves: a bot that talks to visitors, or the company's own staff.
    #[arg(long = "for", value_name = "WHOM")]
    pub(crate) serves: Serves,
    #[command(flatten)]
    pub(crate) limit: LimitArguments,
    /// Its word counts on who a visitor is. Only for a platform that has checked it.
    #[arg(long)]
    pub(crate) vouches: bool,
    /// The chat's id counts over MCP in the request's header, too: for clients that send another one
    /// with each chat.
    #[arg(long)]
    pub(crate) conversation_in_header: bool,
    #[command(flatten)]
    pub(crate) confirm: ConfirmArguments,
}

/// What somebody must have said yes to.
#[derive(Args, Debug)]
pub(crate) struct ConfirmArguments {
    /// Which of its calls somebody must have said yes to before they change anything.
    #[arg(long, value_name = "WHICH")]
    pub(crate) confirm: Option<Confirm>,
    /// Whether a message is enough for that, also for what cannot be undone.
    #[arg(long, value_name = "YES", num_args = 1)]
    pub(crate) message_is_enough: Option<bool>,
}

/// Which calls somebody must have said yes to.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Confirm {
    /// None.
    None,
    /// Those that close, win or lose something, that make a quote or an appointment, or that change the
    /// data of a contact.
    Consequences,
}

impl Confirm {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Confirm::None => "none",
            Confirm::Consequences => "consequences",
        }
    }
}

/// The tools that a key is limited to.
#[derive(Args, Debug)]
pub(crate) struct LimitArguments {
    /// A tool that it is limited to. Can be given several times.
    #[arg(long = "tool", value_name = "NAME")]
    pub(crate) tools: Vec<String>,
    /// The template whose tools it is limited to.
    #[arg(long, value_name = "ID", conflicts_with = "tools")]
    pub(crate) template: Option<String>,
}

/// Whom a key serves.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Serves {
    /// A bot that talks to people outside the company.
    Visitors,
    /// The company's own people.
    Staff,
}

impl Serves {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Serves::Visitors => "visitors",
            Serves::Staff => "staff",
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Change {
    /// The key's id, as the list has it.
    #[arg(value_parser = key_id)]
    pub(crate) id: Uuid,
    /// Whom the key is for.
    #[arg(long, value_name = "NAME")]
    pub(crate) client: Option<String>,
    /// The connections that it is bound to from now on; `*` for all. Can be given several times.
    #[arg(long = "connection", value_name = "ID")]
    pub(crate) connections: Vec<String>,
    /// What it allows from now on: read, write or admin. Can be given several times.
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// Whom it serves from now on.
    #[arg(long = "for", value_name = "WHOM")]
    pub(crate) serves: Option<Serves>,
    #[command(flatten)]
    pub(crate) limit: LimitArguments,
    /// Whether its word counts on who a visitor is, from now on.
    #[arg(long, value_name = "YES", num_args = 1)]
    pub(crate) vouches: Option<bool>,
    /// Whether the chat's id counts over MCP in the request's header, too, from now on.
    #[arg(long, value_name = "YES", num_args = 1)]
    pub(crate) conversation_in_header: Option<bool>,
    #[command(flatten)]
    pub(crate) confirm: ConfirmArguments,
    /// It is not limited to some tools any more.
    #[arg(long, conflicts_with_all = ["tools", "template"])]
    pub(crate) all_tools: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Upgrade {
    /// The name of the stack in CloudFormation.
    #[arg(long, value_name = "NAME", default_value = "dynamics365-tools")]
    pub(crate) stack: String,
    /// The stack's parameter Prefix, if it is set.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// Only the keys of this client.
    #[arg(long, value_name = "NAME")]
    pub(crate) client: Option<String>,
    /// Whom they serve. Those with the scope admin are for staff.
    #[arg(long = "for", value_name = "WHOM")]
    pub(crate) serves: Serves,
}

#[derive(Args, Debug)]
pub(crate) struct KeyId {
    /// The key's id, as the list has it.
    #[arg(value_parser = key_id)]
    pub(crate) id: Uuid,
}

#[derive(Args, Debug)]
pub(crate) struct Connection {
    /// The id of the connection.
    #[arg(default_value = "default")]
    pub(crate) id: ConnectionId,
}

#[derive(Args, Debug)]
pub(crate) struct Connect {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The directory's id, or its domain (set-up step 1). What is not given is asked for.
    #[arg(long, value_name = "ID")]
    pub(crate) tenant_id: Option<String>,
    /// The application (client) id (set-up step 2).
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// The environment's address (set-up step 5).
    #[arg(long, value_name = "URL")]
    pub(crate) instance_url: Option<String>,
    /// The day on which the client secret ends.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) secret_expires_on: Option<Date>,
    /// What people call the connection.
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ChangeConnection {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The day on which the client secret ends.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) secret_expires_on: Option<Date>,
    /// What people call the connection.
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Rotate {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The day on which the new client secret ends.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) secret_expires_on: Option<Date>,
}

#[derive(Args, Debug)]
pub(crate) struct Activity {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Only calls that ended so: `ok`, `failed`, or the code of an error.
    #[arg(long)]
    pub(crate) outcome: Option<String>,
    /// Only calls of this tool.
    #[arg(long)]
    pub(crate) tool: Option<String>,
    /// Only calls of this conversation.
    #[arg(long)]
    pub(crate) conversation: Option<String>,
    /// Only the call with this X-Request-Id.
    #[arg(long)]
    pub(crate) request_id: Option<String>,
    /// Only calls that were about this record.
    #[arg(long)]
    pub(crate) record: Option<String>,
    /// Only calls for the visitor with this contact's id, or this `visitor` of an entry.
    #[arg(long)]
    pub(crate) visitor: Option<String>,
    /// From this point in time or day on.
    #[arg(long)]
    pub(crate) from: Option<String>,
    /// Until before this point in time, or to the end of this day.
    #[arg(long)]
    pub(crate) to: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u16,
}

#[derive(Args, Debug)]
pub(crate) struct Alert {
    /// The name of the stack in CloudFormation.
    #[arg(long, value_name = "NAME", default_value = "dynamics365-tools")]
    pub(crate) stack: String,
}
