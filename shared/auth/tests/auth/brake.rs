//! What is broken does not cost every call.

use std::error::Error as StdError;
use std::time::Duration;

use auth::{
    Cause, Connection, ConnectionError, ConnectionId, Credentials, EntraProblem, SecretError,
    TokenError,
};
use wiremock::{MockServer, ResponseTemplate};

use crate::world::{ROTATED, SECRET, World, aws_error, granted, holds, pass, refused, soon, timed};

/// Long enough for what is at hand, and far less than a trip to a service that does not answer.
const AT_ONCE: Duration = Duration::from_millis(100);

async fn token(connection: &Connection) -> Result<String, TokenError> {
    match connection.tokens().token(soon()).await {
        Ok(token) => Ok(token.expose().to_owned()),
        Err(error) => Err(error.downcast_ref::<TokenError>().unwrap().clone()),
    }
}

/// A call from its beginning.
async fn call(world: &World) -> Result<String, Box<dyn StdError>> {
    let connection = world.connections.open(&ConnectionId::fallback()).await?;
    Ok(token(&connection).await?)
}

#[tokio::test]
async fn a_wrong_secret_is_sent_once_in_half_a_minute() {
    let world = World::start().await;
    world.secret(SECRET, 1_000).await;
    world.entra(SECRET, refused(7_000_215), 1_000).await;
    for _ in 0..200 {
        let error = call(&world).await.unwrap_err();
        let Some(TokenError::Entra(error)) = error.downcast_ref() else { panic!("{error}") };
        assert_eq!(error.problem, EntraProblem::Refused(Cause::SecretWrong));
    }
    assert_eq!((world.asked().await, world.read().await), (1, 1));
    for _ in 0..29 {
        pass(1).await;
        call(&world).await.unwrap_err();
    }
    assert_eq!(world.asked().await, 1);
    assert!((2..=6).contains(&world.read().await), "{}", world.read().await);
    pass(1).await;
    call(&world).await.unwrap_err();
    assert_eq!(world.asked().await, 2);
}

#[tokio::test]
async fn a_corrected_secret_is_used_within_five_seconds() {
    let world = World::start().await;
    world.secret(SECRET, 1).await;
    world.secret(ROTATED, 1_000).await;
    world.entra(SECRET, refused(7_000_215), 1_000).await;
    world.entra(ROTATED, granted("token-1", 3599), 1).await;
    call(&world).await.unwrap_err();
    pass(5).await;
    assert_eq!(call(&world).await.unwrap(), "token-1");
    assert_eq!((world.asked().await, world.read().await), (2, 2));
}

#[tokio::test]
async fn a_second_wrong_secret_has_a_refusal_of_its_own() {
    let world = World::start().await;
    world.secret(SECRET, 1).await;
    world.secret(ROTATED, 1_000).await;
    world.entra(SECRET, refused(7_000_215), 1_000).await;
    world.entra(ROTATED, refused(7_000_222), 1_000).await;
    call(&world).await.unwrap_err();
    pass(20).await;
    call(&world).await.unwrap_err();
    pass(20).await;
    let error = call(&world).await.unwrap_err();
    assert!(error.to_string().contains("7000222"), "{error}");
    assert_eq!(world.asked().await, 2);
}

#[tokio::test]
async fn while_secrets_manager_is_down_no_call_pays() {
    let never = ResponseTemplate::new(500).set_delay(Duration::from_secs(20));
    for down in [
        never,
        aws_error(500, "InternalServiceError"),
        aws_error(400, "ThrottlingException"),
        aws_error(400, "AccessDeniedException"),
        aws_error(400, "DecryptionFailure"),
    ] {
        let world = World::start().await;
        world.secret(SECRET, 1).await;
        world.entra(SECRET, granted("token-1", 99_999), 9).await;
        call(&world).await.unwrap();
        world.secrets_manager(down, 1_000).await;
        // Used all the time: it is read ahead, and nobody waits, neither before it is due nor after.
        for seconds in [595, 10, 31, 31] {
            pass(seconds).await;
            for _ in 0..3 {
                let (answer, took) = timed(call(&world)).await;
                assert_eq!(answer.unwrap(), "token-1");
                assert!(took < AT_ONCE, "{took:?}");
            }
        }
        assert!((2..30).contains(&world.read().await), "{}", world.read().await);
    }
}

#[tokio::test]
async fn who_comes_back_late_waits_for_a_moment_and_once() {
    let world = World::start().await;
    world.secret(SECRET, 1).await;
    world.entra(SECRET, granted("token-1", 99_999), 9).await;
    call(&world).await.unwrap();
    world.secrets_manager(ResponseTemplate::new(500), 1_000).await;
    pass(3600).await;
    let (answer, took) = timed(call(&world)).await;
    assert_eq!(answer.unwrap(), "token-1");
    assert!(took < Duration::from_millis(400), "{took:?}");
    // Until the SDK's own tries are over.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let read = world.read().await;
    for _ in 0..200 {
        let (answer, took) = timed(call(&world)).await;
        assert_eq!(answer.unwrap(), "token-1");
        assert!(took < AT_ONCE, "{took:?}");
    }
    assert_eq!(world.read().await, read);
    pass(30).await;
    let (_, took) = timed(call(&world)).await;
    assert!(took < AT_ONCE, "{took:?}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(world.read().await > read);
}

#[tokio::test]
async fn after_a_day_it_is_said_that_the_secret_cannot_be_read() {
    let world = World::start().await;
    world.secret(SECRET, 1).await;
    world.entra(SECRET, granted("token-1", 99_999), 9).await;
    call(&world).await.unwrap();
    world.secrets_manager(aws_error(400, "AccessDeniedException"), 1_000).await;
    pass(23 * 3600).await;
    call(&world).await.unwrap();
    pass(3600).await;
    let error = call(&world).await.unwrap_err();
    let error = error.downcast_ref::<ConnectionError>().unwrap();
    assert!(matches!(error, ConnectionError::Secret(SecretError::Denied { .. })), "{error}");
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_at_all_is_not_read_by_each_call() {
    for (answer, is_expected) in [
        (aws_error(400, "AccessDeniedException"), "may not read"),
        (aws_error(400, "ResourceNotFoundException"), "there is no secret"),
        (ResponseTemplate::new(200).set_body_raw(r#"{"SecretString":"no"}"#, "x"), "JSON object"),
    ] {
        let world = World::start().await;
        world.secrets_manager(answer, 1_000).await;
        for _ in 0..50 {
            let error = call(&world).await.unwrap_err();
            assert!(error.to_string().contains(is_expected), "{error}");
        }
        assert_eq!(world.read().await, 1);
        pass(5).await;
        call(&world).await.unwrap_err();
        assert_eq!(world.read().await, 2);
    }
}

#[tokio::test]
async fn a_secret_that_was_deleted_is_gone() {
    let world = World::start().await;
    world.secret(SECRET, 1).await;
    world.entra(SECRET, granted("token-1", 99_999), 9).await;
    call(&world).await.unwrap();
    world.secrets_manager(aws_error(400, "ResourceNotFoundException"), 1_000).await;
    pass(3600).await;
    let error = call(&world).await.unwrap_err();
    assert!(error.to_string().contains("there is no secret"), "{error}");
}

#[tokio::test]
async fn who_looks_for_real_has_no_brake() {
    let world = World::start().await;
    world.secret(SECRET, 1_000).await;
    world.entra(SECRET, refused(7_000_215), 1_000).await;
    let id = ConnectionId::fallback();
    let text = world.credentials(SECRET).to_string();
    for tries in 1..=3 {
        let credentials = Credentials::parse(&text, world.connections.environment()).unwrap();
        token(&world.connections.trial(&id, credentials)).await.unwrap_err();
        assert_eq!((world.asked().await, world.read().await), (tries, 0));
    }
    for tries in 1..=3 {
        world.connections.forget(&id);
        call(&world).await.unwrap_err();
        assert_eq!((world.asked().await, world.read().await), (3 + tries, tries));
    }
}

#[tokio::test]
async fn a_busy_entra_is_not_asked_before_it_says() {
    let world = World::start().await;
    world.secret(SECRET, 9).await;
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "18446744073709551615");
    world.entra(SECRET, busy, 1).await;
    world.entra(SECRET, granted("token-1", 3599), 9).await;
    for _ in 0..50 {
        let error = call(&world).await.unwrap_err();
        let Some(TokenError::Entra(error)) = error.downcast_ref() else { panic!("{error}") };
        assert_eq!(error.problem, EntraProblem::Busy);
        assert_eq!(error.retry_after, Some(Duration::from_secs(3600)));
    }
    assert_eq!((world.asked().await, world.read().await), (1, 1));
    // An hour is long: it is asked again all the same.
    pass(30).await;
    assert_eq!(call(&world).await.unwrap(), "token-1");
}

#[tokio::test]
async fn nobody_waits_long_for_a_busy_entra() {
    let world = World::start().await;
    world.secret(SECRET, 9).await;
    let busy = ResponseTemplate::new(503).insert_header("retry-after", "6");
    world.entra(SECRET, busy, 1).await;
    world.entra(SECRET, granted("token-1", 3599), 9).await;
    let started = tokio::time::Instant::now();
    let connection = world.connections.open(&ConnectionId::fallback()).await.unwrap();
    // There is time for the wait.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let error = connection.tokens().token(deadline).await.unwrap_err();
    let Some(TokenError::Entra(error)) = error.downcast_ref() else { panic!("{error}") };
    assert_eq!(error.retry_after, Some(Duration::from_secs(6)));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    pass(6).await;
    assert_eq!(call(&world).await.unwrap(), "token-1");
}

#[tokio::test]
async fn a_token_that_dataverse_refuses_is_not_renewed_by_each_call() {
    let world = World::start().await;
    world.secret(SECRET, 9).await;
    world.entra(SECRET, granted("token-1", 3599), 1).await;
    world.entra(SECRET, granted("token-2", 3599), 1).await;
    world.entra(SECRET, granted("token-3", 3599), 1).await;
    world.entra(SECRET, granted("token-4", 3599), 9).await;
    let connection = world.open().await;
    for _ in 0..200 {
        let token = connection.tokens().token(soon()).await.unwrap();
        connection.tokens().rejected(&token);
    }
    assert_eq!(token(&connection).await.unwrap(), "token-2");
    assert_eq!(world.asked().await, 2);
    // One that worked, and does no more, is renewed at once.
    connection.tokens().accepted(&connection.tokens().token(soon()).await.unwrap());
    for _ in 0..200 {
        let token = connection.tokens().token(soon()).await.unwrap();
        connection.tokens().rejected(&token);
    }
    assert_eq!(token(&connection).await.unwrap(), "token-3");
    assert_eq!(world.asked().await, 3);
    pass(30).await;
    for _ in 0..200 {
        let token = connection.tokens().token(soon()).await.unwrap();
        connection.tokens().rejected(&token);
    }
    assert_eq!(token(&connection).await.unwrap(), "token-4");
    assert_eq!(world.asked().await, 4);
}

#[tokio::test]
async fn a_good_token_outlives_a_refusal() {
    let world = World::start().await;
    world.secret(SECRET, 9).await;
    world.entra(SECRET, granted("token-1", 3599), 1).await;
    world.entra(SECRET, refused(7_000_222), 9).await;
    let connection = world.open().await;
    assert_eq!(token(&connection).await.unwrap(), "token-1");
    // It is due to be renewed, and good for two minutes more.
    pass(3599 - 120).await;
    for _ in 0..50 {
        assert_eq!(token(&connection).await.unwrap(), "token-1");
    }
    assert_eq!(world.asked().await, 2);
    pass(120).await;
    token(&connection).await.unwrap_err();
}

#[tokio::test]
async fn a_token_of_another_environment_does_not_go_to_this_one() {
    let world = World::start().await;
    let other = MockServer::start().await;
    let local = [&world.server, &other].map(|server| server.uri().parse().unwrap());
    let connections = auth::Connections::new(
        reqwest::Client::new(),
        auth::Secrets::at_endpoint(&world.server.uri()),
        auth::Environment { local: local.into() },
    );
    let world = World { connections, ..world };
    world.secret(SECRET, 1).await;
    let mut moved = world.credentials(ROTATED);
    moved["instance_url"] = other.uri().into();
    world.secrets_manager(holds(&moved), 9).await;
    world.entra(SECRET, refused(7_000_215), 9).await;
    let here = world.open().await;
    pass(5).await;
    assert_eq!(token(&here).await, Err(TokenError::Moved));
    // Who opens it again gets there, and the secret is not read for that.
    let there = world.open().await;
    assert_eq!(there.instance().as_str(), other.uri());
    assert_eq!((world.asked().await, world.read().await), (1, 2));
}
