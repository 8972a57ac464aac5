//! The way from nothing to the first answer in docs/deploying.md, as far as it goes without AWS: the
//! commands stand there, and are run as they stand there.

use auth::SecretNames;
use serde_json::{Value, json};
use stack::Options;
use wiremock::matchers::{body_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::Bench;

const PAGE: &str = include_str!("../../../../docs/deploying.md");

/// The stack that the page deploys.
const STACK: &str = "dynamics365-tools";

/// How the commands begin that need AWS, or that are not ours.
const OTHERS: [&str; 4] =
    ["cp samconfig.example.toml samconfig.toml", "sam build", "sam deploy", "export"];

/// The commands of the page's first way, in their order.
fn commands() -> Vec<String> {
    let from = PAGE.split_once("\n## From nothing to the first answer\n").unwrap().1;
    let way = from.split_once("\n## ").unwrap().0;
    let mut commands = Vec::new();
    let mut blocks = way.split("```");
    while let (Some(_), Some(block)) = (blocks.next(), blocks.next()) {
        let block = block.strip_prefix("sh\n").unwrap().replace("\\\n", " ");
        let lines = block.lines().map(str::trim).filter(|line| !line.is_empty());
        commands.extend(lines.map(str::to_owned));
    }
    commands
}

/// The words of a command, as a shell reads them.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (place, part) in command.split('"').enumerate() {
        match place % 2 {
            1 => words.push(part.to_owned()),
            _ => words.extend(part.split_whitespace().map(str::to_owned)),
        }
    }
    words
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_leads_from_nothing_to_the_first_answer() {
    let secret_names = SecretNames::new(format!("dynamics365/{STACK}"));
    let options = Options { secret_names, is_empty: true, ..Options::default() };
    let bench = Bench::start_with(options).await;
    let lambda = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(format!("/2015-03-31/functions/{STACK}-health/invocations")))
        .and(body_json(json!({"check": "alert"})))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"sent": {}})))
        .expect(1)
        .mount(&lambda)
        .await;
    let lambda_url = lambda.uri();

    let mut ran = Vec::new();
    let mut platform = String::new();
    for command in commands() {
        let words = words(&command);
        let Some(("d365tools", arguments)) =
            words.split_first().map(|(program, rest)| (program.as_str(), rest))
        else {
            assert!(OTHERS.iter().any(|other| command.starts_with(other)), "{command}");
            continue;
        };
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let input = if arguments.first() == Some(&"connect") {
            bench.answers(9, "")
        } else {
            String::new()
        };
        let variables = [("AWS_ENDPOINT_URL_LAMBDA", lambda_url.as_str())];
        let run = bench.run_with(&variables, &arguments, &input).await;
        run.well();
        if arguments.starts_with(&["key", "make"]) {
            platform = run.out.trim().to_owned();
        }
        ran.push(arguments[0].to_owned());
    }
    assert_eq!(ran, ["key", "connect", "doctor", "key", "alert"]);

    // The first answer, with the platform's key.
    let http = reqwest::Client::new();
    let url = format!("{}/v1/tools/dynamics365_get_contact_by_email", bench.stack.url());
    let call = http
        .post(url)
        .bearer_auth(&platform)
        .header("x-visitor-email", "maren.quist@northwind.example")
        .json(&json!({"email": "maren.quist@northwind.example"}));
    let answer: Value = call.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["result"]["contact"]["name"], "Maren Quist", "{answer:#}");
}
