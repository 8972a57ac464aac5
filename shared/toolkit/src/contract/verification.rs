//! What is needed to find out by mail who a visitor is.

use auth::{SecretError, Secrets};
use seal::{Mailer, ReadsSecret, SealKeys, Sender, Stage};
use secrecy::SecretString;

/// What is needed to find out by mail who a visitor is. Cheap to clone.
#[derive(Clone)]
pub struct Verification {
    /// The keys that codes are hashed with, and addresses sealed.
    pub seals: SealKeys,
    /// Sends mails, if the deployment has an address to send from.
    pub mailer: Option<Mailer>,
}

/// Reads the sealing key from Secrets Manager.
struct InSecretsManager {
    secrets: Secrets,
    name: String,
}

impl ReadsSecret for InSecretsManager {
    async fn read(&self, stage: Stage) -> Result<SecretString, SecretError> {
        self.secrets.at_stage(&self.name, stage.label()).await
    }
}

impl Verification {
    /// With the deployment's own sealing key.
    pub fn new(secrets: Secrets, mailer: Option<Mailer>) -> Verification {
        let name = secrets.names().sealing_key();
        Verification { seals: SealKeys::new(InSecretsManager { secrets, name }), mailer }
    }

    /// With mails from the address in `MAIL_FROM`, such as `Support <no-reply@contoso.example>`, if
    /// there is one.
    pub(crate) fn from_environment(
        secrets: Secrets,
        config: &aws_config::SdkConfig,
        http: dataverse::HttpClients,
    ) -> Verification {
        let variable = |name| std::env::var(name).ok().filter(|text: &String| !text.is_empty());
        let from = variable("MAIL_FROM").and_then(|from| {
            Sender::parse(&from)
                .inspect_err(|error| tracing::error!(%error, "MAIL_FROM is no address"))
                .ok()
        });
        let mailer = from.map(|from| {
            let mailer = Mailer::new(config, http, from);
            mailer.with_configuration_set(variable("MAIL_CONFIGURATION_SET"))
        });
        Verification::new(secrets, mailer)
    }
}
