//! `aws:KEY-ARN[,region=REGION][,endpoint=URL]`.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::TokioExecutor;
use portcullis::KeyWrapper;
use portcullis_kms_aws::AwsKms;
use portcullis_kms_aws::aws_sdk_kms::config::{
    BehaviorVersion, Credentials, IdentityCache, Region, StalledStreamProtectionConfig,
};
use portcullis_kms_aws::aws_sdk_kms::{Client, Config};

use crate::Failure;
use crate::fields::Fields;

/// One KMS key, and where it is asked for.
pub(crate) struct AwsKey {
    arn: String,
    region: String,
    endpoint: Option<String>,
}

impl AwsKey {
    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Failure> {
        let arn = fields.first.to_owned();
        // The ARN names it: a key is asked for where it is.
        let named = arn.split(':').nth(3).unwrap_or_default().to_owned();
        let region = fields.take("region").map_or(named, str::to_owned);
        let endpoint = fields.take("endpoint").map(str::to_owned);
        fields.end("region and endpoint")?;
        if let Some(url) = &endpoint
            && !is_endpoint(url)
        {
            return Err(fields.wrong(&format!(
                "endpoint=`{url}` is no address of KMS; write https:// and a host, or http:// and an address of this machine's loopback: \
                 what is wrapped travels there in plain"
            )));
        }
        Ok(Self {
            arn,
            region,
            endpoint,
        })
    }

    pub(crate) fn open(self) -> Result<Arc<dyn KeyWrapper>, Failure> {
        for name in LEAKS {
            if variable(name).is_some() {
                return Err(format!(
                    "{name} is set, and lets the AWS SDK log the seeds of organizations' keys; unset it"
                )
                .into());
            }
        }
        let credentials = Credentials::new(
            needed("AWS_ACCESS_KEY_ID")?,
            needed("AWS_SECRET_ACCESS_KEY")?,
            variable("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let https = Https(legacy::Client::builder(TokioExecutor::new()).build(connector()));
        let http = http_client_fn(move |_, _| SharedHttpConnector::new(https.clone()));
        let mut config = Config::builder();
        config.set_endpoint_url(self.endpoint);
        let config = config
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region))
            .credentials_provider(credentials)
            .identity_cache(IdentityCache::no_cache())
            // The gate has a limit on the whole, remembers failures, and tells clients when to come again.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(http)
            .build();
        let kms = AwsKms::new(Client::from_conf(config), &self.arn);
        Ok(Arc::new(kms.map_err(|why| {
            format!("--key-service aws:{}: {why}", self.arn)
        })?))
    }
}

/// The HTTP client of the gateway, as the SDK wants it.
#[derive(Clone, Debug)]
struct Https(legacy::Client<HttpsConnector<Tcp>, Full<Bytes>>);

impl HttpConnector for Https {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            let (parts, body) = request.into_parts();
            let body = body
                .bytes()
                .ok_or_else(|| ConnectorError::user("a request to KMS is not a stream".into()))?;
            let body = Full::new(Bytes::copy_from_slice(body));
            let response = client
                .request(http::Request::from_parts(parts, body))
                .await
                .map_err(|error| ConnectorError::io(error.into()))?;
            // Not read yet: what is in memory, the SDK logs.
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn connector() -> HttpsConnector<Tcp> {
    let mut tcp = Tcp::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT));
    HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp)
}

/// Whether a seed may travel there.
fn is_endpoint(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) => matches!(host, "127.0.0.1" | "[::1]"),
        (_, _) => false,
    }
}

fn needed(name: &str) -> Result<String, Failure> {
    variable(name).ok_or_else(|| {
        format!("--key-service aws:.. needs {name} in the environment, and it is not set: set the credentials of an IAM user or role that \
                 may kms:Encrypt and kms:Decrypt with the key")
            .into()
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "part of a program, which may read its environment; libraries take values"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// How long a connection may take; the answer has the gate's limit.
const CONNECT: Duration = Duration::from_secs(3);
/// What makes the SDK log bodies.
const LEAKS: [&str; 2] = ["LOG_SENSITIVE_BODIES", "LOG_SIGNABLE_BODY"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_travels_in_plain_on_loopback_only() {
        for good in [
            "https://kms.eu-central-1.amazonaws.com",
            "http://127.0.0.1:5000",
            "http://[::1]:5000",
        ] {
            assert!(is_endpoint(good), "{good}");
        }
        for bad in [
            "http://kms.internal",
            "http://127.0.0.1.evil.example",
            "127.0.0.1:5000",
            "ftp://127.0.0.1",
            "",
        ] {
            assert!(!is_endpoint(bad), "{bad}");
        }
    }
}
