//! A bucket of S3-compatible storage, and how a recording is put there: at once, or in parts if it is long.

use std::path::Path;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, PutMultipartOptions,
    PutOptions, PutPayload, RetryConfig,
};
use tokio::io::AsyncReadExt;

use super::operator::{NotHad, Stored};
use super::web::{Try, missing, open};
use crate::call::recording::{format, media_type};
use crate::error::StartError;

/// Sent at once, and the size of a part of what is longer; S3 wants no less than 5 MiB.
const PART: usize = 8 << 20;
/// For one request.
const LIMIT: Duration = Duration::from_secs(120);

/// Where the operator's bucket is.
#[derive(Clone)]
pub struct Bucket {
    /// `https://s3.example.com`; `None` for Amazon's.
    pub endpoint: Option<String>,
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// What stands before the names of recordings in it, such as `calls/`.
    pub prefix: String,
    /// The id of the key that opens it.
    pub key_id: String,
    /// The key.
    pub secret: String,
}

impl std::fmt::Debug for Bucket {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket")
            .field("endpoint", &self.endpoint)
            .field("name", &self.name)
            .field("region", &self.region)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// The bucket, ready.
#[derive(Debug)]
pub(super) struct Store {
    store: AmazonS3,
    name: String,
    prefix: String,
}

impl Store {
    pub(super) fn new(bucket: &Bucket) -> Result<Store, StartError> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket.name)
            .with_region(&bucket.region)
            .with_access_key_id(&bucket.key_id)
            .with_secret_access_key(&bucket.secret)
            // The spool tries again, and over restarts.
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: 0,
                retry_timeout: Duration::ZERO,
            })
            .with_client_options(ClientOptions::new().with_timeout(LIMIT));
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        let store = builder.build().map_err(|error| StartError::Bucket(error.to_string()))?;
        Ok(Store { store, name: bucket.name.clone(), prefix: bucket.prefix.clone() })
    }

    /// What a recording in this file is called there.
    pub(super) fn key(&self, file: &str) -> String {
        format!("{}{file}", self.prefix)
    }

    /// Where that is, for people.
    pub(super) fn place(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    /// Reads a recording from there.
    pub(super) async fn fetch(&self, key: &str) -> Result<Stored, NotHad> {
        match self.store.get(&object_store::path::Path::from(key)).await {
            Ok(found) => {
                let length = found.meta.size;
                let bytes = found.into_stream().map_err(|error| error.to_string()).boxed();
                Ok(Stored { length, bytes })
            }
            Err(object_store::Error::NotFound { .. }) => Err(NotHad::Unknown),
            Err(error) => Err(NotHad::Bucket(innermost(&error))),
        }
    }

    /// Puts a recording there.
    pub(super) async fn send(&self, key: &str, file: &Path) -> Try {
        let (mut from, length) = match open(file).await {
            Ok(file) => file,
            Err(error) => return missing(&error),
        };
        let kind = format(file).map_or("application/octet-stream", media_type);
        let attributes = Attributes::from_iter([(Attribute::ContentType, kind)]);
        let place = object_store::path::Path::from(key);
        let mut piece = match piece(&mut from).await {
            Ok(piece) => piece,
            Err(error) => return missing(&error),
        };
        let sent = if length <= PART as u64 {
            let options = PutOptions { attributes, ..PutOptions::default() };
            self.store.put_opts(&place, PutPayload::from(piece), options).await.map(|_| ())
        } else {
            let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
            let mut upload = match self.store.put_multipart_opts(&place, options).await {
                Ok(upload) => upload,
                Err(error) => return judge(&error),
            };
            let parts = async {
                while !piece.is_empty() {
                    upload.put_part(PutPayload::from(std::mem::take(&mut piece))).await?;
                    piece = self::piece(&mut from).await.map_err(|source| object_store::Error::Generic {
                        store: "file",
                        source: source.into(),
                    })?;
                }
                upload.complete().await.map(|_| ())
            };
            let sent = parts.await;
            if sent.is_err() {
                // Parts without a whole cost rent; a server that is gone clears them itself.
                let _ = upload.abort().await;
            }
            sent
        };
        match sent {
            Ok(()) => Try::Sent(self.place(key)),
            Err(error) => judge(&error),
        }
    }
}

/// The next part.
async fn piece(from: &mut tokio::fs::File) -> std::io::Result<Vec<u8>> {
    let mut piece = Vec::new();
    from.take(PART as u64).read_to_end(&mut piece).await?;
    Ok(piece)
}

/// A bucket is the operator's, who mends its rights and its name: every trouble may pass.
fn judge(error: &object_store::Error) -> Try {
    Try::Later(format!("the bucket: {}", innermost(error)), None)
}

/// What went wrong underneath.
fn innermost(error: &object_store::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
