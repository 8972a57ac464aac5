//! `cargo run`: everything on one machine.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use stack::{ADMIN_KEY, API_KEY, Options, STATE_TABLE, Stack, VISITOR_KEY};
use state::Partition;
use toolkit::Origin;

/// The Dynamics 365 tools on this machine: no AWS account, no Dynamics 365, no Docker needed.
#[derive(Parser)]
struct Arguments {
    /// The name or address to listen on; 0.0.0.0 lets containers on this machine in. It is called
    /// by this name, by localhost, or by any address in numbers; requests to other names are refused.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port of the tools.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// The port of the emulated Dynamics 365.
    #[arg(long, default_value_t = 3001)]
    emulator_port: u16,
    /// The port of the stand-in for AWS Secrets Manager.
    #[arg(long, default_value_t = 3002)]
    aws_port: u16,
    /// How long the emulator holds every answer back: 80ms, 1.5s.
    #[arg(long, default_value = "0ms", value_parser = duration)]
    latency: Duration,
    /// Also serve the emulator over TLS, for clients that insist on https.
    #[arg(long, value_name = "PORT")]
    emulator_tls_port: Option<u16>,
    /// Where to write the certificate that those clients must trust.
    #[arg(long, value_name = "FILE", requires = "emulator_tls_port")]
    emulator_ca: Option<PathBuf>,
    /// A web site whose Origin is not refused over the Model Context Protocol: https://chat.example.
    /// Its pages need CORS as well, which is not answered. Can be given several times.
    #[arg(long, value_name = "ORIGIN")]
    allowed_origin: Vec<Origin>,
    /// Print the API's operations as JSON, each with the function that serves it, and end.
    #[arg(long)]
    operations: bool,
    /// Print the partitions of the table as JSON, each with what the functions may do with it, and
    /// end.
    #[arg(long)]
    partitions: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let seconds = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(milliseconds), _) => milliseconds.trim().parse::<f64>().map(|number| number / 1000.0),
        (None, Some(seconds)) => seconds.trim().parse(),
        (None, None) => return Err("say it with a unit, as in 80ms or 1.5s".to_owned()),
    };
    let seconds = seconds.map_err(|error| error.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[tokio::main]
async fn main() -> ExitCode {
    toolkit::logging::initialize();
    let arguments = Arguments::parse();
    if arguments.operations {
        print(&operations());
        return ExitCode::SUCCESS;
    }
    if arguments.partitions {
        print(&json!(Partition::ALL));
        return ExitCode::SUCCESS;
    }
    let options = Options {
        host: arguments.host,
        port: arguments.port,
        emulator_port: arguments.emulator_port,
        aws_port: arguments.aws_port,
        latency: arguments.latency,
        emulator_tls_port: arguments.emulator_tls_port,
        emulator_ca: arguments.emulator_ca,
        check_at_start: true,
        allowed_origins: arguments.allowed_origin.into_iter().collect(),
        ..Options::default()
    };
    match stack::start(options).await {
        Ok(stack) => {
            announce(&stack);
            // If it is not possible to wait for Ctrl-C, the stack stops at once.
            let _ = tokio::signal::ctrl_c().await;
            stack.stop().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "it is what was asked for")]
fn print(document: &Value) {
    println!("{document}");
}

fn operations() -> Value {
    let operations: Vec<_> = stack::declarations()
        .iter()
        .map(|operation| {
            json!({
                "id": operation.id,
                "method": operation.method.as_str(),
                "path": operation.path,
                "function": operation.group,
            })
        })
        .collect();
    json!(operations)
}

#[expect(clippy::print_stdout, reason = "it is what the person who started it reads")]
fn announce(stack: &Stack) {
    let (url, aws) = (stack.url(), stack.aws_url());
    let emulator = stack.emulator();
    println!("The tools        {url}/v1/tools/{{tool}}");
    println!(
        "  API keys       {API_KEY} (staff, every scope), {VISITOR_KEY} (a bot for visitors),"
    );
    println!("                 {ADMIN_KEY} (an administrator)");
    println!("  for bots       {url}/v1/tools, {url}/v1/templates, {url}/v1/openapi.json");
    println!("  over MCP       {url}/mcp");
    println!(
        "Dynamics 365     {}  (an emulator; what it saw: /_emulator/requests)",
        emulator.url()
    );
    if let Some(tls) = emulator.tls_url() {
        println!("  over TLS       {tls}");
    }
    println!("Secrets Manager  {aws}  (a stand-in; DynamoDB, too)");
    println!(
        "  for functions  AWS_ENDPOINT_URL_SECRETS_MANAGER={aws} AWS_ENDPOINT_URL_DYNAMODB={aws} \
         STATE_TABLE={STATE_TABLE} DATAVERSE_LOCAL_URL={}",
        emulator.url()
    );
    println!();
    println!("Try this:");
    println!(
        "  curl -s {url}/v1/tools/dynamics365_get_contact_by_email -H 'Authorization: Bearer {API_KEY}' -d '{{\"email\":\"maren.quist@northwind.example\"}}'"
    );
    println!();
}
