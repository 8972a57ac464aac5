//! The address of a Dataverse environment.

use std::fmt;

use url::{Host, Url};

use crate::Cloud;

/// The root address of an environment, `https://org.crm4.dynamics.com`, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceUrl {
    origin: String,
    /// `None` for a local emulator.
    cloud: Option<Cloud>,
}

/// Why an address is not that of a Dataverse environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstanceUrlError {
    /// Nothing was given.
    #[error("the instance URL is empty")]
    Empty,
    /// It cannot be read as an address.
    #[error("the instance URL is not a web address like https://yourorg.crm.dynamics.com")]
    NotAnAddress,
    /// Credentials must not travel in the clear.
    #[error("the instance URL must start with https://")]
    NotHttps,
    /// It names a port, a user or a password.
    #[error("the instance URL must not have a port, a user name or a password")]
    Extra,
    /// The host is not in one of Microsoft's Dynamics 365 domains.
    #[error(
        "the instance URL's host is not a Dynamics 365 environment, which looks like yourorg.crm.dynamics.com"
    )]
    ForeignHost,
}

impl InstanceUrl {
    /// Takes what people paste: with or without `https://`, with the path of a page or of the
    /// service root, in capitals, with spaces around it, or with the label `api` that the Web API's
    /// own address has.
    pub fn parse(text: &str) -> Result<InstanceUrl, InstanceUrlError> {
        let url = address(text)?;
        if url.scheme() != "https" {
            return Err(InstanceUrlError::NotHttps);
        }
        if url.port().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(InstanceUrlError::Extra);
        }
        let Some(Host::Domain(host)) = url.host() else {
            return Err(InstanceUrlError::ForeignHost);
        };
        let cloud = Cloud::of_environment(host).ok_or(InstanceUrlError::ForeignHost)?;
        // Both addresses lead to the Web API. A person sees the pages only at the one without.
        let host = host.replacen(".api.", ".", 1);
        Ok(InstanceUrl { origin: format!("https://{host}"), cloud: Some(cloud) })
    }

    /// Like [`InstanceUrl::parse`], but also accepts this one origin, such as a local emulator's.
    pub fn parse_or_local(text: &str, local: &Url) -> Result<InstanceUrl, InstanceUrlError> {
        match address(text) {
            Ok(url) if url.origin() == local.origin() => {
                Ok(InstanceUrl { origin: url.origin().ascii_serialization(), cloud: None })
            }
            _ => InstanceUrl::parse(text),
        }
    }

    /// The address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.origin
    }

    /// The cloud that it is in; `None` for a local emulator.
    pub fn cloud(&self) -> Option<Cloud> {
        self.cloud
    }

    /// The scope to ask Entra ID for.
    pub fn token_scope(&self) -> String {
        format!("{}/.default", self.origin)
    }

    /// The address under which Dynamics 365 shows a row to a person.
    pub fn record_page(&self, table: &str, id: uuid::Uuid) -> String {
        format!("{}/main.aspx?pagetype=entityrecord&etn={table}&id={id}", self.origin)
    }

    /// The address under which Dynamics 365 shows the rows of a table, with `{id}` where the id of
    /// a row goes.
    pub fn record_pages(&self, table: &str) -> String {
        format!("{}/main.aspx?pagetype=entityrecord&etn={table}&id={{id}}", self.origin)
    }

    /// The address of the Web API, with a slash at its end.
    pub(crate) fn service_root(&self) -> String {
        format!("{}/api/data/v9.2/", self.origin)
    }
}

fn address(text: &str) -> Result<Url, InstanceUrlError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(InstanceUrlError::Empty);
    }
    let with_scheme =
        if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    Url::parse(&with_scheme).map_err(|_| InstanceUrlError::NotAnAddress)
}

impl fmt::Display for InstanceUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_paste() {
        for text in [
            "https://contoso.crm4.dynamics.com",
            " https://contoso.crm4.dynamics.com/ ",
            "contoso.crm4.dynamics.com",
            "https://CONTOSO.crm4.dynamics.com/main.aspx?appid=1&pagetype=entitylist",
            "https://contoso.crm4.dynamics.com/api/data/v9.2/",
            "https://contoso.api.crm4.dynamics.com/api/data/v9.2/",
        ] {
            let url = InstanceUrl::parse(text).unwrap();
            assert_eq!(url.as_str(), "https://contoso.crm4.dynamics.com", "{text}");
        }
        for host in [
            "contoso.crm.dynamics.com",
            "contoso-2.api.crm11.dynamics.com",
            "contoso.crm.microsoftdynamics.us",
            "contoso.crm.appsplatform.us",
            "contoso.crm.dynamics.cn",
        ] {
            assert!(InstanceUrl::parse(&format!("https://{host}")).is_ok(), "{host}");
        }
    }

    #[test]
    fn what_is_refused() {
        use InstanceUrlError::*;
        for (text, error) in [
            ("", Empty),
            ("https://", NotAnAddress),
            ("http://contoso.crm.dynamics.com", NotHttps),
            ("https://contoso.crm.dynamics.com:8443", Extra),
            ("https://user@contoso.crm.dynamics.com", Extra),
            ("https://evil.example/contoso.crm.dynamics.com", ForeignHost),
            ("https://contoso.crm.dynamics.com.evil.example", ForeignHost),
            ("https://evilcrm.dynamics.com", ForeignHost),
            ("https://dynamics.com", ForeignHost),
            ("https://crm.dynamics.com", ForeignHost),
            ("https://.crm.dynamics.com", ForeignHost),
            ("https://-.crm.dynamics.com", ForeignHost),
            ("https://contoso-.crm.dynamics.com", ForeignHost),
            ("https://.api.crm.dynamics.com", ForeignHost),
            ("https://a_b.crm.dynamics.com", ForeignHost),
            ("https://a.b.c.crm.dynamics.com", ForeignHost),
            ("https://contoso.crmx.dynamics.com", ForeignHost),
            ("https://169.254.169.254/", ForeignHost),
            ("https://localhost", ForeignHost),
        ] {
            assert_eq!(InstanceUrl::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn only_the_named_origin_is_local() {
        let local = Url::parse("http://127.0.0.1:3001").unwrap();
        let url = InstanceUrl::parse_or_local("http://127.0.0.1:3001/", &local).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:3001");
        assert_eq!(
            InstanceUrl::parse_or_local("http://127.0.0.1:3002/", &local),
            Err(InstanceUrlError::NotHttps)
        );
    }
}
