//! Tokens and secrets: asked for once, renewed in time, never shown.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth::{ConnectionError, ConnectionId, EntraProblem, GraphError, SecretError, TokenError};
use dataverse::Obstacle;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;
use wiremock::matchers::path_regex;
use wiremock::{Mock, ResponseTemplate};

use crate::world::{ROTATED, SECRET, World, aws_error, granted, pass, refused, soon};

#[tokio::test]
async fn one_request_however_many_callers() {
    let world = World::start().await;
    world.secret(SECRET, 1).await;
    let slow = granted("token-1", 3599).set_delay(Duration::from_millis(200));
    world.entra(SECRET, slow, 9).await;
    let id = ConnectionId::fallback();
    let connection = world.connections.open(&id).await.unwrap();
    let tokens = connection.tokens();
    let all = futures::future::join_all((0..50).map(|_| tokens.token(soon()))).await;
    assert!(all.iter().all(|token| token.as_ref().unwrap().expose() == "token-1"));
    assert_eq!(world.asked().await, 1);

    // Refused by Dataverse, it is not given again.
    tokens.rejected(all[0].as_ref().unwrap());
    tokens.token(soon()).await.unwrap();
    assert_eq!(world.asked().await, 2);
}

#[tokio::test]
async fn one_refusal_however_many_callers() {
    let world = World::start().await;
    world.secret(SECRET, 9).await;
    world.entra(SECRET, refused(7_000_215).set_delay(Duration::from_millis(200)), 99).await;
    let connection = world.open().await;
    let tokens = connection.tokens();
    let all = futures::future::join_all((0..20).map(|_| tokens.token(soon()))).await;
    assert!(all.iter().all(Result::is_err));
    assert_eq!(world.asked().await, 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let world = World::start().await;
    world.secret(SECRET, 9).await;
    // So short-lived that it is due for renewal after half a second.
    world.entra(SECRET, granted("token-1", 1), 1).await;
    world.entra(SECRET, granted("token-2", 3599), 9).await;
    let connection = world.open().await;
    let tokens = connection.tokens();
    assert_eq!(tokens.token(soon()).await.unwrap().expose(), "token-1");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(tokens.token(soon()).await.unwrap().expose(), "token-2");
}

#[tokio::test]
async fn a_rotated_secret_is_read_again_by_itself() {
    let world = World::start().await;
    world.secret(SECRET, 1).await;
    world.secret(ROTATED, 9).await;
    world.entra(SECRET, refused(7_000_222), 9).await;
    world.entra(ROTATED, granted("token-1", 3599), 9).await;
    let connection = world.open().await;
    pass(60).await;
    assert_eq!(connection.tokens().token(soon()).await.unwrap().expose(), "token-1");
    assert_eq!(world.asked().await, 2);
}

#[tokio::test]
async fn a_busy_entra_is_asked_again() {
    let world = World::start().await;
    world.secret(SECRET, 9).await;
    world.entra(SECRET, ResponseTemplate::new(503), 2).await;
    world.entra(SECRET, granted("token-1", 3599), 9).await;
    let connection = world.open().await;
    assert!(connection.tokens().token(soon()).await.is_ok());
}

#[tokio::test]
async fn a_missing_secret_is_no_connection() {
    let world = World::start().await;
    world.secrets_manager(aws_error(400, "ResourceNotFoundException"), 9).await;
    let id: ConnectionId = "emea".parse().unwrap();
    let error = world.connections.open(&id).await.unwrap_err();
    let name = "dynamics365/connections/emea".to_owned();
    assert_eq!(error, ConnectionError::Secret(SecretError::NotFound { name }));
}

fn fault(error: &(dyn std::error::Error + 'static)) -> EntraProblem {
    match error.downcast_ref() {
        Some(TokenError::Entra(error)) => error.problem,
        _ => panic!("{error}"),
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_no_token_and_is_not_kept() {
    let long = format!("{}{}", "t".repeat(1024 * 1024), "oken");
    let cases = [
        (granted("to\nken", 3599), EntraProblem::Unreadable),
        (granted("tökén", 3599), EntraProblem::Unreadable),
        (granted("", 3599), EntraProblem::Unreadable),
        (granted(&long, 3599), EntraProblem::Unreadable),
        (
            ResponseTemplate::new(200).set_body_string("<html>Welcome</html>"),
            EntraProblem::Unreadable,
        ),
        (
            ResponseTemplate::new(407).set_body_string("<html>Who?</html>"),
            EntraProblem::Obstacle(Obstacle::Proxy),
        ),
        (ResponseTemplate::new(302), EntraProblem::Unreadable),
        (ResponseTemplate::new(503).set_body_string("<html>Busy</html>"), EntraProblem::Busy),
    ];
    // Each waits between its attempts.
    let checks = cases.map(|(answer, expected)| async move {
        let world = World::start().await;
        world.secret(SECRET, 9).await;
        world.entra(SECRET, answer, 3).await;
        world.entra(SECRET, granted("token-1", 3599), 9).await;
        let tokens = world.open().await;
        let error = tokens.tokens().token(soon()).await.unwrap_err();
        assert_eq!(fault(&*error), expected);
        // The next call asks anew, and gets one.
        assert_eq!(tokens.tokens().token(soon()).await.unwrap().expose(), "token-1");
    });
    futures::future::join_all(checks).await;
}

#[tokio::test]
async fn whatever_is_said_of_a_tokens_life_it_is_a_token() {
    for life in [json!(u64::MAX), json!("18446744073709551615"), json!(0), json!(-1), json!(null)] {
        let world = World::start().await;
        world.secret(SECRET, 9).await;
        world.entra(SECRET, granted("token-1", life.clone()), 1).await;
        let connection = world.open().await;
        for _ in 0..3 {
            let token = connection.tokens().token(soon()).await.unwrap();
            assert_eq!(token.expose(), "token-1", "{life}");
        }
        assert_eq!(world.asked().await, 1, "{life}");
    }
}

#[tokio::test]
async fn graph_is_not_read_without_end() {
    let world = World::start().await;
    world.secret(SECRET, 9).await;
    world.entra(SECRET, granted("token-1", 3599), 9).await;
    let answer =
        r#"{"passwordCredentials": [{"hint": "ETx", "endDateTime": "2027-03-01T00:00:00Z"}]}"#;
    let long = {
        // 64 MB, of which 64 kB travel.
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..64 {
            encoder.write_all(&vec![b' '; 1024 * 1024]).unwrap();
        }
        encoder.write_all(answer.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    Mock::given(path_regex("/v1.0/applications"))
        .respond_with(
            ResponseTemplate::new(200)
                .insert_header("content-encoding", "gzip")
                .set_body_raw(long, "application/json"),
        )
        .mount(&world.server)
        .await;
    let credentials = world.open().await.credentials();
    let answer = world.connections.graph().proof_expires_on(&credentials, soon()).await;
    assert_eq!(answer, Err(GraphError::Unavailable));
}

/// Log lines, kept for reading.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

#[test]
fn no_secret_in_any_debug_or_log_line() {
    let lines = Lines::default();
    // Everything that this workspace says, at its most talkative; the AWS SDK's own wire log is
    // switched off in production by the level INFO.
    let subscriber = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_env_filter(
            "info,auth=trace,dataverse=trace,reqwest=trace,hyper=trace,hyper_util=trace",
        )
        .finish();
    let mut shown = String::new();
    // For all threads: what another test comes to first, without one, would be off for this one, too.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::start().await;
        world.secret(SECRET, 1).await;
        world.secret(ROTATED, 9).await;
        world.entra(SECRET, refused(7_000_215), 9).await;
        world.entra(ROTATED, granted("token-secret", 3599), 1).await;
        world.entra(ROTATED, refused(7_000_222), 9).await;
        let connection = world.open().await;
        pass(5).await;
        let token = connection.tokens().token(soon()).await.unwrap();
        let refusal =
            connection.client().session(soon()).function(&dataverse::Function::who_am_i()).await;
        connection.tokens().rejected(&token);
        let error = connection.tokens().token(soon()).await.unwrap_err();
        shown = format!(
            "{:?} {connection:?} {:?} {token:?} {refusal:?} {error} {error:?} {:?}",
            world.connections,
            connection.client(),
            connection.credentials(),
        );
    });
    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("Entra ID answered"), "{logged}");
    for text in [&shown, &logged] {
        for secret in [SECRET, ROTATED, "token-secret", "another", "the-secret"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
