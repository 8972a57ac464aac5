use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use stack::{Options, Stack};
use tempfile::TempDir;

/// The local stack, and a home of one's own for the program.
pub struct Bench {
    pub stack: Stack,
    pub home: TempDir,
    http: reqwest::Client,
}

/// What a run of the program came to.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    /// What it printed, if all is well.
    #[track_caller]
    pub fn well(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:#?}");
        &self.out
    }

    /// What it complained of.
    #[track_caller]
    pub fn failed(&self) -> &str {
        assert_eq!(self.code, Some(1), "{self:#?}");
        &self.err
    }
}

/// Runs the program with these arguments and variables, and with this standard input.
pub fn run(home: &TempDir, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_d365tools"))
        .args(arguments)
        .env_clear()
        .env("HOME", home.path())
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that reads nothing may have ended.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Bench {
    pub async fn start() -> Bench {
        Bench::start_with(Options::default()).await
    }

    pub async fn start_with(options: Options) -> Bench {
        Bench {
            stack: stack::start(options).await.unwrap(),
            home: tempfile::tempdir().unwrap(),
            http: reqwest::Client::new(),
        }
    }

    /// Runs the program with the local key.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Run {
        self.run_with(&[("D365TOOLS_KEY", stack::API_KEY)], arguments, input).await
    }

    /// Runs the program with these variables.
    pub async fn run_with(
        &self,
        variables: &[(&str, &str)],
        arguments: &[&str],
        input: &str,
    ) -> Run {
        let (url, aws) = (self.stack.url(), self.stack.aws_url());
        let mut all = vec![
            ("D365TOOLS_URL", url.as_str()),
            ("AWS_ENDPOINT_URL", aws.as_str()),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_REGION", "us-east-1"),
        ];
        all.extend(variables);
        // The stack answers meanwhile.
        tokio::task::block_in_place(|| run(&self.home, arguments, &all, input))
    }

    /// The lines that `connect` reads for the sample environment, one of them another.
    pub fn answers(&self, place: usize, instead: &str) -> String {
        let url = self.stack.emulator().url();
        let mut lines = [
            dataverse_emulator::TENANT_ID,
            dataverse_emulator::CLIENT_ID,
            dataverse_emulator::CLIENT_SECRET,
            &url,
            "2099-11-30",
            "Production",
        ];
        if let Some(line) = lines.get_mut(place) {
            *line = instead;
        }
        lines.join("\n") + "\n"
    }

    /// What the API answers to a GET with this key.
    pub async fn api(&self, path: &str, key: &str) -> Value {
        let url = format!("{}{path}", self.stack.url());
        let answer = self.http.get(url).bearer_auth(key).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// A control call to the emulator.
    pub async fn control(&self, method: &str, path: &str, body: Value) {
        let url = format!("{}/_emulator/{path}", self.stack.emulator().url());
        let request = self.http.request(method.parse().unwrap(), url).json(&body);
        assert!(request.send().await.unwrap().status().is_success());
    }

    /// All is as at the start.
    pub async fn reset(&self) {
        self.control("POST", "reset", json!({})).await;
    }
}
