//! Configures clients of stand-ins for AWS's services, as on one machine and in tests.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};

/// The configuration for clients of a stand-in at this address: over plain HTTP, with made-up
/// credentials. Such a client reads no certificates, because that takes longer than the rest of its
/// start.
pub fn stand_in(url: &str, access_key: &str) -> SdkConfig {
    let credentials = Credentials::new(access_key, "local", None, None, "local");
    let no_certificates = TlsContext::builder().with_trust_store(TrustStore::empty()).build();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::new("us-east-1"))
        .endpoint_url(url);
    // This fails only if it is given a certificate that is not one.
    if let Ok(no_certificates) = no_certificates {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        config = config.http_client(http.tls_context(no_certificates).build_https());
    }
    config.build()
}
