//! The emulator as a program.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use dataverse_emulator::{CLIENT_ID, CLIENT_SECRET, Emulator, Options, TENANT_ID};
use tracing_subscriber::EnvFilter;

/// Dataverse, Entra ID and a little of Microsoft Graph, in memory and strict.
#[derive(Parser)]
struct Arguments {
    /// The name or address to listen on. It is called by this name, by localhost, or by any address
    /// in numbers; requests to other names are refused.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port for HTTP; 0 takes a free one.
    #[arg(long, default_value_t = 3001)]
    port: u16,
    /// Also serve TLS on this port, for clients that insist on https; 0 takes a free one.
    #[arg(long)]
    tls_port: Option<u16>,
    /// Where to write the certificate that clients of the TLS port must trust.
    #[arg(long, value_name = "FILE", requires = "tls_port")]
    ca: Option<PathBuf>,
    /// Hold every answer back this many milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let running = Emulator::start(Options {
        host: arguments.host,
        port: arguments.port,
        tls_port: arguments.tls_port,
        certificate_authority_file: arguments.ca.clone(),
        latency: Duration::from_millis(arguments.latency),
    })
    .await?;
    announce(&running, arguments.ca.as_deref());
    tokio::signal::ctrl_c().await?;
    running.stop().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "it is what the person who started it reads")]
fn announce(running: &dataverse_emulator::Running, ca: Option<&std::path::Path>) {
    let url = running.url();
    println!("Instance URL    {url}");
    if let Some(tls) = running.tls_url() {
        println!("  over TLS      {tls}");
    }
    if let Some(ca) = ca {
        println!("  trust         {}", ca.display());
    }
    println!("Tenant          {TENANT_ID}");
    println!("Client id       {CLIENT_ID}");
    println!("Client secret   {CLIENT_SECRET}");
    println!("Web API         {url}/api/data/v9.2/");
    println!("Token endpoint  {url}/{TENANT_ID}/oauth2/v2.0/token");
    println!("Control calls   {url}/_emulator/");
}
