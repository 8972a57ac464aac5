//! What an administrator sends to set a connection up, or to change it.

use std::fmt;

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

use crate::credentials::id;
use crate::pasted::value;
use crate::{CredentialsForm, Environment, Step};

/// A field of a change: left out, removed, or given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sent<T> {
    /// It is not there: what is stored stays.
    #[default]
    Omitted,
    /// It is `null`: what is stored is removed.
    Null,
    /// It has this value.
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sent<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sent<T>, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Sent::Null, Sent::Value))
    }
}

/// The credentials of a connection that is set up, or what is to change about it. A field that is
/// left out stays as it is, and `null` removes it. An empty text is answered like a wrong one: with
/// the set-up step that it comes from.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialsChange {
    #[serde(default)]
    #[schemars(with = "String")]
    tenant_id: Sent<String>,
    #[serde(default)]
    #[schemars(with = "String")]
    client_id: Sent<String>,
    /// It stays only as long as tenant_id, client_id and instance_url do.
    #[serde(default)]
    #[schemars(with = "String", extend("format" = "password", "writeOnly" = true))]
    client_secret: Sent<SecretString>,
    #[serde(default)]
    #[schemars(with = "String")]
    instance_url: Sent<String>,
    /// A date such as 2027-12-01. Without it, a new client_secret has none.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("pattern" = "^\\s*([0-9]{4}-[0-9]{2}-[0-9]{2})?\\s*$"))]
    secret_expires_on: Sent<String>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    label: Sent<String>,
}

/// Why a change does not come to whole credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// It is needed, and nothing is stored.
    #[error("there is no such connection yet, and for a new one {0} is missing ({1})")]
    Missing(&'static str, Step),
    /// It is needed, and cannot be removed.
    #[error("{0} cannot be removed: a connection needs it")]
    Needed(&'static str),
    /// The stored secret belongs to another application, or to another environment.
    #[error(
        "client_secret is missing: the one that is stored belongs to the application and the \
         environment that tenant_id, client_id and instance_url have named so far"
    )]
    SecretOfAnother,
}

impl fmt::Debug for CredentialsChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CredentialsChange").finish_non_exhaustive()
    }
}

impl CredentialsChange {
    /// What people will call the connection, if it says so.
    pub fn label(&self) -> Option<&str> {
        match &self.label {
            Sent::Value(label) => Some(label),
            Sent::Omitted | Sent::Null => None,
        }
    }

    /// Whether it says when the client secret ends.
    pub fn has_expiry(&self) -> bool {
        matches!(self.secret_expires_on, Sent::Value(_))
    }

    /// The credentials after the change. `stored` is what the connection has so far.
    ///
    /// # Errors
    ///
    /// A field that is needed is missing.
    pub fn applied_to(
        self,
        stored: Option<CredentialsForm>,
        environment: &Environment,
    ) -> Result<CredentialsForm, ChangeError> {
        let stored = stored.as_ref();
        let tenant_id = stored.map(|it| it.tenant_id.clone());
        let tenant_id = needed("tenant_id", Step::Tenant, self.tenant_id, tenant_id)?;
        let client_id = stored.map(|it| it.client_id.clone());
        let client_id = needed("client_id", Step::Application, self.client_id, client_id)?;
        let instance_url = stored.map(|it| it.instance_url.clone());
        let instance_url = needed("instance_url", Step::Instance, self.instance_url, instance_url)?;
        // Whoever may change one connection must not reach the environment of another with a secret
        // that they do not know.
        let of_same_application = stored.filter(|stored| {
            id(&stored.tenant_id) == id(&tenant_id)
                && id(&stored.client_id) == id(&client_id)
                && is_same_instance(&stored.instance_url, &instance_url, environment)
        });
        if matches!(self.client_secret, Sent::Omitted)
            && stored.is_some()
            && of_same_application.is_none()
        {
            return Err(ChangeError::SecretOfAnother);
        }
        let client_secret = of_same_application.map(|it| it.client_secret.clone());
        let client_secret =
            needed("client_secret", Step::Secret, self.client_secret, client_secret)?;
        // The last day of one secret says nothing about another.
        let of_same_secret = of_same_application.filter(|stored| {
            value(stored.client_secret.expose_secret()) == value(client_secret.expose_secret())
        });
        let expiry = of_same_secret.and_then(|it| it.secret_expires_on.clone());
        Ok(CredentialsForm {
            tenant_id,
            client_id,
            client_secret,
            instance_url,
            secret_expires_on: optional(self.secret_expires_on, expiry),
            label: optional(self.label, stored.and_then(|it| it.label.clone())),
            visitors: stored.and_then(|it| it.visitors.clone()),
        })
    }
}

/// Whether two addresses lead to the same instance, however they were entered. One that is not valid
/// leads nowhere.
fn is_same_instance(one: &str, other: &str, environment: &Environment) -> bool {
    let instance = |text: &str| environment.instance(value(text)).ok();
    instance(one).is_some_and(|one| Some(one) == instance(other))
}

fn needed<T>(
    field: &'static str,
    step: Step,
    sent: Sent<T>,
    stored: Option<T>,
) -> Result<T, ChangeError> {
    match sent {
        Sent::Value(value) => Ok(value),
        Sent::Null => Err(ChangeError::Needed(field)),
        Sent::Omitted => stored.ok_or(ChangeError::Missing(field, step)),
    }
}

fn optional<T>(sent: Sent<T>, stored: Option<T>) -> Option<T> {
    match sent {
        Sent::Value(value) => Some(value),
        Sent::Null => None,
        Sent::Omitted => stored,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const TENANT: &str = "11111111-1111-1111-1111-aaaaaaaaaaaa";
    const CLIENT: &str = "22222222-2222-2222-2222-222222222222";

    fn stored() -> CredentialsForm {
        serde_json::from_value(json!({
            "tenant_id": TENANT, "client_id": CLIENT, "client_secret": "old secret",
            "instance_url": "https://contoso.crm.dynamics.com",
            "secret_expires_on": "2027-12-01", "label": "Production",
        }))
        .unwrap()
    }

    /// What is stored after a change, or why it is not.
    fn changed(change: Value, stored: Option<CredentialsForm>) -> Result<Value, ChangeError> {
        let change: CredentialsChange = serde_json::from_value(change).unwrap();
        let form = change.applied_to(stored, &Environment::default())?;
        Ok(serde_json::from_str(form.to_secret().expose_secret()).unwrap())
    }

    #[test]
    fn what_is_left_out_stays_and_null_removes() {
        let before: Value = serde_json::from_str(stored().to_secret().expose_secret()).unwrap();
        assert_eq!(changed(json!({}), Some(stored())).unwrap(), before);
        let label = changed(json!({"label": "Test"}), Some(stored())).unwrap();
        assert_eq!(
            (&label["label"], &label["secret_expires_on"]),
            (&json!("Test"), &json!("2027-12-01"))
        );
        let none = changed(json!({"label": null, "secret_expires_on": null}), Some(stored()));
        let none = none.unwrap();
        assert!(none.get("label").is_none() && none.get("secret_expires_on").is_none(), "{none}");
        for field in ["tenant_id", "client_id", "client_secret", "instance_url"] {
            let error = changed(json!({field: null}), Some(stored())).unwrap_err();
            assert_eq!(error, ChangeError::Needed(field));
        }
        assert_eq!(
            changed(json!({}), None).unwrap_err(),
            ChangeError::Missing("tenant_id", Step::Tenant)
        );
    }

    #[test]
    fn a_secret_stays_with_its_application_and_a_date_with_its_secret() {
        let rotated = changed(json!({"client_secret": "new secret"}), Some(stored())).unwrap();
        assert!(rotated.get("secret_expires_on").is_none() && rotated["label"] == "Production");
        let same = changed(json!({"client_secret": " old secret "}), Some(stored())).unwrap();
        assert_eq!(same["secret_expires_on"], "2027-12-01");

        let same = json!({"tenant_id": TENANT.to_uppercase(), "client_id": format!(" {CLIENT}")});
        assert_eq!(changed(same, Some(stored())).unwrap()["client_secret"], "old secret");
        let same = json!({"instance_url": "CONTOSO.api.crm.dynamics.com/main.aspx"});
        assert_eq!(changed(same, Some(stored())).unwrap()["client_secret"], "old secret");
        for (field, other) in [
            ("tenant_id", "33333333-3333-3333-3333-333333333333"),
            ("client_id", "33333333-3333-3333-3333-333333333333"),
            ("instance_url", "https://fabrikam.crm.dynamics.com"),
            ("instance_url", "https://contoso.crm.dynamics.cn"),
            ("instance_url", "http://contoso.crm.dynamics.com:81"),
            ("instance_url", "https:fabrikam.crm.dynamics.com/?x=://contoso.crm.dynamics.com"),
            ("instance_url", "https://fabrikam.crm.dynamics.com\\@contoso.crm.dynamics.com"),
            ("instance_url", "https://contoso.crm.dynamics.com@fabrikam.crm.dynamics.com"),
            ("instance_url", "https://contoso.crm.dynamics.com.evil.example"),
        ] {
            let error = changed(json!({field: other}), Some(stored())).unwrap_err();
            assert_eq!(error, ChangeError::SecretOfAnother, "{field} {other}");
        }
    }
}
