//! `key`: API keys.

use auth::{SecretError, SecretNames, Secrets};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use toolkit::{ApiKeys, new_api_key, sha256_hex};
use uuid::Uuid;

use crate::api::Api;
use crate::arguments::{
    Change, ConfirmArguments, First, LimitArguments, Make, Serves, ServiceArguments, Upgrade,
};
use crate::error::CliError;
use crate::print::{eprint, print, table};
use crate::{ask, kept_keys};

/// A key, as the API shows it.
#[derive(Debug, Deserialize)]
pub(crate) struct Key {
    pub(crate) id: Uuid,
    pub(crate) client: String,
    pub(crate) connections: Vec<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) made_at: Timestamp,
    pub(crate) made_by: String,
    /// Whom it serves; a key that is older than that is refused.
    #[serde(default, rename = "for")]
    pub(crate) serves: Option<String>,
    #[serde(default)]
    tools: Option<Vec<String>>,
    #[serde(default)]
    template: Option<String>,
    #[serde(default)]
    vouches: bool,
    /// Only when it is made.
    #[serde(default)]
    key: Option<SecretString>,
}

impl Key {
    /// Whom it serves, and whether its word on who that is counts.
    fn serves(&self) -> String {
        let serves = self.serves.as_deref().unwrap_or("nobody");
        if self.vouches { format!("{serves}, vouches") } else { serves.to_owned() }
    }

    /// The tools that it is limited to.
    fn limit(&self) -> String {
        match (&self.tools, &self.template) {
            (Some(tools), _) => format!("{} tools", tools.len()),
            (None, Some(template)) => template.clone(),
            (None, None) => "all tools".to_owned(),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    keys: Vec<Key>,
    next: Option<Uuid>,
}

/// The secret with the first keys of a deployment.
struct FirstKeys {
    secrets: Secrets,
    name: String,
    entries: Vec<Value>,
    version: Option<String>,
}

impl FirstKeys {
    async fn read(
        stack: &str,
        prefix: Option<String>,
        kms_key: Option<String>,
    ) -> Result<FirstKeys, CliError> {
        let names = SecretNames::new(prefix.unwrap_or_else(|| format!("dynamics365/{stack}")));
        let name = names.api_keys();
        let secrets = Secrets::from_environment().await.with_names(names).with_key(kms_key);
        let (entries, version) = match secrets.current(&name).await {
            Ok((text, version)) => (list_of(&name, text.expose_secret())?, version),
            Err(SecretError::NotFound { .. }) => (Vec::new(), None),
            Err(error) => return Err(error.into()),
        };
        Ok(FirstKeys { secrets, name, entries, version })
    }

    async fn store(&self) -> Result<(), CliError> {
        // Somebody else may change it at the same moment.
        let now = self.secrets.current(&self.name).await.map(|(_, version)| version);
        if now.unwrap_or_default() != self.version {
            return Err(CliError::Changed { name: self.name.clone() });
        }
        let text = json!({ "keys": self.entries }).to_string();
        Ok(self.secrets.store(&self.name, text).await?)
    }
}

/// Makes the first key of a deployment: one that may set connections up and make further keys. The
/// keys that stand in the secret already stay.
pub(crate) async fn first(given: &First, service: &ServiceArguments) -> Result<(), CliError> {
    let url = if given.keep { Some(service.url()?) } else { None };
    let kms_key = given.secrets_key.clone();
    let mut keys = FirstKeys::read(&given.stack, given.prefix.clone(), kms_key).await?;
    let others = keys.entries.len();
    let key = new_api_key()?;
    keys.entries.push(json!({
        "client": given.client,
        "sha256": sha256_hex(key.expose_secret()),
        "connections": ["*"],
        "scopes": ["admin"],
        "for": Serves::Staff.as_str(),
    }));
    keys.store().await?;
    if others > 0 {
        eprint(&format!("The secret has {others} keys more, which stay."));
    }
    eprint(&format!(
        "The key's hash is in the secret {}. The key has the scope admin and works within five \
         minutes. It is shown this once:",
        keys.name
    ));
    print(key.expose_secret());
    match url {
        Some(url) => kept(&url, &key),
        None => Ok(()),
    }
}

/// Says whom the keys of the secret serve that do not say it.
pub(crate) async fn upgrade(given: &Upgrade) -> Result<(), CliError> {
    let mut keys = FirstKeys::read(&given.stack, given.prefix.clone(), None).await?;
    if keys.entries.is_empty() {
        return Err(CliError::NoFirstKeys { name: keys.name });
    }
    let (mut changed, mut is_client_there) = (Vec::new(), false);
    for entry in &mut keys.entries {
        let client = entry["client"].as_str().unwrap_or_default().to_owned();
        let is_meant = given.client.as_ref().is_none_or(|name| *name == client);
        is_client_there |= is_meant;
        let says = entry["for"].as_str();
        if !is_meant
            || [Serves::Visitors, Serves::Staff].iter().any(|one| says == Some(one.as_str()))
        {
            continue;
        }
        let has_admin = entry["scopes"].as_array().is_some_and(|all| all.contains(&json!("admin")));
        let serves = if has_admin { Serves::Staff } else { given.serves };
        entry["for"] = serves.as_str().into();
        changed.push(format!("{client}: for {}", serves.as_str()));
    }
    if let Some(client) = given.client.as_ref().filter(|_| !is_client_there) {
        return Err(CliError::NoSuchClient { name: keys.name, client: client.clone() });
    }
    if changed.is_empty() {
        print("Every key says whom it serves.");
        return Ok(());
    }
    keys.store().await?;
    changed.iter().for_each(|line| print(line));
    print("They work within ten minutes: five until the secret is read, five in the gateway.");
    Ok(())
}

/// The entries of the secret, which must be a list of keys: another secret is not overwritten. Entries
/// that are wrong or old are among them.
fn list_of(name: &str, text: &str) -> Result<Vec<Value>, CliError> {
    let not_a_list = || CliError::NotAKeyList { name: name.to_owned() };
    ApiKeys::parse(text).map_err(|_| not_a_list())?;
    let document: Value = serde_json::from_str(text).map_err(|_| not_a_list())?;
    document["keys"].as_array().cloned().ok_or_else(not_a_list)
}

fn kept(url: &url::Url, key: &SecretString) -> Result<(), CliError> {
    let path = kept_keys::keep(url, key)?;
    eprint(&format!("Kept for {url} in {}, which only you can read.", path.display()));
    Ok(())
}

/// Asks for a key, and keeps it for the address.
pub(crate) fn keep(service: &ServiceArguments) -> Result<(), CliError> {
    let url = service.url()?;
    let key = ask::secret("API key")?;
    if key.expose_secret().is_empty() {
        return Err(CliError::NoKey);
    }
    kept(&url, &key)
}

/// Makes a key, and shows it.
pub(crate) async fn make(api: &Api, given: &Make) -> Result<(), CliError> {
    let mut form = json!({
        "client": given.client, "connections": given.connections, "scopes": given.scopes,
        "for": given.serves.as_str(),
    });
    limit(&mut form, &given.limit);
    if given.conversation_in_header {
        form["conversation"] = "header".into();
    }
    if given.vouches {
        form["vouches"] = true.into();
    }
    confirm(&mut form, &given.confirm);
    let made: Key = api.post("/v1/keys", form).await?;
    eprint(&format!(
        "The key {} of {} works from now on. It is shown this once:",
        made.id, made.client
    ));
    print(made.key.as_ref().map(|key| key.expose_secret()).unwrap_or_default());
    Ok(())
}

/// Adds the tools that a key is limited to.
fn limit(form: &mut Value, given: &LimitArguments) {
    if !given.tools.is_empty() {
        form["tools"] = json!(given.tools);
    }
    if let Some(template) = &given.template {
        form["template"] = template.as_str().into();
    }
}

/// Adds what somebody must have said yes to.
fn confirm(form: &mut Value, given: &ConfirmArguments) {
    if let Some(confirm) = given.confirm {
        form["confirm"] = confirm.as_str().into();
    }
    if let Some(is_enough) = given.message_is_enough {
        form["message_is_enough"] = is_enough.into();
    }
}

/// All keys that the caller's own may see.
pub(crate) async fn all(api: &Api) -> Result<Vec<Key>, CliError> {
    let mut keys = Vec::new();
    let mut cursor: Option<Uuid> = None;
    loop {
        let more = cursor.map(|next| format!("&cursor={next}")).unwrap_or_default();
        let page: Page = api.get(&format!("/v1/keys?limit=200{more}")).await?;
        keys.extend(page.keys);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(keys);
        }
    }
}

/// Prints a line for each key.
pub(crate) async fn list(api: &Api) -> Result<(), CliError> {
    let keys = all(api).await?;
    if keys.is_empty() {
        print("No key was made over the API yet. `d365tools key make` makes one.");
        return Ok(());
    }
    let heads = ["ID", "FOR", "SCOPES", "TOOLS", "MADE", "BY", "CONNECTIONS", "CLIENT"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for key in keys {
        rows.push(vec![
            key.id.to_string(),
            key.serves(),
            key.scopes.join(","),
            key.limit(),
            format!("{:.0}", key.made_at),
            key.made_by,
            key.connections.join(","),
            key.client,
        ]);
    }
    table(&rows);
    Ok(())
}

/// Changes what a key allows.
pub(crate) async fn change(api: &Api, given: &Change) -> Result<(), CliError> {
    let mut form = json!({});
    if let Some(client) = &given.client {
        form["client"] = client.as_str().into();
    }
    for (name, list) in [("connections", &given.connections), ("scopes", &given.scopes)] {
        if !list.is_empty() {
            form[name] = json!(list);
        }
    }
    if let Some(serves) = given.serves {
        form["for"] = serves.as_str().into();
    }
    limit(&mut form, &given.limit);
    if let Some(in_header) = given.conversation_in_header {
        form["conversation"] = if in_header { "header".into() } else { Value::Null };
    }
    if let Some(vouches) = given.vouches {
        form["vouches"] = vouches.into();
    }
    confirm(&mut form, &given.confirm);
    if given.all_tools {
        form["tools"] = Value::Null;
        form["template"] = Value::Null;
    }
    let path = format!("/v1/keys/{}", given.id);
    let key: Key = api.put(&path, form).await?;
    print(&format!(
        "The key of {} allows {} on {} now, for {}, with {}. The gateway may know what it was for \
         five minutes.",
        key.client,
        key.scopes.join(", "),
        key.connections.join(", "),
        key.serves(),
        key.limit()
    ));
    Ok(())
}

/// Revokes a key.
pub(crate) async fn revoke(api: &Api, id: Uuid) -> Result<(), CliError> {
    let _: Value = api.delete(&format!("/v1/keys/{id}")).await?;
    print("The key is revoked. The gateway may let it in for five minutes more.");
    Ok(())
}
