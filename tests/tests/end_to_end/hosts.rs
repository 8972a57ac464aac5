//! A foreign page that lets its own name lead to this machine gets nothing from any port.

use stack::API_KEY;

use crate::harness::Bench;

async fn asked(url: &str, host: &str) -> (u16, String) {
    let request = reqwest::Client::new().get(url).header("host", host).bearer_auth(API_KEY);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn no_port_answers_under_a_foreign_name() {
    let bench = Bench::start().await;
    let (tools, aws) = (bench.stack.url(), bench.stack.aws_url());
    let emulator = bench.stack.emulator().url();
    for url in [
        format!("{tools}/v1/tools"),
        format!("{tools}/mcp"),
        format!("{tools}/_local/health"),
        format!("{emulator}/_emulator/"),
        format!("{emulator}/api/data/v9.2/WhoAmI"),
        format!("{aws}/"),
        format!("{aws}/_local/dynamodb"),
    ] {
        for foreign in ["evil.example", "127.0.0.1.evil.example:3000"] {
            let (status, text) = asked(&url, foreign).await;
            assert_eq!(status, 403, "{url} {text}");
            assert!(text.contains("call localhost"), "{url} {text}");
        }
        for own in ["localhost:3000", "host.docker.internal:3000", "172.17.0.1", "[::1]:3000"] {
            let (status, text) = asked(&url, own).await;
            assert_ne!(status, 403, "{url} {own} {text}");
        }
    }
}
