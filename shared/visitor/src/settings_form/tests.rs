use super::*;

const SECRET: &str = "a-secret-that-both-sides-know-123";

fn shared() -> Value {
    json!({
        "issuer": "https://chat.example",
        "algorithm": "HS256",
        "keys": [{"kid": "1", "secret": SECRET}, {"kid": "2", "secret": format!("{SECRET}2")}],
        "subject": {"claim": "user_id", "column": "externaluseridentifier"},
    })
}

fn published() -> Value {
    json!({
        "issuer": "https://login.example",
        "algorithms": ["RS256", "ES256", "EdDSA"],
        "jwks": "https://login.example/.well-known/jwks.json",
        "trusts_email": true,
        "subject": {"column": "contactid"},
        "account": "account_id",
    })
}

fn read(issuers: &[Value]) -> Result<TokenSettings, SettingsError> {
    TokenSettings::read(json!({ "issuers": issuers }))
}

/// An issuer with another value at a place, or without one.
fn with(issuer: &Value, place: &str, value: Value) -> Value {
    let mut issuer = issuer.clone();
    let (parent, name) = place.rsplit_once('/').unwrap();
    let parent = issuer.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(name);
    } else {
        parent.insert(name.to_owned(), value);
    }
    issuer
}

#[test]
fn both_kinds_are_read() {
    let settings = read(&[shared(), published()]).unwrap();
    let [first, second] = settings.issuers() else { panic!("{settings:?}") };
    let Keys::Shared { algorithm: SharedAlgorithm::HS256, secrets } = first.keys() else {
        panic!("{first:?}")
    };
    assert_eq!(secrets.iter().map(SharedKey::kid).collect::<Vec<_>>(), ["1", "2"]);
    assert!(!first.trusts_email() && first.account().is_none());
    assert_eq!(first.subject().unwrap().claim(), "user_id");
    let Keys::Published { jwks, algorithms } = second.keys() else { panic!("{second:?}") };
    assert_eq!(jwks.as_str(), "https://login.example/.well-known/jwks.json");
    assert_eq!(algorithms.len(), 3);
    assert!(second.trusts_email());
    assert_eq!(second.account(), Some("account_id"));
    let subject = second.subject().unwrap();
    assert_eq!((subject.claim(), subject.column()), ("sub", "contactid"));
    assert!(settings.issuer("https://chat.example").is_some());
    assert!(settings.issuer("https://chat.example/").is_none());
    assert!(!settings.is_local());
}

#[test]
fn secrets_are_only_written_on_purpose() {
    let settings = read(&[shared(), published()]).unwrap();
    let shown = serde_json::to_value(&settings).unwrap();
    assert_eq!(shown["issuers"][0]["keys"], json!([{"kid": "1"}, {"kid": "2"}]));
    for text in [shown.to_string(), format!("{settings:?}")] {
        assert!(!text.contains("secret-that"), "{text}");
    }
    let stored = settings.to_secret();
    assert!(!format!("{stored:?}").contains("secret-that"));
    let again: TokenSettings = serde_json::from_str(stored.expose_secret()).unwrap();
    assert_eq!(again, settings);
    assert!(stored.expose_secret().contains(SECRET));
    let Keys::Shared { secrets, .. } = again.issuers()[0].keys() else { panic!() };
    assert_eq!(secrets[0].secret.expose_secret(), SECRET);
    // What is shown cannot be taken for what is stored.
    let error = TokenSettings::read(shown).unwrap_err().to_string();
    assert_eq!(error, "issuers[0].keys[0] lacks the field secret");
}

#[test]
fn each_mistake_names_its_field_and_no_value() {
    let long = |length: usize| Value::from("x".repeat(length));
    let secret = |secret: &str| json!([{"kid": "1", "secret": secret}]);
    let twice = json!([{"kid": "1", "secret": SECRET}, {"kid": "1", "secret": SECRET}]);
    let three = json!([{"kid": "1", "secret": SECRET}, {"kid": "2", "secret": SECRET},
        {"kid": "3", "secret": SECRET}]);
    let (shared, published) = (shared(), published());
    let either = "issuers[0] must have either algorithm and keys, or algorithms and jwks";
    for (issuer, place, value, expected) in [
        (&shared, "/issuer", Value::Null, "issuers[0] lacks the field issuer"),
        (&shared, "/issuer", json!(""), "the field issuers[0].issuer must have 1"),
        (&shared, "/issuer", json!("a\n"), "the field issuers[0].issuer must have 1"),
        (&shared, "/issuer", long(256), "the field issuers[0].issuer must have 1"),
        (&shared, "/issuer", json!(["SECRET"]), "issuers[0].issuer must be a string"),
        (&shared, "/algorithm", json!("SECRET"), "issuers[0].algorithm must be HS256"),
        (&shared, "/algorithm", json!("none"), "issuers[0].algorithm must be HS256"),
        (&shared, "/algorithm", json!("RS256"), "issuers[0].algorithm must be HS256"),
        (&shared, "/algorithm", Value::Null, either),
        (&shared, "/keys", Value::Null, either),
        (&shared, "/jwks", json!("https://login.example/"), either),
        (&shared, "/algorithms", json!(["RS256"]), either),
        (&shared, "/keys", json!([]), "the field issuers[0].keys must have one key, or two"),
        (&shared, "/keys", three, "the field issuers[0].keys must have one key, or two"),
        (&shared, "/keys", json!("SECRET"), "issuers[0].keys must be a list"),
        (&shared, "/keys", json!(["SECRET"]), "issuers[0].keys[0] must be an object"),
        (&shared, "/keys", twice, "the field issuers[0].keys[1].kid is the same"),
        (
            &shared,
            "/keys",
            secret(&"x".repeat(31)),
            "the field issuers[0].keys[0].secret must have",
        ),
        (&shared, "/keys", secret(&"x".repeat(1025)), "the field issuers[0].keys[0].secret must"),
        (&shared, "/keys", secret(&format!("{SECRET}\n")), "the field issuers[0].keys[0].secret"),
        (
            &shared,
            "/keys",
            json!([{"kid": "", "secret": SECRET}]),
            "the field issuers[0].keys[0].kid",
        ),
        (&shared, "/keys", json!([{"kid": "1"}]), "issuers[0].keys[0] lacks the field secret"),
        (&shared, "/keys", json!([{"kid": 1, "secret": SECRET}]), "issuers[0].keys[0].kid must be"),
        (
            &shared,
            "/SECRET",
            json!(1),
            "issuers[0] has a field that is not known; it may have one of",
        ),
        (&shared, "/trusts_email", json!("SECRET"), "issuers[0].trusts_email must be a boolean"),
        (
            &shared,
            "/subject/column",
            json!("Contact"),
            "the field issuers[0].subject.column must be",
        ),
        (&shared, "/subject/column", json!("1st"), "the field issuers[0].subject.column must be"),
        (&shared, "/subject/column", json!(""), "the field issuers[0].subject.column must be"),
        (&shared, "/subject/column", json!("a b"), "the field issuers[0].subject.column must be"),
        (&shared, "/subject/column", json!("a'eq"), "the field issuers[0].subject.column must be"),
        (&shared, "/subject/column", long(51), "the field issuers[0].subject.column must be"),
        (&shared, "/subject/column", json!("emailaddress1"), "the field issuers[0].subject.column"),
        (&shared, "/subject/column", Value::Null, "issuers[0].subject lacks the field column"),
        (&shared, "/subject/claim", json!(""), "the field issuers[0].subject.claim must have 1"),
        (&shared, "/subject/claim", json!("email"), "the field issuers[0].subject.claim names"),
        (&shared, "/subject/claim", json!("iss"), "the field issuers[0].subject.claim names"),
        (&shared, "/account", json!("aud"), "the field issuers[0].account names"),
        (&published, "/algorithms", Value::Null, either),
        (&published, "/jwks", Value::Null, either),
        (&published, "/algorithms", json!([]), "the field issuers[0].algorithms must have one or"),
        (&published, "/algorithms", json!(["RS256", "RS256"]), "the field issuers[0].algorithms"),
        (
            &published,
            "/algorithms",
            json!(["HS256"]),
            "issuers[0].algorithms[0] must be one of RS256",
        ),
        (
            &published,
            "/algorithms",
            json!(["none"]),
            "issuers[0].algorithms[0] must be one of RS256",
        ),
        (
            &published,
            "/algorithms",
            json!(["PS256"]),
            "issuers[0].algorithms[0] must be one of RS256",
        ),
        (&published, "/jwks", json!("SECRET"), "the field issuers[0].jwks is not a web address"),
        (
            &published,
            "/jwks",
            json!("http://login.example/"),
            "the field issuers[0].jwks must begin",
        ),
        (&published, "/jwks", json!("http://10.0.0.1/"), "the field issuers[0].jwks must begin"),
        (&published, "/jwks", json!("file:///etc/passwd"), "the field issuers[0].jwks must begin"),
        (
            &published,
            "/jwks",
            json!("ftp://login.example/"),
            "the field issuers[0].jwks must begin",
        ),
        (&published, "/jwks", json!("data:,{}"), "the field issuers[0].jwks must begin"),
        (
            &published,
            "/jwks",
            json!("https://u@login.example/"),
            "the field issuers[0].jwks must not",
        ),
        (
            &published,
            "/jwks",
            json!("https://:p@login.example/"),
            "the field issuers[0].jwks must not",
        ),
        (
            &published,
            "/jwks",
            json!("https://login.example/#x"),
            "the field issuers[0].jwks must not",
        ),
        (
            &published,
            "/jwks",
            json!(format!("https://a/{}", "x".repeat(2048))),
            "the field issuers[0].jwks is too",
        ),
    ] {
        let error = read(&[with(issuer, place, value.clone())]).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(error.to_string().starts_with(expected), "{place} {value}: {error}");
        assert!(!shown.contains("SECRET") && !shown.contains("both-sides"), "{shown}");
    }
}

#[test]
fn one_to_five_issuers_each_once() {
    let named =
        |index: usize| with(&shared(), "/issuer", format!("https://{index}.example").into());
    let some = |count| (0..count).map(named).collect::<Vec<_>>();
    assert_eq!(read(&some(5)).unwrap().issuers().len(), 5);
    for count in [0, 6] {
        let error = read(&some(count)).unwrap_err().to_string();
        assert_eq!(error, "the field issuers must have 1 to 5 issuers");
    }
    let other = with(&published(), "/issuer", "https://0.example".into());
    let error = read(&[named(0), named(1), other]).unwrap_err().to_string();
    assert_eq!(error, "the field issuers[2].issuer names an issuer that is there already");
    for (value, expected) in [
        (json!({}), "it lacks the field issuers"),
        (json!([]), "it lacks the field issuers"),
        (json!("SECRET"), "it must be an object"),
        (json!({"issuers": "SECRET"}), "issuers must be a list"),
        (
            json!({"issuers": [], "SECRET": 1}),
            "it has a field that is not known; it may have issuers",
        ),
    ] {
        let error = TokenSettings::read(value.clone()).unwrap_err().to_string();
        assert!(error == expected || value.is_array(), "{value}: {error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
}

#[test]
fn the_email_of_any_directory_is_not_trusted() {
    let own = "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/v2.0";
    let own_keys = "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/discovery/v2.0/keys";
    let entra = |issuer: &str, jwks: &str, trusts: bool| {
        read(&[json!({"issuer": issuer, "algorithms": ["RS256"], "jwks": jwks,
            "trusts_email": trusts})])
    };
    assert!(entra(own, own_keys, true).is_ok());
    for (issuer, jwks) in [
        ("https://login.microsoftonline.com/{tenantid}/v2.0", own_keys),
        ("https://login.microsoftonline.com/common/v2.0", own_keys),
        ("https://sts.windows.net/{tenantid}/", own_keys),
        (own, "https://login.microsoftonline.com/common/discovery/v2.0/keys"),
        (own, "https://login.microsoftonline.us/organizations/discovery/v2.0/keys"),
        (own, "https://login.partner.microsoftonline.cn/common/discovery/v2.0/keys"),
        ("chat", "https://login.microsoft.com/consumers/discovery/v2.0/keys"),
    ] {
        assert!(entra(issuer, jwks, false).is_ok(), "{issuer} {jwks}");
        let error = entra(issuer, jwks, true).unwrap_err().to_string();
        assert!(error.starts_with("the field issuers[0].trusts_email must be false"), "{error}");
    }
    // Nor is it with a secret that both sides know.
    let shared = with(&shared(), "/issuer", "https://sts.windows.net/{tenantid}/".into());
    assert!(read(&[with(&shared, "/trusts_email", true.into())]).is_err());
}

#[test]
fn http_is_for_this_machine() {
    for url in ["http://127.0.0.1:3001/keys", "http://localhost/keys", "http://[::1]:1/keys"] {
        let settings = read(&[shared(), with(&published(), "/jwks", url.into())]).unwrap();
        assert!(settings.is_local(), "{url}");
    }
}

#[test]
fn the_schema_has_all_fields() {
    let schema = schemars::schema_for!(TokenSettings).to_value();
    let text = schema.to_string();
    for field in FIELDS {
        assert!(text.contains(&format!("\"{field}\"")), "{field}: {text}");
    }
    assert_eq!(schema["properties"]["issuers"]["maxItems"], 5);
    assert!(text.contains(r#""writeOnly":true"#), "{text}");
}
